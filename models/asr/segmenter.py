"""Where somebody speaks: a channel's samples cut into segments, so that silence costs nothing.

A 20 ms frame counts as voiced when WebRTC's voice activity detector says so AND its energy stands
out from the noise floor, the minimum of the last seconds. The second condition is what ends a
segment under a steady sound (hum, a dial tone, a fan) that the detector takes for a voice.
A vote over the last frames opens and sustains a segment, audio from before the opening goes with
it, and some non-speech closes it. All decisions fall at frame ends counted from the first sample,
so any cut of the input gives the same segments.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from models.asr.recogniser import Samples
from models.errors import AudioError

RATES_HZ = (8000, 16000, 32000, 48000)
"""Sample rates that the voice activity detector knows."""

FRAME_SECS = 0.02
_SETTLE_SECS = 0.16  # at first the detector takes anything for speech; the pre-roll makes up for it
_QUIET_DB = -80.0  # level given to digital silence, and assumed before the call


@dataclass(frozen=True, slots=True)
class SegmenterSettings:
    """How segments are found. Times in seconds, levels in dB.

    aggressiveness: 0 (everything like speech) … 3 (only clear speech), of WebRTC's detector.
    gate_db: how far a frame must stand out from the noise floor.
    floor_secs: the noise floor is the lowest level of this long; a steady sound is taken for noise
    after it. vote_frames, vote_voiced: voiced frames needed among the last ones.
    pre_roll_secs: audio from before the first vote that goes with the segment, so that no onset is
    clipped. hang_over_secs: non-speech that ends a segment. long_secs: from here on the pause
    that ends a segment shrinks, down to one frame at max_secs, where the segment is cut anyway.
    """

    aggressiveness: int = 1
    gate_db: float = 3.0
    floor_secs: float = 2.0
    vote_frames: int = 5
    vote_voiced: int = 3
    pre_roll_secs: float = 0.3
    hang_over_secs: float = 0.55
    long_secs: float = 12.0
    max_secs: float = 20.0


@dataclass(frozen=True, slots=True)
class Piece:
    """The next audio of a segment.

    samples: shape (n,), beginning at sample `start` of the channel; the pieces of a segment follow
    each other without a gap. first, last: the segment begins, ends with this piece. speech:
    somebody speaks at its end. known_at: how many samples of the channel had to be seen to know
    all this.
    """

    start: int
    samples: Samples
    first: bool
    last: bool
    speech: bool
    known_at: int


class Segmenter:
    """Voice activity of one channel, streaming. One segmenter per call and channel."""

    def __init__(self, rate_hz: int, settings: SegmenterSettings | None = None) -> None:
        """`rate_hz`: one of `RATES_HZ`. Raises `AudioError` for any other."""
        if rate_hz not in RATES_HZ:
            raise AudioError(
                f"voice activity detection does not work at {rate_hz} Hz",
                "resample to one of " + ", ".join(str(rate) for rate in RATES_HZ) + " Hz",
            )
        self._settings = settings or SegmenterSettings()
        self._rate_hz = rate_hz
        self._frame = round(rate_hz * FRAME_SECS)
        self._lag = rate_hz // 2000
        self._vad = webrtcvad.Vad(self._settings.aggressiveness)
        self._pending: Samples = np.zeros(0, np.float32)
        self._seen = 0  # samples in whole frames
        self._before: deque[Samples] = deque(maxlen=self._frames(self._settings.pre_roll_secs))
        self._votes: deque[bool] = deque(maxlen=self._settings.vote_frames)
        floor_frames = self._frames(self._settings.floor_secs)
        self._levels: deque[float] = deque([_QUIET_DB] * floor_frames, floor_frames)
        self._energies: deque[int] = deque(maxlen=3)
        self._length = 0  # frames of the open segment, 0: none is open
        self._pause = 0  # frames since the last voiced vote

    @property
    def speech(self) -> bool:
        """Whether somebody speaks at the end of what was pushed."""
        return sum(self._votes) >= self._settings.vote_voiced

    def push(self, samples: Samples) -> list[Piece]:
        """The next samples of the channel, shape (n,), float32, -1..1; n may be anything."""
        joined = np.concatenate([self._pending, samples.astype(np.float32, copy=False)])
        count = len(joined) // self._frame
        self._pending = joined[count * self._frame :]
        if count == 0:
            return []
        frames = joined[: count * self._frame].reshape(count, self._frame)
        pcm = np.clip(np.rint(frames * 32768.0), -32768, 32767).astype(np.int16)
        # A difference over half a millisecond: no offset, 50 Hz hum 16 dB down, speech kept.
        # In integers, so that it is exactly the same however the input was cut.
        wide = pcm.astype(np.int64)
        steps = wide[:, self._lag :] - wide[:, : -self._lag]
        energies = np.sum(steps * steps, axis=1)
        pieces = []
        for frame, coded, energy in zip(frames, pcm, energies, strict=True):
            piece = self._step(frame, coded, int(energy))
            if piece is not None:
                pieces.append(piece)
        return pieces

    def flush(self) -> list[Piece]:
        """The end of the channel: what is left of an open segment."""
        rest, self._pending = self._pending, self._pending[:0]
        start, self._seen = self._seen, self._seen + len(rest)
        if not self._length:
            return []
        self._length = 0
        return [Piece(start, rest, first=False, last=True, speech=False, known_at=self._seen)]

    def _frames(self, secs: float) -> int:
        return max(1, round(secs / FRAME_SECS))

    def _step(self, frame: Samples, coded: NDArray[np.int16], energy: int) -> Piece | None:
        start = self._seen
        self._seen += self._frame
        self._votes.append(self._voiced(coded, energy))
        speech = self.speech
        if not self._length:
            if not speech:
                self._before.append(frame)
                return None
            roll = len(self._before) * self._frame
            audio = np.concatenate([*self._before, frame])
            self._length = len(self._before) + 1
            self._pause = 0
            self._before.clear()
            return Piece(
                start - roll, audio, first=True, last=False, speech=True, known_at=self._seen
            )
        self._length += 1
        self._pause = 0 if speech else self._pause + 1
        last = self._pause >= self._allowed_pause() or self._length >= self._frames(
            self._settings.max_secs
        )
        if last:
            self._length = 0
        return Piece(start, frame, first=False, last=last, speech=speech, known_at=self._seen)

    def _voiced(self, coded: NDArray[np.int16], energy: int) -> bool:
        self._energies.append(energy)
        power = sum(self._energies) / (len(self._energies) * self._frame * 32768.0**2)
        level_db = max(_QUIET_DB, 10 * math.log10(power)) if power else _QUIET_DB
        self._levels.append(level_db)
        loud = level_db >= min(self._levels) + self._settings.gate_db
        # asked even when the frame is quiet: the detector learns the noise from it
        speech = bool(self._vad.is_speech(coded.tobytes(), self._rate_hz))
        return speech and loud and self._seen > _SETTLE_SECS * self._rate_hz

    def _allowed_pause(self) -> int:
        """Frames of non-speech that end the open segment now."""
        whole = self._frames(self._settings.hang_over_secs)
        begin, end = self._frames(self._settings.long_secs), self._frames(self._settings.max_secs)
        if self._length <= begin:
            return whole
        return max(1, math.ceil(whole * (end - self._length) / (end - begin)))
