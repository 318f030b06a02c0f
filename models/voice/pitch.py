"""Pitch (F0) on telephone audio: normalised cross-correlation and an online Viterbi search.

After D. Talkin, "A robust algorithm for pitch tracking (RAPT)", 1995: per hop a few lags at which
the waveform repeats itself, then the cheapest path through them. The telephone band removes the
fundamental of most voices; the repetition stays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

F0_MIN_HZ = 60.0
F0_MAX_HZ = 550.0
LOOK_HOPS = 8
"""Hops the search looks ahead before a pitch is settled."""

_RATE_HZ = 8000
_CORRELATED = 240  # samples compared: 30 ms
_LAG_MIN = int(_RATE_HZ / F0_MAX_HZ)
_LAG_MAX = int(np.ceil(_RATE_HZ / F0_MIN_HZ))

FRAME_BEFORE = _CORRELATED // 2
"""Samples of a frame before its centre."""
FRAME_AFTER = _CORRELATED // 2 + _LAG_MAX + 1
"""Samples of a frame from its centre on."""

_FFT = 384  # >= _CORRELATED + _LAG_MAX + 1, a fast length
_CANDIDATES = 6
_UNVOICED = _CANDIDATES  # the state after the candidates
# Costs, in units of correlation
_UNVOICED_COST = 0.8
_LONG_LAG_COST = 0.06  # at the longest lag, the same for every octave: one period, not two
_OCTAVE_COST = 1.0  # for an octave's jump between hops
_VOICING_CHANGE_COST = 0.2
_NO_CANDIDATE_COST = 3.0
_QUIET_DB = 32.0  # this far below the recent peak, voicing starts to cost 0.1 per dB
_PEAK_DECAY_DB = 0.02  # per hop
_RECTIFIED_SHARE = 0.4
_FLATNESS = 0.2  # 1 leaves the spectrum as it is, 0 makes it flat
_FLOOR = 1e-10  # power below which nothing correlates


class PitchTracker:
    """Frames of audio in, pitch and periodicity out, `LOOK_HOPS` hops later."""

    def __init__(self, rate_hz: int, hop_samples: int) -> None:
        if rate_hz != _RATE_HZ or hop_samples <= 0:
            raise ValueError(f"the tracker works at {_RATE_HZ} Hz, not at {rate_hz} Hz")
        self._peak_db = -200.0
        self._cost = np.zeros(_CANDIDATES + 1)
        self._log_lag = np.zeros(_CANDIDATES)
        # Of the hops not settled yet: lags and correlation of each candidate, best predecessor.
        self._lag = np.ones((LOOK_HOPS, _CANDIDATES))
        self._correlation = np.zeros((LOOK_HOPS, _CANDIDATES))
        self._origin = [[_UNVOICED] * (_CANDIDATES + 1)] * LOOK_HOPS

    def push(self, frames: Floats) -> tuple[Floats, Floats]:
        """Pitch of as many hops as there are frames, `LOOK_HOPS` hops behind them.

        frames: shape (n, FRAME_BEFORE + FRAME_AFTER). Returns f0_hz (n,), 0 where unvoiced, and
        strength (n,), 0..1. The result depends on how frames are grouped: always push equal groups.
        """
        lag, correlation, score, level_db = _candidates(frames)
        origin = self._search(np.log2(lag), score, level_db)
        self._lag = np.concatenate([self._lag, lag])
        self._correlation = np.concatenate([self._correlation, correlation])
        self._origin += origin
        state = int(self._cost.argmin())
        path = np.empty(len(self._origin), dtype=np.intp)
        for hop in range(len(self._origin) - 1, -1, -1):
            path[hop] = state
            state = self._origin[hop][state]
        count = len(frames)
        settled, hops = path[:count], np.arange(count)
        voiced = settled != _UNVOICED
        chosen = np.minimum(settled, _CANDIDATES - 1)
        f0_hz = np.where(voiced, _RATE_HZ / self._lag[hops, chosen], 0.0)
        best = self._correlation[:count].max(axis=1)
        strength = np.where(voiced, self._correlation[hops, chosen], best)
        self._lag, self._correlation = self._lag[count:], self._correlation[count:]
        self._origin = self._origin[count:]
        return f0_hz, np.clip(strength, 0.0, 1.0)

    def _search(self, log_lag: Floats, score: Floats, level_db: Floats) -> list[list[int]]:
        """Advance the cheapest paths over the frames; each state's best predecessor per hop."""
        count = len(log_lag)
        fall = _PEAK_DECAY_DB * np.arange(1, count + 1)
        peak_db = np.maximum(np.maximum.accumulate(level_db + fall), self._peak_db) - fall
        self._peak_db = float(peak_db[-1])
        quiet = np.maximum(0.0, (peak_db - _QUIET_DB - level_db) / 10.0)
        local = np.full((count, _CANDIDATES + 1), _UNVOICED_COST)
        local[:, :_CANDIDATES] = np.where(score < 0, _NO_CANDIDATE_COST, 1 - score + quiet[:, None])
        before = np.concatenate([self._log_lag[None], log_lag[:-1]])
        step = np.full((count, _CANDIDATES + 1, _CANDIDATES + 1), _VOICING_CHANGE_COST)
        jump = np.abs(before[:, :, None] - log_lag[:, None, :])
        step[:, :_CANDIDATES, :_CANDIDATES] = _OCTAVE_COST * np.minimum(jump, 1.0)
        step[:, _UNVOICED, _UNVOICED] = 0.0
        self._log_lag = log_lag[-1]
        origin, cost = [], self._cost
        for hop in range(count):
            total = cost[:, None] + step[hop]
            origin.append(total.argmin(axis=0).tolist())
            cost = total.min(axis=0) + local[hop]
        self._cost = cost - cost.min()
        return origin


