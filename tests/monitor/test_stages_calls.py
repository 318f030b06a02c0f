"""The scripted test calls, judged by their given labels: the ladder alone, without any model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from models.text.score import TextScore
from monitor.policy import load_policy
from monitor.stages import CallOver, CueRaised, Heard, advance, initial

CALLS = Path(__file__).resolve().parents[1] / "calls"
SCRIPTED = sorted(
    path for path in CALLS.glob("*.yaml") if re.search(r"^expected:", path.read_text("utf-8"), re.M)
)
STANDARD = load_policy("standard")

# What the text model finds besides labels. The scripts give labels only, so the turns whose
# expected cue rests on such a finding get it from there.
HINTS = {"confirm_understanding": "correction", "keep_formal_sie": "du_form"}


@dataclass(frozen=True)
class Played:
    stages: list[str]
    cues: list[list[str]]


def play(call: dict) -> Played:
    state, stages, cues = initial(), [], []
    expected = {(entry["after_turn"], entry["cue"]) for entry in call["expected"]}
    for number, turn in enumerate(call["turns"]):
        score = TextScore(
            assigned=tuple(turn["labels"]),
            severity=turn["severity"],
            hints=tuple(hint for cue, hint in HINTS.items() if (number, cue) in expected),
        )
        customer = turn["channel"] == "customer"
        agitation = turn["agitation"] if customer else None
        heard = Heard(turn["channel"], number, number, 5.0 * number, turn["text"], score, agitation)
        state, outcomes = advance(state, heard, heard.t_secs, STANDARD)
        stages.append(state.stage)
        cues.append([one.name for one in outcomes if isinstance(one, CueRaised)])
    _, outcomes = advance(state, CallOver(), 5.0 * len(stages), STANDARD)
    cues[-1] += [one.name for one in outcomes if isinstance(one, CueRaised)]
    return Played(stages, cues)


def test_there_are_scripted_calls() -> None:
    assert len(SCRIPTED) >= 6


@pytest.mark.parametrize("path", SCRIPTED, ids=lambda path: path.stem)
def test_stages_and_cues_are_the_expected_ones_and_no_others(path: Path) -> None:
    call = yaml.safe_load(path.read_text("utf-8"))
    played = play(call)
    missing = [list(cues) for cues in played.cues]  # what is left over was not expected
    stage = "calm"
    for entry in call["expected"]:
        turn, cue = entry["after_turn"], entry["cue"]
        assert played.stages[turn] == entry["stage"], (turn, entry["why"])
        if cue != "none":
            found = {cue, *entry.get("also_ok", ())}.intersection(missing[turn])
            assert found, (turn, entry["why"], played.cues[turn])
            missing[turn].remove(found.pop())
        stage = entry["stage"]
    assert [(turn, cues) for turn, cues in enumerate(missing) if cues] == [], "false alarms"
    assert played.stages[-1] == stage
