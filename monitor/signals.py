"""What a customer's turn means to the ladder: its signals, each with the rule and its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from models.text.score import ATTACK_LABELS
from monitor.events import Evidence
from monitor.policy import Policy
from monitor.turns import Turn


class Signal(StrEnum):
    """Columns of the ladder's table, the most pressing first.

    A turn may carry several; the first that its stage does something with decides.
    """

    THREAT = "threat"  # violence or intimidation, open or veiled
    GRAVE = "grave"  # gravest words
    ADVANCE = "advance"  # a private advance or sexual remark, beyond a mild one
    ATTACK = "attack"  # a clear insult or competence attack, or one mild attack too many
    APOLOGY = "apology"
    MILD = "mild"  # a mild attack that is let pass
    HEAT = "heat"  # anger in the words, or a complaint in an agitated voice
    CALM_KEPT = "calm_kept"  # enough calm turns in a row
    QUIET = "quiet"  # nothing of all that
    # These two do not come from the customer
    ENDED = "ended"  # the agent ended the call because of abuse
    OVER = "over"  # the call is over


@dataclass(frozen=True, slots=True)
class Sign:
    """A signal of a turn, the rule that found it, and what it rests on."""

    signal: Signal
    rule: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts with this turn included: attacks in the call (mild ones too), mild attacks since the
    last step-down, calm customer turns in a row."""

    attacks: int
    mild_attacks: int
    calm_turns: int


def is_grave(turn: Turn, policy: Policy) -> bool:
    """Gravest words, or a threat (always grave)."""
    return turn.has("threat") or turn.severity >= policy.grave_severity_from


def is_mild(turn: Turn, policy: Policy) -> bool:
    """An attack on agent or staff, but a mild one."""
    return 0 < turn.attack_severity < policy.attack_severity_from


def is_attack(turn: Turn, policy: Policy) -> bool:
    """An attack on agent or staff of any degree."""
    return (
        turn.attack_severity > 0
        or turn.boundary_severity >= policy.boundary_severity_from
        or is_grave(turn, policy)
    )


def is_angry(turn: Turn, policy: Policy) -> bool:
    """Anger or exhaustion in the words, and sure enough."""
    return turn.sure("frustration", policy.frustration_sure_from)


def is_calm(turn: Turn, policy: Policy) -> bool:
    """A calm customer turn. Unknown agitation does not stand in the way."""
    return (
        turn.severity == 0
        and not turn.has("apology", "threat")
        and not is_angry(turn, policy)
        and (turn.agitation is None or turn.agitation <= policy.calm_agitation_up_to)
    )


def signs(turn: Turn, counts: Counts, policy: Policy) -> list[Sign]:
    """All signals of a customer turn, the most pressing first; QUIET is always the last."""
    found = [*_attacks(turn, counts, policy)]
    if policy.step_down_on_apology and turn.has("apology"):
        found.append(Sign(Signal.APOLOGY, "apology", turn.words(("apology",))))
    found += _mild(turn, counts, policy)
    found += _heat(turn, policy)
    if counts.calm_turns >= policy.calm_turns:
        kept = count("calm_turns", counts.calm_turns)
        found.append(Sign(Signal.CALM_KEPT, "calm_turns", (kept,)))
    found.append(Sign(Signal.QUIET, "no_signal", ()))
    return found


def count(label: str, value: int) -> Evidence:
    """Evidence of a count: the `value`-th `label`."""
    return Evidence(kind="count", label=label, value=float(value))


def _attacks(turn: Turn, counts: Counts, policy: Policy) -> list[Sign]:
    found: list[Sign] = []
    words = turn.words(ATTACK_LABELS)
    nth = count("attack", counts.attacks)
    if turn.has("threat"):
        found.append(Sign(Signal.THREAT, "threat", (*turn.words(("threat",)), nth)))
    if turn.severity >= policy.grave_severity_from:
        grave = turn.words((*ATTACK_LABELS, "boundary_crossing"))
        found.append(Sign(Signal.GRAVE, "severity_3", (*grave, nth)))
    if turn.boundary_severity >= policy.boundary_severity_from:
        advance = turn.words(("boundary_crossing",))
        found.append(Sign(Signal.ADVANCE, "boundary_crossing", (*advance, nth)))
    if turn.attack_severity >= policy.attack_severity_from:
        found.append(Sign(Signal.ATTACK, "attack", (*words, nth)))
    elif is_mild(turn, policy) and counts.mild_attacks > policy.mild_attacks_overlooked:
        mild = count("mild_attack", counts.mild_attacks)
        found.append(Sign(Signal.ATTACK, "repeated_mild_attack", (*words, mild)))
    return found


def _mild(turn: Turn, counts: Counts, policy: Policy) -> list[Sign]:
    overlooked = 0 < counts.mild_attacks <= policy.mild_attacks_overlooked
    if not (policy.understanding_on_mild_attack and is_mild(turn, policy) and overlooked):
        return []
    mild = count("mild_attack", counts.mild_attacks)
    return [Sign(Signal.MILD, "first_mild_attack", (*turn.words(ATTACK_LABELS), mild))]


def _heat(turn: Turn, policy: Policy) -> list[Sign]:
    if policy.understanding_on_frustration and is_angry(turn, policy):
        return [Sign(Signal.HEAT, "frustration", turn.words(("frustration",)))]
    agitation = turn.agitation
    if agitation is None or agitation < policy.complaint_agitation_from:
        return []
    if not turn.has("complaint"):
        return []
    voice = Evidence(kind="voice", label="agitation", value=agitation, channel="customer")
    return [Sign(Signal.HEAT, "agitated_complaint", (*turn.words(("complaint",)), voice))]
