"""From the words on the command line to a source of audio."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import AudioError, ConfigError
from monitor.settings import Capture, Loaded
from monitor.sources.layout import fit_layout, parse_layout

if TYPE_CHECKING:
    from monitor.sources import Layout, Source


def open_source(
    source: str, channels: str | None, rate_hz: int | None, encoding: str, loaded: Loaded
) -> Source:
    """The source named on the command line, checked as far as that goes without starting it.

    Raises `ConfigError` for options that do not go together, `AudioError` for bad audio.
    """
    layout: Layout | None = parse_layout(channels) if channels is not None else None
    if source == "mic":
        return _open_devices(layout, loaded)
    if source == "-":
        from monitor.sources.pipe import PipeSource

        if rate_hz is None:
            raise ConfigError(
                "raw samples do not say their rate", "add --rate 8000 (telephone) or the rate sent"
            )
        return PipeSource(sys.stdin.buffer, rate_hz=rate_hz, encoding=encoding, layout=layout)
    from monitor.sources.file import FileSource

    return FileSource(Path(source), layout, rate_hz=rate_hz)


def _open_devices(layout: Layout | None, loaded: Loaded) -> Source:
    from monitor.sources.capture import CaptureSource, DeviceSpec
    from monitor.sources.devices import find_input, list_inputs

    wanted = _wanted_devices(layout, loaded)
    inputs = list_inputs()
    specs = [DeviceSpec(find_input(device, inputs), layout) for device, layout in wanted]
    if len({spec.target.label for spec in specs}) < len(specs):
        raise AudioError(
            f"agent and customer share the device {specs[0].target.label}",
            "give each a device of their own, or --stereo-device with one on each side",
        )
    return CaptureSource(specs, silence_alarm_secs=loaded.settings.capture.silence_alarm_secs)


def _wanted_devices(layout: Layout | None, loaded: Loaded) -> list[tuple[str, Layout]]:
    capture = loaded.settings.capture
    given = {path for path, origin in loaded.origins.items() if origin.kind == "command line"}
    two_given = bool(given & {"capture.agent_device", "capture.customer_device"})
    stereo_given = "capture.stereo_device" in given
    if capture.stereo_device is not None and (stereo_given or not two_given):
        return [(capture.stereo_device, fit_layout(layout, 2, "a stereo device"))]
    if layout is not None:
        raise ConfigError("--channels is for files, pipes and a stereo device", "leave it out")
    if capture.customer_device is None:
        raise ConfigError(
            "no device is set for the customer's voice",
            "choose a loopback or headset from contenance devices: --customer-device DEVICE, "
            "or capture.customer_device in the settings",
        )
    return _two_devices(capture, capture.customer_device)


def _two_devices(capture: Capture, customer_device: str) -> list[tuple[str, Layout]]:
    devices: list[tuple[str, Layout]] = [(customer_device, ("customer",))]
    if capture.agent_device is not None:
        devices.append((capture.agent_device, ("agent",)))
    return devices
