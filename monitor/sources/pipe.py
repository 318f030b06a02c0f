"""Raw samples from a pipe: `arecord … | contenance monitor - --rate 8000`."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from io import UnsupportedOperation
from typing import BinaryIO, Literal

from models.errors import AudioError
from monitor.framing import FrameDecoder, Frames
from monitor.sources import Ending, Layout, Notice
from monitor.sources.layout import DEFAULTS

READ_BYTES = 32_768
WAIT_SECS = 0.2
"""How long a wait for data may put off a stop."""


class PipeSource:
    """Raw interleaved samples, until the writer closes its end.

    encoding: see `monitor.framing.ENCODINGS`. Raises `AudioError` for a form that cannot be used,
    and when the pipe ends without a single sample.
    """

    kind: Literal["pipe"] = "pipe"
    duration_secs: float | None = None

    def __init__(
        self, stream: BinaryIO, *, rate_hz: int, encoding: str, layout: Layout | None = None
    ) -> None:
        self.layout = layout or DEFAULTS[1]
        self.ending: Ending = "hangup"
        self._stream = stream
        self._rate_hz, self._encoding = rate_hz, encoding
        self._stopped = False
        self._decoder(rate_hz)  # told now, not after the models are loaded
        if stream.isatty():
            raise AudioError(
                "standard input is a terminal, not audio",
                "pipe raw samples in: sox call.wav -t raw -r 8000 -e signed -b 16 - | "
                "contenance monitor - --rate 8000",
            )

    def start(self) -> None:
        """See `Source.start`: a pipe is open from the beginning."""

    def read(self, out_rate_hz: int) -> Iterator[Frames | Notice]:
        """See `Source.read`."""
        decoder, heard = self._decoder(out_rate_hz), False
        while data := self._next():
            heard = True
            yield decoder.push(data)
        yield decoder.flush()
        if self._stopped:
            self.ending = "stopped"
        elif not heard:
            raise AudioError("no audio came through the pipe", "check the command before the pipe")
        elif decoder.rest_bytes:
            yield Notice("degraded", "the audio ends in the middle of a sample")

    def stop(self) -> None:
        """See `Source.stop`."""
        self._stopped = True

    def _decoder(self, out_rate_hz: int) -> FrameDecoder:
        return FrameDecoder(
            rate_hz=self._rate_hz,
            encoding=self._encoding,
            channels=len(self.layout),
            out_rate_hz=out_rate_hz,
        )

    def _next(self) -> bytes:
        """The next bytes as soon as there are any; none at the end or after `stop`."""
        try:
            descriptor = self._stream.fileno()
        except UnsupportedOperation:  # not a file of the system: never has to wait
            return b"" if self._stopped else self._stream.read(READ_BYTES)
        while not self._stopped:
            if os.name != "posix" or select.select([descriptor], [], [], WAIT_SECS)[0]:
                return os.read(descriptor, READ_BYTES)
        return b""
