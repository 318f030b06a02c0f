"""Live capture on a real PortAudio, over a private PulseAudio server with null sinks.

PortAudio speaks ALSA, ALSA's plugin speaks to PulseAudio; a null sink's monitor is the loopback.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from monitor.events import CallEnded, CueShown, Degraded, Event, Recovered, SpeechFinal, from_wire
from monitor.settings import ENV_PREFIX
from monitor.sources import Notice
from monitor.sources.capture import CaptureSource, DeviceSpec
from monitor.sources.devices import find_input, list_inputs

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[2]
DEMO_CALL = ROOT / "configs" / "demo" / "demo.flac"
DEMO_NOTES = DEMO_CALL.with_suffix(".json")
RATE_HZ = 8000
LIMIT_SECS = 120
"""No test waits longer than this for anything; on a quiet machine they need a few seconds."""


@dataclass(frozen=True)
class SoundServer:
    """A PulseAudio of our own. Everything in `environ` talks to it and to nothing else."""

    environ: dict[str, str]
    folder: Path

    def pactl(self, *args: str) -> str:
        done = subprocess.run(
            ["pactl", *args],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return done.stdout.strip()

    def add_sink(self, name: str) -> str:
        """The module to unload it again."""
        return self.pactl("load-module", "module-null-sink", f"sink_name={name}")

    def play(
        self, sink: str, frames: np.ndarray, rate_hz: int = RATE_HZ
    ) -> subprocess.Popen[bytes]:
        """Start playing; `wait()` for the end."""
        path = self.folder / f"{sink}-{len(frames)}.wav"
        soundfile.write(path, frames, rate_hz)
        return subprocess.Popen(["paplay", f"--device={sink}", str(path)], env=self.environ)


@pytest.fixture
def sound(need: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundServer]:
    for part in ("pulseaudio", "portaudio", "alsa-pulse"):
        need(part)
    folder = Path(tempfile.mkdtemp(prefix="contenance-"))  # a socket's path must be short
    environ = os.environ | {
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "PULSE_RUNTIME_PATH": str(folder),
        "PULSE_STATE_PATH": str(folder),
        "PULSE_SERVER": f"unix:{folder}/native",
    }
    for variable in ("PULSE_SOURCE", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY"):
        environ.pop(variable, None)
    command = [
        "pulseaudio", "-n", "--daemonize=yes", "--use-pid-file=yes", "--exit-idle-time=-1",
        "--high-priority=no", "--realtime=no", "--log-target=null",
        "-L", f"module-native-protocol-unix socket={folder}/native auth-anonymous=1",
    ]  # fmt: skip
    for variable in [name for name in environ if name.startswith(ENV_PREFIX)]:
        environ.pop(variable)
        monkeypatch.delenv(variable, raising=False)
    subprocess.run(command, env=environ, timeout=60, check=True)  # returns when it is ready
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    try:
        yield SoundServer(environ, folder)
    finally:
        subprocess.run(["pulseaudio", "--kill"], env=environ, timeout=60, check=True)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def time_limit(what: Callable[[], object]) -> Iterator[None]:
    """Call `what` (that ends the waiting) if the block takes longer than `LIMIT_SECS`."""
    timer = threading.Timer(LIMIT_SECS, what)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def tone(f_hz: float, secs: float) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * f_hz * np.arange(round(secs * RATE_HZ)) / RATE_HZ)


def loud(samples: np.ndarray, f_hz: float) -> np.ndarray:
    """Where a tone of this frequency is in the samples: the numbers of windows of 20 ms."""
    windows = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    carrier = np.exp(-2j * np.pi * f_hz * np.arange(160) / RATE_HZ)
    return np.flatnonzero(np.abs(windows @ carrier) / 80 > 0.05)


def loud_secs(samples: np.ndarray, f_hz: float) -> float:
    """For how long it is there."""
    return len(loud(samples, f_hz)) * 0.02


def capture(*names: str) -> CaptureSource:
    inputs = list_inputs()
    layouts = ("customer",), ("agent",)
    return CaptureSource(
        [
            DeviceSpec(find_input(f"pulse:{name}.monitor", inputs), layout)
            for name, layout in zip(names, layouts, strict=False)
        ],
        silence_alarm_secs=600,
    )


def test_the_loopbacks_are_listed_and_the_default_is_marked(sound: SoundServer) -> None:
    sound.add_sink("speakers")
    sound.add_sink("headset")
    sound.pactl("set-default-source", "headset.monitor")
    found = {device.id: device for device in list_inputs()}
    assert {"pulse:speakers.monitor", "pulse:headset.monitor"} <= set(found)
    assert found["pulse:speakers.monitor"].loopback
    assert [device.id for device in found.values() if device.default and device.loopback] == [
        "pulse:headset.monitor"
    ]
    assert any(device.backend == "portaudio" for device in found.values())


def test_each_speaker_arrives_on_their_own_channel(sound: SoundServer) -> None:
    sound.add_sink("speakers")
    sound.add_sink("headset")
    source = capture("speakers", "headset")
    source.start()
    playing = [sound.play("speakers", tone(400, 3)), sound.play("headset", tone(1000, 3))]
    heard = np.zeros((0, 2), np.float32)
    with time_limit(source.stop):
        for item in source.read(RATE_HZ):
            assert not isinstance(item, Notice), item
            heard = np.concatenate([heard, item])
            if loud_secs(heard[:, 0], 400) > 2.5 and loud_secs(heard[:, 1], 1000) > 2.5:
                source.stop()
    assert [player.wait(30) for player in playing] == [0, 0]
    assert loud_secs(heard[:, 0], 400) > 2.5
    assert loud_secs(heard[:, 1], 1000) > 2.5
    assert loud_secs(heard[:, 0], 1000) == 0
    assert loud_secs(heard[:, 1], 400) == 0


def test_a_lost_device_comes_back_and_never_turns_into_the_other_one(sound: SoundServer) -> None:
    """The sound server moves a recording whose source is gone to another source, here the
    agent's. Their voice must not be taken for the customer's."""
    module = sound.add_sink("speakers")
    sound.add_sink("headset")
    sound.pactl("set-default-source", "headset.monitor")
    source = capture("speakers", "headset")
    source.start()
    agent = sound.play("headset", tone(1000, 60))
    customer = [sound.play("speakers", tone(400, 2))]
    heard, told, lost_at = np.zeros((0, 2), np.float32), [], 0
    with time_limit(source.stop):
        for item in source.read(RATE_HZ):
            if not isinstance(item, Notice):
                heard = np.concatenate([heard, item])
                both = loud_secs(heard[:, 0], 400) > 1.5 and loud_secs(heard[:, 1], 1000) > 0.5
                if module and both:
                    sound.pactl("unload-module", module)
                    module, lost_at = "", len(heard)
                if len(customer) == 2 and loud_secs(heard[:, 0], 400) > 3.0:
                    source.stop()
                continue
            told.append(item)
            lost = "speakers.monitor is gone" in item.reason
            if lost and len(told) == 1:
                sound.add_sink("speakers")
            elif not lost and len(customer) == 1:
                customer.append(sound.play("speakers", tone(400, 2)))
    agent.terminate()
    for player in (agent, *customer):
        player.wait(30)
    assert told[0].kind == "degraded"
    assert told[0].reason.startswith("customer: the sound device is lost (the source speakers.mon")
    assert "lost" not in told[-1].reason.replace("sound was lost", ""), told
    assert loud_secs(heard[:, 0], 400) > 3.0, "heard before and after"
    agent_windows = loud(heard[lost_at:, 1], 1000)
    assert len(agent_windows) > 50
    gaps = np.ptp(agent_windows) + 1 - len(agent_windows)
    assert gaps <= 0.05 * len(agent_windows), "the other channel went on"
    leaked_secs = loud_secs(heard[:, 0], 1000)
    print(f"the agent was on the customer's channel for {leaked_secs:.2f} s")
    assert leaked_secs <= 0.3


# The whole way: played call -> sound server -> PortAudio -> recognition -> events


def said(turn: int) -> np.ndarray:
    """One turn of the demo call, its speaker's channel only."""
    notes = json.loads(DEMO_NOTES.read_text(encoding="utf-8"))
    entry = notes["turns"][turn]
    first, last = (
        round((entry["start_secs"] - 0.3) * RATE_HZ),
        round((entry["end_secs"] + 0.8) * RATE_HZ),
    )
    frames, rate_hz = soundfile.read(DEMO_CALL, start=first, stop=last)
    assert rate_hz == RATE_HZ
    return frames[:, notes["channels"].index(entry["channel"])]


