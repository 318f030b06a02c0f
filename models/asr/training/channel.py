"""What a telephone line and an angry mouth do to clean speech; samples: 8 kHz, int16 range."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, fftconvolve, firwin, lfilter

from models.asr.training.features import RATE_HZ

Samples = npt.NDArray[np.float64]
_FULL_SCALE = 32768.0
_A = 87.6  # ITU-T G.711, A-law
_MU = 255.0  # ITU-T G.711, mu-law


def mu_law(samples: Samples) -> Samples:
    """Through the mu-law companding curve with 8 bits."""
    scaled = np.clip(samples / _FULL_SCALE, -1, 1)
    code = np.round(np.log1p(_MU * np.abs(scaled)) / np.log1p(_MU) * 127) / 127
    return np.asarray(np.sign(scaled) * np.expm1(code * np.log1p(_MU)) / _MU * _FULL_SCALE)


def a_law(samples: Samples) -> Samples:
    """Through the A-law companding curve with 8 bits."""
    scaled = np.clip(samples / _FULL_SCALE, -1, 1)
    size = np.abs(scaled)
    norm = 1 + np.log(_A)
    curve = np.where(
        size < 1 / _A, _A * size / norm, (1 + np.log(np.maximum(_A * size, 1e-9))) / norm
    )
    code = np.round(curve * 127) / 127
    expanded = np.where(code < 1 / norm, code * norm / _A, np.exp(code * norm - 1) / _A)
    return np.asarray(np.sign(scaled) * expanded * _FULL_SCALE)


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples**2))) + 1e-6


def _echo(samples: Samples, rng: np.random.RandomState) -> Samples:
    """A room or handset: exponentially decaying reverberation of 30-250 ms."""
    taps = int(rng.uniform(0.03, 0.25) * RATE_HZ)
    response = rng.randn(taps) * np.exp(-6.9 * np.arange(taps) / taps) * rng.uniform(0.02, 0.12)
    response[0] = 1
    return np.asarray(fftconvolve(samples, response)[: len(samples)])


def _shout(samples: Samples, rng: np.random.RandomState) -> Samples:
    """Raised voice: energy moves up in frequency and the loudest peaks are flattened."""
    tilted = lfilter([1, -rng.uniform(0.3, 0.9)], [1], samples)
    limit = _rms(tilted) * rng.uniform(1.5, 4)
    return np.asarray(np.tanh(tilted / limit) * limit)


def _band(rng: np.random.RandomState) -> Callable[[Samples], Samples]:
    """The pass band of one line: none, gentle slopes, or steep ones as ITU-T G.712 asks for."""
    low, high = rng.uniform(180, 350), rng.uniform(3000, 3650)
    kind = rng.rand()
    if kind < 0.3:
        return lambda samples: samples
    if kind < 0.55:
        slopes = butter(2, [low, high], "band", fs=RATE_HZ)
        return lambda samples: np.asarray(lfilter(*slopes, samples))
    taps = firwin(
        int(rng.choice([101, 201, 401])), [low, high], pass_zero=False, fs=RATE_HZ, window="hamming"
    )
    return lambda samples: np.asarray(fftconvolve(samples, taps, mode="same"))


@dataclass
class Line:
    """A random line. Keeps some clips it has seen, to mix them into babble noise."""

    rng: np.random.RandomState
    _babble: list[Samples] = field(default_factory=list)

    def remember(self, samples: Samples) -> None:
        """Offer a clean clip for later babble."""
        if len(self._babble) < 40:
            self._babble.append(samples)
        elif self.rng.rand() < 0.05:
            self._babble[self.rng.randint(40)] = samples

    def _noise(self, count: int) -> Samples:
        kind = self.rng.randint(4)
        if kind == 0:
            return self.rng.randn(count)
        if kind == 1:
            pole = -self.rng.uniform(0.7, 0.97)
            return np.asarray(lfilter([1], [1, pole], self.rng.randn(count)))
        if kind == 2:  # mains hum and hiss
            time = np.arange(count) / RATE_HZ
            hum = sum(
                self.rng.rand() / k * np.sin(2 * np.pi * 50 * k * time + self.rng.rand() * 6.28)
                for k in range(1, 8)
            )
            return np.asarray(hum + 0.3 * self.rng.randn(count))
        babble = np.zeros(count)
        for _ in range(self.rng.randint(3, 6)):
            if self._babble:
                clip = self._babble[self.rng.randint(len(self._babble))]
                clip = np.tile(clip, count // len(clip) + 1)
                start = self.rng.randint(len(clip) - count + 1)
                babble += clip[start : start + count] / (clip.std() + 1)
        return babble if babble.std() > 1e-6 else self.rng.randn(count)

    def send(self, samples: Samples, *, hard: bool = True, shout: bool = False) -> Samples:
        """``samples`` as they arrive. ``hard``: echo, equaliser, band limits, 8-35 dB noise."""
        rng = self.rng
        if shout:
            samples = _shout(samples, rng)
        if hard:
            if rng.rand() < 0.35:
                samples = _echo(samples, rng)
            if rng.rand() < 0.6:
                samples = np.asarray(lfilter([1, rng.uniform(-0.5, 0.5)], [1], samples))
                if rng.rand() < 0.5:
                    samples = np.asarray(lfilter([1], [1, -rng.uniform(-0.3, 0.5)], samples))
        band = _band(rng) if hard else (lambda samples: samples)
        samples = band(samples)
        level = rng.uniform(3.2, 4.1) if shout else rng.uniform(2.4, 3.8)
        samples = samples / _rms(samples) * 10**level
        if hard and rng.rand() < 0.65:
            noise = self._noise(len(samples))
            if rng.rand() < 0.7:  # noise from before the line
                noise = band(noise)
            gain = _rms(samples) / (noise.std() + 1e-9) * 10 ** (-rng.uniform(8, 35) / 20)
            samples = samples + noise * gain
        samples = np.clip(samples, -32767, 32767)
        codec = rng.rand()
        if codec < 0.3:
            samples = mu_law(samples)
        elif codec < 0.7:
            samples = a_law(samples)
        return np.asarray(np.round(np.clip(samples, -32767, 32767)))
