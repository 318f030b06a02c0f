"""A synthetic talker whose pitch, tempo and level are known exactly.

No speech anyone would take for human, but what the pitch tracker and the syllable counter live on:
gliding harmonics shaped by formants, consonants of noise, pauses. The truth comes from the
synthesis, not from another tracker.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATE_HZ = 8000
HOP_SAMPLES = 80

_VOWELS_HZ = (
    (750, 1300, 2500),
    (400, 2000, 2600),
    (300, 2300, 3000),
    (450, 850, 2400),
    (320, 750, 2300),
    (550, 1700, 2500),
)
_BANDWIDTHS_HZ = (80.0, 110.0, 160.0)
_TOP_HZ = 3800.0
_VOWEL_SHARE = 0.62  # of a syllable; the rest is consonant
_PHRASE_SYLLABLES = 9
_PAUSE_SECS = 0.35


@dataclass(frozen=True, slots=True)
class Talk:
    """samples: float64 (n,), 8 kHz, RMS 0.05. f0_hz: truth per 10 ms, 0 where unvoiced."""

    samples: Floats
    f0_hz: Floats
    syllables: int


def talk(
    *,
    secs: float,
    pitch_hz: float,
    range_st: float = 4.0,
    syllables_per_sec: float = 4.5,
    tilt_db: float = -11.0,
    seed: int = 0,
) -> Talk:
    """Speech of `secs` seconds around `pitch_hz`.

    range_st: how far pitch swings to either side. tilt_db: of the source, per octave; -14 is a soft
    voice, -5 a shout. The same arguments give the same samples.
    """
    rng = np.random.default_rng(seed)
    count = round(secs * RATE_HZ)
    time = np.arange(count) / RATE_HZ
    swing = sum(rng.uniform(0.3, 1) * np.sin(2 * np.pi * (rate * time + rng.uniform()))
                for rate in (0.23, 0.61, 1.3))  # fmt: skip
    f0_hz = pitch_hz * 2 ** (range_st * swing / 2 / 12)
    vowel, consonant, syllables = np.zeros(count), np.zeros(count), 0
    formants_hz = np.tile(np.array(_VOWELS_HZ[0], dtype=np.float64)[:, None], count)
    at = round(0.1 * RATE_HZ)
    length = round(RATE_HZ / syllables_per_sec)
    while at + length < count - RATE_HZ // 10:
        nucleus = round(_VOWEL_SHARE * length)
        shape = np.hanning(nucleus) ** 0.5 * 10 ** (rng.uniform(-4, 2) / 20)
        vowel[at : at + nucleus] = shape
        consonant[at + nucleus : at + length] = np.hanning(length - nucleus)
        target = np.array(_VOWELS_HZ[rng.integers(len(_VOWELS_HZ))]) * rng.uniform(0.94, 1.06, 3)
        formants_hz[:, at : at + length] = target[:, None]
        syllables += 1
        at += length
        if syllables % _PHRASE_SYLLABLES == 0:
            at += round(_PAUSE_SECS * RATE_HZ)
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE_HZ
    voice = np.zeros(count)
    for number in range(1, int(_TOP_HZ / np.min(f0_hz)) + 1):
        freq_hz = number * f0_hz
        gain = 10 ** (tilt_db * np.log2(number) / 20) * (freq_hz < _TOP_HZ)
        for formant_hz, width_hz in zip(formants_hz, _BANDWIDTHS_HZ, strict=True):
            gain *= formant_hz**2 / np.hypot(formant_hz**2 - freq_hz**2, width_hz * freq_hz)
        voice += gain * np.cos(number * phase + 0.3 * number)
    voice *= vowel
    voice /= np.sqrt(np.mean(voice[vowel > 0] ** 2))
    hiss = np.diff(rng.standard_normal(count + 1))
    breath = 0.06 * rng.standard_normal(count) * vowel
    samples = voice + breath + 0.12 * hiss * consonant + 1e-4 * rng.standard_normal(count)
    truth = np.where(vowel > 0.3, f0_hz, 0.0)[::HOP_SAMPLES]
    return Talk(0.05 * samples / np.sqrt(np.mean(samples**2)), truth, syllables)
