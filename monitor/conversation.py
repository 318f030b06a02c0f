"""What is said in a call, turned into tone, ladder and cues: pure, text and time in, events out.

The audio analyzer and the replay of timed transcripts share this one path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from models.errors import ContenanceError
from models.text.score import Channel, TextModel, TextScore
from monitor import stages
from monitor.events import (
    Command,
    ConsentChanged,
    CueCleared,
    CueFeedback,
    CueShown,
    EndApproval,
    Event,
    Evidence,
    HelpRequested,
    NoteSent,
    Rung,
    SpeechFinal,
    SpeechPartial,
    Stage,
    StageChanged,
    StepSaid,
    Tone,
    ToneFinal,
    WordTiming,
)
from monitor.phrases import PhraseBook
from monitor.policy import Policy

CONTEXT_UTTERANCES = 4
"""How many earlier utterances the text model sees."""

# Said while the other one speaks, these take no turn.
BACKCHANNELS = frozenset(
    {"mhm", "hm", "hmm", "aha", "ah", "ja", "jaja", "okay", "ok", "genau", "so", "gut", "eben"}
)


class CommandRefused(ContenanceError):  # noqa: N818 - an answer to a screen, not a failure
    """What a screen asked for makes no sense now."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One finished utterance. `turn` is only given by timed transcripts, which know their turns."""

    channel: Channel
    number: int
    t_secs: float
    text: str
    words: tuple[WordTiming, ...] = ()
    agitation: float | None = None
    voice: tuple[Evidence, ...] = ()
    turn: int | None = None
    score: TextScore | None = None


@dataclass(slots=True)
class _OpenCue:
    name: str
    slots: dict[str, str]
    phrase_id: str
    evidence: tuple[Evidence, ...]
    rule: str


def is_backchannel(text: str) -> bool:
    """True for an utterance of listening noises only ("mhm", "ja ja okay")."""
    return all(word in BACKCHANNELS for word in text.split())


class TurnCounter:
    """Numbers turns: all finals of one channel until the other channel's next final."""

    def __init__(self) -> None:
        self.turn = -1
        self.channel: Channel | None = None

    def next(self, channel: Channel, text: str) -> int:
        """Turn of this final. A backchannel belongs to the turn it is said into."""
        if self.channel is None or (channel != self.channel and not is_backchannel(text)):
            self.turn += 1
            self.channel = channel
        return self.turn


