"""What goes into the ladder, what comes out of it, and where a call stands: plain frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from monitor.events import Evidence, Rung, Stage
from monitor.policy import RUNGS
from monitor.timing import Noticed
from monitor.turns import Heard, Turn

DropReason = Literal["said", "stepped_down", "expired", "replaced"]


@dataclass(frozen=True, slots=True)
class StepConfirmed:
    """The agent pressed "gesagt": they have taken `rung`."""

    rung: Rung


@dataclass(frozen=True, slots=True)
class CallOver:
    """The call is over; nothing comes after it."""


@dataclass(frozen=True, slots=True)
class ApprovalRefused:
    """The supervisor does not approve of ending the call: they are needed in it."""


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Time has passed, nothing else."""


Input = Heard | StepConfirmed | Noticed | ApprovalRefused | Elapsed | CallOver


@dataclass(frozen=True, slots=True)
class StepTaken:
    """The agent has taken a rung (once a turn)."""

    rung: Rung
    by: Literal["text", "button"]
    utterance: int | None


@dataclass(frozen=True, slots=True)
class Moved:
    """The stage changed."""

    from_: Stage
    to: Stage
    rule: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class CueRaised:
    """A cue is due. `slots`: what its sentence may name or claim (see `monitor.phrases`)."""

    name: str
    rule: str
    evidence: tuple[Evidence, ...]
    slots: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CueDropped:
    """A cue raised earlier is due no more."""

    name: str
    why: DropReason


Outcome = StepTaken | Moved | CueRaised | CueDropped


@dataclass(frozen=True, slots=True)
class OpenCue:
    """A cue in force, raised in `turn` (below 0: by none).

    rung: what answers it; None for a side cue.
    """

    name: str
    turn: int
    rung: Rung | None
    rule: str
    raised_secs: float
    evidence: tuple[Evidence, ...]
    slots: Mapping[str, str]

    @property
    def key(self) -> tuple[str, int]:
        """What makes it this cue and not one of the same name in another turn."""
        return self.name, self.turn


@dataclass(frozen=True, slots=True)
class LadderState:
    """Where a call stands.

    stage: in force. said_since_step_down: the highest rung said or covered since then ("calm":
    none); it drives the ladder. said_in_call: turns in which each of `RUNGS` was said; never
    reset, it limits what sentences may claim. cue: the ladder cue in force; side_cues: those
    beside it, the most urgent first.
    """

    stage: Stage = "calm"
    said_since_step_down: Stage = "calm"
    said_in_call: tuple[int, ...] = (0,) * len(RUNGS)
    cue: OpenCue | None = None
    side_cues: tuple[OpenCue, ...] = ()
    mild_attacks: int = 0  # turns since the last step-down
    attacks_in_call: int = 0  # turns, mild ones too
    calm_turns: int = 0  # customer turns in a row
    frustrated_turns: int = 0
    impatient_turns: int = 0
    last_mild_secs: float = 0.0
    disclaimed: bool = False  # since the last step-down
    concern_named: bool = False
    concern: str | None = None
    customer_spoke: bool = False
    asked_openly: bool = False
    hold_explained: bool = False  # in the agent's last turn
    checked_facts: bool = False  # in the agent's last turn
    only_checked: bool = False  # and did nothing else in it
    interruption_secs: tuple[float, ...] = ()  # when the customer was cut short, lately
    silence_told_secs: float | None = None  # start of the silence that `listen` was raised for
    notices: int = 0
    understanding_due: bool = True  # when the customer finished: no understanding shown yet
    steps_this_turn: frozenset[Rung] = frozenset()  # the agent's, since the customer last spoke
    over: bool = False
    # The running turn, and where the call stood before it
    turn: Turn | None = None
    before: LadderState | None = field(default=None, repr=False)

    def times_said(self, rung: Rung) -> int:
        """In how many turns of this call the agent has said `rung` itself."""
        return self.said_in_call[RUNGS.index(rung)]


def initial() -> LadderState:
    """The state in which every call begins."""
    return LadderState()
