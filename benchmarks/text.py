"""What an utterance costs: the trained network with the rules beside the rules alone.

Figures of accuracy are `python -m models.text.training.judge models/text/training/corpus/test`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from models.text.encoder.model import SHIPPED
from models.text.load import ENCODER, LEXICON, load_text_model
from models.text.score import Channel, TextModel

CORPUS = Path(__file__).resolve().parents[1] / "models" / "text" / "training" / "corpus" / "test"
UTTERANCES = 400
RATIO_LIMIT = 60.0
"""The network may cost so many times what the rules cost (about 0.3 ms)."""
START = "import time; t = time.perf_counter(); from models.text.load import load_text_model as f; "
START += "f({!r}); print(time.perf_counter() - t)"


def measure(seed: int) -> dict[str, Any]:
    """Milliseconds an utterance on one thread, both models in turn on the same utterances."""
    rows = [
        json.loads(line)
        for file in sorted(CORPUS.glob("test*.jsonl"))
        for line in file.read_text("utf-8").splitlines()
    ]
    chosen = np.random.default_rng(seed).choice(len(rows), UTTERANCES, replace=False)
    models = {name: load_text_model(name) for name in (ENCODER, LEXICON)}
    took_ms: dict[str, list[float]] = {name: [] for name in models}
    for at in chosen:
        text, channel = str(rows[at]["text"]), rows[at]["channel"]
        for name, model in models.items():
            took_ms[name].append(_ms(model, text, channel))
    figures: dict[str, Any] = {"utterances": UTTERANCES}
    for name, times in took_ms.items():
        median, slow = np.percentile(times, [50, 95])
        figures[name] = {
            "median ms": round(float(median), 2),
            "p95 ms": round(float(slow), 2),
            "start secs, a process of its own": _start_secs(name),
        }
    files = {path.name: round(path.stat().st_size / 1e6, 1) for path in sorted(SHIPPED.iterdir())}
    ratio = float(np.median(took_ms[ENCODER]) / np.median(took_ms[LEXICON]))
    return figures | {"MB": files, "ratio": round(ratio, 1), "ratio_limit": RATIO_LIMIT}


def _ms(model: TextModel, text: str, channel: Channel) -> float:
    begin = time.perf_counter()
    model.score(text, channel)
    return 1000 * (time.perf_counter() - begin)


def _start_secs(name: str) -> float:
    """Import and load, as a fresh process does it."""
    done = subprocess.run(
        [sys.executable, "-c", START.format(name)], capture_output=True, text=True, check=True
    )
    return round(float(done.stdout), 2)
