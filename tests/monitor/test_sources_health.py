from __future__ import annotations

import numpy as np
import pytest

from monitor.sources import Notice
from monitor.sources.health import CLEAN_SECS, LevelWatch, Problems, measure

RATE_HZ = 1000


def tone(secs: float, amplitude: float) -> np.ndarray:
    t = np.arange(round(secs * RATE_HZ)) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * 97 * t)).astype(np.float32)


def watch(*channels: np.ndarray, cut: int = 0, alarm_secs: float = 5) -> list[Notice]:
    names = ("customer", "agent")[: len(channels)]
    levels = LevelWatch(names, RATE_HZ, alarm_secs=alarm_secs, problems=Problems())
    frames = np.stack(channels, axis=1)
    pieces = np.array_split(frames, range(cut, len(frames), cut)) if cut else [frames]
    return [notice for piece in pieces for notice in levels.push(piece)]


@pytest.mark.parametrize(
    ("amplitude", "verdict"),
    [(0.0, "no signal"), (0.0004, "no signal"), (0.001, "quiet"), (0.1, "ok"), (2.0, "overdriven")],
)
def test_levels(amplitude: float, verdict: str) -> None:
    assert measure(np.clip(tone(1, amplitude), -1, 1)).verdict == verdict


def test_the_level_of_a_sine_is_known() -> None:
    level = measure(tone(1, 0.5))
    assert level.peak_dbfs == pytest.approx(-6.02, abs=0.05)
    assert level.rms_dbfs == pytest.approx(-9.03, abs=0.05)
    assert level.clipped == 0


def test_nothing_at_all_has_a_level() -> None:
    assert measure(np.zeros(0, np.float32)).verdict == "no signal"


def test_a_dead_channel_is_reported_once_and_its_return_too() -> None:
    customer = np.concatenate([tone(3, 0.2), tone(20, 0.0), tone(3, 0.2)])
    notices = watch(customer, tone(26, 0.2))
    assert [notice.kind for notice in notices] == ["degraded", "recovered"]
    assert notices[0].reason.startswith("customer: no signal for 5 s")


def test_silence_shorter_than_the_alarm_is_nothing() -> None:
    assert watch(np.concatenate([tone(3, 0.2), tone(4, 0.0), tone(3, 0.2)])) == []


def test_an_overdriven_channel_must_be_clean_for_a_while() -> None:
    loud = np.clip(tone(3, 4.0), -1, 1)
    notices = watch(np.concatenate([loud, tone(CLEAN_SECS - 1, 0.2), loud, tone(10, 0.2)]))
    assert [notice.kind for notice in notices] == ["degraded", "recovered"]
    assert "overdriven" in notices[0].reason


def test_one_problem_mended_leaves_the_other_standing() -> None:
    customer = np.concatenate([tone(8, 0.0), tone(12, 0.2)])
    agent = np.concatenate([tone(10, 0.0), tone(10, 0.2)])
    notices = watch(customer, agent)
    assert [notice.kind for notice in notices] == ["degraded", "degraded", "degraded", "recovered"]
    assert "customer" in notices[1].reason
    assert "agent" in notices[1].reason
    assert "customer" not in notices[2].reason


@pytest.mark.parametrize("cut", [1, 7, 999, 1001])
def test_any_cut_gives_the_same_notices(cut: int) -> None:
    customer = np.concatenate([tone(3, 0.2), tone(6, 0.0), np.clip(tone(3, 4.0), -1, 1)])
    assert watch(customer, cut=cut) == watch(customer)
