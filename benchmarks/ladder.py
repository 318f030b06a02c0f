"""How right and how few the cues are, on annotated calls; and how fast transcripts are replayed."""

from __future__ import annotations

import time
from itertools import cycle
from typing import Any

from benchmarks.golden import figures, judge, load
from models.text.load import load_text_model
from monitor.phrases import PhraseBook
from monitor.policy import load_policy
from monitor.replay import replay

TURNS = 20_000


def measure(seed: int) -> dict[str, Any]:
    """Shares with given labels and with the text model; seconds for 100,000 turns.

    `seed` changes nothing here: the calls are fixed.
    """
    del seed
    model = load_text_model()
    result: dict[str, Any] = {}
    for folder in ("calls", "heldout"):
        calls = load(folder)
        for use_labels in (True, False):
            verdicts = judge(calls, text_model=model, use_labels=use_labels)
            how = "given labels" if use_labels else model.name
            result[f"{folder} (n = {len(calls)}), {how}"] = figures(verdicts, calls)
    return result | {"100,000 turns, given labels, CPU secs": _replay_secs()}


def _replay_secs() -> float:
    transcripts, turns = [], 0
    for call in cycle(load("calls")):
        transcripts.append(call.transcript)
        turns += len(call.turns)
        if turns >= TURNS:
            break
    model, policy, book = load_text_model(), load_policy("standard"), PhraseBook.load("de")
    begin = time.process_time()
    for _ in replay(transcripts, text_model=model, policy=policy, phrases=book, use_labels=True):
        pass
    return round((time.process_time() - begin) * 100_000 / turns, 1)
