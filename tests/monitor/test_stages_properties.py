"""What holds for the ladder in every call, whatever is said in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.text.score import AGENT_LABELS, CUSTOMER_LABELS, TextScore
from monitor.events import STAGES, Channel
from monitor.phrases import LADDER_CUES, PhraseBook
from monitor.policy import RUNGS, load_policy, policy_names
from monitor.signals import Counts, Signal, signs
from monitor.stages import (
    CallOver,
    CueDropped,
    CueRaised,
    Heard,
    LadderState,
    Moved,
    Outcome,
    StepConfirmed,
    StepTaken,
    advance,
    initial,
)
from monitor.turns import Turn

settled = settings(derandomize=True, deadline=None, max_examples=80)
POLICIES = {name: load_policy(name) for name in policy_names()}
STANDARD = POLICIES["standard"]
BOOK = PhraseBook.load("de")
AT_PEOPLE = ("insult", "competence_attack", "threat", "boundary_crossing")
SHORT_CUTS = ("severity_3", "threat", "boundary_crossing")


@dataclass(frozen=True)
class Said:
    """One turn, cut into utterances: the labels and hints of each, one severity for all."""

    channel: Channel
    parts: tuple[frozenset[str], ...]
    severity: int
    agitation: float | None
    hint: str | None

    def whole(self) -> Said:
        return replace(self, parts=(frozenset().union(*self.parts),))


def _turn(channel: Channel) -> st.SearchStrategy[Said]:
    labels = CUSTOMER_LABELS if channel == "customer" else AGENT_LABELS
    part = st.frozensets(st.sampled_from(labels), max_size=2)
    return st.builds(
        Said,
        st.just(channel),
        st.lists(part, min_size=1, max_size=4).map(tuple),
        st.integers(0, 3),
        st.none() | st.sampled_from([0.1, 0.35, 0.4, 0.5, 0.9]),
        st.none() | st.sampled_from(["du_form", "correction"]),
    )


TURNS = st.one_of(_turn("customer"), _turn("agent"))
CALLS = st.lists(TURNS, min_size=1, max_size=12)
BUTTONS = st.sampled_from(RUNGS).map(StepConfirmed)


def utterances(turn: Said, number: int) -> list[Heard]:
    """Words at people carry the turn's severity, all others none; the rest comes first."""
    heard = []
    for at, labels in enumerate(turn.parts):
        score = TextScore(
            assigned=tuple(sorted(labels)),
            severity=turn.severity if labels.intersection(AT_PEOPLE) else 0,
            hints=(turn.hint,) if turn.hint and at == 0 else (),
        )
        agitation = turn.agitation if at == 0 else None
        secs = 4.0 * number
        heard.append(Heard(turn.channel, number, 10 * number + at, secs, "…", score, agitation))
    return heard


def standing(state: LadderState) -> tuple[object, ...]:
    """All of a state that must not depend on how the turns were cut."""
    cues = [(cue.key, cue.rung) for cue in (state.cue, *state.side_cues) if cue is not None]
    kept = replace(state, cue=None, side_cues=(), turn=None, before=None)
    return (*cues, kept)


