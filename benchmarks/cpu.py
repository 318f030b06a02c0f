"""CPU of the whole pipeline against bare Vosk on the same audio, side by side in one process.

The bare run feeds both channels whole, in 200 ms blocks, silence too, as a minimal Vosk program
does. Pairs run in turn (A B A B …), so a drifting machine hits both.
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


def measure(seed: int) -> dict[str, Any]:
    """Median CPU seconds per second of call, and the ratio pair by pair."""
    del seed
    samples, rate_hz = soundfile.read(DEMO_CALL, dtype="float32", always_2d=True)
    call = load_calls()["full_ladder"]
    parts = build_parts(Settings())
    SetLogLevel(-1)
    model = Model(str(resolve("de_demo")))
    analyse(call, samples, parts)  # warm: recognisers, tables
    _bare(model, samples, rate_hz)
    whole, bare = [], []
    for _ in range(PAIRS):
        began = time.process_time()
        analyse(call, samples, parts)
        whole.append(time.process_time() - began)
        began = time.process_time()
        _bare(model, samples, rate_hz)
        bare.append(time.process_time() - began)
    length = len(samples) / rate_hz
    return {
        "audio_secs": round(length, 1),
        "pairs": PAIRS,
        "pipeline_rtf": round(float(np.median(whole)) / length, 4),
        "bare_vosk_rtf": round(float(np.median(bare)) / length, 4),
        "ratio": round(float(np.median(np.array(whole) / np.array(bare))), 3),
        "ratio_limit": 2.0,
    }


def _bare(model: Model, samples: NDArray[np.float32], rate_hz: int) -> list[str]:
    heard = []
    pcm = np.round(samples * 32767).astype("<i2")
    for column in range(pcm.shape[1]):
        recogniser = KaldiRecognizer(model, rate_hz)
        recogniser.SetWords(True)
        step = rate_hz // 5
        for at in range(0, len(pcm), step):
            if recogniser.AcceptWaveform(pcm[at : at + step, column].tobytes()):
                heard.append(json.loads(recogniser.Result())["text"])
            else:
                recogniser.PartialResult()
        heard.append(json.loads(recogniser.FinalResult())["text"])
    return heard
