"""Small signal helpers that every part shares: levels, counting samples, fixed blocks, G.711."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Mono samples, shape (n,), full scale -1.0 … 1.0."""

SILENCE_DBFS = -120.0
"""What digital silence is given as, instead of minus infinity."""

_FULL_SCALE = 32768.0


def power_db(power: float) -> float:
    """Mean square (full scale 1.0) in dB, never below `SILENCE_DBFS`."""
    return float(10.0 * np.log10(max(power, 10.0 ** (SILENCE_DBFS / 10.0))))


def dbfs(samples: NDArray[np.floating]) -> float:
    """RMS level of samples (n,) in dB relative to a full-scale square wave.

    A full-scale sine is -3.0 dBFS. Nothing at all and digital silence are `SILENCE_DBFS`.
    """
    if samples.size == 0:
        return SILENCE_DBFS
    return power_db(float(np.mean(np.square(samples, dtype=np.float64))))


class BlockCutter:
    """Cuts chunks of any size into blocks of exactly `size` samples; nothing is lost or doubled."""

    def __init__(self, size: int) -> None:
        if size <= 0:
            raise ValueError(f"block size must be positive, not {size}")
        self.size = size
        self._waiting: list[Samples] = []
        self._waiting_samples = 0

    def push(self, samples: Samples) -> list[Samples]:
        """Add samples (n,); the blocks (size,) that are now complete, oldest first."""
        if samples.size == 0:
            return []
        self._waiting.append(samples)
        self._waiting_samples += samples.size
        if self._waiting_samples < self.size:
            return []
        joined = np.concatenate(self._waiting)
        whole = joined.size // self.size * self.size
        self._keep(joined[whole:].copy())
        return [joined[at : at + self.size] for at in range(0, whole, self.size)]

    def flush(self) -> Samples:
        """What is left, shorter than a block (perhaps empty); the cutter is empty afterwards."""
        rest = np.concatenate(self._waiting) if self._waiting else np.zeros(0, np.float32)
        self._keep(np.zeros(0, np.float32))
        return rest

    def _keep(self, rest: Samples) -> None:
        self._waiting = [rest] if rest.size else []
        self._waiting_samples = rest.size


def from_int16(pcm: NDArray[np.int16]) -> Samples:
    """16-bit samples to float32, full scale 1.0."""
    return pcm.astype(np.float32) / np.float32(_FULL_SCALE)


def to_int16(samples: NDArray[np.floating]) -> NDArray[np.int16]:
    """Float samples, full scale 1.0, to 16 bits: rounded, clipped at full scale."""
    scaled = np.rint(np.asarray(samples, dtype=np.float64) * _FULL_SCALE)
    return np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)


def _alaw_values() -> NDArray[np.int16]:
    """ITU-T G.711 table 1: the 16-bit value of each of the 256 A-law codes."""
    code = np.arange(256) ^ 0x55
    segment, step = (code & 0x70) >> 4, (code & 0x0F) << 4
    size = np.where(segment == 0, step + 8, (step + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, size, -size).astype(np.int16)


def _mulaw_values() -> NDArray[np.int16]:
    """ITU-T G.711 table 2: the 16-bit value of each of the 256 mu-law codes."""
    code = ~np.arange(256) & 0xFF
    size = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -size, size).astype(np.int16)


def _alaw_codes() -> NDArray[np.uint8]:
    """The A-law code of every 16-bit value, indexed by the value + 32768."""
    value = np.arange(-32768, 32768)
    size = np.where(value >= 0, value, -value - 1) >> 3  # 13-bit sign and magnitude, as G.711
    segment = np.searchsorted(np.array([0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF]), size)
    step = (size >> np.maximum(segment, 1)) & 0x0F
    code = ((segment << 4) | step) ^ np.where(value >= 0, 0xD5, 0x55)
    return np.asarray(code, dtype=np.uint8)


def _mulaw_codes() -> NDArray[np.uint8]:
    """The mu-law code of every 16-bit value, indexed by the value + 32768."""
    value = np.arange(-32768, 32768)
    size = np.minimum(np.abs(value >> 2) + 33, 8191)  # 14-bit magnitude, bias and clip of G.711
    segment = np.searchsorted(np.array([0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF]), size)
    code = (segment << 4) | ((size >> (segment + 1)) & 0x0F)
    return np.asarray(~np.where(value < 0, code | 0x80, code) & 0xFF, dtype=np.uint8)


_ALAW_DECODE = from_int16(_alaw_values())
_MULAW_DECODE = from_int16(_mulaw_values())
_ALAW_ENCODE = _alaw_codes()
_MULAW_ENCODE = _mulaw_codes()


def alaw_decode(codes: NDArray[np.uint8]) -> Samples:
    """G.711 A-law bytes (n,) to samples (n,)."""
    return _ALAW_DECODE[codes]


def alaw_encode(samples: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Samples (n,) to G.711 A-law bytes (n,)."""
    return _ALAW_ENCODE[to_int16(samples).astype(np.int32) + 32768]


def mulaw_decode(codes: NDArray[np.uint8]) -> Samples:
    """G.711 mu-law bytes (n,) to samples (n,)."""
    return _MULAW_DECODE[codes]


def mulaw_encode(samples: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Samples (n,) to G.711 mu-law bytes (n,)."""
    return _MULAW_ENCODE[to_int16(samples).astype(np.int32) + 32768]
