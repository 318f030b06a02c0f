"""CPU of the whole pipeline against bare Vosk on the same audio, side by side in one process.

The bare run feeds both channels whole, in 200 ms blocks, silence too, as a minimal Vosk program
does; its recognisers are made beforehand and used again, like ours. Pairs run in turn (A B A B …),
so a drifting machine hits both.
"""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from vosk import KaldiRecognizer, Model, SetLogLevel

from api.demo import DEMO_CALL
from benchmarks.outcome import analyse
from benchmarks.synthesis.scripts import load_calls
from models.asr.registry import resolve
from monitor.settings import Settings
from monitor.wiring import build_parts

PAIRS = 5
RATIO_LIMIT = 1.25
"""Skipping silence must pay for voice analysis, text, ladder and events."""


def measure(seed: int, pairs: int = PAIRS) -> dict[str, Any]:
    """Median CPU seconds per second of call, and the ratio pair by pair."""
    del seed
    samples, rate_hz = soundfile.read(DEMO_CALL, dtype="float32", always_2d=True)
    call = load_calls()["full_ladder"]
    parts = build_parts(Settings())
    SetLogLevel(-1)
    model = Model(str(resolve("de_demo")))
    recognisers = [_recogniser(model, rate_hz) for _ in range(samples.shape[1])]
    analyse(call, samples, parts)  # warm: recognisers, tables
    _bare(recognisers, samples, rate_hz)
    whole, bare = [], []
    for _ in range(pairs):
        began = time.process_time()
        analyse(call, samples, parts)
        whole.append(time.process_time() - began)
        began = time.process_time()
        _bare(recognisers, samples, rate_hz)
        bare.append(time.process_time() - began)
    length = len(samples) / rate_hz
    return {
        "audio_secs": round(length, 1),
        "pairs": pairs,
        "pipeline_rtf": round(float(np.median(whole)) / length, 4),
        "bare_vosk_rtf": round(float(np.median(bare)) / length, 4),
        "ratio": round(float(np.median(np.array(whole) / np.array(bare))), 3),
        "ratio_limit": RATIO_LIMIT,
    }


def _recogniser(model: Model, rate_hz: int) -> KaldiRecognizer:
    recogniser = KaldiRecognizer(model, rate_hz)
    recogniser.SetWords(True)
    return recogniser


def _bare(
    recognisers: list[KaldiRecognizer], samples: NDArray[np.float32], rate_hz: int
) -> list[str]:
    heard = []
    pcm = np.round(samples * 32767).astype("<i2")
    for column, recogniser in enumerate(recognisers):
        step = rate_hz // 5
        for at in range(0, len(pcm), step):
            if recogniser.AcceptWaveform(pcm[at : at + step, column].tobytes()):
                heard.append(json.loads(recogniser.Result())["text"])
            else:
                recogniser.PartialResult()
        heard.append(json.loads(recogniser.FinalResult())["text"])
    return heard
