"""Deciding a stored call again, from its events alone: no audio, no models, no clock.

    for decided in decide(events, policy): ...

Under the policy that was in force this gives the very cues the agent got, with their evidence;
under another one, what would have been. Everything the ladder was told stands in the durable
events: what was heard and its tone, the voice beside it, who spoke when, the agent's button, the
supervisor's no, and when recognition could not be trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from models.errors import ContenanceError
from models.text.score import Channel, Span, Target, TextScore
from monitor import stages
from monitor.events import (
    CallEnded,
    CallStarted,
    Degraded,
    EndApproval,
    Erased,
    Event,
    Evidence,
    Recovered,
    SpeechFinal,
    Stage,
    StepSaid,
    Timing,
    ToneFinal,
    VoiceSummary,
)
from monitor.policy import Policy
from monitor.timing import Noticed


class ErasedCallError(ContenanceError):
    """What was said in the call has been deleted."""


@dataclass(frozen=True, slots=True)
class Told:
    """Something the ladder was told at `t_secs`, with what the voice did beside it."""

    t_secs: float
    event: stages.Input
    voice: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """What the ladder made of it: the stage then, and what followed."""

    told: Told
    stage: Stage
    outcomes: tuple[stages.Outcome, ...]

    @property
    def cues(self) -> tuple[stages.CueRaised, ...]:
        """The cues raised."""
        return tuple(one for one in self.outcomes if isinstance(one, stages.CueRaised))


def decide(events: Iterable[Event], policy: Policy) -> Iterator[Decided]:
    """Run the ladder over a call's durable events, in their order.

    Raises `ErasedCallError` if what was said has been deleted.
    """
    state = stages.initial()
    for told in told_by(events):
        state, outcomes = stages.advance(state, told.event, told.t_secs, policy)
        yield Decided(told, state.stage, stages.with_voice(outcomes, told.voice))


def told_by(events: Iterable[Event]) -> Iterator[Told]:
    """What the ladder was told in the course of these events."""
    reader = _Reader()
    for event in events:
        told = reader.read(event)
        if told is not None:
            yield Told(max(reader.now_secs, told.t_secs), told.event, told.voice)
            reader.now_secs = max(reader.now_secs, told.t_secs)


class _Reader:
    def __init__(self) -> None:
        self.now_secs = 0.0
        self._said: dict[int, SpeechFinal] = {}
        self._summary: VoiceSummary | None = None
        self._turn: tuple[int, Channel] | None = None
        self._mixed = self._doubted = False

    def read(self, event: Event) -> Told | None:
        match event:
            case CallStarted():
                self._mixed = "mixed" in event.channels
            case Degraded(part="asr"):
                self._doubted = True
            case Recovered(part="asr"):
                self._doubted = False
            case VoiceSummary():
                self._summary = event
            case SpeechFinal():
                self._said[event.utterance] = event
            case ToneFinal():
                return self._heard(event)
            case StepSaid(by="button"):
                return Told(event.t_secs, stages.StepConfirmed(event.rung))
            case Timing() if not self._mute:
                noticed = Noticed(event.kind, event.start_secs, event.end_secs, event.secs)
                return Told(event.t_secs, noticed)
            case EndApproval(state="refused"):
                return Told(event.t_secs, stages.ApprovalRefused())
            case CallEnded():
                return Told(event.t_secs, stages.CallOver())
            case Erased():
                raise ErasedCallError(
                    f"call {event.call}: what was said has been deleted",
                    "choose a call that is still stored",
                )
        return None

    @property
    def _mute(self) -> bool:
        return self._mixed or self._doubted

    def _heard(self, tone: ToneFinal) -> Told | None:
        said = self._said.pop(tone.utterance)
        summary, self._summary = self._summary, None
        if self._turn is None or self._turn[0] != said.turn:
            self._turn = (said.turn, said.channel)
        spoken_into = self._turn[1] != said.channel  # a backchannel takes no turn
        if self._mute or spoken_into:
            return None
        of_turn = summary is not None and said.channel == "customer"
        heard = stages.Heard(
            channel=said.channel,
            turn=said.turn,
            utterance=said.utterance,
            t_secs=said.t_secs,
            text=said.text,
            score=_score(tone, said.text),
            agitation=summary.agitation if summary is not None and of_turn else None,
            word_secs=tuple(word.start_secs for word in said.words),
        )
        return Told(said.t_secs, heard, summary.reasons if summary is not None and of_turn else ())


def _score(tone: ToneFinal, text: str) -> TextScore:
    """As the text model gave it."""
    spans: list[Span] = []
    for item in tone.evidence:
        words = item.text or ""
        start = max(0, text.find(words)) if item.start is None else item.start
        spans.append(Span(item.label, start, start + len(words), words))
    return TextScore(
        labels=dict(tone.labels),
        assigned=tuple(tone.labels),
        severity=tone.severity,
        target=cast(Target, tone.target),
        evidence=tuple(spans),
        hints=tone.hints,
    )
