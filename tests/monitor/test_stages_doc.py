"""docs/ladder.md says what the program does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor import timing
from monitor.beside import BESIDE
from monitor.phrases import PhraseBook
from monitor.policy import POLICIES_DIR, SIDE_CUES, load_policy, policy_names
from monitor.stages import LADDER, Signal

DOC = (Path(__file__).resolve().parents[2] / "docs" / "ladder.md").read_text("utf-8")


def table(first_column: str) -> list[dict[str, str]]:
    """The rows of the table whose first heading is this, as {heading: cell}."""
    lines = DOC.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {first_column} |"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    head, _, *body = rows
    return [dict(zip(head, row, strict=True)) for row in body]


def test_the_table_is_the_programs() -> None:
    rows = table("in stage")
    written = {(row["in stage"], signal): row[signal.value] for row in rows for signal in Signal}
    assert written == {pair: step.value for pair, step in LADDER.items()}
    assert list(rows[0])[1:] == [signal.value for signal in Signal]


def flat(values: dict[str, Any], group: str = "") -> Iterator[tuple[str, Any]]:
    """Every single value of a policy file under its full name."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{group}{key}.")
        elif group and not isinstance(value, list):
            yield f"{group}{key}", value


def test_the_values_are_those_of_the_policies() -> None:
    rows = table("value")
    assert {*rows[0]} == {"value", *policy_names()}
    for name in policy_names():
        policy = yaml.safe_load((POLICIES_DIR / f"{name}.yaml").read_text("utf-8"))
        assert {row["value"]: yaml.safe_load(row[name]) for row in rows} == dict(flat(policy))


def test_the_values_named_in_the_text_are_those_of_standard() -> None:
    standard = yaml.safe_load((POLICIES_DIR / "standard.yaml").read_text("utf-8"))
    known = {name.rpartition(".")[2]: value for name, value in flat(standard)}
    named = dict(re.findall(r"([a-z_]+)(?:: ([a-z0-9_.]+))?", ", ".join(
        re.findall(r"`\[([a-z_]+(?:: [^\]]+)?(?:, [a-z_]+(?:: [^\]]+)?)*)\]`", DOC)
    )))  # fmt: skip
    del named["never"]
    asks_first = named.pop("approved_by")
    assert asks_first == "supervisor" != known["approved_by"], "said of other policies"
    assert len(named) > 20
    assert named.keys() <= known.keys()
    for name, value in named.items():
        assert not value or yaml.safe_load(value) == known[name], name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("stay_secs", "after {:g} seconds"),
        ("talk_over_secs", "for {:g} seconds"),
        ("dead_air_secs", "for {:g} seconds"),
        ("dead_air_on_hold_secs", "{:g} seconds are fine"),
        ("agent_share_percent", "more than {:g} percent"),
        ("stays_secs", "at least {:g} seconds"),
        ("urgent_stays_secs", "takes {:g} seconds"),
        ("per_minute", "At most {:g} cues"),
        ("same_again_secs", "for {:g} seconds"),
        ("pause_secs", "a pause of {:g} seconds"),
        ("pause_waited_for_secs", "longer than {:g} seconds"),
        ("approval_secs", "within {:g} seconds"),
    ],
)
def test_a_value_told_in_words_is_that_of_standard(name: str, words: str) -> None:
    standard = yaml.safe_load((POLICIES_DIR / "standard.yaml").read_text("utf-8"))
    known = {key.rpartition(".")[2]: value for key, value in flat(standard)}
    text = " ".join(DOC.split())
    told = words.format(known[name])
    assert re.search(rf"{re.escape(told)}[^.:]*`\[[^\]]*\b{name}\b[^\]]*\]`", text), told


def test_what_is_measured_is_what_the_program_measures() -> None:
    text = " ".join(DOC.split())
    assert f"{timing.ECHO_DB:g} dB below" in text
    assert f"less than {timing.CUT_SHORT_SECS:g} seconds early" in text
    assert f"up to {timing.BREATH_SECS:g} seconds is a breath" in text
    assert timing.ESTABLISHED_SECS == 1.0
    assert "(for a second or more)" in text
    assert timing.SHARE_NEEDS == 0.5
    assert "less than half the time was speech" in text


def test_the_side_cues_are_all_there_in_their_order() -> None:
    assert tuple(row["cue"] for row in table("cue")) == SIDE_CUES


def test_where_a_side_cue_is_on_is_where_the_policies_have_it() -> None:
    for row in table("cue"):
        on = {name for name in policy_names() if row["cue"] in load_policy(name).side_cues}
        told = {*policy_names()} if row["on in"] == "all" else {*row["on in"].split(", ")}
        assert told == on, row["cue"]


ANSWERS = {
    "confirm_understanding": "checks the facts",
    "open_question": "asks an open question",
    "hold_explanation": "says why it takes time",
    "solution_offer": "offers a concrete step",
    "empathy": "shows understanding",
}


def test_what_clears_a_side_cue_is_what_the_program_takes_for_its_answer() -> None:
    answered_by = {cue.name: cue.answered_by for cue in BESIDE}
    for row in table("cue"):
        if row["cue"] == "listen":
            continue
        told = {label for label, words in ANSWERS.items() if words in row["cleared when"]}
        assert told == {*answered_by.get(row["cue"], ())}, row["cue"]
        assert (row["cleared when"] == "–") == (not told)


def test_the_headings_are_those_on_the_screen() -> None:
    cues = PhraseBook.load("de").cues
    for row in table("stage")[1:]:
        assert row["cue on the screen (German)"] == cues[row["stage"]].heading
