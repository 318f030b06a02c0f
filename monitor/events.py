"""The events of a call: frozen, versioned, one envelope, to and from the wire.

Every event carries `v, type, call, seq, t_secs`. Durable events get their `seq` (1, 2, 3 … per
call) from the store when they are committed; ephemeral ones (partials, live tone and voice) are
never stored and have `seq` null. Times are seconds of call audio, from sample counts.
The state of a call is a fold of its durable events.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

VERSION: Literal[2] = 2
"""2: `tone.final` has hints, `timing` has secs and the kind agent_share. 1 is still read."""

Channel = Literal["customer", "agent"]
Stage = Literal["calm", "understanding", "mirror", "respect_request", "consequence", "end_call"]
STAGES: tuple[Stage, ...] = (
    "calm", "understanding", "mirror", "respect_request", "consequence", "end_call",
)  # fmt: skip
Rung = Literal["understanding", "mirror", "respect_request", "consequence", "end_call"]
"""A step the agent can take; `calm` needs none."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WordTiming(_Frozen):
    """A recognised word with its times in the call (seconds) and confidence 0..1."""

    text: str
    start_secs: float
    end_secs: float
    confidence: float


class Evidence(_Frozen):
    """Why something was decided, in terms a person can check.

    kind "words": `text` said on `channel` in `utterance` at `t_secs`, carrying `label`; `start` is
    its character offset in the utterance's text, where it is a part of it.
    kind "voice": `value` of measure `label` (pitch_st, level_db, rate_ratio, shouting).
    kind "count": `value` times `label` (e.g. the 2nd mild attack).
    kind "timing": `value` seconds of `label` (the kinds of `Timing`), from `t_secs` on.
    """

    kind: Literal["words", "voice", "count", "timing"]
    label: str
    text: str | None = None
    value: float | None = None
    channel: Channel | None = None
    utterance: int | None = None
    t_secs: float | None = None
    start: int | None = None


class Event(_Frozen):
    """The envelope. Subclasses set `type` and add their payload."""

    durable: ClassVar[bool] = True

    v: Literal[1, 2] = VERSION
    type: str
    call: str
    seq: int | None = None
    t_secs: float

    def to_wire(self) -> str:
        """One line of JSON."""
        return self.model_dump_json()


class CallStarted(Event):
    """The call begins. `models` names every model that takes part and its version."""

    type: Literal["call.started"] = "call.started"
    source: str
    channels: tuple[str, ...]
    rate_hz: int
    team: str | None = None
    queue: str | None = None
    agent_ref: str | None = None
    policy: str
    models: dict[str, str]


class CallResumed(Event):
    """Audio is back after a gap."""

    type: Literal["call.resumed"] = "call.resumed"
    gap_secs: float


class CallInterrupted(Event):
    """The audio source is gone; the call may resume."""

    type: Literal["call.interrupted"] = "call.interrupted"
    gap_secs: float


class CallEnded(Event):
    """The call is over. reason: hangup | source_lost | stopped | error."""

    type: Literal["call.ended"] = "call.ended"
    reason: str
    final_stage: Stage
    duration_secs: float


class ConsentChanged(Event):
    """Consent to storing audio and to voice analysis, separately. `by`: who set it."""

    type: Literal["consent.changed"] = "consent.changed"
    recording: bool
    voice: bool
    by: str


class SpeechPartial(Event):
    """What is being said right now; `rev` counts the revisions of one utterance."""

    durable: ClassVar[bool] = False
    type: Literal["speech.partial"] = "speech.partial"
    channel: Channel
    utterance: int
    text: str
    rev: int


class SpeechFinal(Event):
    """One recognised utterance. `turn` groups utterances of one channel until the other speaks."""

    type: Literal["speech.final"] = "speech.final"
    channel: Channel
    utterance: int
    turn: int
    text: str
    words: tuple[WordTiming, ...]
    redactions: tuple[str, ...] = ()


class Tone(Event):
    """Live scores of an unfinished utterance; a later revision replaces an earlier one."""

    durable: ClassVar[bool] = False
    type: Literal["tone"] = "tone"
    utterance: int
    rev: int
    labels: dict[str, float]
    severity: int
    target: str
    evidence: tuple[Evidence, ...]


class ToneFinal(Event):
    """Scores of a finished utterance: the labels assigned with their probabilities.

    `hints`: findings that are no label but count for a side cue (see `TextScore.hints`).
    """

    type: Literal["tone.final"] = "tone.final"
    utterance: int
    labels: dict[str, float]
    severity: int
    target: str
    evidence: tuple[Evidence, ...]
    model: str
    hints: tuple[str, ...] = ()


