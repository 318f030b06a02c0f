"""One channel of a call: samples in, what was said out, with times in the call.

Samples go through voice activity detection into a recogniser, in blocks of one length whatever
arrives, so any cut of the input gives the same outputs. Times come from sample counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.asr.recogniser import BLOCK_SECS, Hypothesis, Recogniser, Samples, Word
from models.asr.reliability import ReliabilityMeter, ReliabilitySettings
from models.asr.segmenter import FRAME_SECS, Piece, Segmenter, SegmenterSettings
from models.errors import AudioError


@dataclass(frozen=True, slots=True)
class Partial:
    """What is being said right now, may still change; empty text takes back what was shown.

    rev: 1, 2, 3 … until the utterance's final (or until it is taken back). at_secs: the call's
    audio up to here was needed to know it.
    """

    text: str
    rev: int
    at_secs: float


@dataclass(frozen=True, slots=True)
class Final:
    """What was said. All times in seconds of the call; `words` is never empty."""

    text: str
    words: tuple[Word, ...]
    start_secs: float
    end_secs: float
    at_secs: float


class ChannelTranscriber:
    """Transcribes one channel of one call with a leased recogniser. Not thread-safe."""

    def __init__(
        self,
        recogniser: Recogniser,
        rate_hz: int,
        *,
        segmenter: SegmenterSettings | None = None,
        reliability: ReliabilitySettings | None = None,
    ) -> None:
        """Raises `AudioError` if the audio's rate is not the recogniser's, or unfit for VAD."""
        if rate_hz != recogniser.rate_hz:
            raise AudioError(
                f"the audio has {rate_hz} Hz, the recogniser needs {recogniser.rate_hz} Hz",
                f"resample the audio to {recogniser.rate_hz} Hz",
            )
        self._recogniser = recogniser
        self._rate_hz = rate_hz
        self._block = round(rate_hz * BLOCK_SECS)
        self._segmenter = Segmenter(rate_hz, segmenter)
        self._meter = ReliabilityMeter(reliability)
        self._waiting: Samples = np.zeros(0, np.float32)
        self._start_secs = 0.0  # of the running segment
        self._heard: list[Word] = []  # in it
        self._speech_frames = 0  # in it
        self._shown = ""
        self._rev = 0

    @property
    def recogniser(self) -> Recogniser:
        """The leased recogniser, to be given back when the call is over."""
        return self._recogniser

    @property
    def speech(self) -> bool:
        """Whether somebody speaks on the channel at the end of what was pushed."""
        return self._segmenter.speech

    def push(self, samples: Samples) -> list[Partial | Final]:
        """The next samples of the channel, shape (n,), float32, -1..1; n may be anything.

        Takes CPU time while somebody speaks: not for an event loop. Raises `ModelError` if the
        recogniser fails.
        """
        return [output for piece in self._segmenter.push(samples) for output in self._take(piece)]

    def flush(self) -> list[Partial | Final]:
        """The end of the call: what was said last."""
        return [output for piece in self._segmenter.flush() for output in self._take(piece)]

    def reliability(self) -> float | None:
        """How far recognition can be trusted, 0..1, over the last segments; None: too early to say.

        See `models.asr.reliability`.
        """
        return self._meter.reliability()

    def doubt(self) -> str | None:
        """Why recognition cannot be trusted now; None while it can."""
        return self._meter.doubt()

    def _take(self, piece: Piece) -> list[Partial | Final]:
        if piece.first:
            self._start_secs = piece.start / self._rate_hz
            self._heard, self._speech_frames = [], 0
        self._speech_frames += piece.speech
        at_secs = piece.known_at / self._rate_hz
        outputs: list[Partial | Final] = []
        self._waiting = np.concatenate([self._waiting, piece.samples])
        while len(self._waiting) >= self._block or (piece.last and len(self._waiting)):
            block, self._waiting = self._waiting[: self._block], self._waiting[self._block :]
            outputs += self._hear(self._recogniser.accept(block), at_secs)
        if piece.last:
            outputs += self._hear(self._recogniser.finish(), at_secs)
            outputs += self._take_back(at_secs)
            self._meter.heard(self._heard, self._speech_frames * FRAME_SECS)
        return outputs

    def _hear(self, hypothesis: Hypothesis | None, at_secs: float) -> list[Partial | Final]:
        if hypothesis is None:
            return []
        if not hypothesis.final:
            text = " ".join(word for word in hypothesis.text.split() if not _is_mark(word))
            if text == self._shown:
                return []
            self._shown, self._rev = text, self._rev + 1
            return [Partial(text, self._rev, at_secs)]
        words = tuple(
            replace(
                word,
                start_secs=self._start_secs + word.start_secs,
                end_secs=self._start_secs + word.end_secs,
            )
            for word in hypothesis.words
            if not _is_mark(word.text)
        )
        self._heard += [
            w if not _is_mark(w.text) else replace(w, confidence=0.0) for w in hypothesis.words
        ]
        if not words:
            return self._take_back(at_secs)
        self._shown, self._rev = "", 0
        text = " ".join(word.text for word in words)
        return [Final(text, words, words[0].start_secs, words[-1].end_secs, at_secs)]

    def _take_back(self, at_secs: float) -> list[Partial | Final]:
        """A partial that became no final."""
        if not self._shown:
            self._rev = 0
            return []
        taken_back = Partial("", self._rev + 1, at_secs)
        self._shown, self._rev = "", 0
        return [taken_back]


def _is_mark(word: str) -> bool:
    """Whether it stands for something that is no word of the vocabulary: "[unk]", "<unk>"."""
    return word.startswith(("[", "<"))
