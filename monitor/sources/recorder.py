"""The process that holds one sound device: `recorder.py list` or `recorder.py record JSON`.

A process of its own, because PortAudio keeps its list of devices until it is started anew, may
hang for ever on a device that was pulled out, and writes to standard error as it likes. It ends
as soon as the device is not (any more) the one that was asked for; starting it again is the
parent's business. It imports nothing of this project, so that it starts fast.

Standard output of `record`: one line of JSON, {"rate_hz", "channels"} or {"error", "fix"}; then
packets of a kind (1 byte), a length (4 bytes, big endian) and a payload: `A` interleaved s16le,
`O` {"overflows": n} when sound was lost n times because it was read too slowly, `E` {"error": why}
at the end.
Standard input: its end ends the recording.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import struct
import subprocess
import sys
import threading
from typing import Any

QUEUE_BLOCKS = 1500
"""Blocks of 20 ms that may wait for a slow parent; newer ones are dropped and counted."""
BLOCK_SECS = 0.02
BUFFER_SECS = 0.2
"""What the sound system keeps for us while this process is not scheduled."""
STALL_SECS = 4.0
"""A device that delivers nothing for so long is gone (an idle sound server may take 2 s)."""
RATES_HZ = (48_000, 44_100, 32_000, 16_000, 8_000)
NO_PORTAUDIO_FIX = "apt install libportaudio2 (Debian, Ubuntu), dnf install portaudio (Fedora)"


class _Problem(Exception):  # noqa: N818 - becomes a line for the parent
    def __init__(self, error: str, fix: str = "") -> None:
        super().__init__(error)
        self.error, self.fix = error, fix


def _sounddevice() -> Any:  # noqa: ANN401 - the package has no types
    try:
        import sounddevice
    except OSError as error:
        raise _Problem("the sound library PortAudio is missing", NO_PORTAUDIO_FIX) from error
    return sounddevice


def _list_inputs() -> list[dict[str, Any]]:
    sd = _sounddevice()
    apis = sd.query_hostapis()
    return [
        {
            "index": device["index"],
            "name": device["name"],
            "api": apis[device["hostapi"]]["name"],
            "channels": device["max_input_channels"],
            "rate_hz": round(device["default_samplerate"]),
            "default": device["index"] == apis[device["hostapi"]]["default_input_device"],
        }
        for device in sd.query_devices()
        if device["max_input_channels"] > 0
    ]


class _Recording:
    """One device from opening to its loss. `source`: the PulseAudio source it must stay on."""

    def __init__(self, device: str | int | None, channels: int, source: str | None) -> None:
        self._blocks: queue.Queue[bytes | _Problem | None] = queue.Queue(QUEUE_BLOCKS)
        self._overflows = 0
        self._source = source
        if source is not None and source not in _pulse_sources().values():
            raise _Problem(f"there is no source {source}", "contenance devices lists them")
        sd = _sounddevice()
        self._stream, self._rate_hz, self._channels = self._open(sd, device, channels)

    def run(self) -> None:
        """Record until standard input ends. Raises `_Problem` when the device is lost."""
        threading.Thread(target=self._end_with_parent, daemon=True).start()
        self._stream.start()
        if self._source is not None:
            threading.Thread(target=self._watch_source, daemon=True).start()
        out = sys.stdout.buffer
        form = {"rate_hz": self._rate_hz, "channels": self._channels}
        out.write(json.dumps(form).encode() + b"\n")
        out.flush()
        while True:
            try:
                block = self._blocks.get(timeout=STALL_SECS)
            except queue.Empty:
                raise _Problem(f"no sound came for {STALL_SECS:g} s") from None
            if block is None:
                return
            if isinstance(block, _Problem):
                raise block
            _send(b"A", block)
            if self._overflows:
                overflows, self._overflows = self._overflows, 0
                _send(b"O", json.dumps({"overflows": overflows}).encode())

    def _open(self, sd: Any, device: str | int | None, channels: int) -> tuple[Any, int, int]:  # noqa: ANN401
        try:
            info = sd.query_devices(device, "input")
        except (ValueError, sd.PortAudioError) as error:
            raise _Problem(
                f"there is no input device {device!r}", "see contenance devices"
            ) from error
        preferred = round(info["default_samplerate"])
        rates = [preferred] if preferred in RATES_HZ else []
        rates += [rate for rate in RATES_HZ if rate != preferred]
        last: Exception | None = None
        for count in dict.fromkeys((channels, min(2, info["max_input_channels"]))):
            for rate_hz in rates:
                try:
                    stream = sd.RawInputStream(
                        device=device, channels=count, samplerate=rate_hz, dtype="int16",
                        blocksize=round(BLOCK_SECS * rate_hz), latency=BUFFER_SECS,
                        callback=self._on_block,
                        finished_callback=self._on_finished,
                    )  # fmt: skip
                except sd.PortAudioError as error:
                    last = error
                else:
                    return stream, rate_hz, count
        raise _Problem(f"{info['name']} cannot be opened ({last})", "is another program using it?")

    def _on_block(self, data: Any, _frames: int, _time: object, status: Any) -> None:  # noqa: ANN401
        try:
            self._blocks.put_nowait(bytes(data))
        except queue.Full:
            self._overflows += 1
        if status.input_overflow:
            self._overflows += 1

    def _on_finished(self) -> None:
        self._fail("the device stopped")

    def _fail(self, why: str) -> None:
        with contextlib.suppress(queue.Full):
            self._blocks.put_nowait(_Problem(why))

    def _end_with_parent(self) -> None:
        sys.stdin.buffer.read()
        self._blocks.put(None)

    def _watch_source(self) -> None:
        """End the recording when the sound server moves it to another source.

        That is what it does when the source goes away; on a call it would be the wrong person.
        """
        with subprocess.Popen(  # noqa: S603 - a fixed command
            [_PACTL, "subscribe"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=_PLAIN_ENV,
        ) as events:  # fmt: skip
            _CHILDREN.append(events)
            try:
                self._check_source()
                for line in events.stdout or ():
                    if b"source" in line:
                        self._check_source()
                self._fail("the sound server is gone")
            except _Problem as problem:
                self._fail(problem.error)

    def _check_source(self) -> None:
        sources = _pulse_sources()
        for output in _pactl("source-outputs"):
            mine = output["properties"].get("application.process.id") == str(os.getpid())
            if mine and sources.get(output["source"]) != self._source:
                raise _Problem(f"the source {self._source} is gone")


_CHILDREN: list[subprocess.Popen[bytes]] = []
_PACTL = shutil.which("pactl") or "pactl"
_PLAIN_ENV = os.environ | {"LC_ALL": "C"}


def _pactl(what: str) -> list[dict[str, Any]]:
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            [_PACTL, "-f", "json", "list", what],
            capture_output=True, timeout=5, check=True, env=_PLAIN_ENV,
        )  # fmt: skip
        found: list[dict[str, Any]] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        fix = "is it running? apt install pulseaudio-utils"
        raise _Problem("the sound server does not answer (pactl)", fix) from error
    return found


def _pulse_sources() -> dict[int, str]:
    return {source["index"]: source["name"] for source in _pactl("sources")}


def _send(kind: bytes, payload: bytes) -> None:
    sys.stdout.buffer.write(struct.pack(">cI", kind, len(payload)) + payload)
    sys.stdout.buffer.flush()


def _leave(status: int) -> None:
    """At once: closing a stream whose device is gone may never return."""
    for child in _CHILDREN:
        child.kill()
    os._exit(status)


def main() -> None:
    """See the module."""
    started = False
    try:
        if sys.argv[1] == "list":
            print(json.dumps({"inputs": _list_inputs()}))
            return
        wanted = json.loads(sys.argv[2])
        recording = _Recording(wanted["device"], wanted["channels"], wanted.get("source"))
        started = True
        recording.run()
        _leave(0)
    except _Problem as problem:
        told = json.dumps({"error": problem.error, "fix": problem.fix})
        if started:
            with contextlib.suppress(BrokenPipeError):
                _send(b"E", told.encode())
        else:
            print(told, flush=True)
        _leave(1)
    except BrokenPipeError:
        _leave(0)


if __name__ == "__main__":
    main()
