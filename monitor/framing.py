"""Bytes as they come over a wire or pipe, to float frames at the recogniser's rate. Pure.

    decoder = FrameDecoder(rate_hz=8000, encoding="alaw", channels=2, out_rate_hz=16000)
    frames = decoder.push(data)        # any cut of the bytes, half samples included
    frames = decoder.flush()           # once, at the end

Any cut of the same bytes gives the same frames, bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
import soxr
from numpy.typing import NDArray

from models.errors import AudioError
from models.signals import alaw_decode, from_int16, mulaw_decode
from models.yamllines import suggest

MIN_RATE_HZ = 8_000
MAX_RATE_HZ = 48_000
MAX_CHANNELS = 2

Encoding = Literal["pcm_s16le", "pcm_s16be", "mulaw", "alaw"]
"""16-bit signed PCM (little or big endian) and G.711."""
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)

Frames = NDArray[np.float32]
"""Interleaved audio, shape (n, channels), full scale -1.0 … 1.0."""

_DECODERS: dict[Encoding, tuple[int, Callable[[bytes], NDArray[np.float32]]]] = {
    "pcm_s16le": (2, lambda data: from_int16(np.frombuffer(data, "<i2"))),
    "pcm_s16be": (2, lambda data: from_int16(np.frombuffer(data, ">i2"))),
    "mulaw": (1, lambda data: mulaw_decode(np.frombuffer(data, np.uint8))),
    "alaw": (1, lambda data: alaw_decode(np.frombuffer(data, np.uint8))),
}


def check_rate(rate_hz: int, what: str = "the audio") -> None:
    """Refuse a sample rate that cannot be used. Raises `AudioError`."""
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioError(
            f"{what} has a sample rate of {rate_hz} Hz; usable: {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz",
            "give the rate at which it was recorded (a telephone line has 8000 Hz)"
            if rate_hz < MIN_RATE_HZ
            else "convert it first, e.g. sox IN -r 16000 OUT",
        )


def check_channels(channels: int, what: str = "the audio") -> None:
    """Refuse a number of channels that no call has. Raises `AudioError`."""
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(
            f"{what} has {channels} channels; a call has one or two (customer and agent)",
            "keep the two that hold the speakers, e.g. sox IN OUT remix 1 2",
        )


class Resampler:
    """Brings frames to another rate as they come, with soxr (high quality, linear phase).

    Keeps time: sample k of the output is the sound at k / `out_rate_hz` seconds.
    """

    def __init__(self, *, rate_hz: int, out_rate_hz: int, channels: int) -> None:
        check_rate(rate_hz)
        check_channels(channels)
        self.channels = channels
        self._soxr = None
        if rate_hz != out_rate_hz:
            self._soxr = soxr.ResampleStream(rate_hz, out_rate_hz, channels, dtype="float32")

    def push(self, frames: Frames) -> Frames:
        """Frames (n, channels) in; those that are ready at the new rate out (up to 0.1 s later)."""
        if self._soxr is None or not len(frames):
            return frames
        return self._shape(self._soxr.resample_chunk(np.ascontiguousarray(frames)))

    def flush(self) -> Frames:
        """What was still held back. Call once; nothing may be pushed afterwards."""
        nothing = np.zeros((0, self.channels), np.float32)
        if self._soxr is None:
            return nothing
        return self._shape(self._soxr.resample_chunk(nothing, last=True))

    def _shape(self, frames: NDArray[np.float32]) -> Frames:
        return frames.reshape(-1, self.channels)


class FrameDecoder:
    """Bytes of interleaved audio to frames.

    rate_hz: 8000 … 48000; channels: 1 or 2; out_rate_hz: the recogniser's rate.
    Raises `AudioError` for anything else.
    """

    def __init__(self, *, rate_hz: int, encoding: str, channels: int, out_rate_hz: int) -> None:
        if encoding not in ENCODINGS:
            raise AudioError(f'unknown encoding "{encoding}"', suggest(encoding, ENCODINGS))
        self._resampler = Resampler(rate_hz=rate_hz, out_rate_hz=out_rate_hz, channels=channels)
        sample_bytes, self._decode = _DECODERS[encoding]
        self._frame_bytes = sample_bytes * channels
        self._rest = b""

    @property
    def rest_bytes(self) -> int:
        """Bytes of an unfinished frame. Left over at the end, they say that the end was cut."""
        return len(self._rest)

    def push(self, data: bytes) -> Frames:
        """Decode bytes; a frame cut in two waits for its other half."""
        data = self._rest + data
        whole = len(data) - len(data) % self._frame_bytes
        self._rest = data[whole:]
        samples = self._decode(data[:whole])
        return self._resampler.push(samples.reshape(-1, self._resampler.channels))

    def flush(self) -> Frames:
        """The end of the audio: what resampling held back. An unfinished frame is no sound."""
        return self._resampler.flush()
