"""What 2 s of speech sound like, as numbers that do not depend on how loud the line is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.voice.hops import HOP_SECS, Hop, Hops

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WINDOW_HOPS = 200
"""Hops of speech that are looked at together: 2 s."""

NAMES = (
    "f0_median_st", "f0_p20_st", "f0_p80_st", "f0_range_st", "f0_sd_st", "f0_move_st", "f0_rising",
    "f0_bend_st",
    "level_range_db", "level_sd_db", "level_move_db", "loud_share",
    "alpha_db", "alpha_sd_db", "alpha_loud_db", "hammarberg_db", "hammarberg_sd_db",
    "slope_low", "slope_high", "slope_high_sd", "centroid_khz", "high_db", "mid_db",
    "flux", "flux_sd",
    "harmonicity_db", "harmonicity_sd_db", "shimmer_db",
    "voiced_share", "voiced_stretch_secs", "active_share",
)  # fmt: skip
"""The features, in the order of the vector that `features` returns."""

MIN_VOICED_HOPS = 15
MIN_SPEECH_HOPS = 60
_JUMP_ST = 3.0  # a larger step between two hops is a change of candidate, not of pitch
_LOUD_DB = 8.0
_LOUD_QUANTILE = 0.6


def features(window: Hops, active: Flags) -> Floats | None:
    """The features of a stretch of speech, shape (len(NAMES),); None if it holds too little voice.

    window: hops of speech (n, len(Hop)), n <= `WINDOW_HOPS`, pauses left out; active (n,): hops
    that stand out from the noise.
    """
    pitch_st = window[:, Hop.F0_ST]
    voiced = active & ~np.isnan(pitch_st)
    voiced_hops = int(voiced.sum())
    if len(window) < MIN_SPEECH_HOPS or voiced_hops < MIN_VOICED_HOPS:
        return None
    level_db = window[active, Hop.LEVEL_DB]
    sounding = window[voiced]
    heard_st = np.sort(sounding[:, Hop.F0_ST])
    low_st, median_st, high_st = heard_st[
        (np.array([0.2, 0.5, 0.8]) * (voiced_hops - 1)).astype(int)
    ]
    step_st = np.diff(np.where(voiced, pitch_st, np.nan))
    bend_st = np.abs(np.diff(step_st))
    step_st = step_st[np.abs(step_st) < _JUMP_ST]  # NaN compares false
    bend_st = bend_st[bend_st < _JUMP_ST]
    both = active[1:] & active[:-1]
    move_db = np.abs(np.diff(window[:, Hop.LEVEL_DB]))[both]
    shimmer = np.abs(np.diff(window[:, Hop.LEVEL_DB], 2))[voiced[2:] & voiced[1:-1] & voiced[:-2]]
    sorted_db = np.sort(level_db)
    loudest_db = sorted_db[int(0.95 * (len(sorted_db) - 1))]
    loud = sounding[:, Hop.LEVEL_DB]
    loud = loud >= np.sort(loud)[int(_LOUD_QUANTILE * (voiced_hops - 1))]
    strength = np.clip(sounding[:, Hop.STRENGTH], 0.01, 0.995)
    harmonicity_db = 10 * np.log10(strength / (1 - strength))
    mean, spread = sounding.mean(axis=0), sounding.std(axis=0)
    stretches = int(np.count_nonzero(voiced[1:] & ~voiced[:-1]) + voiced[0])
    return np.array(
        [
            median_st,
            low_st,
            high_st,
            high_st - low_st,
            spread[Hop.F0_ST],
            _mean(np.abs(step_st)),
            _mean(step_st > 0),
            _mean(bend_st),
            loudest_db - sorted_db[int(0.2 * (len(sorted_db) - 1))],
            level_db.std(),
            _mean(move_db),
            _mean(level_db > loudest_db - _LOUD_DB),
            mean[Hop.ALPHA_DB],
            spread[Hop.ALPHA_DB],
            sounding[loud, Hop.ALPHA_DB].mean(),
            mean[Hop.HAMMARBERG_DB],
            spread[Hop.HAMMARBERG_DB],
            mean[Hop.SLOPE_LOW],
            mean[Hop.SLOPE_HIGH],
            spread[Hop.SLOPE_HIGH],
            mean[Hop.CENTROID_KHZ],
            mean[Hop.HIGH_DB],
            mean[Hop.MID_DB],
            mean[Hop.FLUX],
            spread[Hop.FLUX],
            harmonicity_db.mean(),
            harmonicity_db.std(),
            _mean(shimmer),
            voiced_hops / len(window),
            voiced_hops * HOP_SECS / max(stretches, 1),
            active.mean(),
        ]
    )


def _mean(values: Floats | Flags) -> float:
    return float(np.mean(values)) if values.size else 0.0
