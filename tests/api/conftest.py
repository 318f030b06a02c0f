"""A real server in a process of its own, and the wire client that talks to it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[2]
CLIENT = Path(__file__).with_name("wire_client.py")
DEMO = ROOT / "configs" / "demo" / "demo.flac"

Wire = Callable[..., dict[str, Any]]


def start_server(folder: Path, **environment: str) -> tuple[subprocess.Popen[str], str]:
    """Start `contenance serve` on a free port; its process and host:port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "serve", "--port", "0"],
        cwd=ROOT,
        env={
            **os.environ,
            "CONTENANCE_STORE__PATH": str(folder / "calls.sqlite3"),
            "COLUMNS": "200",
            **environment,
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if found := re.search(r"http://([\w.:]+)/", line):
            return process, found[1]
    raise AssertionError("the server did not start: " + "".join(seen))


Serving = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def another_server(serving: Serving) -> Callable[..., str]:
    """Start one more server, with settings from the environment; its host:port."""
    return lambda **environment: serving(**environment)[1]


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    """Start one more server, with settings from the environment; its process and host:port."""
    started: list[subprocess.Popen[str]] = []

    def start(**environment: str) -> tuple[subprocess.Popen[str], str]:
        process, address = start_server(tmp_path, **environment)
        started.append(process)
        return process, address

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a running server."""
    process, address = start_server(tmp_path_factory.mktemp("server"))
    yield address
    process.terminate()
    _, logged = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGTERM, logged  # after a graceful shutdown
    assert "Traceback" not in logged


@pytest.fixture(scope="session")
def wire() -> Wire:
    """Run the wire client in a process of its own and return what it printed."""

    def run(*arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, str(CLIENT), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    return run


@pytest.fixture(scope="session")
def demo_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo call as WAV."""
    samples, rate_hz = soundfile.read(DEMO, dtype="int16", always_2d=True)
    path = tmp_path_factory.mktemp("audio") / "demo.wav"
    soundfile.write(path, samples, rate_hz, subtype="PCM_16")
    return path