class Screen:
    """What someone sees who is told the outcomes: fails where they make no sense."""

    def __init__(self) -> None:
        self.stage = "calm"
        self.open: list[str] = []

    def show(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            match outcome:
                case CueRaised():
                    assert outcome.name not in self.open
                    self.open.append(outcome.name)
                case CueDropped():
                    self.open.remove(outcome.name)
                case Moved():
                    assert outcome.from_ == self.stage != outcome.to
                    self.stage = outcome.to
                case StepTaken():
                    pass
        assert len([name for name in self.open if name in LADDER_CUES]) <= 1


def play(call: Sequence[Said], policy=STANDARD) -> list[tuple[LadderState, tuple[Outcome, ...]]]:
    steps = []
    state = initial()
    for number, turn in enumerate(call):
        for heard in utterances(turn, number):
            state, outcomes = advance(state, heard, heard.t_secs, policy)
            steps.append((state, outcomes))
    return steps


@settled
@given(CALLS)
def test_cutting_turns_into_utterances_changes_nothing(call: list[Said]) -> None:
    whole, cut = initial(), initial()
    seen_whole, seen_cut = Screen(), Screen()
    for number, turn in enumerate(call):
        (heard,) = utterances(turn.whole(), number)
        whole, outcomes = advance(whole, heard, heard.t_secs, STANDARD)
        seen_whole.show(outcomes)
        for part in utterances(turn, number):
            cut, outcomes = advance(cut, part, part.t_secs, STANDARD)
            seen_cut.show(outcomes)
        assert standing(whole) == standing(cut)
        assert seen_whole.stage == seen_cut.stage == cut.stage
        assert sorted(seen_whole.open) == sorted(seen_cut.open)


@settled
@given(CALLS, st.sampled_from(sorted(POLICIES)))
def test_outcomes_are_all_a_screen_needs(call: list[Said], policy: str) -> None:
    screen = Screen()
    for state, outcomes in play(call, POLICIES[policy]):
        screen.show(outcomes)
        assert screen.stage == state.stage
        in_force = [cue.name for cue in (state.cue, *state.side_cues) if cue is not None]
        assert sorted(screen.open) == sorted(in_force)


@settled
@given(CALLS)
def test_no_cue_above_the_rung_said_plus_one_but_by_the_short_cut(call: list[Said]) -> None:
    state = initial()
    for number, turn in enumerate(call):
        (heard,) = utterances(turn.whole(), number)
        said, stage = state.said_since_step_down, state.stage
        state, outcomes = advance(state, heard, heard.t_secs, STANDARD)
        for cue in outcomes:
            if isinstance(cue, CueRaised) and cue.name in LADDER_CUES:
                assert state.cue is not None
                assert state.cue.rung is not None
                level = STAGES.index(state.cue.rung)
                assert level > STAGES.index(said), "what was said is not cued again"
                if cue.rule not in SHORT_CUTS:
                    assert level <= max(STAGES.index(said) + 1, STAGES.index(stage))


@settled
@given(CALLS)
def test_only_attacks_lead_above_understanding(call: list[Said]) -> None:
    tame = [
        replace(turn, parts=tuple(part.difference(AT_PEOPLE) for part in turn.parts))
        for turn in call
    ]
    for state, _ in play(tame):
        assert state.stage in ("calm", "understanding")


@settled
@given(_turn("customer"), st.integers(0, 3), st.integers(0, 4))
def test_signals_come_in_the_order_of_the_table(turn: Said, mild: int, calm: int) -> None:
    (heard,) = utterances(turn.whole(), 0)
    found = signs(Turn("customer", 0).heard(heard), Counts(1, mild, calm), STANDARD)
    order = [list(Signal).index(sign.signal) for sign in found]
    assert order == sorted(order)
    assert found[-1].signal is Signal.QUIET


@settled
@given(CALLS, CALLS, st.sampled_from(sorted(POLICIES)))
def test_end_call_never_steps_down(before: list[Said], after: list[Said], policy: str) -> None:
    ended = False
    for state, _ in play([*before, *after], POLICIES[policy]):
        ended = ended or state.stage == "end_call"
        assert not ended or state.stage == "end_call"


@settled
@given(CALLS)
def test_the_same_call_gives_the_same_outcomes(call: list[Said]) -> None:
    assert play(call) == play(call)


@settled
@given(CALLS)
def test_the_state_never_changes_in_place(call: list[Said]) -> None:
    states = [state for state, _ in play(call)]
    before = [repr(state) for state in states]
    heard = utterances(call[0], 99)[0]
    for state in states:
        advance(state, heard, 999.0, STANDARD)
    assert [repr(state) for state in states] == before


@settled
@given(st.lists(TURNS | BUTTONS, max_size=14))
def test_any_order_of_words_and_buttons_is_taken(events: list[Said | StepConfirmed]) -> None:
    state, screen = initial(), Screen()
    for number, event in enumerate(events):
        inputs = [event] if isinstance(event, StepConfirmed) else utterances(event, number // 2)
        for one in inputs:
            state, outcomes = advance(state, one, 4.0 * number, STANDARD)
            screen.show(outcomes)
    state, outcomes = advance(state, CallOver(), 4.0 * len(events), STANDARD)
    screen.show(outcomes)
    assert screen.open == (["aftercare"] if state.stage == "end_call" else [])


@settled
@given(st.lists(TURNS | BUTTONS, max_size=20))
def test_sentences_claim_only_what_was_said(events: list[Said | StepConfirmed]) -> None:
    """Counted anew from the labels: a request is a turn of the agent's that makes one."""
    said_by = {"empathy": "understanding", "paraphrase": "mirror"}
    said_by |= {"respect_request": "respect_request", "consequence_announcement": "consequence"}
    times = dict.fromkeys(said_by.values(), 0)
    since_customer: set[str] = set()
    state, used = initial(), set[str]()
    for number, event in enumerate(events):
        if isinstance(event, StepConfirmed):
            said, inputs = {event.rung}, [event]
        else:
            inputs = utterances(event.whole(), number)
            (labels,) = event.whole().parts
            polite = "agent_impolite" not in labels
            said = {rung for label, rung in said_by.items() if label in labels and polite}
            if "quote_disclaimer" in labels and polite:
                said |= {"understanding", "mirror"}  # one of them; no sentence claims a mirror
            if event.channel == "customer":
                since_customer = set()
        for rung in said - since_customer:
            times[rung] = times.get(rung, 0) + 1
        since_customer |= said
        state, outcomes = advance(state, inputs[0], 4.0 * number, STANDARD)
        for cue in outcomes:
            if not isinstance(cue, CueRaised):
                continue
            phrase = BOOK.choose(cue.name, used, cue.slots)
            if phrase is None:
                continue
            used.add(phrase.id)
            for claim, at_least in phrase.needs:
                if claim == "threatened":
                    assert "threat" in event.whole().parts[0]
                    continue
                assert times[claim.removeprefix("said_")] >= at_least
            if "anzahl" in phrase.slots:
                assert times["respect_request"] == int(cue.slots["anzahl"])
            assert "{" not in BOOK.render(phrase.id, cue.slots)


@settled
@given(st.permutations([["insult"], ["frustration"], [], ["impatience"]]), st.integers(0, 3))
def test_the_order_within_a_turn_does_not_matter(parts: list[list[str]], severity: int) -> None:
    turn = Said("customer", tuple(frozenset(part) for part in parts), severity, 0.5, None)
    whole, _ = play([turn.whole()])[-1]
    cut, _ = play([turn])[-1]
    assert standing(whole) == standing(cut)


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_every_policy_lets_a_call_climb_to_the_top_and_come_down(name: str) -> None:
    agent = ["empathy", "paraphrase", "respect_request", "consequence_announcement"]
    call = []
    for label in agent:
        call += [
            Said("customer", (frozenset({"insult"}),), 2, None, None),
            Said("agent", (frozenset({label}),), 0, None, None),
        ]
    for calm in (False, True):
        rest = [Said("customer", (frozenset({"insult"}),), 2, None, None)]
        if calm:
            rest = [Said("customer", (frozenset(),), 0, 0.1, None)] * 5
        state, _ = play([*call, *rest], POLICIES[name])[-1]
        assert state.stage == ("calm" if calm else "end_call")
