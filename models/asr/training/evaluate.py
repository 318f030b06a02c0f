# ruff: noqa: ANN401 - vosk has no types
"""Figures of a model on the held-out recordings: word error rate, times, lag, cost.

A process of its own (vosk must not share one with kaldifst)::

    python -m models.asr.training.evaluate models/asr/de_demo build/asr/heldout/index.json

Audio goes in as the product sends it: blocks of 200 ms, plain partials, word times from finals.
"""

import argparse
import json
import time
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK_SECS = 0.2
TAIL_SECS = 1.5  # silence after each recording, so that the endpoint is reached
BOOTSTRAPS = 2000


def edits(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Fewest substitutions, insertions and deletions from one to the other (Levenshtein)."""
    row = list(range(len(hypothesis) + 1))
    for i, word in enumerate(reference, 1):
        above, row = row, [i]
        for j, guess in enumerate(hypothesis, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (word != guess)))
    return row[-1]


def error_rate(
    counts: Sequence[tuple[int, int]], seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """Word error rate of (errors, words) per utterance, and its 95 % bootstrap interval."""
    table = np.array(counts, float)
    rng = np.random.RandomState(seed)
    picks = rng.randint(len(table), size=(BOOTSTRAPS, len(table)))
    sums = table[picks].sum(1)
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5])
    return float(table[:, 0].sum() / table[:, 1].sum()), (float(low), float(high))


def resident_mb() -> float:
    """Resident memory of this process in MB (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def read_wave(path: Path) -> tuple[npt.NDArray[np.int16], int]:
    """Samples (n,) and rate of a mono 16-bit file."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2"), file.getframerate()


@dataclass
class Heard:
    """One recording through the recogniser.

    ``words``: of the finals, as Vosk gives them; ``shown``: (time, words so far) at every block;
    ``cpu_secs``: processor time used.
    """

    words: list[dict[str, Any]] = field(default_factory=list)
    shown: list[tuple[float, list[str]]] = field(default_factory=list)
    cpu_secs: float = 0.0


def recognise(model: Any, samples: npt.NDArray[np.int16], rate_hz: int) -> Heard:
    """Stream ``samples`` with a tail of silence through a fresh recogniser."""
    from vosk import KaldiRecognizer

    heard, block = Heard(), round(rate_hz * BLOCK_SECS)
    samples = np.concatenate([samples, np.zeros(round(rate_hz * TAIL_SECS), np.int16)])
    recogniser = KaldiRecognizer(model, rate_hz)
    recogniser.SetWords(True)
    begin = time.process_time()
    for start in range(0, len(samples), block):
        partial: list[str] = []
        if recogniser.AcceptWaveform(samples[start : start + block].astype("<i2").tobytes()):
            heard.words += json.loads(recogniser.Result()).get("result", [])
        else:
            partial = json.loads(recogniser.PartialResult())["partial"].split()
        now = min(start + block, len(samples)) / rate_hz
        heard.shown.append((now, [w["word"] for w in heard.words] + partial))
    heard.words += json.loads(recogniser.FinalResult()).get("result", [])
    heard.cpu_secs = time.process_time() - begin
    return heard


def _lags(heard: Heard, reference: list[str], times: list[Any]) -> list[float]:
    """Seconds from the end of each word to the first block that shows it at its place."""
    lags = []
    for position, (word, span) in enumerate(zip(reference, times, strict=True)):
        for now, words in heard.shown:
            if len(words) > position and words[position] == word:
                if span:
                    lags.append(now - span[1])
                break
    return lags


def summary(values: Iterable[float]) -> dict[str, float]:
    """n, median, 90th and 95th percentile."""
    array = np.array(list(values))
    if not len(array):
        return {"n": 0}
    median, p90, p95 = np.percentile(array, [50, 90, 95])
    return {
        "n": len(array),
        "median": round(float(median), 3),
        "p90": round(float(p90), 3),
        "p95": round(float(p95), 3),
    }


def evaluate(model_folder: Path, index: Path, every: int = 1, show: int = 0) -> dict[str, Any]:
    """All figures, by condition; ``every`` n-th recording only, ``show`` errors printed."""
    from vosk import Model, SetLogLevel

    SetLogLevel(-1)
    before, begin = resident_mb(), time.monotonic()
    model = Model(str(model_folder))
    report: dict[str, Any] = {
        "load_secs": round(time.monotonic() - begin, 3),
        "load_mb": round(resident_mb() - before, 1),
    }
    rows = json.loads(index.read_text(encoding="utf-8"))
    for condition in dict.fromkeys(row["condition"] for row in rows):
        counts, starts, lags, cpu_secs, audio_secs, exact = [], [], [], 0.0, 0.0, 0
        right: list[float] = []
        wrong: list[float] = []
        for row in [r for r in rows if r["condition"] == condition][::every]:
            samples, rate_hz = read_wave(index.parent / row["file"])
            heard = recognise(model, samples, rate_hz)
            reference, found = row["text"].split(), [w["word"] for w in heard.words]
            errors = edits(reference, found)
            counts.append((errors, len(reference)))
            cpu_secs += heard.cpu_secs
            audio_secs += len(samples) / rate_hz + TAIL_SECS
            if errors == 0:
                exact += 1
                for word, span in zip(heard.words, row["words"], strict=True):
                    if span:
                        starts.append(abs(word["start"] - span[0]))
            lags += _lags(heard, reference, row["words"])
            for word in heard.words:
                (right if word["word"] in reference else wrong).append(word["conf"])
            if errors and show > 0:
                show -= 1
                print("  said ", row["text"], "\n  heard", " ".join(found))
        rate, (low, high) = error_rate(counts)
        report[condition] = {
            "n": len(counts),
            "words": sum(words for _, words in counts),
            "wer": round(rate, 4),
            "wer_95": [round(low, 4), round(high, 4)],
            "exact_share": round(exact / len(counts), 3),
            "rtf": round(cpu_secs / audio_secs, 4),
            "word_start_error_secs": summary(starts),
            "word_end_to_partial_secs": summary(lags),
            "confidence_right": round(float(np.mean(right)), 3) if right else None,
            "confidence_wrong": round(float(np.mean(wrong)), 3) if wrong else None,
        }
    report["resident_mb"] = round(resident_mb(), 1)
    return report


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Measure a model on held-out recordings.")
    parser.add_argument("model", type=Path)
    parser.add_argument("index", type=Path, help="index.json written by the training run")
    parser.add_argument("--every", type=int, default=1, help="only every n-th recording")
    parser.add_argument("--show", type=int, default=0, help="print this many errors")
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    options = parser.parse_args()
    report = evaluate(options.model, options.index, options.every, options.show)
    text = json.dumps(report, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
