"""What is said in a call, turned into tone, ladder and cues: pure, text and time in, events out.

The audio analyzer and the replay of timed transcripts share this one path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    Timing,
    Tone,
    ToneFinal,
    WordTiming,
)
from monitor.phrases import PhraseBook
from monitor.policy import Policy
from monitor.screen import Change, Due, Screen, Show
from monitor.timing import Noticed

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
class _Cue:
    """A cue of this call. Its sentence is chosen when it is first seen."""

    raised: stages.CueRaised
    phrase_id: str = ""


@dataclass(frozen=True, slots=True)
class _Asked:
    """The supervisor was asked whether the call may be ended with this cue."""

    cue: int
    at_secs: float


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
        self._screen = Screen(policy.screen)
        self._cues: dict[int, _Cue] = {}
        self._asked: _Asked | None = None
        self._may_end = False
        self._now_secs = 0.0
        self._phrases_used: set[str] = set()
        self._raised: tuple[stages.CueRaised, ...] = ()
        self._commands_seen: set[str] = set()
        self._tones_open: set[int] = set()

    @property
    def stage(self) -> Stage:
        """The stage in force."""
        return self._ladder.stage

    @property
    def cues_in_force(self) -> tuple[str, ...]:
        """Names of the cues that the ladder has raised and not dropped, its own first."""
        ladder = self._ladder
        return tuple(cue.name for cue in (ladder.cue, *ladder.side_cues) if cue is not None)

    @property
    def raised(self) -> tuple[stages.CueRaised, ...]:
        """What the ladder raised at the last call of `heard`, `noticed`, `command` or `end`."""
        return self._raised

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
        score = self._model.score_partial(text, channel, self._context) if text else TextScore()
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
        self._raised = ()
        score = said.score or self._model.score(said.text, said.channel, self._context)
        self._context = [*self._context, (said.channel, said.text)][-CONTEXT_UTTERANCES:]
        self._tones_open.discard(said.number)
        turn = self.turn_of(said.channel, said.text) if said.turn is None else said.turn
        heard = stages.Heard(
            channel=said.channel,
            turn=turn,
            utterance=said.number,
            t_secs=said.t_secs,
            text=said.text,
            score=score,
            agitation=said.agitation,
            word_secs=tuple(word.start_secs for word in said.words),
        )
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
                hints=score.hints,
                evidence=_evidence(score, said.channel, said.number, said.t_secs, heard),
            ),
        ]
        mute = self.suspended or (said.channel != self._turns.channel and said.turn is None)
        if not mute:
            events += self._advance(heard, said.t_secs, said.voice)
        return events

    def noticed(self, noticed: Noticed, t_secs: float) -> list[Event]:
        """Something about who speaks when."""
        self._raised = ()
        timing = Timing(
            call=self.call,
            t_secs=t_secs,
            kind=noticed.kind,
            start_secs=noticed.start_secs,
            end_secs=noticed.end_secs,
            secs=noticed.secs,
        )
        return [timing, *([] if self.suspended else self._advance(noticed, t_secs))]

    def passed(
        self, t_secs: float, *, speaking: bool = False, shouting: bool = False
    ) -> list[Event]:
        """Time has passed; what the customer's voice does now (`shouting` only with consent)."""
        self._now_secs = max(self._now_secs, t_secs)
        self._screen.heard(self._now_secs, speaking=speaking, shouting=shouting)
        if self._ladder.side_cues:
            return self._advance(stages.Elapsed(), t_secs)
        return self._due_now() if self._screen.busy or self._asked else []

    def suspend(self, t_secs: float) -> list[Event]:
        """Recognition cannot be trusted: take the cues down and leave the ladder alone."""
        self.suspended = True
        self._now_secs = max(self._now_secs, t_secs)
        self._asked = None
        return self._changed(self._screen.emptied())

    def resume(self) -> None:
        """Recognition can be trusted again."""
        self.suspended = False

    def end(self, t_secs: float) -> list[Event]:
        """The call is over (aftercare, where the ladder asks for it)."""
        self._asked = None
        return self._advance(stages.CallOver(), t_secs)

    def command(self, command: Command, t_secs: float) -> list[Event]:
        """Carry out what a screen asks for. A repeated id does nothing.

        Raises `CommandRefused` for a cue that is not (or no longer) on the screen.
        """
        self._raised = ()
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
                number, cue = self._on_screen(command.cue)
                events: list[Event] = [
                    CueFeedback(call=call, t_secs=t_secs, cue=number, kind="reword")
                ]
                if phrase_id := self._choose(cue.raised):
                    cue.phrase_id = phrase_id
                    events.append(self._shown(number, cue, t_secs))
                return events
            case "wrong" | "undo":
                number, _ = self._on_screen(command.cue)
                self._screen.marked(number, wrong=command.command == "wrong")
                return [CueFeedback(call=call, t_secs=t_secs, cue=number, kind=command.command)]
            case "help":
                return [HelpRequested(call=call, t_secs=t_secs)]
            case "note":
                return [NoteSent(call=call, t_secs=t_secs, text=command.text or "")]
            case "approve":
                return self._approved(granted=bool(command.granted), t_secs=t_secs)
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
            _, cue = self._on_screen(command.cue)
            rung = stages.rung_of(cue.raised.name, self._ladder)
            if rung is None:  # a side cue: nothing on the ladder to tick
                self._now_secs = max(self._now_secs, t_secs)
                return self._changed(self._screen.dropped(cue.raised.name, "said"))
        return self._advance(stages.StepConfirmed(rung), t_secs)

    def _approved(self, *, granted: bool, t_secs: float) -> list[Event]:
        if self._asked is None:
            raise CommandRefused("nobody is waiting for an approval now")
        answer = EndApproval(
            call=self.call, t_secs=t_secs, state="granted" if granted else "refused"
        )
        if granted:
            self._release(self._asked)
            self._now_secs = max(self._now_secs, t_secs)
            return [answer, *self._due_now()]
        self._asked = None
        self._screen.dropped("end_call", "expired")
        return [answer, *self._advance(stages.ApprovalRefused(), t_secs)]

    def _advance(
        self, event: stages.Input, t_secs: float, voice: tuple[Evidence, ...] = ()
    ) -> list[Event]:
        self._now_secs = max(self._now_secs, t_secs)
        self._ladder, outcomes = stages.advance(self._ladder, event, self._now_secs, self._policy)
        outcomes = stages.with_voice(outcomes, voice)
        self._raised = tuple(one for one in outcomes if isinstance(one, stages.CueRaised))
        if self._ladder.cue is None or self._ladder.cue.name != "end_call":
            self._asked = None
        if isinstance(event, stages.CallOver):
            return self._closed()
        return [*(event for one in outcomes for event in self._apply(one)), *self._due_now()]

    def _apply(self, outcome: stages.Outcome) -> list[Event]:
        call, t_secs = self.call, self._now_secs
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
                        policy_version=self._policy.version,
                        evidence=outcome.evidence,
                    )
                ]
            case stages.CueRaised():
                return self._raise(outcome)
            case stages.CueDropped():
                return self._changed(self._screen.dropped(outcome.name, outcome.why))
            case _:
                assert_never(outcome)

    def _raise(self, raised: stages.CueRaised) -> list[Event]:
        due = self._new(raised)
        ends = raised.name == "end_call"
        asks = (
            ends
            and self._policy.end_approved_by == "supervisor"
            and raised.rule not in stages.GRAVE_RULES
            and not self._may_end
        )
        self._may_end = self._may_end or (ends and not asks)
        self._screen.raised(due, held=asks)
        if not asks:
            return []
        if self._asked:  # still the same question, and nobody waits longer for its answer
            self._asked = replace(self._asked, cue=due.number)
            return []
        self._asked = _Asked(due.number, self._now_secs)
        return [EndApproval(call=self.call, t_secs=self._now_secs, state="asked")]

    def _new(self, raised: stages.CueRaised) -> Due:
        number = len(self._cues) + 1
        self._cues[number] = _Cue(raised)
        rung = stages.rung_of(raised.name, self._ladder)
        return Due(number, raised.name, rung, self._now_secs)

    def _closed(self) -> list[Event]:
        """The call is over: an empty screen, and aftercare where the ladder asks for it."""
        events = self._changed(self._screen.emptied())
        for raised in self._raised:
            events += self._changed(self._screen.show(self._new(raised), self._now_secs))
        return events

    def _due_now(self) -> list[Event]:
        events: list[Event] = []
        asked = self._asked
        if asked and (self._grave_now() or self._asked_in_vain(asked)):
            self._release(asked)
            events.append(EndApproval(call=self.call, t_secs=self._now_secs, state="timeout"))
        return [*events, *self._changed(self._screen.step(self._now_secs))]

    def _grave_now(self) -> bool:
        """Whether what ends the call has meanwhile become so grave that the agent decides."""
        cue = self._ladder.cue
        return cue is not None and cue.rule in stages.GRAVE_RULES

    def _asked_in_vain(self, asked: _Asked) -> bool:
        waited_secs = self._now_secs - asked.at_secs
        return waited_secs >= self._policy.end_approval_secs - 1e-9  # as sums of ticks come out

    def _release(self, asked: _Asked) -> None:
        """The agent may end the call: nobody is asked again."""
        self._asked, self._may_end = None, True
        self._screen.released(asked.cue)

    def _changed(self, changes: Sequence[Change]) -> list[Event]:
        events: list[Event] = []
        for change in changes:
            if isinstance(change, Show):
                cue = self._cues[change.number]
                # none left that fits: the heading stands alone
                cue.phrase_id = self._choose(cue.raised) or ""
                events.append(self._shown(change.number, cue, self._now_secs))
            else:
                events.append(
                    CueCleared(
                        call=self.call, t_secs=self._now_secs, cue=change.number, why=change.why
                    )
                )
        return events

    def _shown(self, number: int, cue: _Cue, t_secs: float) -> CueShown:
        return CueShown(
            call=self.call,
            t_secs=t_secs,
            cue=number,
            name=cue.raised.name,
            phrase_id=cue.phrase_id,
            slots=dict(cue.raised.slots),
            evidence=cue.raised.evidence,
            rule=cue.raised.rule,
            policy_version=self._policy.version,
        )

    def _choose(self, raised: stages.CueRaised) -> str | None:
        phrase = self._phrases.choose(raised.name, self._phrases_used, raised.slots)
        if phrase is None:
            return None
        self._phrases_used.add(phrase.id)
        return phrase.id

    def _on_screen(self, number: int | None) -> tuple[int, _Cue]:
        if number is None or number not in self._screen.on:
            raise CommandRefused("this cue is not on the screen any more")
        return number, self._cues[number]


def _assigned(score: TextScore) -> dict[str, float]:
    return {label: round(score.labels.get(label, 1.0), 3) for label in score.assigned}


def _evidence(
    score: TextScore,
    channel: Channel,
    utterance: int,
    t_secs: float,
    heard: stages.Heard | None = None,
) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            kind="words",
            label=span.label,
            text=span.text,
            channel=channel,
            utterance=utterance,
            t_secs=t_secs if heard is None else heard.said_at_secs(span.start),
            start=span.start,
        )
        for span in score.evidence
    )


def voice_evidence(reasons: Sequence[tuple[str, float]]) -> tuple[Evidence, ...]:
    """Voice reasons (kind, value) as evidence of the customer channel."""
    return tuple(
        Evidence(kind="voice", label=kind, value=round(value, 1), channel="customer")
        for kind, value in reasons
    )
