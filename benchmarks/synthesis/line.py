"""The telephone line: band-pass, noise and G.711 A-law, apart from the product's own codec."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

RATE_HZ = 8000
BAND_HZ = (300.0, 3400.0)  # ITU-T G.712
_TAPS = 401
_KAISER_BETA = 5.0  # stop band 53 dB down, transition 70 Hz wide


@cache
def _band_pass() -> FloatArray:
    """Windowed sinc: the difference of two low-passes."""
    taps = np.arange(_TAPS) - _TAPS // 2
    low, high = (2 * edge_hz / RATE_HZ for edge_hz in BAND_HZ)
    ideal = high * np.sinc(high * taps) - low * np.sinc(low * taps)
    return np.asarray(ideal * np.kaiser(_TAPS, _KAISER_BETA), np.float64)


def limit_band(samples: FloatArray) -> FloatArray:
    """Keep 300-3400 Hz of ``samples``, shape (n,) at 8 kHz; linear phase, no delay."""
    return np.convolve(samples, _band_pass(), mode="same")


def line_noise(count: int, rms: float, rng: np.random.Generator) -> FloatArray:
    """Return ``count`` samples of band-limited noise of ``rms``, its colour drawn from ``rng``."""
    white = rng.standard_normal(count + 1)
    noise = limit_band(white[1:] + rng.uniform(0.0, 0.8) * white[:-1])
    return np.asarray(noise * (rms / np.sqrt(np.mean(noise**2))), np.float64)


@cache
def _alaw_levels() -> FloatArray:
    """Return the 128 positive output values of ITU-T G.711 A-law, full scale 1.0, ascending."""
    codes = np.arange(128)
    segment, step = codes >> 4, codes & 0x0F
    linear = np.where(segment == 0, 2 * step + 1, (2 * step + 33) << np.maximum(segment - 1, 0))
    return np.asarray(linear / 4096.0, np.float64)


def alaw_round_trip(samples: FloatArray) -> FloatArray:
    """Send ``samples`` in [-1, 1] through G.711 A-law and back; beyond ±1 they saturate."""
    levels = _alaw_levels()
    segment, step = np.divmod(np.arange(1, 128), 16)
    # decision values: the lower edge of each quantising interval
    edges = np.where(segment == 0, 2 * step, (2 * step + 32) << np.maximum(segment - 1, 0)) / 4096.0
    codes = np.searchsorted(edges, np.abs(samples), side="right")
    return np.copysign(levels[codes], samples)
