from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import AudioError
from monitor.sources import Notice
from monitor.sources.capture import CaptureSource, DeviceSpec
from monitor.sources.devices import InputDevice, Target, find_input

RATE_HZ = 8000

# A recorder that plays a script: one list of steps per start, ended by the end of the list.
FAKE = r"""
import array, json, struct, sys
plan_file, mode, wanted = sys.argv[1:4]
assert mode == "record"
plans = json.load(open(plan_file))
runs = plans[json.loads(wanted)["device"]]
count_file = plan_file + json.loads(wanted)["device"]
try: run = int(open(count_file).read())
except FileNotFoundError: run = 0
open(count_file, "w").write(str(run + 1))
out = sys.stdout.buffer
def send(kind, payload): out.write(struct.pack(">cI", kind, len(payload)) + payload)
for step in runs[min(run, len(runs) - 1)]:
    if "line" in step: out.write(step["line"].encode())
    elif "audio" in step:
        first, count, columns = step["audio"]
        samples = array.array("h", [v for v in range(first, first + count) for _ in range(columns)])
        if sys.byteorder == "big": samples.byteswap()
        send(b"A", samples.tobytes())
    elif "overflows" in step: send(b"O", json.dumps(step).encode())
    elif "error" in step: send(b"E", json.dumps(step).encode())
    elif "wait" in step:
        out.flush(); sys.stdin.buffer.read()
    out.flush()
"""


def started(rate_hz: int = RATE_HZ, channels: int = 1) -> dict[str, Any]:
    return {"line": json.dumps({"rate_hz": rate_hz, "channels": channels}) + "\n"}


def refused(error: str, fix: str = "plug it in") -> dict[str, Any]:
    return {"line": json.dumps({"error": error, "fix": fix}) + "\n"}


def audio(first: int, count: int, columns: int = 1) -> dict[str, Any]:
    """`count` frames with the values first, first + 1, … on every column."""
    return {"audio": [first, count, columns]}


def source(
    tmp_path: Path,
    plans: dict[str, list[list[dict[str, Any]]]],
    layouts: dict[str, tuple[str, ...]],
) -> CaptureSource:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(plans))
    seconds = itertools.count()
    return CaptureSource(
        [DeviceSpec(Target(name, name), layout) for name, layout in layouts.items()],
        silence_alarm_secs=20,
        recorder=(sys.executable, "-c", FAKE, str(plan)),
        clock=lambda: float(next(seconds)),
        retry_secs=0,
    )


def collect(capture: CaptureSource, until: int) -> tuple[np.ndarray, list[Notice]]:
    """Read until column 0 has shown `until` samples that are not silence; then stop."""
    frames: list[np.ndarray] = []
    told: list[Notice] = []
    for item in capture.read(RATE_HZ):
        if isinstance(item, Notice):
            told.append(item)
            continue
        frames.append(item)
        if sum(np.count_nonzero(piece[:, 0]) for piece in frames) >= until:
            capture.stop()
    return np.rint(np.concatenate(frames) * 32768).astype(int), told


def test_two_devices_are_the_two_channels(tmp_path: Path) -> None:
    plans = {
        "loop": [[started(), audio(1, 800), {"wait": 1}]],
        "mic": [[started(), audio(1001, 800), {"wait": 1}]],
    }
    capture = source(tmp_path, plans, {"loop": ("customer",), "mic": ("agent",)})
    assert capture.layout == ("customer", "agent")
    capture.start()
    frames, told = collect(capture, until=800)
    assert frames[:, 0].tolist() == list(range(1, 801))
    assert frames[:, 1].tolist() == list(range(1001, 1801))
    assert told == []
    assert capture.ending == "stopped"


def test_a_stereo_device_is_both_channels_at_another_rate(tmp_path: Path) -> None:
    plans = {"box": [[started(16_000, 2), audio(100, 3200, 2), {"wait": 1}]]}
    capture = source(tmp_path, plans, {"box": ("customer", "agent")})
    capture.start()
    frames, _ = collect(capture, until=100)
    assert frames.shape == (1600, 2)


def test_a_device_that_only_records_in_stereo_is_mixed_down(tmp_path: Path) -> None:
    plans = {"mic": [[started(RATE_HZ, 2), audio(1, 400, 2), {"wait": 1}]]}
    capture = source(tmp_path, plans, {"mic": ("customer",)})
    capture.start()
    frames, _ = collect(capture, until=400)
    assert frames[:, 0].tolist() == list(range(1, 401))


def test_the_only_device_is_lost_and_comes_back(tmp_path: Path) -> None:
    plans = {
        "mic": [
            [started(), audio(1, 800), {"error": "the source is gone"}],
            [refused("there is no source")],
            [refused("there is no source")],
            [started(), audio(801, 800), {"wait": 1}],
        ]
    }
    capture = source(tmp_path, plans, {"mic": ("customer",)})
    capture.start()
    frames, told = collect(capture, until=1600)
    assert frames[:, 0].tolist() == list(range(1, 1601)), "nothing is lost that was accepted"
    assert [notice.kind for notice in told] == ["degraded", "interrupted", "resumed", "recovered"]
    assert told[0].reason == (
        "customer: the sound device is lost (the source is gone); trying again"
    )
    # one packet a second by the clock of this test: lost, refused, refused, started, audio
    assert told[2].gap_secs == 4.0


