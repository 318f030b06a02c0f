"""The trained part: a logistic regression over the features of 2 s of speech.

`weights.json` is written by `models/voice/training/train.py`; where its numbers come from and what
they are worth is in `MODEL_CARD.md`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.voice.features import NAMES

Floats = NDArray[np.float64]

WEIGHTS_PATH = Path(__file__).with_name("weights.json")
FORMAT = 1
CLIP = 8.0  # deviations beyond so many standard deviations say nothing more
_RETRAIN = "restore the file from the release, or run: python -m models.voice.training.train"


@dataclass(frozen=True, slots=True, eq=False)
class VoiceModel:
    """All arrays have shape (len(NAMES),), in the order of `features.NAMES`.

    calm: features of an average calm voice (mean of the sexes). scale: how much calm speech of one
    speaker varies. weights, bias: logistic regression over (features - origin) / scale.
    rise: what anger adds to the features. average, precision: mean and inverse covariance (shape
    (len(NAMES), len(NAMES))) of all voices in training, in units of scale from calm.
    """

    calm: Floats
    scale: Floats
    weights: Floats
    bias: float
    rise: Floats
    average: Floats
    precision: Floats

    def logit(self, features: Floats, origin: Floats) -> float:
        """Log-odds of agitation; 0 is the decision point.

        features, origin: shape (len(NAMES),); the origin is what counts as calm, see
        `baseline.Baseline`.
        """
        return float(self.deviation(features, origin) @ self.weights) + self.bias

    def deviation(self, features: Floats, origin: Floats) -> Floats:
        """Features in standard deviations of calm speech from an origin, clipped; same shape."""
        return np.clip((features - origin) / self.scale, -CLIP, CLIP)

    def strangeness(self, features: Floats) -> float:
        """How unlike every voice in training this is: Mahalanobis distance, 4 for a usual voice."""
        away = self.deviation(features, self.calm) - self.average
        return float(np.sqrt(away @ self.precision @ away))


@cache
def load_model(path: Path = WEIGHTS_PATH) -> VoiceModel:
    """The weights in `path`, read once.

    Raises `ModelError` when the file is missing, damaged, or made for other features.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The voice weights {path.name} cannot be read: {error}", _RETRAIN
        ) from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ModelError(f"The voice weights {path.name} are not of format {FORMAT}.", _RETRAIN)
    try:
        rows = data["features"]
        if list(rows) != list(NAMES):
            raise ModelError(f"The voice weights {path.name} are for other features.", _RETRAIN)
        columns = {
            part: np.array([float(rows[name][part]) for name in NAMES])
            for part in ("calm", "scale", "weight", "rise", "average")
        }
        bias = float(data["bias"])
        precision = np.array(data["precision"], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"The voice weights {path.name} are damaged: {error!r}", _RETRAIN
        ) from error
    numbers = [*columns.values(), precision, np.array([bias])]
    if (
        not all(np.isfinite(part).all() for part in numbers)
        or not (columns["scale"] > 0).all()
        or precision.shape != (len(NAMES), len(NAMES))
    ):
        raise ModelError(f"The voice weights {path.name} hold impossible numbers.", _RETRAIN)
    return VoiceModel(
        calm=columns["calm"],
        scale=columns["scale"],
        weights=columns["weight"],
        bias=bias,
        rise=columns["rise"],
        average=columns["average"],
        precision=precision,
    )


def probability(logit: float) -> float:
    """0..1 from log-odds."""
    return float(1.0 / (1.0 + np.exp(-np.clip(logit, -30.0, 30.0))))