class Voice(Event):
    """The customer's voice now (4 a second), relative to the caller's own start."""

    durable: ClassVar[bool] = False
    type: Literal["voice"] = "voice"
    agitation: float | None
    uncertainty: float
    shouting: bool
    f0_st: float | None
    level_db: float | None
    rate_ratio: float | None


class VoiceSummary(Event):
    """The customer's voice over one turn so far, with the reasons in plain units."""

    type: Literal["voice.summary"] = "voice.summary"
    turn: int
    agitation: float | None
    reasons: tuple[Evidence, ...]


class Timing(Event):
    """Who spoke when, across channels; see `monitor.timing` for the kinds.

    secs: how long both spoke (talk_over, interruption), nobody spoke (dead_air), or the agent
    spoke (agent_share) between start and end.
    """

    type: Literal["timing"] = "timing"
    kind: Literal["talk_over", "interruption", "dead_air", "agent_share"]
    start_secs: float
    end_secs: float
    secs: float = 0.0


class StepSaid(Event):
    """The agent has taken a rung: heard in their words, or confirmed with the button."""

    type: Literal["step.said"] = "step.said"
    rung: Rung
    by: Literal["text", "button"]
    utterance: int | None = None


class StageChanged(Event):
    """The ladder moved. `from` and `to` on the wire."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True
    )
    type: Literal["stage.changed"] = "stage.changed"
    from_: Stage = Field(alias="from")
    to: Stage
    rule: str
    policy_version: str
    evidence: tuple[Evidence, ...]


class CueShown(Event):
    """Show this cue. `cue` is its id in the call; `name` which cue; the sentence is
    `phrase_id` of the phrase library with `slots` filled in; empty when each of them was used."""

    type: Literal["cue.shown"] = "cue.shown"
    cue: int
    name: str
    phrase_id: str
    slots: dict[str, str]
    evidence: tuple[Evidence, ...]
    rule: str
    policy_version: str


class CueCleared(Event):
    """Take this cue off the screen."""

    type: Literal["cue.cleared"] = "cue.cleared"
    cue: int
    why: Literal["said", "stepped_down", "expired", "replaced"]


class CueFeedback(Event):
    """What the agent made of a cue."""

    type: Literal["cue.feedback"] = "cue.feedback"
    cue: int
    kind: Literal["wrong", "undo", "reword", "customer_objects"]


class HelpRequested(Event):
    """The agent called the supervisor."""

    type: Literal["help.requested"] = "help.requested"


class NoteSent(Event):
    """A supervisor's line to the agent."""

    type: Literal["note.sent"] = "note.sent"
    text: str


class EndApproval(Event):
    """Approval to end the call, where the policy asks for it.

    state "timeout": no answer came in time, or the words since then leave it to the agent.
    """

    type: Literal["end.approval"] = "end.approval"
    state: Literal["asked", "granted", "refused", "timeout"]


class Degraded(Event):
    """A part does not work as it should, and why. part: asr | voice | store | audio | text."""

    type: Literal["degraded"] = "degraded"
    part: str
    reason: str


class Recovered(Event):
    """The part works again."""

    type: Literal["recovered"] = "recovered"
    part: str
    reason: str


class Erased(Event):
    """Tombstone: the payloads of these events were deleted for good."""

    type: Literal["erased"] = "erased"
    seqs: tuple[int, ...]
    kind: str


AnyEvent = Annotated[
    CallStarted | CallResumed | CallInterrupted | CallEnded | ConsentChanged
    | SpeechPartial | SpeechFinal | Tone | ToneFinal | Voice | VoiceSummary | Timing
    | StepSaid | StageChanged | CueShown | CueCleared | CueFeedback | HelpRequested | NoteSent
    | EndApproval | Degraded | Recovered | Erased,
    Field(discriminator="type"),
]  # fmt: skip
_adapter: TypeAdapter[Event] = TypeAdapter(AnyEvent)


def from_wire(data: str | bytes | dict[str, Any]) -> Event:
    """Parse one event. Raises `pydantic.ValidationError` for anything that is not one."""
    return (
        _adapter.validate_python(data) if isinstance(data, dict) else _adapter.validate_json(data)
    )


class Command(_Frozen):
    """What a screen asks for. `id` makes a repeated send harmless.

    said: the agent took `rung` (or the rung of `cue`). reword | wrong | undo: about `cue`.
    note: `text` to the agent. approve: `granted` or not. revoke: voice consent withdrawn.
    """

    id: str = Field(min_length=1, max_length=64)
    command: Literal["said", "reword", "wrong", "undo", "help", "note", "approve", "revoke"]
    cue: int | None = None
    rung: Rung | None = None
    text: str | None = Field(default=None, max_length=500)
    granted: bool | None = None
