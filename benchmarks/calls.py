"""Accuracy on the synthesised calls: word error rate, expected stages and cues, false alarms."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.outcome import Outcome, analyse, compare
from benchmarks.synthesis.fresh import fresh_call
from benchmarks.synthesis.render import render
from benchmarks.synthesis.scripts import Call, load_calls
from monitor.settings import Settings
from monitor.wiring import build_parts

FRESH_CALLS = 20
BOOTSTRAPS = 2000


def measure(seed: int) -> dict[str, Any]:
    """The scripted calls and `FRESH_CALLS` fresh ones, from audio alone."""
    parts = build_parts(Settings())

    def run(call: Call) -> Outcome:
        samples, words = render(call, seed)
        return compare(call, words, analyse(call, samples, parts))

    scripted = [run(call) for call in load_calls().values()]
    fresh = [run(fresh_call(seed + i)) for i in range(FRESH_CALLS)]
    return {"seed": seed, "scripted": _summary(scripted), "fresh": _summary(fresh)}


def _summary(outcomes: list[Outcome]) -> dict[str, Any]:
    return {
        "calls": len(outcomes),
        "calls_all_right": sum(outcome.right for outcome in outcomes),
        "expected_hit": _share(
            [o.hits for o in outcomes], [o.hits + len(o.missed) for o in outcomes]
        ),
        "false_alarms_per_call": round(
            sum(len(o.false_alarms) for o in outcomes) / len(outcomes), 3
        ),
        "word_error_rate": _share([o.word_errors for o in outcomes], [o.words for o in outcomes]),
        "problems": {o.call: [*o.missed, *o.false_alarms] for o in outcomes if not o.right},
    }


def _share(part: list[int], whole: list[int]) -> dict[str, Any]:
    """Share with a 95 % interval by bootstrap over calls."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(part), size=(BOOTSTRAPS, len(part)))
    shares = np.array(part)[drawn].sum(1) / np.maximum(1, np.array(whole)[drawn].sum(1))
    low, high = np.percentile(shares, [2.5, 97.5])
    return {
        "share": round(sum(part) / max(1, sum(whole)), 4),
        "n": sum(whole),
        "ci95": [round(float(low), 4), round(float(high), 4)],
    }
