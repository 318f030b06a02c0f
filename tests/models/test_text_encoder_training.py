"""What is done to the corpus before training: checks, folds, noise, calibration. No torch."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from models.text.encoder import grams
from models.text.encoder.decide import LABELS, Logits
from models.text.score import Span, TextScore
from models.text.training import calibrate, check, corpus, metrics, noise, swaps
from models.text.training.corpus import Utterance

GOOD = {
    "id": "x-1", "channel": "customer", "text": "sie dödel mir reichts",
    "labels": ["insult", "frustration"], "severity": 2, "target": "agent",
    "evidence": {"insult": ["sie dödel"], "frustration": ["mir reichts"]},
}  # fmt: skip
AGENT = {
    "id": "x-2", "channel": "agent", "text": "guten tag", "labels": ["greeting"],
    "severity": 0, "target": "none",
}  # fmt: skip


def faults(tmp_path, *rows):
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return [finding.what for finding in check.read_checked(tmp_path)[1]]


def test_a_good_corpus_has_no_faults(tmp_path):
    assert faults(tmp_path, GOOD, AGENT) == []


@pytest.mark.parametrize(
    ("row", "change", "said"),
    [
        (GOOD, {"labels": ["greeting"]}, "on channel customer"),
        (GOOD, {"severity": 4}, "severity 4"),
        (GOOD, {"severity": 0}, "with severity 0"),
        (GOOD, {"target": "nobody"}, "target 'nobody'"),
        (GOOD, {"target": "product"}, "attack with target product"),
        (GOOD, {"labels": ["threat"], "evidence": {}}, "a threat with severity 2"),
        (GOOD, {"labels": ["complaint"], "evidence": {}}, "without a label that can have it"),
        (GOOD, {"text": "Sie Dödel, mir reichts"}, "capitals or punctuation"),
        (GOOD, {"evidence": {"insult": ["du dödel"], "frustration": ["mir"]}}, "not in the text"),
        (GOOD, {"evidence": {"insult": ["sie dödel"]}}, "no evidence for frustration"),
        (GOOD, {"evidence": {"insult": "sie dödel"}}, "not an object of lists"),
        (GOOD, {"context": ["agent"]}, "context is not a list"),
        (GOOD, {"colour": "red"}, "unknown field colour"),
        (AGENT, {"target": "agent"}, "agent's utterance with target"),
        (AGENT, {"labels": ["agent_impolite"]}, "agent_impolite with severity 0"),
        (AGENT, {"severity": 1}, "without agent_impolite"),
    ],
)
def test_each_fault_is_told(tmp_path, row, change, said):
    assert any(said in what for what in faults(tmp_path, row | change))


def test_a_line_that_is_no_json_is_a_fault(tmp_path):
    (tmp_path / "a.jsonl").write_text("{\n[]\n", "utf-8")
    assert [finding.what.split(":")[0] for finding in check.read_checked(tmp_path)[1]] == [
        "not JSON", "not an object",
    ]  # fmt: skip


def rows_of(*texts: str) -> list[Utterance]:
    return [
        Utterance(f"r-{at}", "customer", text, (), 0, "none", "test")
        for at, text in enumerate(texts)
    ]


def test_doubles_are_faults_and_likeness_a_warning():
    rows = rows_of(
        "seit drei wochen warte ich auf den techniker", "das ist ja wohl ein witz",
        "seit drei wochen warte ich auf einen techniker", "das ist ja wohl ein witz",
    )  # fmt: skip
    found = {finding.where: finding.fault for finding in check.doubles(rows)}
    assert found == {"r-0 and r-2": False, "r-1 and r-3": True}
    assert [finding.fault for finding in check.doubles(rows[:1], rows[2:3])] == [True]


def test_likeness_is_the_share_of_common_grams():
    one, other = "abcdefgh", "abcdefgx"
    pairs = corpus.alike([one, other, "ganz anderes"], 0.3)
    assert pairs == [(0, 1, pytest.approx(5 / 9))]


def test_folds_keep_what_is_alike_together():
    texts = [f"{word} ist seit montag kaputt und keiner meldet sich" for word in "abcd"]
    others = [f"völlig anderer satz nummer {'xyzuvw'[at]}{at} {at * 7919}" for at in range(6)]
    fold_of = corpus.folds(rows_of(*texts, *others), 3, seed=1)
    assert len(set(fold_of[:4])) == 1
    assert fold_of == corpus.folds(rows_of(*texts, *others), 3, seed=1)


def test_noise_keeps_evidence_and_words_that_turn_the_meaning():
    words = [noise.Word(word) for word in ("das", "ist", "nicht", "mein", "problem", "herr")]
    words.append(noise.Word("vollpfosten", frozenset({"insult"})))
    for seed in range(200):
        heard = noise.noisy(words, random.Random(seed), 0.8)
        assert {"nicht", "mein"} <= {word.text for word in heard}
        assert "insult" in set().union(*(word.labels for word in heard))
    assert noise.noisy(words, random.Random(1), 0.0) == words


def test_calibrated_chances_are_the_shares_that_come_true():
    rng = np.random.default_rng(1)
    rows, logits = [], []
    for at in range(3000):
        real = rng.normal(-1, 2)
        given = rng.random() < 1 / (1 + np.exp(-real))
        rows.append(
            Utterance(f"r-{at}", "customer", "x", ("insult",) if given else (), 0, "none", "t")
        )
        labels = np.full(len(LABELS), -6, np.float32)
        labels[LABELS.index("insult")] = 3 * real + 2  # far too sure
        logits.append(
            Logits(labels, np.zeros(3), np.zeros(5), np.zeros((1, len(LABELS))), np.zeros(32))
        )
    curve = calibrate.calibrate(rows, logits).labels["insult"]
    assert curve.slope == pytest.approx(1 / 3, rel=0.1)
    assert curve.offset == pytest.approx(-2 / 3, abs=0.15)
    assert 0.3 < curve.threshold < 0.6


def test_figures_count_what_they_say():
    def pair(labels, given, severity=0, said=0, tags=()):
        evidence = tuple(Span(label, 0, 3, "sie") for label in given)
        return metrics.Judged(
            Utterance("x", "customer", "sie da", tuple(labels), severity, "none", "t", tags=tags),
            TextScore(dict.fromkeys(given, 0.9), tuple(given), said, "none", evidence),
        )

    found = metrics.figures(
        [
            pair(["insult"], ["insult"], 2, 2),
            pair(["threat"], ["insult"], 3, 2),
            pair([], ["insult"], 0, 2, tags=("hard:self",)),
            pair([], [], tags=("hard:quote",)),
            pair(["complaint"], ["complaint"]),
        ]
    )
    assert found["attack_precision"] == pytest.approx(2 / 3)
    assert found["attack_recall"] == 1
    assert found["hard_false_alarms"] == 0.5
    assert found["severity_3_recall"] == 0
    assert found["severity_2_right"] == pytest.approx(4 / 5)
    assert found["macro_f1"] == pytest.approx((0.5 + 0 + 1) / 3)


def test_the_official_score_is_that_of_the_shared_task():
    gold, given = np.array([1, 1, 0, 0, 0]), np.array([1, 0, 0, 0, 1])
    precision, recall = (0.5 + 2 / 3) / 2, (0.5 + 2 / 3) / 2
    expected = 200 * precision * recall / (precision + recall)
    assert metrics.official(gold, given) == pytest.approx(expected)


def test_linear_models_read_what_they_were_taught(tmp_path):
    words = pytest.importorskip("models.text.training.words", reason="scikit-learn is missing")
    rows = [
        Utterance(f"r-{at}", "customer", text, labels, severity, "none", "t")
        for at, (text, labels, severity) in enumerate(
            [("sie vollpfosten", ("insult",), 2), ("danke ihnen sehr", ("thanks",), 0)] * 6
        )
    ]
    taught = words.train_phone(rows)
    taught.save(tmp_path / "words.npz")
    for model in (taught, grams.load_words(tmp_path / "words.npz")):
        rude, kind = (model.logits(text) for text in ("so ein vollpfosten", "vielen dank"))
        insult, thanks = LABELS.index("insult"), LABELS.index("thanks")
        assert rude[insult] > kind[insult]
        assert kind[thanks] > rude[thanks]
        assert rude[len(LABELS) + 1] > kind[len(LABELS) + 1]
        assert (model.logits("") == model.logits("xq")).all(), "nothing known: the offsets alone"


def test_grams_of_a_text_do_not_depend_on_the_process():
    numbers, times = grams.features("sie lump")
    assert sorted(numbers)[:3] == sorted(grams.features("SIE LUMP")[0])[:3]
    assert len(numbers) == len(times) == len(set(numbers))
    assert int(numbers.min()) == 68364
    assert grams.spoken("Sie Lump! (so’n Mist)") == "sie lump so'n mist "


def test_a_cut_off_utterance_has_only_what_was_said():
    row = corpus.parse(GOOD | {"labels": ["insult"], "evidence": {"insult": ["sie dödel"]}}, "t")
    words = noise.words_of(row)
    assert [bool(word.labels) for word in words] == [True, True, False, False]
    seen = set()
    for seed in range(40):
        cut, said = noise.beginning(row, words, random.Random(seed))
        seen.add((len(said), cut.labels, cut.severity))
    assert seen == {(1, (), 0), (2, ("insult",), 2), (3, ("insult",), 2)}


def test_words_of_abuse_are_swapped_for_their_like_and_only_where_meant():
    swapping = swaps.Swaps([["dödel", "dussel"]], {"nicht": ["ned"]})
    row = corpus.parse(GOOD, "t")
    texts = {
        " ".join(
            word.text
            for word in swapping.swapped(row, noise.words_of(row), random.Random(seed), 1.0, 0.0)
        )
        for seed in range(20)
    }
    assert texts == {"sie dödel mir reichts", "sie dussel mir reichts"}
    neutral = corpus.parse(AGENT | {"text": "herr dödel ist nicht da", "labels": []}, "t")
    said = swapping.swapped(neutral, noise.words_of(neutral), random.Random(1), 1.0, 1.0)
    assert " ".join(word.text for word in said) == "herr dödel ist ned da"


def test_the_shipped_lexicon_offers_swaps():
    row = corpus.parse(
        GOOD | {"text": "sie dussel", "labels": ["insult"], "evidence": {"insult": ["sie dussel"]}},
        "t",
    )
    shipped = swaps.load_swaps()
    found = {
        shipped.swapped(row, noise.words_of(row), random.Random(seed), 1.0, 0.0)[1].text
        for seed in range(60)
    }
    assert len(found) > 20
