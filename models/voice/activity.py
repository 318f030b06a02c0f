"""Which hops are speech: above the line's noise, near enough to the recent loud hops."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

HANGOVER_HOPS = 10
"""Hops after an active one that still count as speech: stop closures inside words."""

_ABOVE_FLOOR_DB = 5.0
_BELOW_PEAK_DB = 25.0
_NEVER_BELOW_DBFS = -55.0
_PEAK_DECAY_DB = 0.02  # per hop: forgets 2 dB in a second
_FLOOR_BLOCKS = 40  # the floor is the quietest moment of the last 10 s
_FLOOR_HOPS = 5  # a moment: mean over 50 ms


class ActivityDetector:
    """Levels of hops in, activity out; follows the noise floor and the recent peak."""

    def __init__(self) -> None:
        self._minima: deque[float] = deque(maxlen=_FLOOR_BLOCKS)
        self._peak_db = _NEVER_BELOW_DBFS
        self._since_active = HANGOVER_HOPS

    @property
    def floor_dbfs(self) -> float:
        """Level of the line's noise, dBFS; the level of the quietest 50 ms of the last 10 s."""
        return min(self._minima, default=_NEVER_BELOW_DBFS)

    def push(self, level_db: Floats) -> tuple[Flags, Flags]:
        """Activity of a block of hops, from level_db (n,) in dBFS, n a multiple of 5.

        Returns active (n,) and speech (n,): active, or active less than `HANGOVER_HOPS` ago.
        """
        moments = (10 ** (level_db / 10)).reshape(-1, _FLOOR_HOPS).mean(axis=1)
        self._minima.append(float(10 * np.log10(moments.min())))
        fall = _PEAK_DECAY_DB * np.arange(1, len(level_db) + 1)
        peak_db = np.maximum(np.maximum.accumulate(level_db + fall), self._peak_db) - fall
        self._peak_db = float(peak_db[-1])
        above = max(self.floor_dbfs + _ABOVE_FLOOR_DB, _NEVER_BELOW_DBFS)
        active = (level_db > above) & (level_db > peak_db - _BELOW_PEAK_DB)
        hop = np.arange(len(level_db))
        last = np.maximum.accumulate(np.where(active, hop, -1 - self._since_active))
        since = hop - last
        self._since_active = int(min(since[-1], HANGOVER_HOPS))
        return active, since <= HANGOVER_HOPS