class LiveCall:
    """`contenance monitor mic --json` as a process; `until` reads events as they come."""

    def __init__(self, sound: SoundServer, *options: str) -> None:
        environ = sound.environ | {"PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "monitor.cli", "monitor", "mic", "--json", *options],
            env=environ, cwd=sound.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.events: list[Event] = []

    def until(self, wanted: Callable[[Event], bool]) -> Event:
        assert self.process.stdout is not None
        with time_limit(self.process.kill):
            for line in self.process.stdout:
                self.events.append(from_wire(line))
                if wanted(self.events[-1]):
                    return self.events[-1]
        raise AssertionError(f"never came; {self.heard()}, {self.errors()}")

    def heard(self) -> list[tuple[str, str]]:
        return [(e.channel, e.text) for e in self.events if isinstance(e, SpeechFinal)]

    def errors(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.until(lambda event: isinstance(event, CallEnded))
        status = self.process.wait(timeout=LIMIT_SECS)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.process.stderr.close()
        return status


def spoken(channel: str, word: str) -> Callable[[Event], bool]:
    def wanted(event: Event) -> bool:
        return isinstance(event, SpeechFinal) and event.channel == channel and word in event.text

    return wanted


def test_a_live_call_is_heard_understood_and_survives_a_lost_device(sound: SoundServer) -> None:
    module = sound.add_sink("speakers")
    sound.add_sink("headset")
    call = LiveCall(
        sound, "--allow-demo-model", "--customer-device", "pulse:speakers.monitor",
        "--agent-device", "pulse:headset.monitor",
    )  # fmt: skip
    started = call.until(lambda event: event.type == "call.started").model_dump()
    assert started["source"] == "mic"
    assert started["channels"] == ("customer", "agent")

    agent = sound.play("headset", said(0))
    call.until(spoken("agent", "guten tag"))
    customer = sound.play("speakers", said(1))
    call.until(spoken("customer", "internet"))
    shown = call.until(lambda event: isinstance(event, CueShown))
    assert isinstance(shown, CueShown)
    assert shown.name == "understanding"

    sound.pactl("unload-module", module)
    lost = call.until(lambda event: isinstance(event, Degraded))
    assert isinstance(lost, Degraded)
    assert lost.part == "audio"
    sound.add_sink("speakers")
    call.until(lambda event: isinstance(event, Recovered))
    again = sound.play("speakers", said(3))
    call.until(spoken("customer", "tagen"))
    assert [player.wait(30) for player in (agent, customer, again)] == [0, 0, 0]

    assert call.end() == 130
    ended = call.events[-1]
    assert isinstance(ended, CallEnded)
    assert ended.reason == "stopped"


def test_the_demo_model_is_not_for_microphones(sound: SoundServer) -> None:
    sound.add_sink("speakers")
    call = LiveCall(sound, "--customer-device", "pulse:speakers.monitor")
    out, err = call.process.communicate(timeout=LIMIT_SECS)
    assert (call.process.returncode, out) == (3, "")
    assert "synthetic speech only" in err
    assert "models fetch" in err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--customer-device", "pulse:nowhere"), "there is no input device"),
        (("--customer-device", "default", "--agent-device", "default"), "share the device"),
    ],
)
def test_devices_that_cannot_be_used_are_told(
    sound: SoundServer, options: tuple[str, ...], told: str
) -> None:
    sound.add_sink("speakers")
    call = LiveCall(sound, "--allow-demo-model", *options)
    _, err = call.process.communicate(timeout=LIMIT_SECS)
    assert call.process.returncode == 5
    assert told in err


def devices(sound: SoundServer, *options: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "monitor.cli", "devices", "--json", *options],
        env=sound.environ | {"PYTHONPATH": str(ROOT)}, cwd=sound.folder,
        capture_output=True, text=True, timeout=LIMIT_SECS, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_level_check_tells_sound_from_silence(sound: SoundServer) -> None:
    sound.add_sink("speakers")
    sound.add_sink("headset")
    playing = sound.play("speakers", tone(400, 60))
    loud = devices(sound, "--level", "1", "--device", "pulse:speakers.monitor")
    playing.terminate()
    playing.wait(30)
    silent = devices(sound, "--level", "1", "--device", "pulse:headset.monitor")
    assert [(row["id"], row["verdict"]) for row in (*loud, *silent)] == [
        ("pulse:speakers.monitor", "ok"),
        ("pulse:headset.monitor", "no signal"),
    ]
    assert loud[0]["peak_dbfs"] == pytest.approx(-6, abs=1.5)
