"""`contenance demo` as its user runs it: a process of its own, with an empty home directory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEADINGS = (
    "Verständnis zeigen",
    "Nachfragen",
    "Um Respekt bitten",
    "Folge ankündigen",
    "Gespräch beenden",
)


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "api.cli", "demo", "--port", "0", *options]


def environment(home: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CONTENANCE_")}
    return kept | {"HOME": str(home), "COLUMNS": "120", "PYTHONUNBUFFERED": "1"}


def test_once_and_fast_walks_the_ladder_and_ends_well(tmp_path: Path) -> None:
    done = subprocess.run(
        command("--once", "--fast"),
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = done.stdout
    assert re.search(r"http://127\.0\.0\.1:\d+/overlay\?call=\w+", shown)
    for heading in HEADINGS:
        assert heading in shown, shown
    assert "versager" in shown, "the transcript is shown"
    assert "Traceback" not in done.stderr


def test_it_serves_on_after_the_call_until_ctrl_c(tmp_path: Path) -> None:
    with subprocess.Popen(
        command("--fast"),
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if "läuft weiter" in line:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in {0, 130}
        assert "Traceback" not in process.stderr.read()


@pytest.mark.slow
def test_in_real_time_the_first_cue_comes_within_twenty_seconds(tmp_path: Path) -> None:
    began = time.monotonic()
    with subprocess.Popen(
        command("--once"),
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        first = next(
            time.monotonic() - began for line in process.stdout if "Verständnis zeigen" in line
        )
        process.stdout.read()
        assert process.wait(120) == 0
    print(f"first cue after {first:.1f} s")
    assert first <= 20
