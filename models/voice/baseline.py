"""What counts as calm for this caller, and how the caller sounded at the start.

Two different questions, two answers:

- `Baseline.origin`, for the classifier: never the caller alone. It starts at an average calm voice
  and moves towards the caller's first seconds (maximum a posteriori mean), and what sounded
  agitated in them is taken off first. So a caller who is angry from the first second is still
  found. A voice or a line unlike any in training is not judged by the average voice but by its own
  start alone, which is then presumed to be nearly calm.
- `Baseline.start`, for the reasons: simply the caller's own first seconds, so that "+4 st" means
  what it says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.voice.hops import HOP_SECS, Hop, Hops
from models.voice.model import VoiceModel, probability

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

START_SECS = 8.0
"""Seconds of speech that make a caller's start."""
ENOUGH_SECS = 4.0
"""Seconds of speech after which pitch and level are compared with the start so far."""

_AVERAGE_WEIGHT_SECS = 4.0  # the average calm voice counts as much as so many seconds of the caller
_GUARD_SHARE = 0.85  # how much of the expected rise is taken off what sounded agitated
_GUARD_LOGIT = 1.5  # log-odds at which half of that is taken off: callers rarely start angry
_PRESUMED_SHARE = 0.25  # the share for a strange voice: so much agitation may be in its start
# Held-out speakers' calm and angry speech lies at a strangeness of 3.0 to 5.2 over all lines.
_USUAL, _STRANGE = 5.0, 6.4
# What was heard first was the agent's echo or cross-talk, and the start begins anew, when it was
# fainter than callers are and then a voice comes that is louder than anyone can raise theirs.
_FAINT_DBFS, _OVERTAKEN_DB, _OVERTAKEN_HOPS = -42.0, 20.0, 10


@dataclass(frozen=True, slots=True)
class Start:
    """How the caller sounded at the start: None where too little was heard so far.

    pitch_st: median, semitones above 100 Hz. level_db: active level, dBFS. rate: syllable nuclei
    per second of speech.
    """

    pitch_st: float | None
    level_db: float | None
    rate: float | None


class Baseline:
    """Collects the first `START_SECS` of speech, then stays as it is."""

    def __init__(self, model: VoiceModel) -> None:
        self._model = model
        self._forget()

    def _forget(self) -> None:
        model = self._model
        self._speech_hops = 0
        self._nuclei = 0
        self._pitch_st: list[float] = []
        self._power = 0.0
        self._block_db: list[float] = []
        self._active_hops = 0
        self._feature_secs = 0.0
        self._feature_sum = np.zeros_like(model.calm)
        self._agitated_secs = 0.0
        self._strangeness_sum = 0.0
        self.origin: Floats = model.calm
        self.start = Start(None, None, None)

    @property
    def speech_secs(self) -> float:
        """Seconds of speech collected so far."""
        return self._speech_hops * HOP_SECS

    @property
    def complete(self) -> bool:
        """Whether the start is closed."""
        return self.speech_secs >= START_SECS

    def push(
        self, hops: Hops, active: Flags, speech: Flags, nuclei: int, features: Floats | None
    ) -> None:
        """A block of hops (n, len(Hop)), its flags (n,), its nuclei, its window's features.

        Once the start is complete nothing changes, unless a much louder voice shows that it was not
        the caller's.
        """
        power = float((10 ** (hops[active, Hop.LEVEL_DB] / 10)).sum())
        if self._overtaken(power, int(active.sum())):
            self._forget()
            features = None  # its window still holds what was before
        if self.complete or not speech.any():
            return
        self._nuclei += nuclei
        new_secs = int(speech.sum()) * HOP_SECS
        self._speech_hops += int(speech.sum())
        pitch_st = hops[active, Hop.F0_ST]
        self._pitch_st += pitch_st[~np.isnan(pitch_st)].tolist()
        self._power += power
        self._active_hops += int(active.sum())
        if features is not None:
            self._move_origin(features, new_secs)
        if self.speech_secs >= ENOUGH_SECS and self._pitch_st and self._active_hops:
            self.start = Start(
                float(np.median(self._pitch_st)),
                float(10 * np.log10(self._power / self._active_hops)),
                self._nuclei / self.speech_secs if self.complete else None,
            )

    def _overtaken(self, power: float, active_hops: int) -> bool:
        if active_hops < _OVERTAKEN_HOPS:
            return False
        block_db = float(10 * np.log10(power / active_hops))
        start_db = float(np.median(self._block_db)) if self._block_db else block_db
        if not self.complete:
            self._block_db.append(block_db)
        return start_db < _FAINT_DBFS and block_db > start_db + _OVERTAKEN_DB

    @property
    def likeness(self) -> float:
        """1 for a voice and line like those in training, 0 for one that is like none of them."""
        if not self._feature_secs:
            return 1.0
        strangeness = self._strangeness_sum / self._feature_secs
        return float(np.clip((_STRANGE - strangeness) / (_STRANGE - _USUAL), 0.0, 1.0))

    def _move_origin(self, features: Floats, secs: float) -> None:
        model = self._model
        self._feature_sum += secs * features
        self._feature_secs += secs
        guard_logit = model.logit(features, model.calm) - _GUARD_LOGIT
        self._agitated_secs += secs * probability(guard_logit)
        self._strangeness_sum += secs * model.strangeness(features)
        likeness = self.likeness
        agitated = likeness * _GUARD_SHARE * self._agitated_secs
        agitated += (1.0 - likeness) * _PRESUMED_SHARE * self._feature_secs
        average_secs = likeness * _AVERAGE_WEIGHT_SECS
        own = self._feature_sum - agitated * model.rise
        self.origin = (own + average_secs * model.calm) / (self._feature_secs + average_secs)
