"""Train the voice weights and measure them honestly.

    python -m models.voice.training.train --emodb ../shared/data/emodb

writes models/voice/weights.json and prints the figures for the model card. Every figure comes from
`VoiceAnalyser` itself, streaming, with weights that never saw the speaker (leave one speaker out):
the caller's start is 10 s of calm or of angry clips, then come the speaker's other clips, one turn
each. scikit-learn is used here only.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]

from models.signals import Samples
from models.voice.activity import ActivityDetector
from models.voice.analyser import VoiceAnalyser
from models.voice.features import NAMES, WINDOW_HOPS, features
from models.voice.hops import BLOCK_SAMPLES, DELAY_HOPS, HOP_SECS, RATE_HZ, Hop, HopStream
from models.voice.model import CLIP, FORMAT, WEIGHTS_PATH, VoiceModel
from models.voice.training.corpus import LINES, Clip, Phone, by_speaker, load_clips

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

ANGRY, CALM = "W", "NLT"
STARTS = {"neutral": "N", "angry": "W", "none": ""}
_WINDOWS = (WINDOW_HOPS, 140, 100)  # shorter ones too: a turn begins with them
_START_CLIPS = 5
_GAP_SECS = 0.6
_REGULARISATION = 0.03
_SHRINKAGE = 0.5


@dataclass(frozen=True, slots=True)
class Table:
    """Windows in rows. features: shape (n, len(NAMES)); the rest: shape (n,)."""

    features: Floats
    speaker: NDArray[np.str_]
    emotion: NDArray[np.str_]
    line: NDArray[np.str_]
    full: Flags

    def of(self, rows: Flags) -> Table:
        """Some of the rows."""
        return Table(
            self.features[rows],
            self.speaker[rows],
            self.emotion[rows],
            self.line[rows],
            self.full[rows],
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """One clip in a simulated call and what the analyser said about it."""

    speaker: str
    emotion: str
    line: str
    start: str
    agitation: float | None


def windows_of(samples: Samples) -> list[Floats | None]:
    """Features of the middle of a clip, for each length in `_WINDOWS`."""
    stream, activity = HopStream(), ActivityDetector()
    blocks, flags = [], []
    padded = np.concatenate([samples, np.zeros(2 * BLOCK_SAMPLES, np.float32)])
    for at in range(0, len(padded) - BLOCK_SAMPLES + 1, BLOCK_SAMPLES):
        hops = stream.push(padded[at : at + BLOCK_SAMPLES])
        blocks.append(hops)
        flags.append(np.stack(activity.push(hops[:, Hop.LEVEL_DB])))
    hops, (active, speech) = np.concatenate(blocks), np.concatenate(flags, axis=1)
    heard = np.nonzero(speech)[0]
    found = []
    for length in _WINDOWS:
        first = max(len(heard) - length, 0) // 2
        rows = heard[first : first + length]
        found.append(features(hops[rows], active[rows]))
    return found


def make_table(clips: Sequence[Clip], phone: Phone, *, lines: Sequence[str] = LINES) -> Table:
    """The windows of all clips over the lines."""
    rows, labels = [], []
    for line in lines:
        for clip in clips:
            found = windows_of(phone.send([clip], line))
            for length, values in zip(_WINDOWS, found, strict=True):
                if values is not None:
                    rows.append(values)
                    labels.append((clip.speaker, clip.emotion, line, length == WINDOW_HOPS))
    speaker, emotion, line_of, full = (np.array(column) for column in zip(*labels, strict=True))
    return Table(np.array(rows), speaker, emotion, line_of, full)


def fit(table: Table) -> VoiceModel:
    """Weights from the windows of angry and calm speech."""
    neutral = table.of((table.emotion == "N") & table.full)
    speakers = sorted(set(neutral.speaker))
    means = {s: neutral.features[neutral.speaker == s].mean(axis=0) for s in speakers}
    # Pitch parts the sexes: an average calm voice stands halfway between them.
    order = sorted(speakers, key=lambda s: means[s][0])
    half = len(order) // 2
    low, high = order[:half], order[len(order) - half :]
    calm = (
        np.mean([means[s] for s in low], axis=0) + np.mean([means[s] for s in high], axis=0)
    ) / 2
    residual = [
        (rows := neutral.features[(neutral.speaker == s) & (neutral.line == line)])
        - rows.mean(axis=0)
        for s in speakers
        for line in sorted(set(neutral.line))
    ]
    scale = np.sqrt(np.concatenate(residual).var(axis=0)) + 1e-9
    used = table.of(np.isin(table.emotion, list(ANGRY + CALM)))
    angry = np.isin(used.emotion, list(ANGRY))
    deviation = np.clip((used.features - calm) / scale, -CLIP, CLIP)
    regression = LogisticRegression(C=_REGULARISATION, class_weight="balanced", max_iter=1000)
    regression.fit(deviation, angry)
    rise = np.mean(
        [
            used.features[(used.speaker == s) & angry].mean(axis=0)
            - used.features[(used.speaker == s) & ~angry].mean(axis=0)
            for s in speakers
        ],
        axis=0,
    )
    everything = np.clip((table.features - calm) / scale, -CLIP, CLIP)
    covariance = np.cov(everything.T)
    covariance = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * np.diag(np.diag(covariance))
    return VoiceModel(
        calm=calm,
        scale=scale,
        weights=regression.coef_[0].astype(np.float64),
        bias=float(regression.intercept_[0]),
        rise=rise,
        average=everything.mean(axis=0),
        precision=np.asarray(np.linalg.inv(covariance), dtype=np.float64),
    )


def call(
    model: VoiceModel, phone: Phone, clips: Sequence[Clip], start: int, line: str
) -> list[float | None]:
    """Agitation of each clip after the first `start`, as turns of one call over one line."""
    samples = phone.send(clips, line, gap_secs=_GAP_SECS)
    analyser = VoiceAnalyser(RATE_HZ, model)
    tail = np.zeros(round(0.5 * RATE_HZ), np.float32)
    at = round(_GAP_SECS * RATE_HZ)
    done, said = 0, []
    for number, clip in enumerate(clips):
        end = at + len(clip.samples)
        upto = end + (DELAY_HOPS + 25) * round(HOP_SECS * RATE_HZ)
        analyser.push(np.concatenate([samples, tail])[done:upto])
        done = upto
        if number >= start:
            said.append(analyser.summary(at / RATE_HZ, end / RATE_HZ).agitation)
        at = end + round(_GAP_SECS * RATE_HZ)
    return said


def measure(
    table: Table,
    clips: Sequence[Clip],
    phone: Phone,
    *,
    lines: Sequence[str] = LINES,
    speakers: Sequence[str] = (),
    seed: int = 0,
) -> list[Turn]:
    """Every clip of the speakers (none named: all), with weights that never saw its speaker."""
    turns = []
    for speaker, own in by_speaker(clips).items():
        if speakers and speaker not in speakers:
            continue
        model = fit(table.of(table.speaker != speaker))
        rng = np.random.default_rng([seed, int(speaker)])
        for line in lines:
            for start, emotions in STARTS.items():
                pool = [clip for clip in own if emotions and clip.emotion in emotions]
                count = min(_START_CLIPS, max(len(pool) - 2, 0))
                chosen = [pool[pick] for pick in rng.permutation(len(pool))[:count]]
                rest = [clip for clip in own if clip not in chosen]
                rest = [rest[pick] for pick in rng.permutation(len(rest))]
                if start == "none":  # each clip is the first that is heard of the caller
                    said = [call(model, phone, [clip], 0, line)[0] for clip in rest]
                else:
                    said = call(model, phone, [*chosen, *rest], len(chosen), line)
                turns += [
                    Turn(speaker, clip.emotion, line, start, agitation)
                    for clip, agitation in zip(rest, said, strict=True)
                ]
    return turns


@dataclass(frozen=True, slots=True)
class Figure:
    """Balanced accuracy at 0.5 with its 95 % interval, and the area under the curve.

    The interval is a bootstrap over the turns of each class; there are only six speakers behind it.

    brier: mean squared error of the probability, both classes weighing the same.
    """

    uar: float
    uar_low: float
    uar_high: float
    auc: float
    brier: float
    turns: int
    unknown: int

    def row(self, name: str) -> str:
        """A row of the model card's table."""
        return (
            f"| {name} | {100 * self.uar:.1f} % [{100 * self.uar_low:.1f}, "
            f"{100 * self.uar_high:.1f}] | {self.auc:.3f} | {self.brier:.3f} "
            f"| {self.turns} | {self.unknown} |"
        )


