"""What holds for the screen in every call: random words, buttons, answers, silences and ticks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.text.score import AGENT_LABELS, CUSTOMER_LABELS, Channel, TextScore
from monitor.conversation import CommandRefused, Conversation, Utterance
from monitor.events import Command, CueCleared, CueShown, EndApproval, Event, StageChanged, StepSaid
from monitor.phrases import LADDER_CUES, PhraseBook
from monitor.policy import RUNGS, Policy, load_policy
from monitor.timing import Noticed

settled = settings(derandomize=True, deadline=None, max_examples=60)
BOOK = PhraseBook.load("de")
TICK_SECS = 0.25
COACH, STANDARD = load_policy("coach"), load_policy("standard")
HASTY = replace(
    COACH,
    version="hasty-1",
    side_cue_stays_secs=10.0,
    screen=replace(COACH.screen, stays_secs=1.0, per_minute=2, same_again_secs=5.0),
)
POLICIES = st.sampled_from([COACH, STANDARD, HASTY])


class NoModel:
    """Every utterance brings its score along."""

    name = "given"

    def score(
        self, text: str, channel: Channel, context: Sequence[tuple[Channel, str]] = ()
    ) -> TextScore:
        raise AssertionError((text, channel, context))


@dataclass(frozen=True)
class Said:
    channel: Channel
    labels: tuple[str, ...]
    severity: int
    hints: tuple[str, ...]


@dataclass(frozen=True)
class Pressed:
    """A command; `nth` of the cues on the screen where it is about one."""

    command: str
    nth: int = 0
    given: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Passes:
    """Nothing but time; what the customer's voice does."""

    speaking: bool
    shouting: bool


@dataclass(frozen=True)
class Doubt:
    """Recognition becomes unreliable, or reliable again."""

    reliable: bool


Happening = Said | Pressed | Passes | Doubt | Noticed


def said(channel: Channel) -> st.SearchStrategy[Said]:
    heated = ["insult", "frustration", "impatience", "threat", "price_claim", "cancellation"]
    labels = heated + list(CUSTOMER_LABELS) if channel == "customer" else list(AGENT_LABELS)
    hints = st.sampled_from(["du_form", "correction", "no_time", "expectation", "own_mistake"])
    return st.builds(
        Said,
        st.just(channel),
        st.lists(st.sampled_from(labels), max_size=2, unique=True).map(tuple),
        st.integers(0, 3),
        st.lists(hints, max_size=1).map(tuple),
    )


NOTICED = st.builds(
    Noticed,
    st.sampled_from(["talk_over", "interruption", "dead_air", "agent_share"]),
    st.integers(0, 9).map(float),
    st.just(10.0),
    st.just(50.0),
)
RUNG_SAID = st.sampled_from(RUNGS).map(lambda rung: Pressed("said", given=(("rung", rung),)))
YES = st.just(Pressed("approve", given=(("granted", True),)))
NO = st.just(Pressed("approve", given=(("granted", False),)))
ABOUT_A_CUE = st.builds(
    Pressed, st.sampled_from(["said", "reword", "wrong", "undo"]), st.integers(0, 1)
)
PASSES = st.builds(Passes, st.booleans(), st.booleans())
DOUBT = st.builds(Doubt, st.booleans())
# What the ladder is told, the same whatever is on the screen
ATTACK = st.just(Said("customer", ("insult",), 2, ()))
TOLD = st.one_of(ATTACK, ATTACK, said("customer"), said("agent"), NOTICED, RUNG_SAID, YES)
ANYTHING = st.one_of(TOLD, TOLD, TOLD, ABOUT_A_CUE, NO, PASSES, DOUBT)
GAPS = st.integers(0, 80).map(lambda eighths: eighths / 8)  # secs, exact in binary
CALM: list[tuple[float, Happening]] = []
AT_THE_END: list[tuple[float, Happening]] = [
    (1.0, Said("customer", ("insult",), 2, ())),
    (5.0, Said("agent", ("consequence_announcement",), 0, ())),
    (5.0, Said("customer", ("insult",), 2, ())),
]
BEGINNINGS = st.sampled_from([CALM, CALM, AT_THE_END])


def calls(
    happening: st.SearchStrategy[Happening],
) -> st.SearchStrategy[list[tuple[float, Happening]]]:
    """Half of them long; a third of them at the end of the ladder soon."""
    happenings = st.tuples(GAPS, happening)
    rest = st.lists(happenings, max_size=10) | st.lists(happenings, min_size=15, max_size=40)
    return st.builds(lambda one, other: [*one, *other], BEGINNINGS, rest)


