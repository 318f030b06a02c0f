"""Shared fixtures: what a test needs from the system, said clearly when it is missing."""

from __future__ import annotations

import ctypes.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# part -> (is it there?, how to get it)
PARTS: dict[str, tuple[Callable[[], bool], str]] = {
    "espeak-ng": (
        lambda: (
            shutil.which("espeak-ng") is not None
            and ctypes.util.find_library("espeak-ng") is not None
        ),
        "apt-get install espeak-ng",
    ),
    "chromium": (lambda: shutil.which("chromium") is not None, "apt-get install chromium"),
    "pulseaudio": (
        lambda: shutil.which("pulseaudio") is not None and shutil.which("pactl") is not None,
        "apt-get install pulseaudio pulseaudio-utils",
    ),
    "portaudio": (
        lambda: ctypes.util.find_library("portaudio") is not None,
        "apt-get install libportaudio2",
    ),
    "alsa-pulse": (
        lambda: any(Path("/usr").glob("lib*/**/alsa-lib/libasound_module_pcm_pulse.so")),
        "apt-get install libasound2-plugins",
    ),
    "node": (lambda: shutil.which("npm") is not None, "apt-get install nodejs npm"),
    "shared": (
        (ROOT.parent / "shared" / "design").is_dir,
        "the design and data folder ../shared lies beside the checkout only at the developers'",
    ),
}


@pytest.fixture(scope="session")
def need() -> Callable[[str], None]:
    """`need("chromium")`: go on if it is there, else report "not run"; under CI=true fail."""

    def check(part: str) -> None:
        present, remedy = PARTS[part]
        if present():
            return
        message = f"not run: {part} is missing ({remedy})"
        if os.environ.get("CI") == "true" and part != "shared":
            pytest.fail(message)
        pytest.skip(message)

    return check