def test_one_of_two_is_lost_and_the_other_goes_on(tmp_path: Path) -> None:
    plans = {
        "loop": [[started(), *[audio(1 + 80 * i, 80) for i in range(100)], {"wait": 1}]],
        "mic": [[started(), audio(1, 400)], [started(), audio(401, 400), {"wait": 1}]],
    }
    capture = source(tmp_path, plans, {"loop": ("customer",), "mic": ("agent",)})
    capture.start()
    frames, told = collect(capture, until=8000)
    customer, agent = frames[:, 0], frames[:, 1]
    assert customer[customer != 0].tolist() == list(range(1, 8001))
    assert agent[agent != 0].tolist()[:400] == list(range(1, 401))
    assert told[0].kind == "degraded"
    assert "agent: the sound device is lost (its process ended)" in told[0].reason
    assert "interrupted" not in [notice.kind for notice in told]


def test_sound_that_was_lost_is_counted_and_told(tmp_path: Path) -> None:
    steps = [started(), audio(1, 80), {"overflows": 3}, *[audio(1, 8000)] * 6, {"wait": 1}]
    capture = source(tmp_path, {"mic": [steps]}, {"mic": ("customer",)})
    capture.start()
    _, told = collect(capture, until=80 + 6 * 8000)
    assert [notice.kind for notice in told] == ["degraded", "recovered"]
    assert told[0].reason == "customer: sound was lost because the computer is too slow"


@pytest.mark.parametrize(
    ("plan", "message", "fix"),
    [
        ([refused("no such device", "see contenance devices")], "no such device", "devices"),
        ([], "the sound system does not answer", "pactl"),
        ([{"line": '{"rate_'}], "the sound system does not answer", "pactl"),
    ],
)
def test_a_device_that_cannot_be_opened_is_an_error_before_the_call(
    tmp_path: Path, plan: list[dict[str, Any]], message: str, fix: str
) -> None:
    plans = {"loop": [[started(), {"wait": 1}]], "mic": [plan]}
    capture = source(tmp_path, plans, {"loop": ("customer",), "mic": ("agent",)})
    with pytest.raises(AudioError) as caught:
        capture.start()
    assert caught.value.message == f"mic: {message}"
    assert fix in caught.value.fix


# Which device is meant


def device(name: str, **more: Any) -> InputDevice:
    form: dict[str, Any] = {
        "id": name, "name": name, "backend": "portaudio", "api": "ALSA", "channels": 2,
        "rate_hz": 48_000, "default": False, "loopback": False,
    }  # fmt: skip
    return InputDevice(**(form | more))


DEVICES = (
    device("USB Headset", id="0"),
    device("USB Camera", id="1"),
    device("pulse", id="2"),
    device("Monitor of Speakers", id="pulse:speakers.monitor", backend="pulse"),
)


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("default", Target("default", None)),
        ("0", Target("USB Headset", "USB Headset, ALSA")),
        ("camera", Target("USB Camera", "USB Camera, ALSA")),
        ("usb headset", Target("USB Headset", "USB Headset, ALSA")),
        ("pulse", Target("pulse", "pulse, ALSA")),
        ("pulse:speakers.monitor",
         Target("pulse:speakers.monitor", "pulse, ALSA", "speakers.monitor")),
    ],
)  # fmt: skip
def test_a_device_is_found_by_number_name_or_part_of_it(wanted: str, target: Target) -> None:
    assert find_input(wanted, DEVICES) == target


@pytest.mark.parametrize(
    ("wanted", "message", "fix"),
    [
        ("usb", '"usb" fits several devices (0, 1)', "one of these"),
        ("USB Headst", 'there is no input device "USB Headst"', 'did you mean "USB Headset"?'),
        ("7", 'there is no input device "7"', "contenance devices"),
    ],
)
def test_a_device_that_is_not_there_is_told(wanted: str, message: str, fix: str) -> None:
    with pytest.raises(AudioError) as caught:
        find_input(wanted, DEVICES)
    assert caught.value.message == message
    assert fix in caught.value.fix


def test_a_computer_without_inputs_has_no_default() -> None:
    with pytest.raises(AudioError, match="no input device"):
        find_input("default", ())


def test_the_source_of_the_sound_server_is_given_to_the_recorder() -> None:
    assert find_input("pulse:speakers.monitor", DEVICES).environment()["PULSE_SOURCE"] == (
        "speakers.monitor"
    )
    assert "PULSE_SOURCE" not in find_input("0", DEVICES).environment()
