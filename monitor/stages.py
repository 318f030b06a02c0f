"""The ladder: how a call climbs and steps down, and which cue the agent gets. A pure machine.

    state = initial()
    state, outcomes = advance(state, heard, now_secs, policy)

What was heard becomes one `Signal`; the table `LADDER` says what a stage does with it; a pair it
does not list raises. The rules are written out in docs/ladder.md. Time is an argument, the state
never changes in place, and the same inputs always give the same outcomes.

Utterances of one turn work together as if they were one: each is added to the turn, and the
whole turn is decided anew from where the call stood before it. What differs from what was already
said out loud (a graver word, an apology that follows) becomes an outcome; nothing comes twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, assert_never, cast

from monitor.beside import (
    Reason,
    answered,
    pressed_again,
    put_right,
    reasons,
    refused,
    slipped,
    unheard,
    vented_again,
)
from monitor.events import STAGES, Evidence, Rung, Stage
from monitor.ladder import (
    ApprovalRefused,
    CallOver,
    CueDropped,
    CueRaised,
    DropReason,
    Elapsed,
    Input,
    LadderState,
    Moved,
    OpenCue,
    Outcome,
    StepConfirmed,
    StepTaken,
    initial,
)
from monitor.policy import RULE_CLAIMS, RUNGS, SIDE_CUES, Policy
from monitor.signals import (
    Counts,
    Sign,
    Signal,
    count,
    is_angry,
    is_attack,
    is_calm,
    is_grave,
    is_mild,
    signs,
)
from monitor.timing import Noticed
from monitor.turns import Heard, Turn

__all__ = [
    "LADDER", "ApprovalRefused", "CallOver", "CueDropped", "CueRaised", "DropReason", "Elapsed",
    "Heard", "Input", "LadderState", "Moved", "Noticed", "OpenCue", "Outcome", "Signal", "Step",
    "StepConfirmed", "StepTaken", "UnlistedTransitionError", "advance", "initial", "rung_of",
    "with_voice",
]  # fmt: skip

GRAVE_RULES: Final = ("threat", "severity_3")
"""Rules after which the agent alone decides about ending the call."""

_CONCERNS: Final = ("complaint", "price_claim", "cancellation")  # they say what the call is about


class Step(StrEnum):
    """What a stage does with a signal."""

    STAY = "stay"
    PASS = "pass"  # noqa: S105 - no password: the turn's next signal decides
    SHOW = "show"  # to understanding
    CLIMB = "climb"  # the rung above the highest one said
    NO_MIRROR = "no_mirror"  # climb, but to respect_request at least (policy)
    SHORT_CUT = "short_cut"  # climb, but to the rung the policy names at least, or to end_call
    DOWN = "down"  # one step: mirror and higher to understanding, understanding to calm
    RESET = "reset"  # calm, and the ladder begins anew
    END = "end"
    CLOSE = "close"
    AFTERCARE = "aftercare"


def _table(text: str) -> dict[tuple[Stage, Signal], Step]:
    head, *rows = (line.split() for line in text.strip().splitlines())
    return {
        (cast(Stage, stage), Signal(signal)): Step(step)
        for stage, *steps in rows
        for signal, step in zip(head[1:], steps, strict=True)
    }


LADDER: Final = _table("""
in_stage         threat     grave      advance    attack  apology  mild  heat  calm_kept  quiet  ended  over
calm             short_cut  short_cut  no_mirror  climb   pass     show  show  stay       stay   end    close
understanding    short_cut  short_cut  no_mirror  climb   down     stay  stay  reset      stay   end    close
mirror           short_cut  short_cut  no_mirror  climb   down     stay  stay  reset      stay   end    close
respect_request  short_cut  short_cut  no_mirror  climb   down     stay  stay  reset      stay   end    close
consequence      short_cut  short_cut  no_mirror  climb   down     stay  stay  reset      stay   end    close
end_call         climb      climb      climb      climb   stay     stay  stay  stay       stay   stay   aftercare
""")  # noqa: E501
"""The ladder. Rows: the stage before the turn. Columns: the signals, the most pressing first."""


class UnlistedTransitionError(LookupError):
    """The table lists no such pair: an event came where none can come (after the call's end)."""


def rung_of(name: str, state: LadderState) -> Rung | None:
    """The rung that saying this cue takes; None for a side cue.

    A quoted disclaimer stands in for understanding or for the mirror: for the one it was
    asked for.
    """
    if state.cue is not None and state.cue.name == name:
        return state.cue.rung
    if name == "quote_disclaimer":
        return "understanding" if state.understanding_due else "mirror"
    return next((rung for rung in RUNGS if rung == name), None)


def advance(
    state: LadderState, event: Input, now_secs: float, policy: Policy
) -> tuple[LadderState, tuple[Outcome, ...]]:
    """The state after `event` at `now_secs` (seconds into the call), and what follows from it.

    Raises `UnlistedTransitionError` for anything after the call is over.
    """
    if state.over:
        raise UnlistedTransitionError("the call is over: the ladder lists nothing after it")
    fresh, expired = _expire(state, now_secs, policy)
    match event:
        case Heard():
            after, outcomes = _hear(fresh, event, now_secs, policy)
        case StepConfirmed():
            after, outcomes = _confirm(fresh, event.rung)
        case Noticed():
            after, outcomes = _notice(fresh, event, now_secs, policy)
        case ApprovalRefused():
            after, outcomes = _between_turns(fresh, refused(), now_secs, policy)
        case Elapsed():
            after, outcomes = fresh, ()
        case CallOver():
            after, outcomes = _close(fresh, now_secs, policy)
        case _:
            assert_never(event)
    return after, (*expired, *outcomes)


def with_voice(outcomes: Sequence[Outcome], voice: Sequence[Evidence]) -> tuple[Outcome, ...]:
    """The outcomes of a customer's turn, each with what the voice did beside the words.

    The voice decides nothing here: it is told with what the words have decided.
    """
    if not voice:
        return tuple(outcomes)
    return tuple(
        replace(one, evidence=(*one.evidence, *voice))
        if isinstance(one, Moved | CueRaised)
        else one
        for one in outcomes
    )


# What was heard ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a turn comes to: the state after it, and by which rule."""

    state: LadderState
    rule: str = "no_signal"
    evidence: tuple[Evidence, ...] = ()


def _hear(
    state: LadderState, said: Heard, now_secs: float, policy: Policy
) -> tuple[LadderState, tuple[Outcome, ...]]:
    running = state.turn
    if running is not None and (running.channel, running.number) == (said.channel, said.turn):
        before = state.before or state
    else:
        running, before = Turn(said.channel, said.turn), replace(state, turn=None, before=None)
    turn = running.heard(said)
    if said.channel == "customer":
        verdict = _customer_turn(before, turn, now_secs, policy)
        steps: list[Outcome] = []
    else:
        verdict = _agent_turn(before, turn, now_secs, policy)
        new = verdict.state.steps_this_turn - state.steps_this_turn
        steps = [StepTaken(rung, "text", said.utterance) for rung in RUNGS if rung in new]
    after = replace(verdict.state, side_cues=_still_there(verdict.state, state, turn))
    changes = _changes(state, verdict, after, said.channel)
    raised = turn.raised.union(cue.name for cue in after.side_cues if cue.turn == turn.number)
    return (
        replace(after, turn=replace(turn, raised=raised), before=before),
        (*steps, *changes),
    )


def _still_there(after: LadderState, shown: LadderState, turn: Turn) -> tuple[OpenCue, ...]:
    """Side cues of the whole turn, without those that were raised in it and have expired since.

    One that was already shown keeps the time it was raised at.
    """
    known = {cue.key: cue for cue in shown.side_cues}
    known |= {  # raised in this turn, and since then again by something else (approval refused)
        (cue.name, turn.number): cue
        for cue in shown.side_cues
        if cue.turn < 0 and cue.name in turn.raised
    }
    return tuple(
        known.get(cue.key, cue)
        for cue in after.side_cues
        if cue.key in known or cue.turn != turn.number or cue.name not in turn.raised
    )


def _changes(
    shown: LadderState, verdict: _Verdict, after: LadderState, channel: str
) -> tuple[Outcome, ...]:
    """What is new in `after` to someone who was told everything up to `shown`."""
    drops: list[Outcome] = []
    raises: list[Outcome] = []
    lower = STAGES.index(after.stage) < STAGES.index(shown.stage)
    old = {cue.key for cue in (shown.cue, *shown.side_cues) if cue is not None}
    new = {cue.key for cue in (after.cue, *after.side_cues) if cue is not None}
    if shown.cue is not None and shown.cue.key not in new:
        why: DropReason = "said" if channel == "agent" else "stepped_down" if lower else "replaced"
        drops.append(CueDropped(shown.cue.name, why))
    for gone in shown.side_cues:
        if gone.key not in new:
            again = any(cue.name == gone.name for cue in after.side_cues)
            passed: DropReason = "replaced" if again else "expired"
            drops.append(CueDropped(gone.name, "said" if channel == "agent" else passed))
    for cue in (after.cue, *after.side_cues):
        if cue is not None and cue.key not in old:
            raises.append(CueRaised(cue.name, cue.rule, cue.evidence, cue.slots))
    moved: list[Outcome] = []
    if after.stage != shown.stage:
        moved.append(Moved(shown.stage, after.stage, verdict.rule, verdict.evidence))
    return (*drops, *moved, *raises)


# The customer ------------------------------------------------------------------------------------


def _customer_turn(before: LadderState, turn: Turn, now_secs: float, policy: Policy) -> _Verdict:
    state = _count(before, turn, now_secs, policy)
    counts = Counts(state.attacks_in_call, state.mild_attacks, state.calm_turns)
    for sign in signs(turn, counts, policy):
        step = _step(state.stage, sign.signal)
        if step is not Step.PASS:
            break
    state = _take(state, turn, step, sign, now_secs, policy)
    said, stage = _level(state.said_since_step_down), _level(state.stage)
    state = replace(state, understanding_due=said < 1 and stage <= 1)
    # `listen` is answered when the customer speaks again, not by the words that led to it
    unanswered = tuple(
        cue for cue in state.side_cues if cue.name != "listen" or turn.began_secs < cue.raised_secs
    )
    state = replace(state, side_cues=unanswered)
    pressed = pressed_again(turn, state.impatient_turns, policy)
    corrected = put_right(turn, only_checked=state.only_checked) if state.checked_facts else None
    for reason in (*reasons(turn, policy), corrected, pressed):
        state = _beside(state, turn, reason, now_secs, policy)
    if not (state.concern_named or state.asked_openly):
        vented = vented_again(turn, state.frustrated_turns, policy)
        state = _beside(state, turn, vented, now_secs, policy)
    return _Verdict(state, sign.rule, sign.evidence)


def _count(before: LadderState, turn: Turn, now_secs: float, policy: Policy) -> LadderState:
    """The counts and memories that this turn adds to, each once a turn."""
    new = {
        "attack": is_attack(turn, policy),
        "mild": is_mild(turn, policy),
        "frustration": is_angry(turn, policy),
        "impatience": turn.has("impatience"),
    }
    add = {name: int(given and name not in turn.counted) for name, given in new.items()}
    kept_secs = policy.mild_forgotten_after_secs
    forgotten = 0 < kept_secs <= now_secs - before.last_mild_secs
    calm_turns = before.calm_turns + (0 if turn.resumed else 1)
    return replace(
        before,
        attacks_in_call=before.attacks_in_call + add["attack"],
        mild_attacks=(0 if forgotten else before.mild_attacks) + add["mild"],
        last_mild_secs=now_secs if add["mild"] else before.last_mild_secs,
        frustrated_turns=before.frustrated_turns + add["frustration"],
        impatient_turns=before.impatient_turns + add["impatience"],
        calm_turns=calm_turns if is_calm(turn, policy) else 0,
        disclaimed=before.disclaimed or turn.has("disclaimer"),
        concern_named=before.concern_named or turn.has(*_CONCERNS) or "concern" in turn.hints,
        concern=before.concern or turn.concern,
        customer_spoke=True,
        steps_this_turn=before.steps_this_turn if turn.resumed else frozenset(),
    )


def _step(stage: Stage, signal: Signal) -> Step:
    try:
        return LADDER[stage, signal]
    except KeyError:
        raise UnlistedTransitionError(f"the ladder lists no {signal} in {stage}") from None


def _level(stage: Stage) -> int:
    return STAGES.index(stage)


def _take(
    state: LadderState, turn: Turn, step: Step, sign: Sign, now_secs: float, policy: Policy
) -> LadderState:
    """Carry out a step of the table that a customer turn can lead to."""
    said = state.said_since_step_down
    match step:
        case Step.STAY:
            return state
        case Step.RESET:
            return _lowered(state, "calm", "calm")
        case Step.DOWN if _level(state.stage) > 1:
            return _lowered(state, "understanding", "understanding")
        case Step.DOWN:
            return _lowered(state, "calm", STAGES[min(_level(said), 1)])
        case Step.SHOW:
            target = 1
        case Step.CLIMB | Step.NO_MIRROR | Step.SHORT_CUT:
            floor = _floor(said, step, sign.signal, policy)
            target = min(max(_level(said) + 1, _level(state.stage), floor), len(STAGES) - 1)
        case _:
            raise UnlistedTransitionError(f"{step} is nothing a customer's turn leads to")
    state = replace(state, stage=STAGES[target], cue=None)
    if target <= _level(said):  # said already: the stage is in force, and nothing is left to say
        return state
    cue = OpenCue(
        name=_cue_name(state, turn, target, step, policy),
        turn=turn.number,
        rung=RUNGS[target - 1],
        rule=sign.rule,
        raised_secs=now_secs,
        evidence=sign.evidence,
        slots=_slots(state, turn, policy, sign.rule),
    )
    return replace(state, cue=cue)


def _floor(said: Stage, step: Step, signal: Signal, policy: Policy) -> int:
    """The lowest stage that the signal leads to."""
    if step is Step.NO_MIRROR:
        return _level(policy.boundary_goes_to)
    if step is Step.SHORT_CUT:
        if _level(said) >= _level(policy.grave_ends_call_after):
            return _level("end_call")
        threat = signal is Signal.THREAT
        return _level(policy.threat_goes_to if threat else policy.grave_goes_to)
    return 0


def _lowered(state: LadderState, stage: Stage, said: Stage) -> LadderState:
    return replace(
        state, stage=stage, said_since_step_down=said, cue=None, mild_attacks=0, disclaimed=False
    )


def _cue_name(state: LadderState, turn: Turn, target: int, step: Step, policy: Policy) -> str:
    """The stage's own cue, or the customer's disclaimer handed back in its place.

    At an attack any disclaimer since the last step-down counts, else only one in this turn.
    """
    rung = RUNGS[target - 1]
    disclaimed = turn.has("disclaimer") or (step is Step.CLIMB and state.disclaimed)
    if policy.quote_disclaimer and disclaimed and rung in ("understanding", "mirror"):
        return "quote_disclaimer"
    return rung


def _slots(state: LadderState, turn: Turn | None, policy: Policy, rule: str) -> dict[str, str]:
    """What a sentence may name (`wort`, `anliegen`, `anzahl`) and claim.

    Claims: `said_…`, in how many turns of the call the agent said it; `threatened`, just now; and
    the rule that raised the cue.
    """
    slots = {
        f"said_{rung}": str(turns)
        for rung, turns in zip(RUNGS, state.said_in_call, strict=True)
        if turns
    }
    if rule in RULE_CLAIMS:
        slots[rule] = "1"
    requests = state.times_said("respect_request")
    if requests > 1:
        slots["anzahl"] = str(requests)
    if turn is not None and turn.word is not None and not is_grave(turn, policy):
        slots["wort"] = turn.word
    if turn is not None and turn.has("threat"):
        slots["threatened"] = "1"
    if state.concern is not None:
        slots["anliegen"] = state.concern
    return slots


# The agent ---------------------------------------------------------------------------------------

_SAID_BY: Final[Mapping[str, Rung]] = {
    "empathy": "understanding",
    "paraphrase": "mirror",
    "respect_request": "respect_request",
    "consequence_announcement": "consequence",
    "call_termination": "end_call",
}


def _agent_turn(before: LadderState, turn: Turn, now_secs: float, policy: Policy) -> _Verdict:
    done = answered(turn)
    opening = turn.has("greeting") or not before.customer_spoke
    asked = turn.has("open_question") and not opening  # the usual offer of help asks nothing yet
    state = replace(
        before,
        asked_openly=before.asked_openly or asked,
        hold_explained=turn.has("hold_explanation"),
        checked_facts=turn.has("confirm_understanding"),
        only_checked=turn.labels == {"confirm_understanding"},
        side_cues=tuple(
            cue
            for cue in before.side_cues
            if cue.name not in done and cue.rule != "dead_air"  # the silence is over
        ),
    )
    rungs = _rungs_said(before, turn)
    if turn.sure(
        "agent_impolite", policy.side_cue_sure_from
    ):  # covers nothing; but an ended call is ended
        state = _beside(state, turn, slipped(turn), now_secs, policy)
        rungs = [rung for rung in rungs if rung == "end_call"]
    for rung in rungs:
        state = _said(state, rung)
    if "end_call" in rungs and policy.agent_may_end_early:
        state = _ended(state)
    return _Verdict(state, "agent_ended_call", turn.words(("call_termination",)))


def _rungs_said(before: LadderState, turn: Turn) -> list[Rung]:
    said = {rung for label, rung in _SAID_BY.items() if turn.has(label)}
    if turn.has("quote_disclaimer"):
        said.add("understanding" if before.understanding_due else "mirror")
    if before.attacks_in_call == 0:  # a goodbye: there was no abuse to end the call for
        said.discard("end_call")
    return [rung for rung in RUNGS if rung in said]


def _said(state: LadderState, rung: Rung) -> LadderState:
    """The agent has taken a rung: it and all below are covered; counted once a turn."""
    counts = state.said_in_call
    if rung not in state.steps_this_turn:
        at = RUNGS.index(rung)
        counts = (*counts[:at], counts[at] + 1, *counts[at + 1 :])
    covered = max(state.said_since_step_down, rung, key=_level)
    cue = state.cue
    if cue is not None and cue.rung is not None and _level(cue.rung) <= _level(covered):
        cue = None
    return replace(
        state, said_since_step_down=covered, said_in_call=counts, cue=cue,
        steps_this_turn=state.steps_this_turn | {rung},
    )  # fmt: skip


def _ended(state: LadderState) -> LadderState:
    if _step(state.stage, Signal.ENDED) is Step.END:
        return replace(state, stage="end_call")
    return state


def _confirm(state: LadderState, rung: Rung) -> tuple[LadderState, tuple[Outcome, ...]]:
    """The button. What the customer says next in the same turn is said after the step."""
    after = _said(state, rung)
    outcomes: list[Outcome] = []
    if rung not in state.steps_this_turn:
        outcomes.append(StepTaken(rung, "button", None))
    if rung == "end_call":
        after = _ended(after)
    outcomes += _changes(state, _Verdict(after, "agent_ended_call"), after, "agent")
    if after.turn is not None:
        turn = after.turn
        counted = {
            "attack": after.attacks_in_call > (state.before or state).attacks_in_call,
            "mild": after.mild_attacks > (state.before or state).mild_attacks,
            "frustration": after.frustrated_turns > (state.before or state).frustrated_turns,
            "impatience": after.impatient_turns > (state.before or state).impatient_turns,
        }
        after = replace(after, turn=turn.after_step(name for name, yes in counted.items() if yes))
        after = replace(after, before=replace(after, turn=None, before=None))
    return after, tuple(outcomes)


# Beside the ladder -------------------------------------------------------------------------------


def _notice(
    state: LadderState, noticed: Noticed, now_secs: float, policy: Policy
) -> tuple[LadderState, tuple[Outcome, ...]]:
    """Something about who speaks when."""
    late = state.interruption_secs
    if noticed.kind == "interruption":
        since_secs = now_secs - policy.listen.interruptions_within_secs
        late = (*(secs for secs in late if secs > since_secs), now_secs)
        state = _both(state, lambda one: replace(one, interruption_secs=late))
    if noticed.kind == "dead_air" and noticed.start_secs == state.silence_told_secs:
        return state, ()
    on_hold = state.hold_explained
    reason = unheard(noticed, interruptions=len(late), on_hold=on_hold, policy=policy)
    if reason is not None and noticed.kind == "dead_air":
        told_secs = noticed.start_secs
        state = _both(state, lambda one: replace(one, silence_told_secs=told_secs))
    return _between_turns(state, reason, now_secs, policy)


def _between_turns(
    state: LadderState, reason: Reason | None, now_secs: float, policy: Policy
) -> tuple[LadderState, tuple[Outcome, ...]]:
    """A side cue raised by no turn. It outlasts what else is said in the running one."""
    state = _both(state, lambda one: replace(one, notices=state.notices + 1))
    after = _both(state, lambda one: _beside(one, None, reason, now_secs, policy))
    return after, _changes(state, _Verdict(after), after, "customer")


def _both(state: LadderState, change: Callable[[LadderState], LadderState]) -> LadderState:
    """The state with a change that holds whatever else is said in the running turn."""
    before = None if state.before is None else change(state.before)
    return replace(change(state), before=before)


def _beside(
    state: LadderState, turn: Turn | None, reason: Reason | None, now_secs: float, policy: Policy
) -> LadderState:
    """The state with this side cue in force, if there is reason and the policy has it on."""
    if reason is None or reason.name not in policy.side_cues:
        return state
    cue = OpenCue(
        name=reason.name,
        turn=-1 - state.notices if turn is None else turn.number,
        rung=None,
        rule=reason.rule,
        raised_secs=now_secs,
        evidence=reason.evidence,
        slots=_slots(state, turn, policy, reason.rule),
    )
    others = [other for other in state.side_cues if other.name != cue.name]
    ranked = sorted((*others, cue), key=lambda one: SIDE_CUES.index(one.name))
    return replace(state, side_cues=tuple(ranked))


def _expire(
    state: LadderState, now_secs: float, policy: Policy
) -> tuple[LadderState, tuple[Outcome, ...]]:
    """Take away the side cues that have been there long enough."""
    stale = {
        cue.key
        for cue in state.side_cues
        if now_secs - cue.raised_secs >= policy.side_cue_stays_secs
    }
    if not stale:
        return state, ()
    before = state.before
    if before is not None:
        left = tuple(cue for cue in before.side_cues if cue.key not in stale)
        before = replace(before, side_cues=left)
    left = tuple(cue for cue in state.side_cues if cue.key not in stale)
    dropped = tuple(CueDropped(name, "expired") for name, _ in sorted(stale))
    return replace(state, side_cues=left, before=before), dropped


def _close(
    state: LadderState, now_secs: float, policy: Policy
) -> tuple[LadderState, tuple[Outcome, ...]]:
    """The end of the call: what was due is due no more; after an abusive call, aftercare."""
    step = _step(state.stage, Signal.OVER)
    open_cues = [cue for cue in (state.cue, *state.side_cues) if cue is not None]
    outcomes: list[Outcome] = [CueDropped(cue.name, "expired") for cue in open_cues]
    after = replace(state, cue=None, side_cues=(), turn=None, before=None, over=True)
    if step is Step.AFTERCARE:
        attacks = (count("attack", state.attacks_in_call),)
        ended = Reason("aftercare", "call_ended_in_end_call", attacks)
        after = _beside(after, None, ended, now_secs, policy)
        outcomes += [CueRaised(c.name, c.rule, c.evidence, c.slots) for c in after.side_cues]
    return after, tuple(outcomes)
