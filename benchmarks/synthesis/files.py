"""Rendered calls as files: two-channel FLAC beside a JSON of the truth."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.synthesis import espeak
from benchmarks.synthesis.line import RATE_HZ
from benchmarks.synthesis.render import Word, render
from benchmarks.synthesis.scripts import CHANNELS, ROOT, Call, expected_as_data

DEMO_CALL = "full_ladder"
DEMO_SEED = 1
DEMO_DIR = ROOT / "configs" / "demo"


def truth(call: Call, seed: int, words: list[Word], version: str) -> dict[str, Any]:
    """Return what was said when, and what the monitor must show, as plain data."""
    turns = []
    for index, turn in enumerate(call.turns):
        times = [word for word in words if word.turn == index]
        start_secs, end_secs = times[0].start_secs, times[-1].end_secs
        spoken = {"index": index, "start_secs": start_secs, "end_secs": end_secs}
        turns.append({**spoken, **asdict(turn)})
    return {
        "call": call.id,
        "title": call.title,
        "voices": {"customer": call.customer_voice, "agent": call.agent_voice},
        "seed": seed,
        "espeak_ng": version,
        "rate_hz": RATE_HZ,
        "channels": list(CHANNELS),
        "turns": turns,
        "words": [asdict(word) for word in words],
        "expected": expected_as_data(call),
    }


def write_call(call: Call, seed: int, folder: Path, *, stem: str | None = None) -> list[Path]:
    """Write ``STEM.flac`` (16 bit, 8 kHz) and its truth to ``folder``; return both paths.

    Without ``stem`` the files are named by the call's id and the truth is ``ID.truth.json``; with
    it, as for the demo, ``STEM.json``.
    """
    samples, words = render(call, seed)
    pcm = np.round(samples * 32768.0).astype(np.int16)  # A-law values: multiples of 8, exact
    folder.mkdir(parents=True, exist_ok=True)
    name = stem or call.id
    flac = folder / f"{name}.flac"
    table = folder / (f"{name}.json" if stem else f"{name}.truth.json")
    soundfile.write(flac, pcm, RATE_HZ, subtype="PCM_16", compression_level=1.0)
    table.write_text(_as_json(truth(call, seed, words, espeak.version())), encoding="utf-8")
    return [flac, table]


def _as_json(data: dict[str, Any]) -> str:
    """Return readable JSON: one line for each entry of a table, so that a change shows as one."""
    lines = []
    for key, value in data.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in value)
            lines.append(f'"{key}": [\n  {rows}\n ]')
        else:
            lines.append(f'"{key}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n " + ",\n ".join(lines) + "\n}\n"
