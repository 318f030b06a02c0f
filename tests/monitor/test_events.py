"""Conventions of every event, by introspection."""

from __future__ import annotations

import json
from typing import Any, get_args, get_origin

import pytest
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from monitor import events
from monitor.events import AnyEvent, Event, Evidence, WordTiming, from_wire

KINDS: list[type[Event]] = list(get_args(get_args(AnyEvent)[0]))
SAMPLES: dict[Any, Any] = {
    str: "text", int: 3, float: 1.5, bool: True, events.Stage: "mirror", events.Rung: "mirror",
    events.Channel: "agent",
    tuple[str, ...]: ("a",), tuple[int, ...]: (1,),
    dict[str, str]: {"wort": "x"}, dict[str, float]: {"insult": 0.9},
    tuple[Evidence, ...]: (Evidence(kind="words", label="insult", text="x", channel="customer"),),
    tuple[WordTiming, ...]: (WordTiming(text="x", start_secs=0.1, end_secs=0.2, confidence=1.0),),
}  # fmt: skip


def sample(field: FieldInfo) -> Any:
    kind = field.annotation
    if kind in SAMPLES:
        return SAMPLES[kind]
    choices = get_args(kind)
    if get_origin(kind) is not None and choices and choices[-1] is type(None):
        return SAMPLES[choices[0]]
    return choices[0]


def build(kind: type[Event]) -> Event:
    given = {
        n: sample(f) for n, f in kind.model_fields.items() if n not in {"v", "type", "seq", "call"}
    }
    return kind(call="c1", **given)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_round_trips_and_carries_the_envelope(kind: type[Event]) -> None:
    event = build(kind)
    wire = event.to_wire()
    assert from_wire(wire) == event
    assert list(json.loads(wire))[:5] == ["v", "type", "call", "seq", "t_secs"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_is_frozen_and_strict(kind: type[Event]) -> None:
    event = build(kind)
    with pytest.raises(ValidationError):
        event.call = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        from_wire(json.loads(event.to_wire()) | {"surprise": 1})


def test_exactly_the_live_signals_are_ephemeral() -> None:
    assert {kind.model_fields["type"].default for kind in KINDS if not kind.durable} == {
        "speech.partial",
        "tone",
        "voice",
    }


def test_stage_changed_says_from_and_to_on_the_wire() -> None:
    event = events.StageChanged(
        call="c", t_secs=1, from_="calm", to="mirror", rule="r", policy_version="p", evidence=()
    )
    assert json.loads(event.to_wire())["from"] == "calm"


def test_an_unknown_type_or_version_is_refused() -> None:
    wire = json.loads(build(events.CallEnded).to_wire())
    with pytest.raises(ValidationError):
        from_wire(wire | {"type": "call.exploded"})
    with pytest.raises(ValidationError):
        from_wire(wire | {"v": 3})


def test_what_was_stored_before_version_2_is_still_read() -> None:
    tone = json.loads(build(events.ToneFinal).to_wire()) | {"v": 1}
    del tone["hints"]
    timing = json.loads(build(events.Timing).to_wire()) | {"v": 1}
    del timing["secs"]
    old_tone, old_timing = from_wire(tone), from_wire(timing)
    assert isinstance(old_tone, events.ToneFinal)
    assert isinstance(old_timing, events.Timing)
    assert (old_tone.v, old_tone.hints, old_timing.secs) == (1, (), 0.0)
    assert build(events.CallEnded).v == events.VERSION == 2