class Conversation:
    """The state of one call above the audio: turns, ladder, cues on screen."""

    def __init__(
        self, call: str, *, text_model: TextModel, policy: Policy, phrases: PhraseBook
    ) -> None:
        self.call = call
        self.suspended = False
        self._model = text_model
        self._policy = policy
        self._phrases = phrases
        self._ladder = stages.initial()
        self._turns = TurnCounter()
        self._context: list[tuple[Channel, str]] = []
        self._cues: dict[int, _OpenCue] = {}
        self._cue_count = 0
        self._phrases_used: set[str] = set()
        self._commands_seen: set[str] = set()
        self._tones_open: set[int] = set()

    @property
    def stage(self) -> Stage:
        """The stage in force."""
        return self._ladder.stage

    @property
    def visible_cues(self) -> tuple[str, ...]:
        """Names of the cues raised and not yet cleared, oldest first."""
        return tuple(cue.name for cue in self._cues.values())

    def turn_of(self, channel: Channel, text: str) -> int:
        """Number the turn of a final that is about to be `heard`."""
        return self._turns.next(channel, text)

    def partial(
        self, channel: Channel, utterance: int, rev: int, text: str, t_secs: float
    ) -> list[Event]:
        """A partial: shown at once, and scored when it is the customer's.

        A tone that a later revision no longer supports is taken back with empty labels.
        """
        events: list[Event] = [
            SpeechPartial(
                call=self.call,
                t_secs=t_secs,
                channel=channel,
                utterance=utterance,
                text=text,
                rev=rev,
            )
        ]
        if channel != "customer":
            return events
        score = self._model.score(text, channel, self._context) if text else TextScore()
        if score.assigned or utterance in self._tones_open:
            (self._tones_open.add if score.assigned else self._tones_open.discard)(utterance)
            events.append(
                Tone(
                    call=self.call,
                    t_secs=t_secs,
                    utterance=utterance,
                    rev=rev,
                    labels=_assigned(score),
                    severity=score.severity,
                    target=score.target,
                    evidence=_evidence(score, channel, utterance, t_secs),
                )
            )
        return events

    def heard(self, said: Utterance) -> list[Event]:
        """A final: stored with its tone, then the ladder decides.

        `said.score` replaces the text model (judging the policy alone, on given labels).
        """
        score = said.score or self._model.score(said.text, said.channel, self._context)
        self._context = [*self._context, (said.channel, said.text)][-CONTEXT_UTTERANCES:]
        self._tones_open.discard(said.number)
        turn = self.turn_of(said.channel, said.text) if said.turn is None else said.turn
        events: list[Event] = [
            SpeechFinal(
                call=self.call,
                t_secs=said.t_secs,
                channel=said.channel,
                utterance=said.number,
                turn=turn,
                text=said.text,
                words=said.words,
            ),
            ToneFinal(
                call=self.call,
                t_secs=said.t_secs,
                utterance=said.number,
                labels=_assigned(score),
                severity=score.severity,
                target=score.target,
                model=self._model.name,
                evidence=_evidence(score, said.channel, said.number, said.t_secs),
            ),
        ]
        mute = self.suspended or (said.channel != self._turns.channel and said.turn is None)
        if not mute:
            heard = stages.Heard(
                channel=said.channel,
                turn=turn,
                utterance=said.number,
                t_secs=said.t_secs,
                text=said.text,
                score=score,
                agitation=said.agitation,
            )
            events += self._advance(heard, said.t_secs, said.voice)
        return events

    def suspend(self, t_secs: float) -> list[Event]:
        """Recognition cannot be trusted: take the cues down and leave the ladder alone."""
        self.suspended = True
        return [self._clear(cue, "expired", t_secs) for cue in list(self._cues)]

    def resume(self) -> None:
        """Recognition can be trusted again."""
        self.suspended = False

    def end(self, t_secs: float) -> list[Event]:
        """The call is over (aftercare, where the ladder asks for it)."""
        return self._advance(stages.CallOver(), t_secs, ())

    def command(self, command: Command, t_secs: float) -> list[Event]:
        """Carry out what a screen asks for. A repeated id does nothing.

        Raises `CommandRefused` for a cue that is not (or no longer) on the screen.
        """
        if command.id in self._commands_seen:
            return []
        events = self._carry_out(command, t_secs)
        self._commands_seen.add(command.id)
        return events

    def _carry_out(self, command: Command, t_secs: float) -> list[Event]:
        call = self.call
        match command.command:
            case "said":
                return self._said(command, t_secs)
            case "reword":
                number, cue = self._open_cue(command.cue)
                events: list[Event] = [
                    CueFeedback(call=call, t_secs=t_secs, cue=number, kind="reword")
                ]
                if phrase_id := self._choose(cue.name, cue.slots):
                    cue.phrase_id = phrase_id
                    events.append(self._shown(number, cue, t_secs))
                return events
            case "wrong" | "undo":
                number, _ = self._open_cue(command.cue)
                return [CueFeedback(call=call, t_secs=t_secs, cue=number, kind=command.command)]
            case "help":
                return [HelpRequested(call=call, t_secs=t_secs)]
            case "note":
                return [NoteSent(call=call, t_secs=t_secs, text=command.text or "")]
            case "approve":
                return [
                    EndApproval(
                        call=call, t_secs=t_secs, state="granted" if command.granted else "refused"
                    )
                ]
            case "revoke":
                return [
                    ConsentChanged(
                        call=call, t_secs=t_secs, recording=False, voice=False, by="screen"
                    )
                ]
            case _:
                assert_never(command.command)

    def _said(self, command: Command, t_secs: float) -> list[Event]:
        rung: Rung | None = command.rung
        if rung is None:
            number, cue = self._open_cue(command.cue)
            rung = stages.rung_of(cue.name, self._ladder)
            if rung is None:  # a side cue: nothing on the ladder to tick
                return [self._clear(number, "said", t_secs)]
        return self._advance(stages.StepConfirmed(rung), t_secs, ())

    def _advance(
        self, event: stages.Input, t_secs: float, voice: tuple[Evidence, ...]
    ) -> list[Event]:
        self._ladder, outcomes = stages.advance(self._ladder, event, t_secs, self._policy)
        events: list[Event] = []
        for outcome in outcomes:
            events += self._apply(outcome, t_secs, voice)
        return events

    def _apply(
        self, outcome: stages.Outcome, t_secs: float, voice: tuple[Evidence, ...]
    ) -> list[Event]:
        call, version = self.call, self._policy.version
        match outcome:
            case stages.StepTaken():
                return [
                    StepSaid(
                        call=call,
                        t_secs=t_secs,
                        rung=outcome.rung,
                        by=outcome.by,
                        utterance=outcome.utterance,
                    )
                ]
            case stages.Moved():
                return [
                    StageChanged(
                        call=call,
                        t_secs=t_secs,
                        from_=outcome.from_,
                        to=outcome.to,
                        rule=outcome.rule,
                        policy_version=version,
                        evidence=outcome.evidence + voice,
                    )
                ]
            case stages.CueRaised():
                return self._raise(outcome, t_secs, voice)
            case stages.CueDropped():
                return [
                    self._clear(number, outcome.why, t_secs)
                    for number, cue in list(self._cues.items())
                    if cue.name == outcome.name
                ]
            case _:
                assert_never(outcome)

    def _raise(
        self, raised: stages.CueRaised, t_secs: float, voice: tuple[Evidence, ...]
    ) -> list[Event]:
        replaced = [number for number, cue in self._cues.items() if cue.name == raised.name]
        events: list[Event] = [self._clear(number, "replaced", t_secs) for number in replaced]
        slots = dict(raised.slots)
        phrase_id = (
            self._choose(raised.name, slots) or ""
        )  # every sentence was used: the heading stands alone
        self._cue_count += 1
        cue = _OpenCue(raised.name, slots, phrase_id, raised.evidence + voice, raised.rule)
        self._cues[self._cue_count] = cue
        return [*events, self._shown(self._cue_count, cue, t_secs)]

    def _shown(self, number: int, cue: _OpenCue, t_secs: float) -> CueShown:
        return CueShown(
            call=self.call,
            t_secs=t_secs,
            cue=number,
            name=cue.name,
            phrase_id=cue.phrase_id,
            slots=cue.slots,
            evidence=cue.evidence,
            rule=cue.rule,
            policy_version=self._policy.version,
        )

    def _choose(self, name: str, slots: dict[str, str]) -> str | None:
        phrase = self._phrases.choose(name, self._phrases_used, slots)
        if phrase is None:
            return None
        self._phrases_used.add(phrase.id)
        return phrase.id

    def _clear(self, number: int, why: stages.DropReason, t_secs: float) -> CueCleared:
        del self._cues[number]
        return CueCleared(call=self.call, t_secs=t_secs, cue=number, why=why)

    def _open_cue(self, number: int | None) -> tuple[int, _OpenCue]:
        if number is None or number not in self._cues:
            raise CommandRefused("this cue is not on the screen any more")
        return number, self._cues[number]


def _assigned(score: TextScore) -> dict[str, float]:
    return {label: round(score.labels.get(label, 1.0), 3) for label in score.assigned}


def _evidence(
    score: TextScore, channel: Channel, utterance: int, t_secs: float
) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            kind="words",
            label=span.label,
            text=span.text,
            channel=channel,
            utterance=utterance,
            t_secs=t_secs,
        )
        for span in score.evidence
    )


def voice_evidence(reasons: Sequence[tuple[str, float]]) -> tuple[Evidence, ...]:
    """Voice reasons (kind, value) as evidence of the customer channel."""
    return tuple(
        Evidence(kind="voice", label=kind, value=round(value, 1), channel="customer")
        for kind, value in reasons
    )
