"""The same calls under several policies, and where they differ.

A call is its durable events, as stored or as `monitor --json` printed them; a timed transcript is
first made into such events. Each policy decides the call anew (`monitor.refold`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from models.text.score import Channel, TextModel
from monitor import stages
from monitor.conversation import Conversation
from monitor.events import STAGES, CallEnded, CallStarted, Event, Stage, VoiceSummary
from monitor.phrases import PhraseBook
from monitor.policy import Policy
from monitor.refold import decide
from monitor.replay import Transcript, utterances


@dataclass(frozen=True, slots=True)
class Course:
    """What a policy makes of one moment: the stage then, and the cues it raises there."""

    stage: Stage
    cues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """A turn (or something between turns), and its course under each policy, in their order."""

    t_secs: float
    channel: Channel | None
    text: str
    courses: tuple[Course, ...]

    @property
    def differs(self) -> bool:
        """Whether the policies do not agree here."""
        return len(set(self.courses)) > 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """A call under several policies."""

    call: str
    policies: tuple[str, ...]
    moments: tuple[Moment, ...]

    @property
    def differences(self) -> tuple[Moment, ...]:
        """Where the policies do not agree."""
        return tuple(moment for moment in self.moments if moment.differs)

    def final_stage(self, policy: int) -> Stage:
        """The stage at the end, under the policy of this number."""
        return self.moments[-1].courses[policy].stage if self.moments else "calm"

    def highest_stage(self, policy: int) -> Stage:
        """The highest stage reached."""
        reached = (moment.courses[policy].stage for moment in self.moments)
        return max(reached, key=STAGES.index, default="calm")

    def cues(self, policy: int) -> int:
        """How many cues were raised."""
        return sum(len(moment.courses[policy].cues) for moment in self.moments)


def compare(call: str, events: Sequence[Event], policies: Sequence[Policy]) -> Comparison:
    """Decide a call's durable events under each policy.

    The agent's own words are what they were: a policy that would have shown another cue might
    have heard another answer. Raises `ErasedCallError` if what was said has been deleted.
    """
    courses = [_course(events, policy) for policy in policies]
    moments = []
    for steps in zip(*courses, strict=True):
        first = steps[0]
        alike = tuple(Course(step.stage, step.cues) for step in steps)
        moments.append(Moment(first.t_secs, first.channel, first.text, alike))
    return Comparison(call, tuple(policy.version for policy in policies), tuple(moments))


def transcript_events(
    transcript: Transcript, *, text_model: TextModel, policy: Policy, use_labels: bool
) -> list[Event]:
    """A timed transcript as the events of a call; `use_labels` as in `monitor.replay`."""
    talk = Conversation(
        transcript.id, text_model=text_model, policy=policy, phrases=PhraseBook.load("de")
    )
    events: list[Event] = [
        CallStarted(
            call=transcript.id, t_secs=0.0, source="file", channels=("customer", "agent"),
            rate_hz=8000, policy=policy.version, models={"text": text_model.name},
        )
    ]  # fmt: skip
    t_secs = 0.0
    for said in utterances(transcript, text_model, use_labels=use_labels):
        t_secs = said.t_secs
        if said.agitation is not None and said.turn is not None:
            events.append(
                VoiceSummary(
                    call=transcript.id, t_secs=t_secs, turn=said.turn, agitation=said.agitation,
                    reasons=(),
                )
            )  # fmt: skip
        events += talk.heard(said)
    ended = CallEnded(
        call=transcript.id, t_secs=t_secs, reason="hangup", final_stage=talk.stage,
        duration_secs=t_secs,
    )  # fmt: skip
    return [event for event in [*events, ended] if event.durable]


@dataclass(frozen=True, slots=True)
class _Step:
    t_secs: float
    channel: Channel | None
    text: str
    stage: Stage
    cues: tuple[str, ...]


def _course(events: Iterable[Event], policy: Policy) -> list[_Step]:
    """A step a turn; what comes between turns (a button, silence) is a step of its own."""
    numbered = enumerate(decide(events, policy))
    course = []
    for _, same_turn in groupby(
        numbered,
        key=lambda one: (
            (one[1].told.event.channel, one[1].told.event.turn)
            if isinstance(one[1].told.event, stages.Heard)
            else one[0]
        ),
    ):
        decided = [one for _, one in same_turn]
        first, last = decided[0], decided[-1]
        heard = [one.told.event for one in decided if isinstance(one.told.event, stages.Heard)]
        course.append(
            _Step(
                t_secs=first.told.t_secs,
                channel=heard[0].channel if heard else None,
                text=" ".join(one.text for one in heard),
                stage=last.stage,
                cues=tuple(cue.name for one in decided for cue in one.cues),
            )
        )
    return course
