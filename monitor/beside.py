"""The cues beside the ladder: what raises each, what the agent answers it by, which comes first.

They never change the stage. One is raised by every turn that gives reason for it. It is cleared
when the agent answers it, after a time (policy `side_cues.stay_secs`), or by its next occurrence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from monitor.events import Evidence
from monitor.policy import Policy, SideCueName
from monitor.signals import count
from monitor.turns import Turn


@dataclass(frozen=True, slots=True)
class SideCue:
    """`raised_by`: labels or hints of the customer's turn; `answered_by`: labels of the agent's."""

    name: SideCueName
    raised_by: tuple[str, ...] = ()
    answered_by: tuple[str, ...] = ()


BESIDE: Final = (
    SideCue("involve_supervisor", ("threat", "supervisor_request")),
    SideCue("keep_formal_sie", ("boundary_crossing", "du_form")),
    SideCue("check_claim", ("price_claim",)),
    SideCue("confirm_understanding", ("correction",), ("confirm_understanding",)),
    SideCue("open_question", (), ("open_question",)),  # raised by `vented_again`
    SideCue("explain_wait", ("impatience",), ("hold_explanation",)),
    SideCue("stay_factual", ("generalisation",)),  # and after an impolite turn of the agent's
)
"""The table. `aftercare` is no part of it: it comes once, when the call is over."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A side cue that a turn gives reason for, the rule, and what it rests on."""

    name: SideCueName
    rule: str
    evidence: tuple[Evidence, ...]


def reasons(turn: Turn) -> list[Reason]:
    """The side cues that the words of a customer turn give reason for."""
    given = turn.labels | turn.hints
    return [
        Reason(cue.name, next(label for label in cue.raised_by if label in given), words)
        for cue in BESIDE
        if (words := turn.words(cue.raised_by))
    ]


def vented_again(turn: Turn, frustrated_turns: int, policy: Policy) -> Reason | None:
    """open_question: anger once more. The caller knows that no concern was named or asked for."""
    if frustrated_turns != policy.open_question_frustrated_turns:
        return None
    if not turn.has("frustration") or "frustration" in turn.counted:
        return None
    evidence = (*turn.words(("frustration",)), count("frustration", frustrated_turns))
    return Reason("open_question", "no_concern_named", evidence)


def slipped(turn: Turn) -> Reason:
    """stay_factual after an impolite turn of the agent's."""
    return Reason("stay_factual", "agent_impolite", turn.words(("agent_impolite",)))


def answered(turn: Turn) -> frozenset[SideCueName]:
    """The side cues that an agent turn answers."""
    return frozenset(cue.name for cue in BESIDE if turn.has(*cue.answered_by))
