"""How a stretch of speech differs from the caller's own start, in plain units, and what it says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.voice.baseline import Start
from models.voice.hops import Hop, Hops

Flags = NDArray[np.bool_]

# What the recordings in training cannot teach, because their level and tempo say nothing: set by
# hand. A step of vocal effort (normal, raised, loud) is 6 dB in ISO 9921; the gain of a line is
# unknown, so only the rise above the caller's own start counts, beyond what calm speech varies.
_LEVEL_FROM_DB, _LEVEL_TO_DB, _LOGIT_PER_DB = 2.0, 12.0, 0.25
_RATE_FROM, _RATE_TO, _LOGIT_PER_DOUBLING = 1.1, 1.8, 4.0
_MAX_PITCH_ST = 12.0  # a median that leaps further is a tracking error, not a voice

# A reason is given when it is clearly above what calm turns of one caller vary.
REASON_PITCH_ST = 2.5
REASON_LEVEL_DB = 3.5
REASON_RATE_RATIO = 1.2
# Shouting raises both; P. Gramming et al. 1988 found 0.2 to 0.6 st per dB.
SHOUT_LEVEL_DB = 8.0
SHOUT_PITCH_ST = 3.0


@dataclass(frozen=True, slots=True)
class Relative:
    """Pitch in semitones, level in dB and tempo as a ratio; None where unknown."""

    pitch_st: float | None
    level_db: float | None
    rate_ratio: float | None

    @property
    def shouting(self) -> bool:
        """Much louder and higher than at the start; level alone could be the caller's phone."""
        return (
            self.level_db is not None
            and self.pitch_st is not None
            and self.level_db >= SHOUT_LEVEL_DB
            and self.pitch_st >= SHOUT_PITCH_ST
        )

    @property
    def logit(self) -> float:
        """Log-odds that level and tempo add to the trained part, >= 0.

        Tempo alone says little (and an echo of the agent in the caller's start falsifies it), so
        it strengthens a rise in level, at most as much as the level says itself.
        """
        level_db = np.clip(self.level_db or 0.0, _LEVEL_FROM_DB, _LEVEL_TO_DB) - _LEVEL_FROM_DB
        doublings = np.log2(np.clip(self.rate_ratio or 1.0, _RATE_FROM, _RATE_TO) / _RATE_FROM)
        louder = _LOGIT_PER_DB * level_db
        return float(louder + min(louder, _LOGIT_PER_DOUBLING * doublings))

    @property
    def reasons(self) -> tuple[tuple[str, float], ...]:
        """What is clearly above the start: pairs as in `VoiceSummary.reasons`."""
        found: list[tuple[str, float]] = []
        if self.pitch_st is not None and self.pitch_st >= REASON_PITCH_ST:
            found.append(("pitch_st", round(self.pitch_st, 1)))
        if self.level_db is not None and self.level_db >= REASON_LEVEL_DB:
            found.append(("level_db", round(self.level_db, 1)))
        if self.rate_ratio is not None and self.rate_ratio >= REASON_RATE_RATIO:
            found.append(("rate_ratio", round(self.rate_ratio, 2)))
        if self.shouting:
            found.append(("shouting", 1.0))
        return tuple(found)


def compare(hops: Hops, active: Flags, rate: float | None, start: Start) -> Relative:
    """Hops of speech (n, len(Hop)) with their activity (n,), and their tempo, against the start."""
    pitch_st, level_db = median_pitch_st(hops, active), mean_level_db(hops, active)
    above_st = above_db = ratio = None
    if pitch_st is not None and start.pitch_st is not None:
        above_st = pitch_st - start.pitch_st
        if abs(above_st) > _MAX_PITCH_ST:
            above_st = None
    if level_db is not None and start.level_db is not None:
        above_db = level_db - start.level_db
    if rate is not None and start.rate:
        ratio = rate / start.rate
    return Relative(above_st, above_db, ratio)


def median_pitch_st(hops: Hops, active: Flags) -> float | None:
    """Median pitch of the active hops, semitones above 100 Hz; None without voice."""
    pitch_st = hops[active, Hop.F0_ST]
    pitch_st = pitch_st[~np.isnan(pitch_st)]
    return float(np.median(pitch_st)) if pitch_st.size else None


def mean_level_db(hops: Hops, active: Flags) -> float | None:
    """Active level (mean power of the active hops, after ITU-T P.56), dBFS; None without any."""
    if not active.any():
        return None
    return float(10 * np.log10(np.mean(10 ** (hops[active, Hop.LEVEL_DB] / 10))))