def _candidates(frames: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Lags, correlation and score of the best candidates (n, 6 each), and level in dB (n,).

    A steep line leaves of some vowels little but one strong harmonic, which repeats itself several
    times a period. So what is correlated is the waveform with its spectrum flattened, where the
    weak harmonics count too, and its magnitude: rectifying brings the fundamental back.
    """
    frames = frames - frames.mean(axis=1, keepdims=True)
    flat = _nccf(_flatten(frames))
    nccf = (1 - _RECTIFIED_SHARE) * flat + _RECTIFIED_SHARE * _nccf(np.abs(frames))
    power = np.mean(frames[:, :_CORRELATED] ** 2, axis=1)
    inner = nccf[:, 1:-1]
    is_peak = (inner > nccf[:, :-2]) & (inner >= nccf[:, 2:])
    lags = np.arange(_LAG_MIN, _LAG_MIN + inner.shape[1])
    score = np.where(is_peak, inner, -1.0) - _LONG_LAG_COST * np.log(lags / _LAG_MIN) / np.log(
        _LAG_MAX / _LAG_MIN
    )
    at = np.argpartition(-score, _CANDIDATES - 1, axis=1)[:, :_CANDIDATES]
    row = np.arange(len(frames))[:, None]
    left, top, right = nccf[row, at], nccf[row, at + 1], nccf[row, at + 2]
    bend = np.minimum(left - 2 * top + right, -1e-9)  # parabola through the peak
    lag = lags[at] + np.clip(0.5 * (left - right) / bend, -0.5, 0.5)
    best = np.where(is_peak[row, at], score[row, at], -1.0)
    return lag, top, best, 10 * np.log10(power + 1e-12)


def _flatten(frames: Floats) -> Floats:
    """Frames with their spectrum's magnitude raised to the power `_FLATNESS`, same shape."""
    spectrum = np.fft.rfft(frames, _FFT)
    size = np.abs(spectrum)
    size += 1e-3 * size.max(axis=1, keepdims=True) + 1e-12
    return np.fft.irfft(spectrum * size ** (_FLATNESS - 1), _FFT)[:, : frames.shape[1]]


def _nccf(frames: Floats) -> Floats:
    """Correlation at the lags from `_LAG_MIN` - 1 to `_LAG_MAX`, shape (n, lags).

    Correlation of x with itself `lag` later, over the geometric mean of both powers (RAPT, eq. 3).
    """
    frames = frames - frames.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(frames, _FFT)
    spectrum *= np.conj(np.fft.rfft(frames[:, :_CORRELATED], _FFT))
    product = np.fft.irfft(spectrum, _FFT)[:, _LAG_MIN - 1 : _LAG_MAX + 1]
    total = np.cumsum(np.pad(frames * frames, ((0, 0), (1, 0))), axis=1)
    energy = total[:, _CORRELATED:] - total[:, :-_CORRELATED]
    later = energy[:, _LAG_MIN - 1 : _LAG_MAX + 1]
    floor = (_FLOOR * _CORRELATED) ** 2
    return np.asarray(product / np.sqrt(np.maximum(energy[:, :1] * later, 0.0) + floor))
