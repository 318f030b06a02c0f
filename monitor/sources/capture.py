"""A live call on this computer: microphone = agent, loopback or headset = customer.

Every device is held by a recorder process. A device that is lost is tried again every second;
meanwhile the other channel goes on and the lost one is silence.
"""

from __future__ import annotations

import json
import queue
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Literal

import numpy as np

from models.errors import AudioError
from monitor.framing import FrameDecoder, Frames
from monitor.sources import Ending, Layout, Notice
from monitor.sources.align import Aligner
from monitor.sources.devices import RECORDER, Target
from monitor.sources.health import CLEAN_SECS, LevelWatch, Problems

RETRY_SECS = 1.0
START_TIMEOUT_SECS = 15.0
QUEUE_PACKETS = 250
"""Packets of 20 ms that may wait for a slow analysis; then the recorders wait (and count)."""
_HEADER = struct.Struct(">cI")


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """A device and who is heard on its channels, e.g. ("customer",)."""

    target: Target
    layout: Layout


@dataclass(frozen=True, slots=True)
class _Started:
    device: int
    rate_hz: int
    channels: int


@dataclass(frozen=True, slots=True)
class _Audio:
    device: int
    data: bytes


@dataclass(frozen=True, slots=True)
class _Overflow:
    device: int
    times: int


@dataclass(frozen=True, slots=True)
class _Gone:
    device: int
    why: str
    fix: str


_Packet = _Started | _Audio | _Overflow | _Gone


class CaptureSource:
    """A live call. `start()` opens the devices, `read()` yields their sound until `stop()`."""

    kind: Literal["mic"] = "mic"
    duration_secs: float | None = None

    def __init__(
        self,
        devices: Sequence[DeviceSpec],
        *,
        silence_alarm_secs: float,
        recorder: Sequence[str] = RECORDER,
        clock: Callable[[], float] = time.monotonic,
        retry_secs: float = RETRY_SECS,
    ) -> None:
        """recorder: the command of the recorder process; clock: seconds, measures gaps."""
        self.layout: Layout = tuple(name for device in devices for name in device.layout)
        self.ending: Ending = "stopped"
        self._devices = tuple(devices)
        self._alarm_secs = silence_alarm_secs
        self._clock = clock
        self._packets: queue.Queue[_Packet] = queue.Queue(QUEUE_PACKETS)
        self._recorders = [
            _Recorder(number, device, tuple(recorder), self._packets, retry_secs)
            for number, device in enumerate(devices)
        ]

    def start(self) -> None:
        """Open every device, or raise `AudioError` for the first that cannot be opened."""
        try:
            for recorder in self._recorders:
                recorder.open()
        except AudioError:
            self.stop()
            raise
        for recorder in self._recorders:
            recorder.start()

    def read(self, out_rate_hz: int) -> Iterator[Frames | Notice]:
        """See `Source.read`."""
        desk = _Desk(self._devices, out_rate_hz, self._alarm_secs)
        while any(recorder.running for recorder in self._recorders) or not self._packets.empty():
            try:
                packet = self._packets.get(timeout=0.2)
            except queue.Empty:
                continue
            yield from desk.take(packet, self._clock())
        yield from desk.close()

    def stop(self) -> None:
        """See `Source.stop`."""
        for recorder in self._recorders:
            recorder.stop()


