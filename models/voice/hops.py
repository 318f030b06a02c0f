"""The clock of voice analysis: 8 kHz audio, a hop of 10 ms, blocks of 25 hops (one `VoiceFrame`).

Everything is computed in whole blocks of 0.25 s, so the numbers cannot depend on how the audio
was cut into chunks. A hop's place is the centre of its analysis windows; each block yields
exactly 25 hops, which lie `DELAY_HOPS` behind the audio (look-ahead of the windows and of the
pitch tracker's continuity search).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from models.voice.frames import FRAME_SECS
from models.voice.pitch import FRAME_AFTER, FRAME_BEFORE, LOOK_HOPS, PitchTracker
from models.voice.spectrum import SPECTRUM_SAMPLES, Spectrum

RATE_HZ = 8000
HOP_SAMPLES = 80
HOP_SECS = HOP_SAMPLES / RATE_HZ
BLOCK_SAMPLES = int(FRAME_SECS * RATE_HZ)
BLOCK_HOPS = BLOCK_SAMPLES // HOP_SAMPLES

_BEFORE = max(FRAME_BEFORE, SPECTRUM_SAMPLES // 2)
_AFTER = max(FRAME_AFTER, SPECTRUM_SAMPLES // 2)
_WINDOW_HOPS = -(-_AFTER // HOP_SAMPLES)

DELAY_HOPS = _WINDOW_HOPS + LOOK_HOPS
"""Hops by which the features lag behind the audio: 0.12 s."""


class Hop(IntEnum):
    """Columns of a hop: what is known about 10 ms of audio."""

    F0_ST = 0
    """Pitch in semitones above 100 Hz, NaN where unvoiced."""
    STRENGTH = 1
    """Periodicity, 0..1: the normalised cross-correlation at the pitch period."""
    LEVEL_DB = 2
    """Level 300-3400 Hz, dBFS."""
    ENVELOPE_DB = 3
    """Level 300-2500 Hz, where syllable nuclei stand out, dBFS."""
    ALPHA_DB = 4
    """1-3.4 kHz over 0.3-1 kHz: the higher, the more vocal effort."""
    HAMMARBERG_DB = 5
    """Strongest bin 0.3-2 kHz over strongest bin 2-3.4 kHz."""
    SLOPE_LOW = 6
    """Spectral slope 300-1000 Hz, dB per kHz."""
    SLOPE_HIGH = 7
    """Spectral slope 1-3.4 kHz, dB per kHz."""
    CENTROID_KHZ = 8
    """Centre of gravity of the power spectrum 300-3400 Hz."""
    HIGH_DB = 9
    """2-3.4 kHz over the whole band."""
    MID_DB = 10
    """0.6-1.6 kHz over 0.3-0.6 kHz."""
    FLUX = 11
    """Change of the normalised amplitude spectrum since the hop before, 0..1.41."""
    TONALITY = 12
    """Share of the power in the two strongest narrow peaks, 0..1; near 1 for tones and DTMF."""


Hops = NDArray[np.float64]
"""Hops in a row, shape (n, len(Hop)), oldest first."""


class HopStream:
    """Blocks of 2000 samples in, blocks of 25 hops out."""

    def __init__(self) -> None:
        self._audio = np.zeros(_BEFORE + _WINDOW_HOPS * HOP_SAMPLES)
        self._pitch = PitchTracker(RATE_HZ, HOP_SAMPLES)
        self._spectrum = Spectrum(RATE_HZ)
        self._waiting: Hops = np.full((LOOK_HOPS, len(Hop)), np.nan)
        self._waiting[:, Hop.LEVEL_DB :] = self._spectrum.silence()

    def push(self, block: NDArray[np.float32]) -> Hops:
        """The next 25 hops, shape (25, len(Hop)).

        block: exactly `BLOCK_SAMPLES` samples at 8 kHz, full scale 1.0. The first hops returned
        lie before the first sample and read as silence.
        """
        audio = np.concatenate([self._audio, block.astype(np.float64)])
        self._audio = audio[BLOCK_SAMPLES:]
        centres = _BEFORE + HOP_SAMPLES * np.arange(BLOCK_HOPS)
        frame = np.arange(-FRAME_BEFORE, FRAME_AFTER)
        f0_hz, strength = self._pitch.push(audio[centres[:, None] + frame])
        frame = np.arange(-(SPECTRUM_SAMPLES // 2), SPECTRUM_SAMPLES // 2)
        new = np.full((BLOCK_HOPS, len(Hop)), np.nan)
        new[:, Hop.LEVEL_DB :] = self._spectrum.push(audio[centres[:, None] + frame])
        ready = np.concatenate([self._waiting, new])
        self._waiting = ready[BLOCK_HOPS:]
        hops = ready[:BLOCK_HOPS].copy()
        with np.errstate(divide="ignore"):
            hops[:, Hop.F0_ST] = np.where(f0_hz > 0, 12 * np.log2(f0_hz / 100.0), np.nan)
        hops[:, Hop.STRENGTH] = strength
        return hops
