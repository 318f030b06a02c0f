"""What a speech recogniser is to the rest of the house.

An engine gives a `RecogniserPool`; a call leases one `Recogniser` per channel and feeds it
the speech segments that voice activity detection lets through, always in blocks of
`BLOCK_SECS`, because a recogniser's finals depend on the size of the blocks it is fed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

BLOCK_SECS = 0.2
"""Length of every block fed to a recogniser, in seconds (only a segment's last may be shorter)."""

Samples = NDArray[np.float32]
"""Mono samples, shape (n,), full scale -1.0 … 1.0."""


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word. Times in seconds, confidence 0..1."""

    text: str
    start_secs: float
    end_secs: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What was heard: a partial (no words, may still change) or a final (words with times).

    Word times count from the first sample of the running segment.
    """

    text: str
    final: bool
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class AsrInfo:
    """Which model is loaded and what it is for.

    `for_humans` is false for a model that was only ever trained on synthetic speech: the
    program then refuses microphones and phone lines unless told otherwise.
    """

    name: str
    engine: str
    language: str
    rate_hz: int
    for_humans: bool


class Recogniser(Protocol):
    """One stream of one channel. Not thread-safe; used by one call at a time."""

    @property
    def rate_hz(self) -> int:
        """Sample rate of the audio to be fed, in Hz."""

    def accept(self, block: Samples) -> Hypothesis | None:
        """Feed the next block of the running segment.

        Returns a partial or a final, or None when nothing new was heard.
        """

    def finish(self) -> Hypothesis | None:
        """End the running segment: its last final, or None if nothing was (left to be) heard.

        Afterwards the recogniser is ready for a new segment whose times start at zero.
        """


class RecogniserPool(Protocol):
    """Recognisers kept warm, because a new one costs seconds of CPU."""

    @property
    def info(self) -> AsrInfo:
        """The model behind the recognisers."""

    def acquire(self) -> Recogniser:
        """Lease a recogniser. Raises `models.errors.PoolExhausted` when all are in use."""

    def release(self, recogniser: Recogniser) -> None:
        """Give it back; a running segment is dropped."""