class _Desk:
    """Brings the packets of all devices together. Pure: the time is given."""

    def __init__(self, devices: Sequence[DeviceSpec], out_rate_hz: int, alarm_secs: float) -> None:
        self._devices = devices
        self._out_rate_hz = out_rate_hz
        layout = tuple(name for device in devices for name in device.layout)
        self._aligner = Aligner(tuple(len(device.layout) for device in devices), out_rate_hz)
        self._problems = Problems()
        self._levels = LevelWatch(
            layout, out_rate_hz, alarm_secs=alarm_secs, problems=self._problems
        )
        self._decoders: dict[int, FrameDecoder] = {}
        self._since_overflow: dict[int, int] = {}
        self._silent_since_secs: float | None = None

    def take(self, packet: _Packet, now_secs: float) -> Iterator[Frames | Notice]:
        """Frames and notices that follow from the next packet."""
        device = packet.device
        names = " and ".join(self._devices[device].layout)
        match packet:
            case _Started():
                self._decoders[device] = FrameDecoder(
                    rate_hz=packet.rate_hz, encoding="pcm_s16le", channels=packet.channels,
                    out_rate_hz=self._out_rate_hz,
                )  # fmt: skip
            case _Audio():
                yield from self._hear(
                    device, names, self._decoders[device].push(packet.data), now_secs
                )
            case _Overflow():
                why = f"{names}: sound was lost because the computer is too slow"
                self._since_overflow[device] = 0
                yield from self._problems.found(f"{names} overflow", why)
            case _Gone():
                decoder = self._decoders.pop(device, None)
                if decoder is not None:
                    yield from self._hear(device, names, decoder.flush(), now_secs)
                yield from self._out(self._aligner.lost(device))
                why = f"{names}: the sound device is lost ({packet.why}); trying again"
                yield from self._problems.found(f"{names} lost", why)
                if not self._decoders and self._silent_since_secs is None:
                    self._silent_since_secs = now_secs
                    yield Notice("interrupted")

    def close(self) -> Iterator[Frames | Notice]:
        """What was still held back, at the end."""
        for device, decoder in self._decoders.items():
            names = " and ".join(self._devices[device].layout)
            yield from self._hear(device, names, decoder.flush(), 0.0)
        yield from self._out(self._aligner.flush())

    def _hear(
        self, device: int, names: str, frames: Frames, now_secs: float
    ) -> Iterator[Frames | Notice]:
        if not len(frames):
            return
        if self._silent_since_secs is not None:
            yield Notice("resumed", gap_secs=round(now_secs - self._silent_since_secs, 3))
            self._silent_since_secs = None
        yield from self._problems.mended(f"{names} lost", f"{names}: the sound device is back")
        if device in self._since_overflow:
            self._since_overflow[device] += len(frames)
            if self._since_overflow[device] >= CLEAN_SECS * self._out_rate_hz:
                del self._since_overflow[device]
                yield from self._problems.mended(f"{names} overflow", f"{names}: complete again")
        yield from self._out(self._aligner.push(device, self._columns(device, frames)))

    def _out(self, frames: Frames) -> Iterator[Frames | Notice]:
        if len(frames):
            yield frames
            yield from self._levels.push(frames)

    def _columns(self, device: int, frames: Frames) -> Frames:
        """One column of a device that only records in stereo is the mean of both."""
        wanted = len(self._devices[device].layout)
        if frames.shape[1] == wanted:
            return frames
        mixed = frames.mean(axis=1, keepdims=True, dtype=np.float32)
        return np.repeat(mixed, wanted, axis=1)


class _Recorder:
    """Keeps one recorder process running; its packets go into the common queue."""

    def __init__(
        self,
        number: int,
        spec: DeviceSpec,
        command: tuple[str, ...],
        packets: queue.Queue[_Packet],
        retry_secs: float,
    ) -> None:
        self._number = number
        self._spec = spec
        wanted = {
            "device": spec.target.device,
            "channels": len(spec.layout),
            "source": spec.target.source,
        }
        self._command = [*command, "record", json.dumps(wanted)]
        self._packets = packets
        self._retry_secs = retry_secs
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name=f"recorder-{number}", daemon=True)

    @property
    def running(self) -> bool:
        """Whether packets may still come."""
        return self._thread.is_alive()

    def open(self) -> None:
        """Start the process and wait for it to open the device. Raises `AudioError`."""
        first = self._spawn()
        if isinstance(first, _Gone):
            raise AudioError(f"{self._spec.target.label}: {first.why}", first.fix)
        self._packets.put(first)

    def start(self) -> None:
        """Pass packets on in the background, from now until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """End the process; what it has recorded is still passed on."""
        self._stopping.set()
        if not self._thread.is_alive():
            self._close()
        elif self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def _run(self) -> None:
        gone: _Packet = self._pass_on()
        while not self._stopping.is_set():
            self._packets.put(gone)
            if self._stopping.wait(self._retry_secs):
                break
            gone = self._spawn()
            if isinstance(gone, _Started):
                if self._stopping.is_set():  # while the process was starting
                    break
                self._packets.put(gone)
                gone = self._pass_on()
        self._close()

    def _spawn(self) -> _Started | _Gone:
        self._close()
        self._process = subprocess.Popen(  # noqa: S603 - our own recorder
            self._command,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=self._spec.target.environment(),
        )  # fmt: skip
        alarm = threading.Timer(START_TIMEOUT_SECS, self._process.kill)
        alarm.start()
        try:
            line = _stdout(self._process).readline()
        finally:
            alarm.cancel()
        if not line.endswith(b"\n"):
            return _Gone(self._number, "the sound system does not answer", "try: pactl info")
        answer = json.loads(line)
        if "error" in answer:
            return _Gone(self._number, answer["error"], answer["fix"])
        return _Started(self._number, answer["rate_hz"], answer["channels"])

    def _pass_on(self) -> _Gone:
        """Packets into the queue until the process ends; why it did."""
        assert self._process is not None
        stream, why = _stdout(self._process), "its process ended"
        while len(header := stream.read(_HEADER.size)) == _HEADER.size:
            kind, length = _HEADER.unpack(header)
            payload = stream.read(length)
            if len(payload) < length:
                break
            if kind == b"A":
                self._packets.put(_Audio(self._number, payload))
            elif kind == b"O":
                self._packets.put(_Overflow(self._number, json.loads(payload)["overflows"]))
            else:
                why = json.loads(payload)["error"]
        return _Gone(self._number, why, "")

    def _close(self) -> None:
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _stdout(process).close()


def _stdout(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None
    return process.stdout