CALLS, TOLD_CALLS = calls(ANYTHING), calls(TOLD)


@dataclass
class Played:
    """What came of a call: events with the cues in force after them, what the ladder raised."""

    policy: Policy
    events: list[Event] = field(default_factory=list)
    steps: list[tuple[list[Event], tuple[str, ...]]] = field(default_factory=list)
    raised: list[tuple[float, str, str]] = field(default_factory=list)
    closing: int = 0

    @property
    def moved(self) -> list[tuple[float, str, str]]:
        return [(e.t_secs, e.from_, e.to) for e in self.events if isinstance(e, StageChanged)]


def play(
    call: Sequence[tuple[float, Happening]], policy: Policy, tick_secs: float | None = TICK_SECS
) -> Played:
    """Play a call with a tick every so often between its happenings (None: no ticks)."""
    talk = Conversation("c", text_model=NoModel(), policy=policy, phrases=BOOK)
    played, now_secs, voice = Played(policy), 0.0, Passes(False, False)

    def add(events: list[Event]) -> None:
        played.events += events
        played.steps.append((events, talk.cues_in_force))

    for number, (gap_secs, happening) in enumerate(call, 1):
        then_secs = now_secs + gap_secs
        while tick_secs is not None and now_secs + tick_secs <= then_secs:
            now_secs += tick_secs
            add(talk.passed(now_secs, speaking=voice.speaking, shouting=voice.shouting))
        now_secs = then_secs
        match happening:
            case Said():
                labels = happening.labels
                score = TextScore(
                    dict.fromkeys(labels, 1.0), labels, happening.severity, "agent", (),
                    happening.hints,
                )  # fmt: skip
                utterance = Utterance(happening.channel, number, now_secs, "so ein satz")
                add(talk.heard(replace(utterance, score=score)))
            case Pressed():
                try:
                    add(talk.command(command(happening, number, played), now_secs))
                except CommandRefused:
                    continue
            case Noticed():
                moved = replace(happening, start_secs=now_secs - happening.start_secs)
                add(talk.noticed(moved, now_secs))
            case Passes():
                voice = happening
                continue
            case Doubt():
                if happening.reliable:
                    talk.resume()
                else:
                    add(talk.suspend(now_secs))
                continue
        played.raised += [(now_secs, cue.name, cue.rule) for cue in talk.raised]
    played.closing = len(played.events)
    add(talk.end(now_secs))
    played.raised += [(now_secs, cue.name, cue.rule) for cue in talk.raised]
    return played


def command(pressed: Pressed, number: int, played: Played) -> Command:
    given = dict(pressed.given)
    if not given:
        on = [cue.cue for cue in on_screen(played.events)]
        given["cue"] = on[pressed.nth % len(on)] if on else 999
    return Command.model_validate({"id": str(number), "command": pressed.command, **given})


def on_screen(events: Sequence[Event]) -> list[CueShown]:
    """What is on the screen after these events; fails where that makes no sense."""
    on: dict[int, CueShown] = {}
    seen: set[int] = set()
    for event in events:
        if isinstance(event, CueShown):
            assert event.cue in on or event.cue not in seen, "a cue that is gone comes not back"
            seen.add(event.cue)
            on[event.cue] = event
            lines = Counter(cue.name in LADDER_CUES for cue in on.values())
            assert max(lines.values()) == 1, "one cue a line"
        elif isinstance(event, CueCleared):
            del on[event.cue]
    return list(on.values())


def first_shown(played: Played) -> list[CueShown]:
    """Every cue when it came, without its further wordings and the end of the call."""
    first: dict[int, CueShown] = {}
    for event in played.events[: played.closing]:
        if isinstance(event, CueShown):
            first.setdefault(event.cue, event)
    return list(first.values())


@settled
@given(CALLS, POLICIES)
def test_one_ladder_cue_and_one_side_cue_at_most_are_on_the_screen(
    call: list[tuple[float, Happening]], policy: Policy
) -> None:
    played = play(call, policy)
    for upto in range(len(played.events) + 1):
        assert len(on_screen(played.events[:upto])) <= 2
    assert [cue.name for cue in on_screen(played.events)] in ([], ["aftercare"])


