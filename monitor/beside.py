"""The cues beside the ladder: what raises each, what the agent answers it by, which comes first.

They never change the stage. One is raised by every turn that gives reason for it. It is cleared
when the agent answers it, after a time (policy `side_cues.stay_secs`), or by its next occurrence.
`listen` is raised by timing alone, and cleared when the customer speaks again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from monitor.events import Evidence
from monitor.policy import Policy, SideCueName
from monitor.signals import count
from monitor.timing import Noticed
from monitor.turns import Turn


@dataclass(frozen=True, slots=True)
class SideCue:
    """A row of the table.

    raised_by: labels or hints of the customer's turn. answered_by: labels of the agent's turn that
    clear it; time and its next occurrence do so with any cue.
    """

    name: SideCueName
    raised_by: tuple[str, ...] = ()
    answered_by: tuple[str, ...] = ()


BESIDE: Final = (
    SideCue("involve_supervisor", ("threat", "supervisor_request")),
    SideCue("keep_formal_sie", ("boundary_crossing", "du_form")),
    SideCue("listen"),  # raised by `unheard`
    SideCue("check_claim", ("price_claim",), ("confirm_understanding",)),
    SideCue("confirm_understanding", ("correction",), ("confirm_understanding",)),
    SideCue("open_question", (), ("open_question",)),  # raised by `once_more`
    SideCue("explain_wait", ("impatience",), ("hold_explanation",)),
    SideCue("callback", ("no_time",)),  # and raised by `once_more`
    SideCue("win_back", ("cancellation",), ("solution_offer", "open_question")),
    SideCue("stay_factual", ("generalisation",)),  # and after an impolite turn of the agent's
    SideCue("expectation_gap", ("expectation",), ("open_question",)),
    SideCue("save_face", ("own_mistake",), ("empathy",)),
)
"""The table, the most urgent first. `aftercare` is no part of it: it comes once, at the end."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A side cue that a turn gives reason for, the rule, and what it rests on."""

    name: SideCueName
    rule: str
    evidence: tuple[Evidence, ...]


def reasons(turn: Turn, policy: Policy) -> list[Reason]:
    """The side cues that the words of a customer turn give reason for, if sure enough."""
    found = []
    for cue in BESIDE:
        sure = [one for one in cue.raised_by if turn.sure(one, policy.side_cue_sure_from)]
        if sure:
            found.append(Reason(cue.name, sure[0], turn.words(sure)))
    return found


def vented_again(turn: Turn, frustrated_turns: int, policy: Policy) -> Reason | None:
    """open_question: anger once more. The caller knows that no concern was named or asked for."""
    if frustrated_turns != policy.open_question_frustrated_turns:
        return None
    return _once_more("open_question", "no_concern_named", "frustration", turn, frustrated_turns)


def put_right(turn: Turn, *, only_checked: bool) -> Reason | None:
    """confirm_understanding: the answer to a read-back is no yes, but another detail.

    A denial beside a dispute is none, nor is an answer that says more than the detail. Where the
    agent did more than read back (`only_checked` is false), it takes a clear denial.
    """
    denied = "denies" in turn.hints and turn.labels <= _GRUMBLING
    instead = "affirms" not in turn.hints and not turn.labels and turn.words_said <= _DETAIL_WORDS
    if "correction" in turn.hints or not (denied or (only_checked and instead)):
        return None
    evidence = turn.words(("denies",)) or tuple(turn.evidence[:1])
    return Reason("confirm_understanding", "correction", evidence)


_GRUMBLING: Final = frozenset({"frustration", "impatience"})
_DETAIL_WORDS: Final = 9


def pressed_again(turn: Turn, impatient_turns: int, policy: Policy) -> Reason | None:
    """callback: the customer is impatient once more."""
    if impatient_turns != policy.callback_impatient_turns:
        return None
    return _once_more("callback", "impatient_again", "impatience", turn, impatient_turns)


def _once_more(name: SideCueName, rule: str, label: str, turn: Turn, times: int) -> Reason | None:
    if not turn.has(label) or label in turn.counted:
        return None
    return Reason(name, rule, (*turn.words((label,)), count(label, times)))


def unheard(
    noticed: Noticed, *, interruptions: int, on_hold: bool, policy: Policy
) -> Reason | None:
    """listen: the customer is talked over, cut short, or left in silence.

    interruptions: those of late, this one included. on_hold: the agent has said why it takes time.
    """
    limits = policy.listen
    if noticed.kind == "interruption" and interruptions < limits.interruptions:
        return None
    if noticed.kind == "dead_air" and on_hold and noticed.secs < limits.dead_air_on_hold_secs:
        return None
    measured = Evidence(
        kind="timing", label=noticed.kind, value=noticed.secs, t_secs=noticed.start_secs
    )
    often = (count("interruption", interruptions),) if noticed.kind == "interruption" else ()
    return Reason("listen", noticed.kind, (measured, *often))


def refused() -> Reason:
    """involve_supervisor: they want the call to go on, so they should be in it."""
    return Reason("involve_supervisor", "approval_refused", ())


def slipped(turn: Turn) -> Reason:
    """stay_factual after an impolite turn of the agent's."""
    return Reason("stay_factual", "agent_impolite", turn.words(("agent_impolite",)))


def answered(turn: Turn) -> frozenset[SideCueName]:
    """The side cues that an agent turn answers."""
    return frozenset(cue.name for cue in BESIDE if turn.has(*cue.answered_by))
