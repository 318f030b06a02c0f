"""CPU cost as a ratio, measured side by side in one run."""

from __future__ import annotations

from benchmarks.cpu import RATIO_LIMIT, measure


def test_the_whole_pipeline_costs_little_more_than_bare_vosk_at_most() -> None:
    figures = measure(seed=1, pairs=3)
    print(figures)
    assert figures["ratio"] <= RATIO_LIMIT
