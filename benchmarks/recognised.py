"""What recognition errors do to the text model: attacks found in the words said and those heard.

A sample of the customer's utterances of the text corpus's test part, spoken by espeak-ng in voices
that the embedded recogniser has never heard, over a telephone line, and recognised by it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.text.load import load_text_model
from models.text.score import TextModel
from models.text.training import recognise
from models.text.training.corpus import Utterance, read
from models.text.training.metrics import ATTACKS
from models.text.training.spoken import HELD_OUT_VOICES
from monitor.settings import Settings

TEST_PART = [
    Path(recognise.__file__).with_name("corpus") / "test" / name
    for name in ("test1.jsonl", "test2.jsonl")
]
UTTERANCES = 200
BOOTSTRAPS = 2000
Flags = npt.NDArray[np.bool_]


def measure(seed: int, utterances: int = UTTERANCES) -> dict[str, Any]:
    """F1 of "carries an attack" with the text model in force, and the recogniser's errors.

    `seed` draws the sample. The model sees the context as it was written. Utterances of which
    nothing was heard count as free of attacks.
    """
    rows = [row for row in read(TEST_PART) if row.channel == "customer"]
    rows = random.Random(seed).sample(rows, min(utterances, len(rows)))
    listener = recognise.Listener(HELD_OUT_VOICES)
    heard = [
        listener.hear({"id": row.id, "text": row.text, "evidence": row.evidence}) for row in rows
    ]
    choice = Settings().text
    model = load_text_model(choice.model, choice.lexicon)
    gold = np.array([bool(ATTACKS & set(row.labels)) for row in rows])
    clean = attacks(model, rows, [row.text for row in rows])
    garbled = attacks(model, rows, [one.text for one in heard])
    rates = recognise.rates(heard, recognise.vocabulary())
    return {
        "text model": model.name,
        "n": len(rows),
        "with an attack": int(gold.sum()),
        "nothing heard": sum(not one.words for one in heard),
        **f1_figures(gold, clean, garbled),
        **{
            name.replace("_", " "): value if isinstance(value, int) else round(value, 4)
            for name, value in rates.items()
        },
    }


def attacks(model: TextModel, rows: Sequence[Utterance], texts: Sequence[str]) -> Flags:
    """Whether the model finds an attack in each text, said in the place of its row; shape (n,)."""
    return np.array(
        [
            bool(text) and bool(ATTACKS & set(model.score(text, row.channel, row.context).assigned))
            for row, text in zip(rows, texts, strict=True)
        ]
    )


def f1_figures(gold: Flags, clean: Flags, garbled: Flags) -> dict[str, Any]:
    """F1, precision and recall of both, the loss in points, attacks that only one of them finds.

    Intervals: 95 %, bootstrap over utterances, the same draws for both.
    """
    drawn = np.random.default_rng(0).integers(len(gold), size=(BOOTSTRAPS, len(gold)))
    result: dict[str, Any] = {}
    points: dict[str, npt.NDArray[np.float64]] = {}
    for name, given in (("clean", clean), ("recognised", garbled)):
        points[name] = _f1(gold[drawn], given[drawn])
        both = int((gold & given).sum())
        result[f"attack F1, {name}"] = {
            "percent": round(float(_f1(gold, given)), 1),
            "ci95": _interval(points[name]),
            "precision": round(100 * both / max(1, int(given.sum())), 1),
            "recall": round(100 * both / max(1, int(gold.sum())), 1),
        }
    result["attack F1, loss"] = {
        "points": round(float(_f1(gold, clean) - _f1(gold, garbled)), 1),
        "ci95": _interval(points["clean"] - points["recognised"]),
        "no longer found": int((gold & clean & ~garbled).sum()),
        "newly found": int((gold & ~clean & garbled).sum()),
    }
    return result


def _f1(gold: Flags, given: Flags) -> npt.NDArray[np.float64]:
    """In percent, over the last axis; 0 where there is nothing to find and nothing found."""
    both, either = (gold & given).sum(-1), gold.sum(-1) + given.sum(-1)
    return np.asarray(200 * both / np.maximum(1, either))


def _interval(values: npt.NDArray[np.float64]) -> list[float]:
    return [round(float(value), 1) for value in np.percentile(values, [2.5, 97.5])]
