"""Does the recogniser understand what it hears? Judged by what it gives back.

Measured with the embedded model, mean word confidence over six segments, least to most:
synthesised calls 0.96-1.00 (3 % of the words wrong), in white noise at 10 dB 0.80-0.94 (19 %
wrong), at 5 dB 0.61-0.90 (47 % wrong), at 0 dB 0.50-0.80 (80 % wrong); people, whom it does not
understand, 0.56-0.79 (EmoDB, in doubt 99 % of the time); synthesised speech played backwards
0.54-0.73. So one threshold tells them apart. Words a second and the length of words do not: they
only catch the absurd.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from models.asr.recogniser import Word


@dataclass(frozen=True, slots=True)
class ReliabilitySettings:
    """When recognition counts as unreliable.

    segments: judged over this many of the last ones. least_words: before this many words nothing
    is said. lowest, recovered: reliability (0..1) below which it is in doubt, and from which again
    not.
    slowest, fastest: words a second of speech that people reach. clear_speech_secs: from this much
    speech a segment without a word counts as one not understood. missed_words: words a second that
    such a segment counts for.
    """

    segments: int = 6
    least_words: int = 8
    lowest: float = 0.75
    recovered: float = 0.80
    slowest: float = 0.5
    fastest: float = 6.0
    clear_speech_secs: float = 0.5
    missed_words: float = 2.0


@dataclass(frozen=True, slots=True)
class _Segment:
    confidences: tuple[float, ...]
    speech_secs: float


class ReliabilityMeter:
    """Reliability of one channel's recognition over its last segments."""

    def __init__(self, settings: ReliabilitySettings | None = None) -> None:
        self._settings = settings or ReliabilitySettings()
        self._segments: deque[_Segment] = deque(maxlen=self._settings.segments)
        self._doubt: str | None = None

    def heard(self, words: Sequence[Word], speech_secs: float) -> None:
        """A segment is over: the words recognised in it, and how long somebody spoke in it."""
        if not words and speech_secs < self._settings.clear_speech_secs:
            return  # a cough or a click
        self._segments.append(_Segment(tuple(word.confidence for word in words), speech_secs))
        self._doubt = self._judge()

    def reliability(self) -> float | None:
        """Mean word confidence, 0..1, where speech without a word counts as words of confidence 0.

        None while too little was heard.
        """
        confidences = [c for segment in self._segments for c in segment.confidences]
        count = len(confidences) + self._settings.missed_words * sum(
            segment.speech_secs for segment in self._segments if not segment.confidences
        )
        return sum(confidences) / count if count >= self._settings.least_words else None

    def doubt(self) -> str | None:
        """Why recognition is unreliable, without a word of what was said; None while it is not."""
        return self._doubt

    def _judge(self) -> str | None:
        value = self.reliability()
        if value is None:
            return self._doubt
        rate = self._words_a_second()
        if not self._settings.slowest <= rate <= self._settings.fastest:
            return f"{rate:.1f} words recognised a second of speech"
        limit = self._settings.recovered if self._doubt else self._settings.lowest
        if value >= limit:
            return None
        empty = sum(not segment.confidences for segment in self._segments)
        if 2 * empty > len(self._segments):
            return (
                f"no words recognised in {empty} of the last {len(self._segments)} pieces of speech"
            )
        return f"word confidence {value:.2f} over the last {len(self._segments)} pieces of speech"

    def _words_a_second(self) -> float:
        words = sum(len(segment.confidences) for segment in self._segments)
        return words / max(0.001, sum(segment.speech_secs for segment in self._segments))
