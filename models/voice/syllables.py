"""Syllable nuclei: peaks of the smoothed level that stand out from the dips around them.

After P. Mermelstein 1975 and N. de Jong & T. Wempe 2009, online: a peak counts once the level has
fallen far enough below it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SMOOTHING = np.hanning(7)[1:-1] / np.hanning(7)[1:-1].sum()  # 50 ms
_PROMINENCE_DB = 0.8
_APART_HOPS = 7
_VOICE_HOPS = 1  # voice so near a peak is the vowel's


class SyllableCounter:
    """Envelopes of hops in, the number of nuclei they complete out."""

    def __init__(self) -> None:
        self._tail = np.full(len(_SMOOTHING) - 1, -120.0)
        self._sounding: list[bool] = [False] * (len(_SMOOTHING) // 2)
        self._hop = 0
        self._rising = True
        self._extreme_db = -120.0
        self._peak_hop = -_APART_HOPS
        self._peak_sounds = False
        self._last_nucleus = -_APART_HOPS
        self._last_voice = -_APART_HOPS

    def push(self, envelope_db: Floats, sounding: NDArray[np.bool_]) -> list[int]:
        """Hop numbers (from 0, since the start) of the nuclei found while reading these hops.

        envelope_db (n,): level where vowels are strong, dBFS. sounding (n,): voiced speech; a peak
        without voice is no nucleus. A nucleus is reported some 0.1 s after it was passed.
        """
        padded = np.concatenate([self._tail, envelope_db])
        self._tail = padded[-(len(_SMOOTHING) - 1) :]
        smooth = np.convolve(padded, _SMOOTHING, "valid").tolist()
        voiced = self._sounding + sounding.tolist()
        self._sounding = voiced[len(smooth) :]
        found = []
        for level_db, voice in zip(smooth, voiced, strict=False):
            if voice:
                self._last_voice = self._hop
            near = self._hop - self._last_voice <= _VOICE_HOPS
            if self._rising:
                if level_db > self._extreme_db:
                    self._extreme_db, self._peak_hop, self._peak_sounds = level_db, self._hop, near
                elif voice and self._hop - self._peak_hop <= _VOICE_HOPS:
                    self._peak_sounds = True
                if level_db < self._extreme_db - _PROMINENCE_DB:
                    if self._peak_sounds and self._peak_hop - self._last_nucleus >= _APART_HOPS:
                        self._last_nucleus = self._peak_hop
                        found.append(self._peak_hop)
                    self._rising, self._extreme_db = False, level_db
            elif level_db < self._extreme_db:
                self._extreme_db = level_db
            elif level_db > self._extreme_db + _PROMINENCE_DB:
                self._rising, self._extreme_db, self._peak_hop = True, level_db, self._hop
                self._peak_sounds = near
            self._hop += 1
        return [hop - len(_SMOOTHING) // 2 for hop in found]
