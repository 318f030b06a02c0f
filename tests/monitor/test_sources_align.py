from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources.align import MAX_SKEW_SECS, Aligner

RATE_HZ = 1000
MAX_SKEW = round(MAX_SKEW_SECS * RATE_HZ)


def ramp(first: int, count: int) -> np.ndarray:
    """Samples that can be told apart and never are zero, shape (count, 1)."""
    return np.arange(first, first + count, dtype=np.float32).reshape(-1, 1)


def test_two_devices_in_step_stay_in_step() -> None:
    aligner = Aligner((1, 1), RATE_HZ)
    out = []
    for at in range(0, 1000, 20):
        out += [aligner.push(0, ramp(at + 1, 20)), aligner.push(1, ramp(at + 1, 20))]
    joined = np.concatenate([*out, aligner.flush()])
    assert joined.shape == (1000, 2)
    assert np.array_equal(joined[:, 0], joined[:, 1])


def test_a_device_that_starts_late_is_waited_for_and_then_filled_up() -> None:
    aligner = Aligner((1, 1), RATE_HZ)
    assert len(aligner.push(0, ramp(1, MAX_SKEW))) == 0
    first = aligner.push(0, ramp(MAX_SKEW + 1, 20))
    assert first.shape == (MAX_SKEW + 20, 2)
    assert not first[:, 1].any()
    assert len(aligner.push(1, ramp(1, 20))) == 0
    assert aligner.push(0, ramp(1001, 20)).tolist() == [[1001 + i, 1 + i] for i in range(20)]


def test_the_other_goes_on_when_one_is_lost_and_they_meet_again() -> None:
    aligner = Aligner((1, 1), RATE_HZ)
    aligner.push(0, ramp(1, 100))
    aligner.push(1, ramp(1, 100))
    held = aligner.push(0, ramp(101, 50))
    assert len(held) == 0, "the second is expected to follow"
    assert len(aligner.lost(1)) == 50, "now it is not"
    assert len(aligner.push(0, ramp(151, 1000))) == 1000
    back = np.concatenate([aligner.push(1, ramp(101, 20)), aligner.push(0, ramp(1151, 20))])
    assert back.tolist() == [[1151 + i, 101 + i] for i in range(20)]


def test_a_device_that_lags_too_far_behind_is_filled_up() -> None:
    aligner = Aligner((1, 1), RATE_HZ)
    aligner.push(0, ramp(1, 10))
    aligner.push(1, ramp(1, 10))
    assert len(aligner.push(0, ramp(11, MAX_SKEW))) == 0
    out = aligner.push(0, ramp(11 + MAX_SKEW, 1))
    assert len(out) == MAX_SKEW + 1
    assert not out[:, 1].any()


def test_a_burst_of_silence_from_a_device_that_starts_does_not_tear_the_other() -> None:
    aligner = Aligner((1, 1), RATE_HZ)
    out = [aligner.push(0, ramp(1, 200)), aligner.push(1, np.zeros((2000, 1), np.float32))]
    for at in range(201, 1201, 20):
        out += [aligner.push(0, ramp(at, 20)), aligner.push(1, ramp(at, 20))]
    joined = np.concatenate([*out, aligner.flush()])
    heard = np.flatnonzero(joined[:, 0])
    assert len(heard) == 1200
    assert np.ptp(heard) + 1 == 1200, "no silence was put into it"
    both = joined[(joined[:, 0] != 0) & (joined[:, 1] != 0)]
    assert np.array_equal(both[:, 0], both[:, 1]), "and they are in step"


def test_a_stereo_device_comes_through_as_it_is() -> None:
    aligner = Aligner((2,), RATE_HZ)
    frames = np.concatenate([ramp(1, 10), ramp(101, 10)], axis=1)
    assert np.array_equal(aligner.push(0, frames), frames)
    assert len(aligner.flush()) == 0


steps = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(0, 1), st.integers(0, 700)),
        st.tuples(st.just("lost"), st.integers(0, 1), st.just(0)),
    ),
    max_size=40,
)


@given(steps)
def test_nothing_is_dropped_or_reordered_whatever_happens(
    plan: list[tuple[str, int, int]],
) -> None:
    aligner, sent, out = Aligner((1, 1), RATE_HZ), [0, 0], []
    for kind, device, count in plan:
        if kind == "lost":
            out.append(aligner.lost(device))
        else:
            out.append(aligner.push(device, ramp(sent[device] + 1, count)))
            sent[device] += count
        held = sum(sent) - sum(np.count_nonzero(piece) for piece in out)
        assert held <= MAX_SKEW, "no device waits longer than the largest skew"
    joined = np.concatenate([*out, aligner.flush()])
    for device in (0, 1):
        heard = joined[:, device]
        assert heard[heard != 0].tolist() == list(range(1, sent[device] + 1))


@pytest.mark.parametrize("ppm", [1200, -1200])
def test_two_clocks_that_drift_apart(ppm: int) -> None:
    """0.72 s in ten minutes: the timeline follows the faster one, the slower is filled up."""
    aligner, block, secs = Aligner((1, 1), RATE_HZ), 100, 600
    out, sent, owed = [], 0, 0.0
    for _ in range(secs * RATE_HZ // block):
        out.append(aligner.push(0, np.ones((block, 1), np.float32)))
        owed += block * (1 + ppm / 1e6)
        out.append(aligner.push(1, np.ones((int(owed) - sent, 1), np.float32)))
        sent = int(owed)
    joined = np.concatenate([*out, aligner.flush()])
    assert len(joined) == pytest.approx(secs * RATE_HZ * (1 + max(ppm, 0) / 1e6), abs=block)
    slower = 0 if ppm > 0 else 1
    assert np.count_nonzero(joined[:, slower] == 0) == pytest.approx(720, abs=block)
