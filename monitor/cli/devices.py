"""`contenance devices`: what can be recorded from, and how loud it is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import numpy as np
import typer
from rich.table import Column, Table

from monitor.cli.shared import JsonLines, busy, note, print_table, write_json
from monitor.sources import Notice
from monitor.sources.capture import CaptureSource, DeviceSpec
from monitor.sources.devices import InputDevice, find_input, list_inputs
from monitor.sources.health import Level, measure

RATE_HZ = 8_000


def devices(
    level: Annotated[
        float,
        typer.Option(min=0, max=60, help="Listen to every device for so many seconds."),
    ] = 0,
    device: Annotated[
        str | None, typer.Option(help="Only this one.", metavar="DEVICE", show_default=False)
    ] = None,
    json: JsonLines = False,
) -> None:
    """List the devices a live call can be heard on; with --level, check that sound arrives."""
    inputs = list_inputs()
    if not inputs:
        note("there is no input device: plug one in, or start the sound server")
    if device is not None:
        wanted = find_input(device, inputs)
        inputs = [entry for entry in inputs if wanted.label in (entry.id, entry.name)] or [
            entry for entry in inputs if entry.default
        ]
    levels: dict[str, Level] = {}
    for entry in inputs if level else ():
        with busy(f"listening to {entry.id} for {level:g} s …"):
            levels[entry.id] = _listen(entry, inputs, level)
    if json:
        for entry in inputs:
            write_json(asdict(entry) | _level_fields(levels.get(entry.id)))
        return
    print_table(_table(inputs, levels))


def _listen(entry: InputDevice, inputs: list[InputDevice], secs: float) -> Level:
    target = find_input(entry.id, inputs)
    source = CaptureSource([DeviceSpec(target, ("mixed",))], silence_alarm_secs=secs + 1)
    source.start()
    heard = np.zeros((0, 1), np.float32)
    for item in source.read(RATE_HZ):
        if isinstance(item, Notice):
            if item.kind == "interrupted":
                source.stop()
        else:
            heard = np.concatenate([heard, item])
            if len(heard) >= secs * RATE_HZ:
                source.stop()
    return measure(heard[:, 0])


def _level_fields(level: Level | None) -> dict[str, object]:
    if level is None:
        return {}
    return {
        "rms_dbfs": round(level.rms_dbfs, 1),
        "peak_dbfs": round(level.peak_dbfs, 1),
        "verdict": level.verdict,
    }


def _table(inputs: list[InputDevice], levels: dict[str, Level]) -> Table:
    table = Table(
        Column("device", no_wrap=True),
        "name",
        "kind",
        "channels",
        "rate",
        *(["level"] if levels else []),
    )
    for entry in inputs:
        kind = "loopback (customer)" if entry.loopback else "input"
        row = [
            entry.id,
            entry.name,
            f"{kind}, default" if entry.default else kind,
            str(entry.channels),
            f"{entry.rate_hz} Hz",
        ]
        if level := levels.get(entry.id):
            row.append(f"{level.peak_dbfs:.0f} dBFS, {level.verdict}")
        table.add_row(*row)
    return table