@settled
@given(CALLS, POLICIES)
def test_no_line_changes_faster_than_one_can_read(
    call: list[tuple[float, Happening]], policy: Policy
) -> None:
    shown = first_shown(play(call, policy))
    for of_ladder in (True, False):
        line = [cue.t_secs for cue in shown if (cue.name in LADDER_CUES) is of_ladder]
        assert all(b - a >= policy.screen.stays_secs for a, b in pairwise(line))


@settled
@given(CALLS, POLICIES)
def test_a_minute_holds_only_so_many_cues(
    call: list[tuple[float, Happening]], policy: Policy
) -> None:
    shown = [cue.t_secs for cue in first_shown(play(call, policy))]
    for last in shown:
        assert len([t for t in shown if last - 60 < t <= last]) <= policy.screen.per_minute


@settled
@given(CALLS, POLICIES)
def test_the_same_side_cue_does_not_come_again_too_soon(
    call: list[tuple[float, Happening]], policy: Policy
) -> None:
    last_secs: dict[str, float] = {}
    for cue in first_shown(play(call, policy)):
        if cue.name not in LADDER_CUES:
            before_secs = last_secs.get(cue.name, -1000.0)
            assert cue.t_secs - before_secs >= policy.screen.same_again_secs
            last_secs[cue.name] = cue.t_secs


@settled
@given(CALLS, POLICIES)
def test_what_is_shown_was_raised_before_and_is_still_due(
    call: list[tuple[float, Happening]], policy: Policy
) -> None:
    played = play(call, policy)
    new = {cue.cue for cue in first_shown(played)}
    for events, in_force in played.steps:
        for event in events:
            if isinstance(event, CueShown) and event.cue in new:
                new.remove(event.cue)
                assert event.name in in_force
    raised = Counter((name, rule) for _, name, rule in played.raised)
    shown = Counter((cue.name, cue.rule) for cue in first_shown(played))
    assert not shown - raised
    for cue in first_shown(played):
        assert any(
            (name, rule) == (cue.name, cue.rule) and t_secs <= cue.t_secs
            for t_secs, name, rule in played.raised
        )


@settled
@given(
    TOLD_CALLS,
    POLICIES,
    st.sampled_from([0.125, 0.5, 1.0, 7.0]),
    st.booleans(),
)
def test_pacing_and_ticks_change_neither_stages_nor_what_is_raised(
    call: list[tuple[float, Happening]], policy: Policy, tick_secs: float, shouting: bool
) -> None:
    whole = play(call, policy, None)
    loud = [(0.0, Passes(shouting, shouting)), *call]
    ticked = play(loud, policy, tick_secs)
    assert (ticked.raised, ticked.moved) == (whole.raised, whole.moved)
    unpaced = replace(policy.screen, stays_secs=1.0, per_minute=30, same_again_secs=0.0)
    other = play(call, replace(policy, screen=unpaced), tick_secs)
    assert (other.raised, other.moved) == (whole.raised, whole.moved)


@settled
@given(TOLD_CALLS)
def test_asking_for_approval_changes_neither_stages_nor_what_is_raised(
    call: list[tuple[float, Happening]],
) -> None:
    asking, free = play(call, COACH), play(call, replace(COACH, end_approved_by="nobody"))
    assert (asking.raised, asking.moved) == (free.raised, free.moved)


@settled
@given(calls(st.one_of(TOLD, NO, ABOUT_A_CUE)))
def test_nobody_is_kept_waiting_for_an_approval(call: list[tuple[float, Happening]]) -> None:
    played = play([*call, (25.0, Passes(False, False))], COACH)
    asked_secs: float | None = None
    for event in played.events:
        if asked_secs is not None:
            assert event.t_secs - asked_secs < COACH.end_approval_secs + TICK_SECS
        if isinstance(event, StepSaid) and event.rung == "end_call":
            asked_secs = None  # the agent did not wait for the answer
        if isinstance(event, EndApproval):
            assert (event.state == "asked") == (asked_secs is None)
            asked_secs = event.t_secs if event.state == "asked" else None


@settled
@given(CALLS, POLICIES)
def test_the_same_call_gives_the_same_events(
    call: list[tuple[float, Happening]], policy: Policy
) -> None:
    assert play(call, policy).events == play(call, policy).events


@pytest.mark.parametrize("policy", [COACH, STANDARD, HASTY], ids=lambda policy: policy.version)
def test_a_call_of_nothing_shows_nothing(policy: Policy) -> None:
    assert play([(60.0, Passes(True, True))], policy).events == []
