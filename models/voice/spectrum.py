"""Level, spectral tilt and vocal effort of each hop, from one 32 ms spectrum.

Measures after Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set", 2016, with the
band edges moved into the telephone band (300-3400 Hz).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SPECTRUM_SAMPLES = 256
_RATE_HZ = 8000
_FREQ_HZ = np.fft.rfftfreq(SPECTRUM_SAMPLES, 1 / _RATE_HZ)
_WINDOW = np.hanning(SPECTRUM_SAMPLES)
_SCALE = 2.0 / (SPECTRUM_SAMPLES * float(np.sum(_WINDOW**2)))  # the bands' sum is the mean square
_FLOOR = 1e-14  # power per bin that reads as silence: -140 dBFS
_PEAK_BINS = 2  # a tone through the window spreads over its bin and two on either side


def _bins(low_hz: float, high_hz: float) -> slice:
    first, end = np.searchsorted(_FREQ_HZ, [low_hz, high_hz])
    return slice(int(first), int(end))


_BAND, _NUCLEUS = _bins(300, 3400), _bins(300, 2500)
_LOW, _HIGH = _bins(300, 1000), _bins(1000, 3400)
_BELOW_2K, _ABOVE_2K = _bins(300, 2000), _bins(2000, 3400)
_FIRST, _MIDDLE = _bins(300, 600), _bins(600, 1600)


def _db(power: Floats) -> Floats:
    return np.asarray(10 * np.log10(power))


def _slope(level_db: Floats, bins: slice) -> Floats:
    """Least-squares slope of the level over frequency within bins, dB per kHz, shape (n,)."""
    offset = _FREQ_HZ[bins] - _FREQ_HZ[bins].mean()
    return np.asarray((level_db[:, bins] * offset).sum(axis=1) / (offset**2).sum() * 1000.0)


class Spectrum:
    """Frames of audio in, eleven measures a hop out; remembers one spectrum for the flux."""

    def __init__(self, rate_hz: int) -> None:
        if rate_hz != _RATE_HZ:
            raise ValueError(f"the spectrum is taken at {_RATE_HZ} Hz, not at {rate_hz} Hz")
        self._before = np.zeros(len(_FREQ_HZ[_BAND]))

    def push(self, frames: Floats) -> Floats:
        """Measures of each frame, shape (n, 11), in the order of `hops.Hop` from LEVEL_DB on.

        frames: shape (n, SPECTRUM_SAMPLES), full scale 1.0.
        """
        power = np.abs(np.fft.rfft(frames * _WINDOW, axis=1)) ** 2 * _SCALE + _FLOOR
        level_db = _db(power)
        band = power[:, _BAND]
        total = band.sum(axis=1)
        low, high = power[:, _LOW].sum(axis=1), power[:, _HIGH].sum(axis=1)
        shape = np.sqrt(band / total[:, None])
        before = np.concatenate([self._before[None], shape[:-1]])
        self._before = shape[-1]
        return np.stack(
            [
                _db(total),
                _db(power[:, _NUCLEUS].sum(axis=1)),
                _db(high / low),
                level_db[:, _BELOW_2K].max(axis=1) - level_db[:, _ABOVE_2K].max(axis=1),
                _slope(level_db, _LOW),
                _slope(level_db, _HIGH),
                (band * _FREQ_HZ[_BAND]).sum(axis=1) / total / 1000.0,
                _db(power[:, _ABOVE_2K].sum(axis=1) / total),
                _db(power[:, _MIDDLE].sum(axis=1) / power[:, _FIRST].sum(axis=1)),
                np.sqrt(((shape - before) ** 2).sum(axis=1)),
                _tonality(power),
            ],
            axis=1,
        )

    def silence(self) -> Floats:
        """The measures of silence, shape (11,)."""
        return np.asarray(Spectrum(_RATE_HZ).push(np.zeros((1, SPECTRUM_SAMPLES)))[0])


def _tonality(power: Floats) -> Floats:
    """Share of all power that lies around the two strongest peaks, shape (n,)."""
    rest = power.copy()
    row = np.arange(len(power))[:, None]
    peaks = np.zeros(len(power))
    for _ in range(2):
        at = rest.argmax(axis=1)[:, None] + np.arange(-_PEAK_BINS, _PEAK_BINS + 1)
        at = np.clip(at, 0, power.shape[1] - 1)
        peaks += rest[row, at].sum(axis=1)
        rest[row, at] = 0.0
    return np.asarray(np.minimum(peaks / power.sum(axis=1), 1.0))
