"""Vosk behind the recogniser protocol: a model loaded once, and recognisers kept for reuse.

Facts this rests on, measured with vosk 0.3.45:
- A sample rate of 0 or below hangs for ever, and damaged files hang or abort, so the rate is
  checked and the model tried in another process first.
- Results are only repeatable without dither; see `models.asr.model_overlay`.
- The first use of a recogniser costs up to seconds of CPU, so each is warmed and then reused.
  `FinalResult` drops all it knows of a segment, but its clock runs on: times are re-based here.
- Partial results with word times cost a quarter more CPU and come a second later, so partials are
  plain text, and only finals carry words.
- Audio of another rate than the model's is resampled by Vosk itself, up or down.
- The GIL is released while decoding: one thread per recogniser scales.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.asr.model_folder import ModelFolder, fix_for, read_folder
from models.asr.model_overlay import overlaid
from models.asr.recogniser import BLOCK_SECS, AsrInfo, Hypothesis, Recogniser, Samples, Word
from models.errors import AudioError, ConfigError, ModelError, PoolExhausted

if TYPE_CHECKING:
    from vosk import Model

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 8000, 48000

PROBE_SECS = 60.0
"""How long a model may take to load and hear a second of audio, before its size is counted."""

_PROBE_BYTES_PER_SEC = 20e6  # a slow disk
_RETIRE_SECS = 36_000.0  # Vosk keeps its clock in single precision: 4 ms off after ten hours


class VoskRecogniser:
    """One stream. Made by `VoskPool`; raises `ModelError` when Vosk fails in the middle."""

    def __init__(self, model: Model, rate_hz: int) -> None:
        from vosk import KaldiRecognizer

        self._rate_hz = rate_hz
        self._stream = KaldiRecognizer(model, rate_hz)
        self._stream.SetWords(True)
        self._fed = 0  # samples since the beginning
        self._base = 0  # of these, before the running segment
        self._partial = ""

    @property
    def rate_hz(self) -> int:
        """Sample rate of the audio to be fed, in Hz."""
        return self._rate_hz

    @property
    def fed_secs(self) -> float:
        """All audio fed so far, in seconds."""
        return self._fed / self._rate_hz

    def accept(self, block: Samples) -> Hypothesis | None:
        """Feed the next block of the running segment: a new partial, a final, or None."""
        pcm = np.clip(np.rint(block * 32768.0), -32768, 32767).astype("<i2")
        self._fed += len(pcm)
        try:
            ended = self._stream.AcceptWaveform(pcm.tobytes())
        except Exception as error:  # vosk raises nothing narrower
            raise ModelError(
                "Vosk failed in the middle of the audio",
                "check the model: contenance models verify NAME",
            ) from error
        if ended:
            return self._final()
        text = str(json.loads(self._stream.PartialResult())["partial"])
        if text == self._partial:
            return None
        self._partial = text
        return Hypothesis(text, final=False)

    def finish(self) -> Hypothesis | None:
        """End the running segment: its last final, or None if nothing was (left to be) heard."""
        hypothesis = self._final()
        self._base = self._fed
        return hypothesis

    def _final(self) -> Hypothesis | None:
        result = json.loads(self._stream.FinalResult())
        expected, self._partial = bool(self._partial), ""
        base_secs = self._base / self._rate_hz
        # Times are whole frames of 30 ms from the segment's start: to 10 ms they do not depend on
        # what the recogniser heard before.
        words = tuple(
            Word(
                text=str(word["word"]),
                start_secs=max(0.0, round(float(word["start"]) - base_secs, 2)),
                end_secs=max(0.0, round(float(word["end"]) - base_secs, 2)),
                confidence=min(1.0, float(word["conf"])),
            )
            for word in result.get("result", ())
        )
        if not words and not expected:
            return None
        return Hypothesis(" ".join(word.text for word in words), final=True, words=words)


class VoskPool:
    """A Vosk model and up to `size` recognisers, made when first needed. Thread-safe."""

    def __init__(
        self,
        model_dir: Path,
        size: int,
        rate_hz: int | None = None,
        *,
        probe_secs: float = PROBE_SECS,
    ) -> None:
        """Check, try and load the model in `model_dir`; takes from half a second to a minute.

        rate_hz: sample rate of the audio to come; None for the model's own. Raises `ModelError`
        for a missing or damaged model, `AudioError` for an impossible rate, `ConfigError` for an
        impossible size, each with the remedy.
        """
        if size < 1:
            raise ConfigError(
                f"a pool of {size} recognisers serves nobody", "set its size to 1 or more"
            )
        if rate_hz is not None and not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
            raise AudioError(
                f"no speech recognition at {rate_hz} Hz",
                f"resample to between {LOWEST_RATE_HZ} and {HIGHEST_RATE_HZ} Hz",
            )
        folder = read_folder(model_dir)
        self._rate_hz = folder.model_rate_hz if rate_hz is None else rate_hz
        self._info = AsrInfo(
            name=folder.name,
            engine=f"vosk {version('vosk')}",
            language=folder.language,
            rate_hz=self._rate_hz,
            for_humans=folder.for_humans,
        )
        with overlaid(folder, self._rate_hz) as path:
            probe(path, folder, self._rate_hz, probe_secs)
            self._model = _load(path, folder)
        self._size = size
        self._lock = threading.Lock()
        self._idle: list[VoskRecogniser] = []
        self._leased: set[int] = set()
        self._made = 0

    @property
    def info(self) -> AsrInfo:
        """The model behind the recognisers."""
        return self._info

    @property
    def free(self) -> int:
        """How many more can be leased now."""
        with self._lock:
            return self._size - self._made + len(self._idle)

    def prepare(self, count: int) -> None:
        """Make and warm recognisers ahead, so that the first `count` leases cost nothing."""
        leased = [self.acquire() for _ in range(min(count, self._size))]
        for recogniser in leased:
            self.release(recogniser)

    def acquire(self) -> Recogniser:
        """Lease a recogniser. Raises `models.errors.PoolExhausted` when all are in use."""
        with self._lock:
            if self._idle:
                recogniser = self._idle.pop()
                self._leased.add(id(recogniser))
                return recogniser
            if self._made >= self._size:
                raise PoolExhausted(
                    f"all {self._size} speech recognisers are in use",
                    "wait for a call to end, or set asr.pool_size higher (two for each call)",
                )
            self._made += 1
        try:  # outside the lock: it takes long, and others may release meanwhile
            recogniser = _warmed(self._model, self._rate_hz)
        except Exception:
            with self._lock:
                self._made -= 1
            raise
        with self._lock:
            self._leased.add(id(recogniser))
        return recogniser

    def release(self, recogniser: Recogniser) -> None:
        """Give it back; a running segment is dropped. Raises `ValueError` if it is not leased."""
        with self._lock:
            if not isinstance(recogniser, VoskRecogniser) or id(recogniser) not in self._leased:
                raise ValueError("this recogniser is not leased from this pool")
            self._leased.remove(id(recogniser))
        recogniser.finish()
        with self._lock:
            if recogniser.fed_secs > _RETIRE_SECS:
                self._made -= 1
            else:
                self._idle.append(recogniser)


def probe(path: Path, folder: ModelFolder, rate_hz: int, limit_secs: float = PROBE_SECS) -> None:
    """Load the model in another process and let it hear a second of audio.

    path: `folder` as Vosk needs it. Raises `ModelError` if that fails or takes longer than
    `limit_secs` and what a slow disk needs for the model's size.
    """
    limit_secs += folder.size_bytes / _PROBE_BYTES_PER_SEC
    script = Path(__file__).with_name("vosk_probe.py")
    command = [sys.executable, "-P", str(script), str(path), str(rate_hz)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=limit_secs, check=False)  # noqa: S603 - our own script
    except subprocess.TimeoutExpired as error:
        raise ModelError(
            f"the speech model {folder.path} hangs: no answer within {limit_secs:.0f} s",
            fix_for(folder.path),
        ) from error
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").splitlines()
        said = next((line for line in lines if line.startswith(("ERROR", "ASSERTION"))), "")
        said = said or (lines[-1] if lines else f"it ended with status {done.returncode}")
        raise ModelError(
            f"the speech model {folder.path} does not load: {said}", fix_for(folder.path)
        )


def _load(path: Path, folder: ModelFolder) -> Model:
    from vosk import Model, SetLogLevel

    SetLogLevel(-1)
    try:
        return Model(str(path))
    except Exception as error:  # vosk raises nothing narrower
        raise ModelError(
            f"the speech model {folder.path} does not load: {error}", fix_for(folder.path)
        ) from error


def _warmed(model: Model, rate_hz: int) -> VoskRecogniser:
    """A new recogniser that has heard a second of noise: it then has its tables."""
    try:
        recogniser = VoskRecogniser(model, rate_hz)
    except Exception as error:  # vosk raises nothing narrower
        raise ModelError(
            f"Vosk could not make another recogniser: {error}",
            "free memory, or set asr.pool_size lower",
        ) from error
    noise = np.random.default_rng(0).normal(0.0, 0.03, rate_hz).astype(np.float32)
    block = round(BLOCK_SECS * rate_hz)
    for start in range(0, len(noise), block):
        recogniser.accept(noise[start : start + block])
    recogniser.finish()
    return recogniser
