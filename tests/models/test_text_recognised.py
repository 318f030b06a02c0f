"""Utterances as the recogniser hears them: alignment, evidence, what stays, and one real pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.recognised import TEST_PART, attacks, f1_figures
from models.asr.training.evaluate import edits
from models.text.score import Channel, TextScore
from models.text.training.corpus import Utterance, read
from models.text.training.realign import align, errors, places, realigned
from models.text.training.recognise import as_row, compared, main, rates, vocabulary
from models.text.training.spoken import HELD_OUT_VOICES, VOICES, manner

ROW: dict[str, Any] = {
    "id": "x-1",
    "channel": "customer",
    "text": "also sie hohlbirne ich kündige den vertrag",
    "labels": ["insult", "cancellation"],
    "severity": 2,
    "target": "agent",
    "evidence": {"insult": ["sie hohlbirne"], "cancellation": ["kündige den vertrag"]},
    "context": [["agent", "guten tag"]],
}


def _evidence(text: str, heard: str, **evidence: Sequence[str]) -> dict[str, list[str]]:
    words = heard.split()
    return realigned(evidence, text, words, align(text.split(), words))


def test_alignment_is_a_cheapest_one_and_loses_no_word() -> None:
    texts = [list(letters) for size in range(4) for letters in product("ab", repeat=size)]
    for said, heard in product(texts, texts):
        pairs = align(said, heard)
        assert [i for i, _ in pairs if i is not None] == list(range(len(said)))
        assert [j for _, j in pairs if j is not None] == list(range(len(heard)))
        assert errors(said, heard, pairs) == edits(said, heard)


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("also sie", [0, 1]),
        ("sie hohlbirne", [1, 2]),
        ("birne ich", [2, 3]),
        ("vertrag", [6]),
        ("nicht da", []),
        ("", []),
    ],
)
def test_places_are_the_words_that_a_phrase_touches(phrase: str, expected: list[int]) -> None:
    assert list(places(ROW["text"], phrase)) == expected


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        ("also sie hohlbirne ich kündige", "sie hohlbirne"),
        ("also sie hohl birne ich kündige", "sie hohl birne"),  # a compound taken apart
        ("so sie hohle birne ich kündige", "sie hohle birne"),
        ("also siehohlbirne ich kündige", "siehohlbirne"),  # run together
        ("na also hohlbirne ich kündige", "hohlbirne"),
    ],
)
def test_evidence_follows_the_words_as_they_were_heard(heard: str, expected: str) -> None:
    text = "also sie hohlbirne ich kündige"
    assert _evidence(text, heard, insult=["sie hohlbirne"]) == {"insult": [expected]}


def test_evidence_that_is_said_twice_is_taken_where_it_was_said() -> None:
    text = "sie können nix und sie hohlbirne wissen auch nix"
    heard = "sie können nix und die hohlbirne wissen auch nix"
    assert _evidence(text, heard, insult=["sie hohlbirne"]) == {"insult": ["die hohlbirne"]}


def test_evidence_that_was_not_heard_is_dropped() -> None:
    text, heard = "sie blödmann sie lackaffe geben sie mir ruhe", "sie blödmann geben sie mir ruhe"
    assert _evidence(text, heard, insult=["sie blödmann", "lackaffe"]) == {
        "insult": ["sie blödmann"]
    }


def test_a_label_left_without_evidence_takes_all_evidence_with_it() -> None:
    """For training, some evidence means that the other words carry nothing."""
    heard = "also ich kündige den vertrag"
    assert _evidence(ROW["text"], heard, **ROW["evidence"]) == {}


@pytest.mark.parametrize("heard", ["also sie hohl birne ich kündige den vertrag", "na gut"])
def test_labels_severity_target_and_context_stay(heard: str) -> None:
    row = as_row(ROW, compared(ROW, heard))
    assert row["text"] == heard
    assert row["heard_from"] == "x-1"
    assert row["id"] != "x-1"
    for field in ("channel", "labels", "severity", "target", "context"):
        assert row[field] == ROW[field]
    for phrases in row["evidence"].values():
        assert all(phrase in heard for phrase in phrases)


def test_rates_count_words_and_attack_words() -> None:
    heard = compared(ROW, "also sie hohl birne ich kündige")
    assert heard.errors == 4  # one substituted, one inserted, two lost
    assert as_row(ROW, heard)["wer"] == round(4 / 7, 3)
    known = frozenset(["also", "sie", "hohl", "birne", "ich", "kündige", "den", "vertrag"])
    assert rates([heard], known) == {
        "words": 7,
        "error_rate": 4 / 7,
        "out_of_vocabulary": 1 / 7,
        "attack_words": 2,
        "attack_error_rate": 1 / 2,
        "attack_out_of_vocabulary": 1 / 2,
    }


def test_rates_of_nothing_are_nothing() -> None:
    assert set(rates([], frozenset()).values()) == {0}


def test_the_vocabulary_is_the_embedded_models() -> None:
    known = vocabulary()
    assert {"ja", "nein", "vertrag", "kündige"} <= known
    assert len(known) > 7000
    assert not [word for word in known if word.startswith(("<", "#", "["))]


def test_a_manner_belongs_to_an_id_and_voices_are_kept_apart() -> None:
    assert manner("w1-0001") == manner("w1-0001")
    assert len({manner(f"w1-{number:04}").voice for number in range(300)}) == len(VOICES)
    assert not set(VOICES) & set(HELD_OUT_VOICES)
    assert manner("w1-0001", HELD_OUT_VOICES).voice in HELD_OUT_VOICES


def test_loss_is_the_difference_of_two_f1() -> None:
    gold = np.array([True] * 4 + [False] * 4)
    clean = gold.copy()
    garbled = np.array([True, True, False, False, True, False, False, False])
    found = f1_figures(gold, clean, garbled)
    assert found["attack F1, clean"]["percent"] == 100
    assert found["attack F1, recognised"]["percent"] == 57.1  # 2 of 3 given, 2 of 4 wanted
    assert found["attack F1, recognised"]["precision"] == 66.7
    assert found["attack F1, recognised"]["recall"] == 50
    assert found["attack F1, loss"]["points"] == 42.9
    assert found["attack F1, loss"]["no longer found"] == 2
    assert found["attack F1, loss"]["newly found"] == 0
    low, high = found["attack F1, loss"]["ci95"]
    assert 0 <= low <= 42.9 <= high <= 100


def test_no_loss_can_hide_attacks_that_changed_places() -> None:
    gold = np.array([True, True, False])
    found = f1_figures(gold, np.array([True, False, False]), np.array([False, True, False]))
    assert found["attack F1, loss"]["points"] == 0
    assert found["attack F1, loss"]["no longer found"] == 1
    assert found["attack F1, loss"]["newly found"] == 1


class _EchoModel:
    """Finds an insult in everything that it is asked about."""

    name = "echo"

    def score(
        self, text: str, channel: Channel, context: Sequence[tuple[Channel, str]] = ()
    ) -> TextScore:
        return TextScore(labels={"insult": 1.0}, assigned=("insult",))

    def explain(self, text: str, channel: Channel, labels: Sequence[str]) -> TextScore:
        return TextScore()


def test_where_nothing_was_heard_no_attack_is_found() -> None:
    rows = [Utterance("a", "customer", "x", ("insult",), 2, "agent", "t")] * 2
    assert attacks(_EchoModel(), rows, ["", "sie"]).tolist() == [False, True]


def test_the_test_part_is_where_the_measurement_reads_it() -> None:
    rows = read(TEST_PART)
    assert len({row.id for row in rows}) == len(rows) >= 600
    assert {row.channel for row in rows} == {"customer", "agent"}


UTTERANCES: tuple[tuple[str, str, list[str]], ...] = (
    ("t-1", "guten tag ich warte seit drei wochen auf meine rechnung", []),
    ("t-2", "sie sind doch ein vollidiot", ["insult"]),
    ("t-3", "ich möchte bitte mit ihrem vorgesetzten sprechen", ["supervisor_request"]),
    ("t-4", "das ist jetzt schon das dritte mal dass ich anrufe", ["complaint"]),
    ("t-5", "vielen dank für ihre hilfe", ["thanks"]),
)


@pytest.mark.real
def test_five_utterances_are_spoken_and_recognised(
    need: Callable[[str], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need("espeak-ng")
    said = [_row(name, text, labels) for name, text, labels in UTTERANCES]
    source, out, again = (tmp_path / name for name in ("said.jsonl", "heard.jsonl", "again.jsonl"))
    source.write_text("".join(json.dumps(row) + "\n" for row in said), encoding="utf-8")
    assert main([str(source), "--out", str(out)]) == 0
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["heard_from"] for row in rows] == [row["id"] for row in said]
    assert [row["labels"] for row in rows] == [row["labels"] for row in said]
    assert sum(row["wer"] for row in rows) / len(rows) < 0.4
    assert "utterances: 5" in capsys.readouterr().out
    # Another order, so another past of espeak-ng and of the recogniser: the same words.
    source.write_text("".join(json.dumps(row) + "\n" for row in said[::-1]), encoding="utf-8")
    assert main([str(source), "--out", str(again)]) == 0
    lines = again.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines[::-1]] == rows


def test_without_espeak_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "said.jsonl", tmp_path / "heard.jsonl"
    source.write_text(json.dumps(ROW) + "\n", encoding="utf-8")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main([str(source), "--out", str(out)]) == 1
    assert "apt-get install espeak-ng" in capsys.readouterr().err
    assert not out.exists()


def _row(name: str, text: str, labels: list[str]) -> Mapping[str, Any]:
    return {
        "id": name,
        "channel": "customer",
        "text": text,
        "labels": labels,
        "severity": 2 if "insult" in labels else 0,
        "target": "agent" if "insult" in labels else "none",
        "evidence": {label: [text] for label in labels},
    }