def figure(turns: Sequence[Turn], positive: str = ANGRY, negative: str = CALM) -> Figure:
    """How well agitation parts the positive emotions from the negative ones."""
    asked = [t for t in turns if t.emotion in positive + negative]
    known = [t for t in asked if t.agitation is not None]
    said = np.array([t.agitation for t in known], dtype=np.float64)
    true = np.array([t.emotion in positive for t in known])
    hit, miss = (said >= 0.5) == true, (said - true) ** 2
    rng = np.random.default_rng(0)
    shares = [rng.binomial(len(of), of.mean(), 1000) / len(of) for of in (hit[true], hit[~true])]
    low, high = np.quantile((shares[0] + shares[1]) / 2, [0.025, 0.975])
    uar = (hit[true].mean() + hit[~true].mean()) / 2
    brier = (miss[true].mean() + miss[~true].mean()) / 2
    return Figure(
        uar=round(float(uar), 4),
        uar_low=round(float(low), 4),
        uar_high=round(float(high), 4),
        auc=round(float(roc_auc_score(true, said)), 4),
        brier=round(float(brier), 4),
        turns=len(known),
        unknown=len(asked) - len(known),
    )


def report(turns: Sequence[Turn]) -> dict[str, Figure]:
    """The figures of the model card by name."""
    found = {}
    for line in LINES:
        for start in STARTS:
            some = [t for t in turns if t.line == line and t.start == start]
            found[f"anger/calm, {line}, {start} start"] = figure(some)
    calm_start = [t for t in turns if t.line == "alaw" and t.start == "neutral"]
    found["high/low arousal, alaw, neutral start"] = figure(calm_start, "WFA", "NLT")
    found["anger/joy, alaw, neutral start"] = figure(calm_start, "W", "F")
    return found


