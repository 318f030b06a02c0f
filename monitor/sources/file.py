"""A recorded call: WAV, FLAC and what else libsndfile reads."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import soundfile

from models.errors import AudioError
from monitor.framing import Frames, Resampler, check_channels, check_rate
from monitor.sources import Ending, Layout, Notice
from monitor.sources.layout import fit_layout

BLOCK_SECS = 0.2
_UNKNOWN_SIZE = 0x7FFFFFF0
"""Sizes from here on mean "unknown" in WAV headers written to a pipe."""
_FORMATS_FIX = (
    "give a WAV or FLAC file, 8 to 48 kHz, one or two channels; "
    "raw samples: contenance monitor - --rate 8000 < FILE"
)


class FileSource:
    """A recording, checked when it is opened. `rate_hz`: what it is said to have, if anything.

    Raises `AudioError` if it is missing, empty, no audio, or has a rate or number of channels
    that no call has.
    """

    kind: Literal["file"] = "file"

    def __init__(
        self, path: Path, layout: Layout | None = None, *, rate_hz: int | None = None
    ) -> None:
        self._path = path
        self._stopped = False
        self.ending: Ending = "hangup"
        with _open(path) as sound:
            check_rate(sound.samplerate, path.name)
            check_channels(sound.channels, path.name)
            if rate_hz not in (None, sound.samplerate):
                raise AudioError(
                    f"{path.name} has a sample rate of {sound.samplerate} Hz, not {rate_hz}",
                    "leave --rate out: the file says it itself",
                )
            if not sound.frames:
                raise AudioError(f"{path}: holds no sound at all", _FORMATS_FIX)
            self.layout = fit_layout(layout, sound.channels, path.name)
            self.duration_secs: float | None = sound.frames / sound.samplerate

    def start(self) -> None:
        """See `Source.start`: the file was checked already."""

    def read(self, out_rate_hz: int) -> Iterator[Frames | Notice]:
        """See `Source.read`."""
        missing = _missing_bytes(self._path)
        if missing > 0:
            yield Notice("degraded", f"the file is cut off: {missing} bytes are missing at its end")
        with _open(self._path) as sound:
            resampler = Resampler(
                rate_hz=sound.samplerate, out_rate_hz=out_rate_hz, channels=sound.channels
            )
            block, done = round(BLOCK_SECS * sound.samplerate), 0
            while done < sound.frames and not self._stopped:
                frames = _read(sound, block)
                done += len(frames)
                yield resampler.push(frames) if len(frames) else resampler.flush()
                if not len(frames):
                    raise AudioError(
                        f"{self._path}: damaged after {done / sound.samplerate:.1f} s; "
                        "what came before was analysed",
                        "copy the recording again from where it was made",
                    )
            yield resampler.flush()
        if self._stopped:
            self.ending = "stopped"

    def stop(self) -> None:
        """See `Source.stop`."""
        self._stopped = True


def _open(path: Path) -> soundfile.SoundFile:
    try:
        if path.is_dir():
            raise AudioError(f"{path}: is a folder", _FORMATS_FIX)
        if path.is_file() and path.stat().st_size == 0:
            raise AudioError(f"{path}: is empty (0 bytes)", "record or copy it again")
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror})", "check the path") from error
    if path.suffix.lower() == ".raw" or _is_text(head):
        what = "is text, not audio" if _is_text(head) else "holds samples without a header"
        raise AudioError(f"{path}: {what}", _FORMATS_FIX)
    try:
        return soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path}: is no audio file that can be read", _FORMATS_FIX) from error


def _read(sound: soundfile.SoundFile, frames: int) -> Frames:
    """The next frames, shape (n, channels); none where the file is damaged."""
    try:
        block: Frames = sound.read(frames, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return np.zeros((0, sound.channels), np.float32)
    return block


def _is_text(head: bytes) -> bool:
    return bool(head) and all(byte >= 0x20 or byte in b"\t\r\n\f" for byte in head)


def _missing_bytes(path: Path) -> int:
    """How many bytes a WAV file is shorter than its header says (libsndfile does not mind)."""
    with path.open("rb") as file:
        return _riff_size(file) - os.fstat(file.fileno()).st_size


def _riff_size(file: BinaryIO) -> int:
    head = file.read(8)
    if len(head) < 8 or head[:4] != b"RIFF":
        return 0
    (size,) = struct.unpack("<I", head[4:])
    return 0 if size >= _UNKNOWN_SIZE else int(size) + 8
