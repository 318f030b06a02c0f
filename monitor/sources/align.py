"""Several sound devices side by side as the channels of one call. Pure.

Every device has a clock of its own. What comes out advances with the device that is ahead; one
that is lost, late or slow is filled up with silence. No sound that came in is dropped, only
digital silence: sound servers deliver a burst of it when a device starts.
"""

from __future__ import annotations

import numpy as np

from monitor.framing import Frames

MAX_SKEW_SECS = 0.5
"""A device that lags further behind than this is filled up (jitter of sound servers is less)."""
SILENCE_SKEW_SECS = 0.2
"""One that is further ahead than this loses its digital silence, if it has any."""


class Aligner:
    """`columns[i]` is the number of channels of device i; frames out have the sum of them.

    All devices are expected to be there from the beginning.
    """

    def __init__(self, columns: tuple[int, ...], rate_hz: int) -> None:
        self._waiting = [np.zeros((0, count), np.float32) for count in columns]
        self._present = [True] * len(columns)
        self._max_skew = round(MAX_SKEW_SECS * rate_hz)
        self._silence_skew = round(SILENCE_SKEW_SECS * rate_hz)

    def push(self, device: int, frames: Frames) -> Frames:
        """Frames (n, columns[device]) of a device in, whole frames (m, sum of columns) out.

        A device that was lost begins again at the present moment.
        """
        if len(frames) and not self._present[device]:
            self._present[device] = True
            ahead = max(len(waiting) for waiting in self._waiting)
            self._fill(device, ahead - len(frames))
        self._waiting[device] = np.concatenate([self._waiting[device], frames])
        return self._ready()

    def lost(self, device: int) -> Frames:
        """The device is gone: from now on it is silence, until it is pushed to again."""
        self._present[device] = False
        return self._ready()

    def flush(self) -> Frames:
        """The end: everything still held, the shorter channels filled up."""
        self._present = [False] * len(self._present)
        return self._ready()

    def _ready(self) -> Frames:
        present = [len(w) for w, there in zip(self._waiting, self._present, strict=True) if there]
        for device, waiting in enumerate(self._waiting):
            ahead = len(waiting) - min(present, default=len(waiting))
            if ahead > self._silence_skew:
                self._drop_silence(device, ahead)
        longest = max(len(waiting) for waiting in self._waiting)
        for device, waiting in enumerate(self._waiting):
            behind = longest - len(waiting)
            if behind > (self._max_skew if self._present[device] else 0):
                self._fill(device, longest)
        whole = min(len(waiting) for waiting in self._waiting)
        out = np.concatenate([waiting[:whole] for waiting in self._waiting], axis=1)
        self._waiting = [waiting[whole:] for waiting in self._waiting]
        return out

    def _drop_silence(self, device: int, most: int) -> None:
        waiting = self._waiting[device]
        silent = np.flatnonzero(~waiting.any(axis=1))[:most]
        self._waiting[device] = np.delete(waiting, silent, axis=0)

    def _fill(self, device: int, length: int) -> None:
        waiting = self._waiting[device]
        missing = max(0, length - len(waiting))
        silence = np.zeros((missing, waiting.shape[1]), np.float32)
        self._waiting[device] = np.concatenate([waiting, silence])
