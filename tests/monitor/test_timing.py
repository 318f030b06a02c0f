"""Who speaks when: every kind of notice on scripted activity, and that ticks do not matter."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.policy import ListenLimits, load_policy
from monitor.timing import BREATH_SECS, Noticed, Sound, TalkMeter

LIMITS = load_policy("standard").listen
LEVEL_DB = -25.0
Spans = list[tuple[float, float]]
"""When somebody speaks: from, to, in seconds."""


def run(
    customer: Spans,
    agent: Spans,
    until_secs: float,
    *,
    tick_ms: int = 100,
    limits: ListenLimits = LIMITS,
    customer_db: float = LEVEL_DB,
    agent_db: float = LEVEL_DB,
) -> list[Noticed]:
    """What the meter notices, told in ticks; a tick speaks if its middle does."""
    meter, noticed = TalkMeter(limits), []
    for end_ms in range(tick_ms, round(1000 * until_secs) + 1, tick_ms):
        middle_secs = (end_ms - tick_ms / 2) / 1000
        sounds = [
            Sound(any(start <= middle_secs < end for start, end in spans), level_db)
            for spans, level_db in ((customer, customer_db), (agent, agent_db))
        ]
        noticed += meter.push(end_ms / 1000, *sounds)
    return noticed


def kinds(noticed: list[Noticed]) -> list[str]:
    return [one.kind for one in noticed]


# Both at once ------------------------------------------------------------------------------------


def test_both_speaking_for_long_is_told_while_it_lasts_and_once() -> None:
    noticed = run([(0, 8)], [(3, 9)], 10)
    assert noticed == [Noticed("talk_over", 3.0, 5.5, 2.5)]


def test_a_little_less_is_nothing() -> None:
    assert run([(0, 5.5)], [(3, 5.4)], 8) == []


def test_talk_over_can_come_again_in_the_next_overlap() -> None:
    noticed = run([(0, 6), (8, 14)], [(3, 7), (10, 15)], 15)
    assert [(one.kind, one.start_secs) for one in noticed] == [
        ("talk_over", 3.0), ("talk_over", 10.0),
    ]  # fmt: skip


def test_it_does_not_matter_who_began() -> None:
    assert kinds(run([(3, 9)], [(0, 8)], 10)) == ["talk_over"]
    assert kinds(run([(0, 5)], [(0, 5)], 6)) == ["talk_over"]


def test_a_breath_does_not_end_what_somebody_says() -> None:
    noticed = run([(0, 4.1), (4.3, 8)], [(3, 9)], 10)
    assert noticed == [Noticed("talk_over", 3.0, 5.5, 2.5)]


def test_a_pause_does() -> None:
    pause = BREATH_SECS + 0.1
    assert "talk_over" not in kinds(run([(0, 4.5), (4.5 + pause, 6.5)], [(3, 8)], 9))


# Cut short ---------------------------------------------------------------------------------------


def test_who_holds_the_floor_and_gives_way_was_cut_short() -> None:
    noticed = run([(0, 4)], [(3, 8)], 9)
    assert noticed == [Noticed("interruption", 3.0, 4.0, 1.0)]


def test_it_is_told_when_it_is_over() -> None:
    assert run([(0, 4)], [(3, 8)], 4.2) == []
    assert kinds(run([(0, 4)], [(3, 8)], 4.3)) == ["interruption"]


def test_a_quick_answer_cuts_nobody_short() -> None:
    assert run([(0, 3.5)], [(3, 8)], 9) == []


@pytest.mark.parametrize("length_secs", [0.3, 0.6, 0.9])
def test_a_listening_noise_is_no_interruption(length_secs: float) -> None:
    assert run([(0, 8)], [(3, 3 + length_secs), (5, 5 + length_secs)], 9) == []


def test_starting_together_is_no_interruption() -> None:
    assert run([(2.5, 4)], [(3, 8)], 9) == [], "nobody held the floor yet"


def test_the_customer_may_cut_the_agent_short() -> None:
    assert run([(3, 8)], [(0, 4)], 9) == []


def test_what_was_told_as_talk_over_is_not_told_again_as_an_interruption() -> None:
    assert kinds(run([(0, 6)], [(3, 9)], 10)) == ["talk_over"]


# Echo --------------------------------------------------------------------------------------------


def test_an_echo_on_the_agents_channel_is_nobody_speaking() -> None:
    assert run([(0, 8)], [(3, 9)], 10, agent_db=LEVEL_DB - 15) == []


def test_an_echo_on_the_customers_channel_is_nobody_speaking() -> None:
    assert run([(0, 8)], [(3, 9)], 10, customer_db=LEVEL_DB - 15) == []


def test_somebody_quiet_still_speaks() -> None:
    assert kinds(run([(0, 8)], [(3, 9)], 10, agent_db=LEVEL_DB - 14)) == ["talk_over"]


def test_alone_the_level_says_nothing() -> None:
    noticed = run([(0, 1)], [(2, 3)], 14, customer_db=-5, agent_db=-60)
    assert noticed == [Noticed("dead_air", 3.0, 13.0, 10.0)]


# Silence -----------------------------------------------------------------------------------------


def test_silence_is_told_as_soon_as_it_is_long_and_at_every_multiple() -> None:
    noticed = run([(0, 2)], [], 33)
    assert noticed == [
        Noticed("dead_air", 2.0, 12.0, 10.0),
        Noticed("dead_air", 2.0, 22.0, 20.0),
        Noticed("dead_air", 2.0, 32.0, 30.0),
    ]


def test_nothing_is_silence_before_the_first_word() -> None:
    assert run([], [], 60) == []
    assert kinds(run([(40, 41)], [], 50)) == []


def test_the_next_silence_begins_anew() -> None:
    noticed = run([(0, 2)], [(13, 14)], 25)
    assert [(one.start_secs, one.secs) for one in noticed] == [(2.0, 10.0), (14.0, 10.0)]


def test_the_agents_last_word_begins_a_silence_too() -> None:
    assert run([(0, 2)], [(1, 4)], 14.5)[-1] == Noticed("dead_air", 4.0, 14.0, 10.0)


# Share -------------------------------------------------------------------------------------------

SHORT = replace(LIMITS, share_within_secs=10.0, agent_share_percent=75.0, dead_air_secs=120.0)


def test_one_sided_talk_is_told_with_the_seconds_the_agent_spoke() -> None:
    noticed = run([(8, 9)], [(0, 8)], 12, limits=SHORT)
    assert noticed == [Noticed("agent_share", 0.0, 10.0, 8.0)]


def test_a_share_needs_the_whole_window_first() -> None:
    assert run([], [(0, 9.9)], 9.9, limits=SHORT) == []


def test_a_share_of_little_talk_says_nothing() -> None:
    assert run([], [(0, 4.9)], 20, limits=SHORT) == []
    assert kinds(run([], [(0, 5.1)], 20, limits=SHORT)) == ["agent_share"]


def test_the_share_must_be_above_the_limit() -> None:
    assert run([(6, 8)], [(0, 6)], 10, limits=SHORT) == [], "exactly 75 percent"
    assert kinds(run([(6.1, 8)], [(0, 6.1)], 10, limits=SHORT)) == ["agent_share"]


def test_the_share_is_that_of_the_window_only() -> None:
    noticed = run([(0, 10)], [(10, 30)], 30, limits=SHORT)
    assert noticed[0].kind == "agent_share"
    assert noticed[0].end_secs == pytest.approx(17.6)
    assert noticed[0].end_secs - noticed[0].start_secs == pytest.approx(10.0)
    assert noticed[0].secs == pytest.approx(7.6)


def test_the_share_is_told_once_a_window() -> None:
    noticed = run([], [(0, 35)], 35, limits=SHORT)
    assert [one.end_secs for one in noticed] == [10.0, 20.0, 30.0]


def test_a_talkative_customer_is_nobodys_fault() -> None:
    assert run([(0, 30)], [], 30, limits=SHORT) == []


# However the audio is cut ------------------------------------------------------------------------

STEPS = st.lists(st.tuples(st.integers(3, 60), st.integers(1, 150)), max_size=6)
"""Pauses and words in turn, in tenths of a second."""


def spans(steps: list[tuple[int, int]]) -> Spans:
    found, at = [], 0
    for pause, words in steps:
        found.append(((at + pause) / 10, (at + pause + words) / 10))
        at += pause + words
    return found


@settings(derandomize=True, deadline=None, max_examples=40)
@given(STEPS, STEPS, st.sampled_from([20, 25, 50]))
@example([(3, 9)], [(12, 9)], 20)
@example([(10, 40), (3, 20)], [(40, 60)], 25)
def test_ticks_of_any_length_give_the_same(
    customer: list[tuple[int, int]], agent: list[tuple[int, int]], tick_ms: int
) -> None:
    said = spans(customer), spans(agent)
    whole = run(*said, 90, tick_ms=100)
    cut = run(*said, 90, tick_ms=tick_ms)
    assert kinds(cut) == kinds(whole)
    for one, other in zip(cut, whole, strict=True):
        assert one.start_secs == pytest.approx(other.start_secs, abs=0.1001)
        assert one.end_secs == pytest.approx(other.end_secs, abs=0.1001)
        assert one.secs == pytest.approx(other.secs, abs=0.2001)


@pytest.mark.parametrize("tick_ms", [20, 30, 40, 60, 70, 80, 90, 100])
def test_a_call_gives_the_same_whatever_ticks_it_comes_in(tick_ms: int) -> None:
    """Ticks that do not fall in with the words: times are true to a tick."""
    customer = [(1.0, 6.0), (9.0, 15.0), (20.0, 24.0), (26.1, 26.6), (118.0, 121.0)]
    agent = [(7.0, 8.0), (12.0, 18.0), (22.7, 40.0), (52.0, 110.0)]
    expected = [
        Noticed("talk_over", 12.0, 14.5, 2.5),
        Noticed("interruption", 22.7, 24.0, 1.3),
        Noticed("dead_air", 40.0, 50.0, 10.0),
        Noticed("agent_share", 11.89, 71.89, 43.2),  # counted by hand in hundredths of a second
        Noticed("dead_air", 121.0, 131.0, 10.0),
    ]
    noticed = run(customer, agent, 131.5, tick_ms=tick_ms)
    assert kinds(noticed) == kinds(expected)
    for one, other in zip(noticed, expected, strict=True):
        assert one.start_secs == pytest.approx(other.start_secs, abs=2 * tick_ms / 1000)
        assert one.end_secs == pytest.approx(other.end_secs, abs=2 * tick_ms / 1000)
        assert one.secs == pytest.approx(other.secs, abs=2 * tick_ms / 1000)
