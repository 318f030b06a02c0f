"""Train the linear models over n-grams (see `models.text.encoder.grams`)."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from models.text.encoder.grams import BITS, Words, features, spoken
from models.text.score import AGENT_LABELS, CUSTOMER_LABELS
from models.text.training import noise
from models.text.training.corpus import Utterance
from models.text.training.swaps import load_swaps

_LEAST_TEXTS = 2
_PHONE_STRENGTH = 8.0
_VARIANTS = 2
_SEED = 1


def train(texts: Sequence[str], wanted: np.ndarray, asked: np.ndarray, strength: float) -> Words:
    """Logistic regressions over rarity-weighted n-grams.

    `wanted`, `asked` [texts, outputs]: the classes, and which texts count for which output;
    `strength`: scikit-learn's C. N-grams of a single text are left out.
    """
    found = [features(text) for text in texts]
    seen = np.zeros(2**BITS, int)
    for numbers, _ in found:
        seen[numbers] += 1
    known = np.flatnonzero(seen >= _LEAST_TEXTS)
    place = np.full(2**BITS, -1)
    place[known] = np.arange(len(known))
    rarity = (np.log((1 + len(texts)) / (1 + seen[known])) + 1).astype(np.float32)
    starts, columns, values = [0], [], []
    for numbers, times in found:
        chosen = place[numbers] >= 0
        at = place[numbers[chosen]]
        weighted = times[chosen] * rarity[at]
        columns.append(at)
        values.append(weighted / max(1e-9, float(np.sqrt((weighted**2).sum()))))
        starts.append(starts[-1] + len(at))
    matrix = csr_matrix(
        (np.concatenate(values), np.concatenate(columns), starts), (len(texts), len(known))
    )
    weights = np.zeros((len(known), wanted.shape[1]), np.float32)
    offsets = np.full(wanted.shape[1], -6.0, np.float32)
    for output in range(wanted.shape[1]):
        rows = np.flatnonzero(asked[:, output])
        classes = wanted[rows, output].astype(int)
        if len(set(classes)) < 2:
            continue
        model = LogisticRegression(
            C=strength, class_weight="balanced", solver="liblinear", max_iter=100, tol=1e-2,
            random_state=1,
        )  # fmt: skip
        model.fit(matrix[rows], classes)
        weights[:, output] = model.coef_[0]
        offsets[output] = model.intercept_[0]
    return Words(known.astype(np.int32), rarity, weights, offsets)


def train_phone(rows: Sequence[Utterance]) -> Words:
    """The models of the phone task: 29 labels, each on its channel, then severity ≥ 1, ≥ 2, ≥ 3.

    Each utterance is read as it is and in variants: other words of abuse, spellings, misheard.
    """
    rng, swaps = random.Random(_SEED), load_swaps()
    texts = [row.text for row in rows]
    for _ in range(_VARIANTS):
        for row in rows:
            said = swaps.swapped(row, noise.words_of(row), rng, 0.7, rng.choice((0.0, 0.0, 0.4)))
            said = noise.noisy(said, rng, rng.choice((0.0, 0.15)))
            texts.append(" ".join(word.text for word in said))
    rows = [*rows] * (_VARIANTS + 1)
    customer = np.array([row.channel == "customer" for row in rows])[:, None]
    wanted = [
        [label in row.labels for label in (*CUSTOMER_LABELS, *AGENT_LABELS)]
        + [row.severity > step for step in range(3)]
        for row in rows
    ]
    asked = np.concatenate(
        [
            np.repeat(customer, len(CUSTOMER_LABELS), 1),
            np.repeat(~customer, len(AGENT_LABELS), 1),
            np.repeat(customer, 3, 1),
        ],
        1,
    )
    return train([spoken(text) for text in texts], np.array(wanted), asked, _PHONE_STRENGTH)
