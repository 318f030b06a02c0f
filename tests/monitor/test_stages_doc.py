"""docs/ladder.md says what the program does."""

from __future__ import annotations

from pathlib import Path

import yaml

from monitor.phrases import PhraseBook
from monitor.policy import POLICIES_DIR, SIDE_CUES, policy_names
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


def test_the_values_are_those_of_the_policies() -> None:
    rows = table("value")
    assert {*rows[0]} == {"value", *policy_names()}
    for name in policy_names():
        policy = yaml.safe_load((POLICIES_DIR / f"{name}.yaml").read_text("utf-8"))
        values = {
            f"{group}.{key}": value
            for group, keys in policy.items()
            if isinstance(keys, dict)
            for key, value in keys.items()
            if not isinstance(value, list)
        }
        assert {row["value"]: yaml.safe_load(row[name]) for row in rows} == values


def test_the_side_cues_are_all_there_in_their_order() -> None:
    assert tuple(row["cue"] for row in table("cue")) == SIDE_CUES


def test_the_headings_are_those_on_the_screen() -> None:
    cues = PhraseBook.load("de").cues
    for row in table("stage")[1:]:
        assert row["cue on the screen (German)"] == cues[row["stage"]].heading
