"""Annotated calls: the forty written while the ladder was built, and forty held out."""

from __future__ import annotations

import pytest

from benchmarks.golden import FOLDER, GoldenCall, Verdict, judge, load
from models.text.load import load_text_model
from models.text.score import AGENT_LABELS, CUSTOMER_LABELS
from monitor.events import STAGES
from monitor.phrases import CUES

CALLS = {call.id: call for call in load("calls")}
HELD_OUT = {call.id: call for call in load("heldout")}


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    calls = [*CALLS.values(), *HELD_OUT.values()]
    found = judge(calls, text_model=load_text_model("lexicon"), use_labels=True)
    return {verdict.call: verdict for verdict in found}


def test_there_are_forty_of_each_and_no_two_alike() -> None:
    assert len(CALLS) == len(HELD_OUT) == 40
    assert len(list(FOLDER.glob("*/*.yaml"))) == 80
    said = [turn["text"] for call in (*CALLS.values(), *HELD_OUT.values()) for turn in call.turns]
    long = [text for text in said if len(text.split()) > 6]
    assert len(long) == len(set(long))


@pytest.mark.parametrize("call", [*CALLS.values(), *HELD_OUT.values()], ids=lambda call: call.id)
def test_calls_are_written_as_the_format_asks(call: GoldenCall) -> None:
    labels = {"customer": set(CUSTOMER_LABELS), "agent": set(AGENT_LABELS)}
    times = [turn["t"] for turn in call.turns]
    assert times == sorted(times)
    for turn in call.turns:
        assert set(turn["labels"]) <= labels[turn["channel"]]
        assert turn["text"] == turn["text"].lower()
        assert "threat" not in turn["labels"] or turn["severity"] == 3
    assert call.final_stage in STAGES
    for item in call.expected:
        assert item.stage in STAGES
        assert item.names <= {"none", *CUES}
        assert (
            item.cue == "aftercare"
            or call.turns[item.after_turn]["channel"] == "customer"
            or (item.cue == "stay_factual")
        )


@pytest.mark.parametrize("name", CALLS)
def test_given_the_labels_everything_expected_comes_and_nothing_else(
    name: str, verdicts: dict[str, Verdict]
) -> None:
    verdict = verdicts[name]
    assert verdict.final_stage_right
    assert verdict.missed == ()
    assert verdict.late == 0
    assert verdict.false_cues == ()


def test_given_the_labels_held_out_calls_come_out_right(verdicts: dict[str, Verdict]) -> None:
    of_calls = [verdicts[name] for name in HELD_OUT]
    assert sum(v.final_stage_right for v in of_calls) >= 0.95 * len(of_calls)
    assert sum(v.in_time for v in of_calls) >= 0.95 * sum(v.expected for v in of_calls)
    assert sum(len(v.false_cues) for v in of_calls) <= 0.2 * len(of_calls)
    assert sum(v.ladder_found for v in of_calls) == sum(v.ladder_expected for v in of_calls)


def test_no_call_without_abuse_is_led_up_the_ladder(verdicts: dict[str, Verdict]) -> None:
    calm = [call.id for call in (*CALLS.values(), *HELD_OUT.values()) if not call.abuse]
    assert len(calm) >= 20
    assert {verdicts[name].highest_stage for name in calm} <= {"calm", "understanding"}


def test_with_the_shipped_text_model_most_held_out_cues_come() -> None:
    """Floors under what was measured (docs/measurements.md): a worse model does not slip in."""
    calls = list(HELD_OUT.values())
    found = judge(calls, text_model=load_text_model(), use_labels=False)
    calm = [v for v, call in zip(found, calls, strict=True) if not call.abuse]
    ladder = sum(v.ladder_found for v in found) / sum(v.ladder_expected for v in found)
    false = sum(len(v.false_cues) for v in found) / len(found)
    print(f"ladder cues {ladder:.1%}, false cues a call {false:.2f}")
    assert ladder >= 0.5
    assert false <= 1.0
    assert {v.highest_stage for v in calm} <= {"calm", "understanding"}