def write(model: VoiceModel, figures: dict[str, Figure], path: Path) -> None:
    """Write weights.json: human-readable, rounded to six digits."""
    rows = {
        name: {
            "weight": float(f"{model.weights[at]:.6g}"),
            "calm": float(f"{model.calm[at]:.6g}"),
            "scale": float(f"{model.scale[at]:.6g}"),
            "rise": float(f"{model.rise[at]:.6g}"),
            "average": float(f"{model.average[at]:.6g}"),
        }
        for at, name in enumerate(NAMES)
    }
    data = {
        "format": FORMAT,
        "command": "python -m models.voice.training.train --emodb EMODB",
        "data": "Berlin database of emotional speech, speakers 03 08 09 10 12 14, 2 s clips",
        "bias": float(f"{model.bias:.6g}"),
        "features": rows,
        "precision": [[float(f"{value:.4g}") for value in row] for row in model.precision],
        "figures": {
            name: {
                "uar": f.uar,
                "interval": [f.uar_low, f.uar_high],
                "auc": f.auc,
                "brier": f.brier,
                "n": f.turns,
                "unknown": f.unknown,
            }
            for name, f in figures.items()
        },
    }
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Train, measure, write, print."""
    parser = argparse.ArgumentParser(description="Train the voice weights.")
    parser.add_argument("--emodb", type=Path, default=Path("../shared/data/emodb"))
    parser.add_argument("--out", type=Path, default=WEIGHTS_PATH)
    options = parser.parse_args()
    clips = load_clips(options.emodb)
    phone = Phone(clips)
    table = make_table(clips, phone)
    turns = measure(table, clips, phone)
    model, figures = fit(table), report(turns)
    write(model, figures, options.out)
    for name, values in figures.items():
        print(values.row(name))
    weights = sorted(zip(NAMES, model.weights, strict=True), key=lambda pair: -abs(pair[1]))
    print("  ".join(f"{name} {weight:+.2f}" for name, weight in weights))


if __name__ == "__main__":
    main()
