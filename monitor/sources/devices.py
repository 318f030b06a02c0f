"""The sound devices of this computer that a call can be heard on.

PortAudio names them; on PulseAudio and PipeWire its one device "pulse" stands for every source
of the sound server, so those are listed too (`pulse:NAME`), the loopbacks among them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from models.errors import AudioError
from models.yamllines import nearest

LIST_TIMEOUT_SECS = 20.0
PULSE = "pulse:"
_LOOPBACK_WORDS = ("monitor of", ".monitor", "loopback", "stereo mix", "stereomix", "blackhole",
                   "vb-audio", "cable output", "what u hear")  # fmt: skip

RECORDER = (sys.executable, "-P", str(Path(__file__).with_name("recorder.py")))
"""The command of the process that talks to PortAudio."""


@dataclass(frozen=True, slots=True)
class InputDevice:
    """A device to record from. `id` is what settings and options take.

    loopback: it carries what is played on the computer (the customer), not a microphone.
    """

    id: str
    name: str
    backend: Literal["portaudio", "pulse"]
    api: str
    channels: int
    rate_hz: int
    default: bool
    loopback: bool


@dataclass(frozen=True, slots=True)
class Target:
    """What to tell the recorder: PortAudio's device, and the source of the sound server if any."""

    label: str
    device: str | int | None
    source: str | None = None

    def environment(self) -> dict[str, str]:
        """Environment of the recorder."""
        return dict(os.environ) | ({"PULSE_SOURCE": self.source} if self.source else {})


def list_inputs() -> list[InputDevice]:
    """Every input, those of PortAudio first. Raises `AudioError` if PortAudio is missing."""
    devices = [
        InputDevice(
            id=str(entry["index"]), name=entry["name"], backend="portaudio", api=entry["api"],
            channels=entry["channels"], rate_hz=entry["rate_hz"], default=entry["default"],
            loopback=_sounds_like_loopback(entry["name"]),
        )
        for entry in _ask_recorder()
    ]  # fmt: skip
    if any(device.name == "pulse" for device in devices):
        devices += _pulse_sources()
    return devices


def find_input(wanted: str, devices: Sequence[InputDevice]) -> Target:
    """The device meant by `wanted`: "default", a number, a name or part of one, or pulse:SOURCE.

    Raises `AudioError` if there is none, or more than one.
    """
    if wanted == "default":
        if not devices:
            raise AudioError(
                "this computer has no input device", "plug one in; contenance devices lists them"
            )
        return Target("default", None)
    folded = wanted.casefold()
    found = [
        device for device in devices if folded in (device.id.casefold(), device.name.casefold())
    ]
    found = found or [device for device in devices if folded in device.name.casefold()]
    if not found:
        near = nearest(wanted, [name for device in devices for name in (device.id, device.name)])
        hint = f'did you mean "{near}"? ' if near else ""
        raise AudioError(
            f'there is no input device "{wanted}"', f"{hint}contenance devices lists them"
        )
    if len(found) > 1:
        ids = ", ".join(device.id for device in found)
        raise AudioError(f'"{wanted}" fits several devices ({ids})', "give one of these")
    device = found[0]
    if device.backend == "pulse":
        return Target(device.id, "pulse, ALSA", device.id.removeprefix(PULSE))
    return Target(device.name, f"{device.name}, {device.api}")


def _ask_recorder() -> list[dict[str, Any]]:
    try:
        done = subprocess.run(  # noqa: S603 - our own file
            [*RECORDER, "list"], capture_output=True, timeout=LIST_TIMEOUT_SECS, check=False
        )
        answer: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise AudioError(
            "the sound system does not answer", "is the sound server running? try: pactl info"
        ) from error
    if "error" in answer:
        raise AudioError(answer["error"], answer["fix"])
    inputs: list[dict[str, Any]] = answer["inputs"]
    return inputs


def _pulse_sources() -> list[InputDevice]:
    pactl = shutil.which("pactl")
    if pactl is None:
        return []
    answers = []
    for what in ("list sources", "info"):
        done = subprocess.run(  # noqa: S603 - a fixed command
            [pactl, "-f", "json", *what.split()],
            capture_output=True, timeout=LIST_TIMEOUT_SECS, check=False,
            env=os.environ | {"LC_ALL": "C"},
        )  # fmt: skip
        try:
            answers.append(json.loads(done.stdout))
        except ValueError:
            return []
    sources, info = answers
    return [
        InputDevice(
            id=PULSE + source["name"], name=source["description"], backend="pulse",
            api="PulseAudio", channels=len(source["channel_map"].split(",")),
            rate_hz=int(source["sample_specification"].split()[-1].removesuffix("Hz")),
            default=source["name"] == info.get("default_source_name"),
            loopback=source["properties"].get("device.class") == "monitor",
        )
        for source in sources
    ]  # fmt: skip


def _sounds_like_loopback(name: str) -> bool:
    return any(word in name.casefold() for word in _LOOPBACK_WORDS)
