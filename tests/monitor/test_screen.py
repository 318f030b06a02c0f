"""The pace of the agent's screen: every value of `Pacing`, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.policy import RUNGS, Pacing
from monitor.screen import Change, Clear, Due, Screen, Show

PACING = Pacing(
    stays_secs=4.0,
    urgent_stays_secs=12.0,
    per_minute=8,
    same_again_secs=20.0,
    wait_for_pause=True,
    pause_secs=0.4,
    pause_waited_for_secs=8.0,
)


def rung(number: int, name: str, due_secs: float = 0.0) -> Due:
    return Due(number, name, name, due_secs)


def side(number: int, name: str, due_secs: float = 0.0) -> Due:
    return Due(number, name, None, due_secs)


def changes(screen: Screen, until_secs: int, since_secs: int = 0) -> list[tuple[float, Change]]:
    """What changes when time passes in seconds."""
    return [
        (float(now), change)
        for now in range(since_secs, until_secs + 1)
        for change in screen.step(float(now))
    ]


# One cue a line, and long enough to be read ------------------------------------------------------


def test_a_cue_is_shown_at_once_on_a_free_line() -> None:
    screen = Screen(PACING)
    screen.raised(rung(1, "understanding"))
    screen.raised(side(2, "explain_wait"))
    assert screen.busy
    assert screen.step(0.0) == [Show(1), Show(2)]
    assert screen.on == (1, 2)
    assert not screen.busy


def test_the_next_ladder_cue_waits_until_the_one_before_was_read() -> None:
    screen = Screen(PACING)
    screen.raised(rung(1, "understanding"))
    screen.step(0.0)
    screen.dropped("understanding", "replaced")
    screen.raised(rung(2, "mirror", 1.0))
    assert screen.step(3.9) == []
    assert screen.on == (1,)
    assert screen.step(4.0) == [Clear(1, "replaced"), Show(2)]


def test_of_what_waits_on_the_ladder_only_the_last_is_shown() -> None:
    screen = Screen(PACING)
    screen.raised(rung(1, "understanding"))
    screen.step(0.0)
    for number, name in enumerate(("mirror", "respect_request", "consequence"), 2):
        screen.dropped(RUNGS[number - 2], "replaced")
        screen.raised(rung(number, name, number))
    assert changes(screen, 10) == [(4.0, Clear(1, "replaced")), (4.0, Show(4))]


def test_a_cue_that_is_due_no_more_may_be_read_first() -> None:
    screen = Screen(PACING)
    screen.raised(side(1, "explain_wait"))
    screen.step(0.0)
    assert screen.dropped("explain_wait", "expired") == []
    assert screen.on == (1,)
    assert changes(screen, 6) == [(4.0, Clear(1, "expired"))]


@pytest.mark.parametrize("why", ["said", "stepped_down"])
def test_what_was_said_or_stepped_down_goes_at_once(why: str) -> None:
    screen = Screen(PACING)
    screen.raised(rung(1, "mirror"))
    screen.raised(side(2, "explain_wait"))
    screen.step(0.0)
    assert screen.dropped("mirror", why) == [Clear(1, why)]
    assert screen.dropped("explain_wait", why) == [Clear(2, why)]
    assert screen.on == ()


def test_after_a_cue_was_said_the_next_does_not_come_at_once() -> None:
    screen = Screen(PACING)
    screen.raised(rung(1, "mirror"))
    screen.step(0.0)
    screen.dropped("mirror", "said")
    screen.raised(rung(2, "respect_request", 1.0))
    assert changes(screen, 8, 1) == [(4.0, Show(2))]


@pytest.mark.parametrize("why", ["said", "stepped_down", "expired", "replaced"])
def test_a_cue_that_is_dropped_before_its_time_is_never_shown(why: str) -> None:
    screen = Screen(PACING)
    screen.raised(rung(1, "understanding"))
    screen.raised(side(2, "explain_wait"))
    screen.step(0.0)
    screen.raised(rung(3, "mirror", 1.0))
    screen.raised(side(4, "involve_supervisor", 1.0))
    screen.dropped("mirror", why)
    screen.dropped("involve_supervisor", why)
    assert changes(screen, 60, 1) == []
    assert screen.on == (1, 2)


# The line beside the ladder ----------------------------------------------------------------------


def test_a_more_urgent_side_cue_takes_the_place_once_the_other_was_read() -> None:
    screen = Screen(PACING)
    screen.raised(side(1, "explain_wait"))
    screen.step(0.0)
    screen.raised(side(2, "involve_supervisor", 1.0))
    assert changes(screen, 8, 1) == [(4.0, Clear(1, "replaced")), (4.0, Show(2))]


def test_a_less_urgent_side_cue_leaves_the_other_one_longer() -> None:
    screen = Screen(PACING)
    screen.raised(side(1, "involve_supervisor"))
    screen.step(0.0)
    screen.raised(side(2, "explain_wait", 1.0))
    assert changes(screen, 30, 1) == [(12.0, Clear(1, "replaced")), (12.0, Show(2))]


def test_a_less_urgent_side_cue_comes_once_the_other_is_due_no_more_and_was_read() -> None:
    screen = Screen(PACING)
    screen.raised(side(1, "involve_supervisor"))
    screen.step(0.0)
    screen.raised(side(2, "explain_wait", 1.0))
    screen.dropped("involve_supervisor", "expired")
    assert changes(screen, 30, 1) == [(4.0, Clear(1, "expired")), (4.0, Show(2))]


def test_a_cue_marked_wrong_keeps_no_other_one_waiting_but_may_be_unmarked() -> None:
    screen = Screen(PACING)
    screen.raised(side(1, "involve_supervisor"))
    screen.step(0.0)
    screen.raised(side(2, "explain_wait", 1.0))
    screen.marked(1, wrong=True)
    screen.marked(1, wrong=False)
    assert changes(screen, 8, 1) == []
    screen.marked(1, wrong=True)
    assert screen.step(9.0) == [Clear(1, "replaced"), Show(2)]
    screen.raised(side(3, "stay_factual", 10.0))
    assert changes(screen, 20, 10) == [], "the mark was on the one before"


def test_of_several_side_cues_the_most_urgent_is_shown_first() -> None:
    screen = Screen(PACING)
    for number, name in enumerate(("stay_factual", "explain_wait", "listen", "check_claim"), 1):
        screen.raised(side(number, name))
    assert screen.step(0.0) == [Show(3)]
    screen.dropped("listen", "said")
    assert screen.step(4.0) == [Show(4)]


def test_a_side_cue_raised_again_waits_only_once() -> None:
    screen = Screen(PACING)
    screen.raised(side(1, "involve_supervisor"))
    screen.step(0.0)
    screen.raised(side(2, "explain_wait", 1.0))
    screen.raised(side(3, "explain_wait", 2.0))
    screen.dropped("involve_supervisor", "said")
    assert changes(screen, 60, 4) == [(4.0, Show(3))]


def test_the_same_side_cue_does_not_come_again_for_a_while() -> None:
    screen = Screen(PACING)
    screen.raised(side(1, "explain_wait"))
    screen.step(0.0)
    screen.dropped("explain_wait", "said")
    screen.raised(side(2, "explain_wait", 6.0))
    assert changes(screen, 30, 6) == [(20.0, Show(2))]


def test_meanwhile_another_one_may_come() -> None:
    screen = Screen(PACING)
    screen.raised(side(1, "check_claim"))
    screen.step(0.0)
    screen.dropped("check_claim", "said")
    screen.raised(side(2, "check_claim", 5.0))
    screen.raised(side(3, "stay_factual", 5.0))
    assert changes(screen, 30, 5) == [
        (5.0, Show(3)), (20.0, Clear(3, "replaced")), (20.0, Show(2)),
    ]  # fmt: skip


def test_a_ladder_cue_may_come_again_as_soon_as_it_was_read() -> None:
    screen = Screen(PACING)
    screen.raised(rung(1, "mirror"))
    screen.step(0.0)
    screen.dropped("mirror", "replaced")
    screen.raised(rung(2, "mirror", 1.0))
    assert changes(screen, 8, 1) == [(4.0, Clear(1, "replaced")), (4.0, Show(2))]


# Cues a minute -----------------------------------------------------------------------------------


def fill(screen: Screen, cues: int) -> None:
    """As many side cues as that, one every five seconds from 0 on."""
    names = ["keep_formal_sie", "check_claim", "confirm_understanding", "open_question",
             "explain_wait", "callback", "win_back", "stay_factual"]  # fmt: skip
    for number in range(cues):
        screen.raised(side(number + 1, names[number]))
        screen.step(5.0 * number)
        screen.dropped(names[number], "said")


def test_a_minute_holds_only_so_many_cues_and_one_place_is_the_ladders() -> None:
    screen = Screen(PACING)
    fill(screen, 7)
    assert screen.step(35.0) == []
    screen.raised(side(8, "involve_supervisor", 35.0))
    assert screen.step(36.0) == [], "the last place is kept"
    screen.raised(rung(9, "mirror", 37.0))
    assert screen.step(37.0) == [Show(9)]
    screen.dropped("mirror", "said")
    screen.raised(rung(10, "respect_request", 42.0))
    assert screen.step(59.9) == [], "eight within the minute"
    assert screen.step(60.0) == [Show(10)], "the first of them is a minute old"
    assert changes(screen, 90, 61) == [(65.0 + 5.0, Show(8))], "seven beside the ladder's"


def test_a_longer_minute_list_lets_more_come() -> None:
    screen = Screen(replace(PACING, per_minute=9))
    fill(screen, 8)
    screen.raised(side(9, "involve_supervisor", 41.0))
    screen.raised(rung(10, "mirror", 41.0))
    assert screen.step(41.0) == [Show(10)]


# The pause ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RUNGS[1:])
def test_while_the_customer_shouts_a_boundary_waits_for_the_pause(name: str) -> None:
    screen = Screen(PACING)
    screen.heard(0.0, speaking=True, shouting=True)
    screen.raised(rung(1, name))
    assert screen.step(0.0) == []
    screen.heard(1.0, speaking=True, shouting=False)
    assert screen.step(1.0) == [], "still in the same breath"
    screen.heard(2.0, speaking=False, shouting=False)
    assert screen.step(2.0) == []
    screen.heard(2.375, speaking=False, shouting=False)
    assert screen.step(2.375) == [], "too short to be a pause"
    screen.heard(2.5, speaking=False, shouting=False)
    assert screen.step(2.5) == [Show(1)]


def test_the_pause_must_be_in_one_piece() -> None:
    screen = Screen(PACING)
    screen.heard(0.0, speaking=True, shouting=True)
    screen.raised(rung(1, "mirror"))
    for tick in range(30):
        screen.heard(0.25 * tick, speaking=tick % 2 == 0, shouting=False)
        assert screen.step(0.25 * tick) == []


@pytest.mark.parametrize("name", RUNGS[1:])
def test_no_boundary_waits_longer_for_the_pause_than_that(name: str) -> None:
    screen = Screen(PACING)
    screen.heard(1.0, speaking=True, shouting=True)
    screen.raised(rung(1, name, 1.0))
    for now in range(2, 9):
        screen.heard(now, speaking=True, shouting=True)
        assert screen.step(now) == []
    screen.heard(9.0, speaking=True, shouting=True)
    assert screen.step(9.0) == [Show(1)]


def test_understanding_and_side_cues_do_not_wait_for_the_pause() -> None:
    screen = Screen(PACING)
    screen.heard(0.0, speaking=True, shouting=True)
    screen.raised(rung(1, "understanding"))
    screen.raised(side(2, "involve_supervisor"))
    assert screen.step(0.0) == [Show(1), Show(2)]


def test_a_disclaimer_handed_back_waits_as_the_rung_it_stands_for() -> None:
    screen = Screen(PACING)
    screen.heard(0.0, speaking=True, shouting=True)
    screen.raised(Due(1, "quote_disclaimer", "mirror", 0.0))
    assert screen.step(0.0) == []
    screen.raised(Due(2, "quote_disclaimer", "understanding", 0.0))
    assert screen.step(0.0) == [Show(2)]


def test_a_customer_who_only_speaks_is_not_waited_for() -> None:
    screen = Screen(PACING)
    screen.heard(0.0, speaking=True, shouting=False)
    screen.raised(rung(1, "consequence"))
    assert screen.step(0.0) == [Show(1)]


def test_a_policy_may_not_wait_for_the_pause() -> None:
    screen = Screen(replace(PACING, wait_for_pause=False))
    screen.heard(0.0, speaking=True, shouting=True)
    screen.raised(rung(1, "mirror"))
    assert screen.step(0.0) == [Show(1)]


def test_waiting_for_the_pause_keeps_the_cue_before_on_the_screen() -> None:
    screen = Screen(PACING)
    screen.raised(rung(1, "mirror"))
    screen.step(0.0)
    screen.heard(10.0, speaking=True, shouting=True)
    screen.raised(rung(2, "respect_request", 10.0))
    assert screen.step(10.0) == []
    assert screen.on == (1,)
    screen.heard(11.0, speaking=False, shouting=False)
    screen.heard(12.0, speaking=False, shouting=False)
    assert screen.step(12.0) == [Clear(1, "replaced"), Show(2)]


# Held, emptied, asked for ------------------------------------------------------------------------


def test_a_held_cue_comes_only_when_released() -> None:
    screen = Screen(PACING)
    screen.raised(rung(1, "end_call"), held=True)
    assert changes(screen, 100) == []
    screen.released(1)
    assert screen.step(101.0) == [Show(1)]


def test_a_held_cue_that_is_dropped_never_comes() -> None:
    screen = Screen(PACING)
    screen.raised(rung(1, "end_call"), held=True)
    screen.dropped("end_call", "expired")
    screen.released(1)
    assert changes(screen, 100) == []


def test_an_emptied_screen_stays_empty() -> None:
    screen = Screen(PACING)
    screen.raised(rung(1, "mirror"))
    screen.raised(side(2, "explain_wait"))
    screen.step(0.0)
    screen.dropped("mirror", "replaced")
    screen.raised(rung(3, "respect_request"))
    assert screen.emptied() == [Clear(1, "replaced"), Clear(2, "expired")]
    assert changes(screen, 100) == []
    assert (screen.on, screen.busy) == ((), False)


def test_what_the_end_of_the_call_shows_is_not_paced() -> None:
    screen = Screen(PACING)
    fill(screen, 7)
    assert screen.show(side(8, "aftercare"), 31.0) == [Show(8)]
    assert screen.on == (8,)
