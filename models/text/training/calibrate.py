"""Calibration and thresholds from cross-validated predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.text.encoder.decide import LABELS, SEVERITY_STEPS, Calibration, Curve, Logits
from models.text.score import AGENT_LABELS, CUSTOMER_LABELS, TextScore
from models.text.training.corpus import Utterance

_PRIOR = 8.0
"""Strength of the pull of a label's curve towards the curve of all labels."""
_STEPS = 60
_TRUST_PRIOR = 4.0
_MOST_TRUST = 6.0


def calibrate(rows: Sequence[Utterance], logits: Sequence[Logits]) -> Calibration:
    """Curves for every label and severity step."""
    curves = {}
    for names, channel in ((CUSTOMER_LABELS, "customer"), (AGENT_LABELS, "agent")):
        chosen = [at for at, row in enumerate(rows) if row.channel == channel]
        columns = [LABELS.index(name) for name in names]
        both = np.array(
            [(logits[at].labels[columns], logits[at].words[columns]) for at in chosen]
        ).reshape(-1, 2, len(names))
        gold = np.array([[name in rows[at].labels for name in names] for at in chosen], float)
        gold = gold.reshape(-1, len(names))
        everything = both.transpose(0, 2, 1).reshape(-1, 2)
        common = _platt(everything, gold.reshape(-1), np.array([1.0, 0.0, 0.0]), 1.0)
        for column, name in enumerate(names):
            curves[name] = _curve(both[:, :, column], gold[:, column], common)
    customers = [at for at, row in enumerate(rows) if row.channel == "customer"]
    steps = []
    for step in range(SEVERITY_STEPS):
        both = np.array(
            [(logits[at].severity[step], logits[at].words[len(LABELS) + step]) for at in customers]
        )
        gold = np.array([rows[at].severity > step for at in customers], float)
        steps.append(_curve(both.reshape(-1, 2), gold, np.array([1.0, 0.0, 0.0])))
    return Calibration(curves, (steps[0], steps[1], steps[2]))


def trust(
    rows: Sequence[Utterance],
    logits: Sequence[Logits],
    rules: Sequence[TextScore],
    calibration: Calibration,
) -> dict[str, float]:
    """How much what the rules say adds to the network's log-odds, by label; never negative.

    `rows` must be utterances that the rules were not written on.
    """
    result = {}
    for label in LABELS:
        channel = "customer" if label in CUSTOMER_LABELS else "agent"
        chosen = [at for at, row in enumerate(rows) if row.channel == channel]
        curve = calibration.labels[label]
        column = LABELS.index(label)
        odds = np.array(
            [
                curve.slope * logits[at].labels[column]
                + curve.words * logits[at].words[column]
                + curve.offset
                for at in chosen
            ]
        )
        said = np.array([rules[at].labels.get(label, 0.0) for at in chosen])
        gold = np.array([label in rows[at].labels for at in chosen], float)
        weight = 0.0
        for _ in range(_STEPS):
            chances = 1 / (1 + np.exp(-np.clip(odds + weight * said, -30, 30)))
            slope = float((said * (chances - gold)).sum()) + _TRUST_PRIOR * weight
            curvature = float((said**2 * chances * (1 - chances)).sum()) + _TRUST_PRIOR
            weight -= float(np.clip(slope / curvature, -1, 1))
        result[label] = round(float(np.clip(weight, 0.0, _MOST_TRUST)), 2)
    return result


def _curve(both: np.ndarray, gold: np.ndarray, common: np.ndarray) -> Curve:
    weights = _platt(both, gold, common, _PRIOR)
    chances = 1 / (1 + np.exp(-np.clip(both @ weights[:2] + weights[2], -30, 30)))
    slope, words, offset = (round(float(value), 4) for value in weights)
    return Curve(slope, words, offset, _threshold(chances, gold))


def _platt(both: np.ndarray, gold: np.ndarray, centre: np.ndarray, prior: float) -> np.ndarray:
    """Maximum a posteriori weights of network, n-grams and offset, by Newton's method."""
    weights = centre.copy()
    inputs = np.concatenate([both, np.ones((len(both), 1))], 1)
    for _ in range(_STEPS):
        chances = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        slope = inputs.T @ (chances - gold) + prior * (weights - centre)
        spread = chances * (1 - chances)
        curvature = inputs.T @ (inputs * spread[:, None]) + prior * np.eye(3)
        move = np.linalg.solve(curvature, slope)
        weights = weights - np.clip(move, -1, 1)
        if np.abs(move).max() < 1e-6:
            break
    return weights


def _threshold(chances: np.ndarray, gold: np.ndarray) -> float:
    """Where the expected F1 is best, smoothed so that few examples move it little from 0.45."""
    grid = np.arange(0.20, 0.705, 0.01)
    pull = 2.0
    values = []
    for value in grid:
        given = chances >= value
        right = float((given * gold).sum())
        f1 = 2 * right / max(1.0, given.sum() + gold.sum())
        values.append(f1 - pull * (value - 0.45) ** 2 / max(1.0, gold.sum()) ** 0.5)
    smooth = np.convolve(np.pad(values, 3, mode="edge"), np.ones(7) / 7, mode="valid")
    return round(float(grid[int(np.argmax(smooth))]), 2)
