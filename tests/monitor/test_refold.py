"""A stored call decided again gives the same cues, by the events alone."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from benchmarks.golden import GoldenCall, load
from models.text.load import load_text_model
from models.text.score import TextModel
from monitor.conversation import Conversation
from monitor.events import (
    CallEnded,
    CallStarted,
    Command,
    CueShown,
    Degraded,
    EndApproval,
    Erased,
    Event,
    Recovered,
    StageChanged,
    VoiceSummary,
    WordTiming,
    from_wire,
)
from monitor.phrases import PhraseBook
from monitor.policy import load_policy
from monitor.refold import ErasedCallError, decide
from monitor.replay import utterances
from monitor.stages import CueRaised
from monitor.timing import Noticed
from monitor.whatif import compare, transcript_events

CALLS = {call.id: call for call in load("calls")}
BOOK = PhraseBook.load("de")


@pytest.fixture(scope="module")
def model() -> TextModel:
    return load_text_model("lexicon")


def played(
    call: GoldenCall, model: TextModel, policy: str, seed: int
) -> tuple[list[Event], list[CueRaised]]:
    """A call with all that may happen besides words; its durable events as they come from the
    store, and what the ladder raised while it ran."""
    dice = random.Random(seed)
    talk = Conversation(call.id, text_model=model, policy=load_policy(policy), phrases=BOOK)
    raised: list[CueRaised] = []
    events: list[Event] = [
        CallStarted(
            call=call.id, t_secs=0, source="file", channels=("customer", "agent"), rate_hz=8000,
            policy=policy, models={},
        )
    ]  # fmt: skip

    def happened(new: Sequence[Event]) -> None:
        raised.extend(talk.raised)
        events.extend(new)

    for said in utterances(call.transcript, model, use_labels=True):
        words = tuple(
            WordTiming(
                text=word,
                start_secs=said.t_secs + n / 3,
                end_secs=said.t_secs + n / 3 + 0.2,
                confidence=1,
            )
            for n, word in enumerate(said.text.split())
        )
        spoken = type(said)(
            said.channel, said.number, said.t_secs, said.text, words, said.agitation, said.voice,
            said.turn, said.score,
        )  # fmt: skip
        if said.agitation is not None:
            events.append(
                VoiceSummary(call=call.id, t_secs=said.t_secs, turn=said.turn or 0,
                             agitation=said.agitation, reasons=())
            )  # fmt: skip
        happened(talk.heard(spoken))
        t_secs = said.t_secs + 0.5
        match dice.randrange(8):
            case 0:
                happened(
                    talk.command(Command(id=str(t_secs), command="said", rung="mirror"), t_secs)
                )
            case 1:
                happened(talk.noticed(Noticed("dead_air", t_secs - 10, t_secs, 10.0), t_secs))
            case 2:
                happened(talk.noticed(Noticed("interruption", t_secs - 1, t_secs, 0.8), t_secs))
            case 3:
                events.append(Degraded(call=call.id, t_secs=t_secs, part="asr", reason="r"))
                events.extend(talk.suspend(t_secs))
            case 4:
                talk.resume()
                events.append(Recovered(call=call.id, t_secs=t_secs, part="asr", reason="r"))
            case 5:
                if any(isinstance(e, EndApproval) and e.state == "asked" for e in events[-4:]):
                    no = Command(id=str(t_secs), command="approve", granted=False)
                    happened(talk.command(no, t_secs))
        events.extend(talk.passed(t_secs + 0.2))
    happened(talk.end(t_secs + 1))
    events.append(
        CallEnded(
            call=call.id,
            t_secs=t_secs + 1,
            reason="hangup",
            final_stage=talk.stage,
            duration_secs=1,
        )
    )
    stored = [from_wire(event.to_wire()) for event in events if event.durable]
    return stored, raised


@pytest.mark.parametrize("policy", ["standard", "coach"])
@pytest.mark.parametrize("name", CALLS)
def test_the_same_cues_come_from_the_stored_events_alone(
    name: str, policy: str, model: TextModel
) -> None:
    for seed in range(3):
        events, raised = played(CALLS[name], model, policy, seed)
        decided = list(decide(events, load_policy(policy)))
        assert [cue for one in decided for cue in one.cues] == raised
        stages = [e.to for e in events if isinstance(e, StageChanged)]
        assert decided[-1].stage == (stages[-1] if stages else "calm")


@pytest.mark.parametrize("name", CALLS)
def test_every_cue_that_was_shown_is_found_with_its_evidence(name: str, model: TextModel) -> None:
    events, _ = played(CALLS[name], model, "standard", 1)
    again = [cue for one in decide(events, load_policy("standard")) for cue in one.cues]
    for shown in events:
        if isinstance(shown, CueShown):
            cue = next(
                cue for cue in again if (cue.name, cue.evidence) == (shown.name, shown.evidence)
            )
            assert (cue.rule, dict(cue.slots)) == (shown.rule, shown.slots)


def test_what_was_deleted_is_not_decided(model: TextModel) -> None:
    events, _ = played(CALLS["blocked-phone-full-ladder"], model, "standard", 1)
    events[2] = Erased(call=events[2].call, seq=3, t_secs=0, seqs=(3,), kind="speech.final")
    with pytest.raises(ErasedCallError):
        list(decide(events, load_policy("standard")))


def test_two_policies_differ_where_their_values_do(model: TextModel) -> None:
    call = CALLS["rehab-request-mild-irony"].transcript
    events = transcript_events(
        call, text_model=model, policy=load_policy("standard"), use_labels=True
    )
    same = compare(call.id, events, [load_policy("standard"), load_policy("standard")])
    assert not same.differences
    both = compare(call.id, events, [load_policy("standard"), load_policy("patient")])
    assert both.policies == (load_policy("standard").version, load_policy("patient").version)
    assert both.differences
    assert both.cues(1) < both.cues(0)  # one more mild attack is let pass
