"""Is there sound on every channel, and is it usable? Pure; counts samples for time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.signals import power_db
from monitor.framing import Frames
from monitor.sources import Notice

DEAD_PEAK = 10 ** (-66 / 20)
"""Below this peak (-66 dBFS, 16 steps of 16 bits) a channel carries no signal."""
FULL_SCALE_PEAK = 0.985
CLIPPED_SHARE = 0.01
"""Share of samples at full scale in one window that makes speech sound torn."""
WINDOW_SECS = 1.0
CLEAN_SECS = 5.0
"""So long nothing must be wrong before it counts as right again."""


class Problems:
    """What is wrong at the moment, by key; tells when that changes."""

    def __init__(self) -> None:
        self._open: dict[str, str] = {}

    def found(self, key: str, reason: str) -> Iterator[Notice]:
        """Something is wrong; a report of what is known to be wrong is not repeated."""
        if key not in self._open:
            self._open[key] = reason
            yield Notice("degraded", "; ".join(self._open.values()))

    def mended(self, key: str, reason: str) -> Iterator[Notice]:
        """It is right again. What else is wrong stays reported."""
        if self._open.pop(key, None) is None:
            return
        if self._open:
            yield Notice("degraded", "; ".join(self._open.values()))
        else:
            yield Notice("recovered", reason)


@dataclass(frozen=True, slots=True)
class Level:
    """Level of one channel over a stretch: dB relative to full scale, and the share clipped."""

    rms_dbfs: float
    peak_dbfs: float
    clipped: float

    @property
    def verdict(self) -> str:
        """ok | no signal | overdriven | quiet."""
        if self.peak_dbfs < 20 * np.log10(DEAD_PEAK):
            return "no signal"
        if self.clipped > CLIPPED_SHARE:
            return "overdriven"
        return "quiet" if self.peak_dbfs < -40 else "ok"


def measure(samples: NDArray[np.float32]) -> Level:
    """Level of samples (n,)."""
    size = np.abs(samples)
    peak = float(size.max(initial=0.0))
    return Level(
        rms_dbfs=power_db(float(np.mean(np.square(samples))) if len(samples) else 0.0),
        peak_dbfs=power_db(peak * peak),
        clipped=float(np.mean(size >= FULL_SCALE_PEAK)) if len(samples) else 0.0,
    )


@dataclass(slots=True)
class _ChannelHealth:
    silent: int = 0
    clean: int = 0


class LevelWatch:
    """Watches the channels of a live call for missing and overdriven sound."""

    def __init__(
        self, names: tuple[str, ...], rate_hz: int, *, alarm_secs: float, problems: Problems
    ) -> None:
        """alarm_secs: silence (not even noise) of this length is reported."""
        self._names = names
        self._alarm_secs = alarm_secs
        self._window = round(WINDOW_SECS * rate_hz)
        self._rate_hz = rate_hz
        self._problems = problems
        self._pending = np.zeros((0, len(names)), np.float32)
        self._channels = [_ChannelHealth() for _ in names]

    def push(self, frames: Frames) -> list[Notice]:
        """Frames (n, channels); the notices they give rise to."""
        self._pending = np.concatenate([self._pending, frames])
        notices: list[Notice] = []
        while len(self._pending) >= self._window:
            window, self._pending = self._pending[: self._window], self._pending[self._window :]
            for column, name in enumerate(self._names):
                notices += self._check(name, self._channels[column], window[:, column])
        return notices

    def _check(
        self, name: str, health: _ChannelHealth, samples: NDArray[np.float32]
    ) -> Iterator[Notice]:
        verdict = measure(samples).verdict
        health.silent = health.silent + len(samples) if verdict == "no signal" else 0
        health.clean = 0 if verdict == "overdriven" else health.clean + len(samples)
        if health.silent >= self._alarm_secs * self._rate_hz:
            why = f"{name}: no signal for {self._alarm_secs:g} s (muted, or the wrong device?)"
            yield from self._problems.found(f"{name} silent", why)
        elif health.silent == 0:
            yield from self._problems.mended(f"{name} silent", f"{name}: there is sound again")
        if health.clean == 0:
            why = f"{name}: overdriven, turn the recording level down"
            yield from self._problems.found(f"{name} clipped", why)
        elif health.clean >= CLEAN_SECS * self._rate_hz:
            yield from self._problems.mended(f"{name} clipped", f"{name}: no longer overdriven")
