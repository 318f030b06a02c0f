"""The figures that the text model is judged by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models.text.score import AGENT_LABELS, CUSTOMER_LABELS, TextScore
from models.text.training.corpus import Utterance

ATTACKS = frozenset({"insult", "competence_attack", "threat"})
LABELS = (*CUSTOMER_LABELS, *AGENT_LABELS)


@dataclass(frozen=True)
class Judged:
    """What a person says of an utterance and what the model says."""

    gold: Utterance
    score: TextScore


def label_f1(pairs: Sequence[Judged]) -> dict[str, float]:
    """F1 of every label that occurs or is given, 0..1."""
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for pair in pairs:
        gold, given = set(pair.gold.labels), set(pair.score.assigned)
        right.update(gold & given)
        wrong.update(gold ^ given)
    return {
        label: 2 * right[label] / (2 * right[label] + wrong[label])
        for label in LABELS
        if right[label] or wrong[label]
    }


def figures(pairs: Sequence[Judged]) -> dict[str, float]:
    """All figures, as shares 0..1 (NaN where nothing was there to be found)."""
    by_label = label_f1(pairs)
    gold = [bool(ATTACKS & set(pair.gold.labels)) for pair in pairs]
    given = [bool(ATTACKS & set(pair.score.assigned)) for pair in pairs]
    both = sum(a and b for a, b in zip(gold, given, strict=True))
    hard = [pair for pair in pairs if pair.gold.hard and not ATTACKS & set(pair.gold.labels)]
    customers = [pair for pair in pairs if pair.gold.channel == "customer"]
    grave = [pair for pair in customers if pair.gold.severity >= 2]
    gravest = [pair for pair in customers if pair.gold.severity == 3]
    evidence = [pair for pair in pairs if pair.gold.evidence]
    return {
        "n": float(len(pairs)),
        "macro_f1": _mean(by_label.values()),
        "macro_f1_customer": _mean(by_label[name] for name in CUSTOMER_LABELS if name in by_label),
        "macro_f1_agent": _mean(by_label[name] for name in AGENT_LABELS if name in by_label),
        "exact": _mean(set(p.gold.labels) == set(p.score.assigned) for p in pairs),
        "attack_precision": _share(both, sum(given)),
        "attack_recall": _share(both, sum(gold)),
        "hard_n": float(len(hard)),
        "hard_false_alarms": _mean(
            bool(ATTACKS & set(p.score.assigned)) or p.score.severity > max(p.gold.severity, 0)
            for p in hard
        ),
        "severity_2_right": _mean(
            (p.gold.severity >= 2) == (p.score.severity >= 2) for p in customers
        ),
        "severity_2_recall": _mean(p.score.severity >= 2 for p in grave),
        "severity_3_recall": _mean(p.score.severity == 3 for p in gravest),
        "severity_exact": _mean(p.gold.severity == p.score.severity for p in pairs),
        "target_right": _mean(p.gold.target == p.score.target for p in customers),
        "evidence_f1": _evidence_f1(evidence),
    }


def _evidence_f1(pairs: Sequence[Judged]) -> float:
    """F1 over characters, of labels that were rightly given."""
    right = found = wanted = 0
    for pair in pairs:
        text = pair.gold.text
        for label in set(pair.gold.evidence) & set(pair.score.assigned):
            gold = {
                at
                for words in pair.gold.evidence[label]
                for at in range(text.find(words), text.find(words) + len(words))
            }
            given = {
                at
                for span in pair.score.evidence
                if span.label == label
                for at in range(span.start, span.end)
            }
            right += len(gold & given)
            found += len(given)
            wanted += len(gold)
    return _share(2 * right, found + wanted)


def official(gold: np.ndarray, given: np.ndarray) -> float:
    """GermEval 2018: harmonic mean of macro precision and macro recall, 0..100."""
    precisions, recalls = [], []
    for value in (0, 1):
        both = int(((gold == value) & (given == value)).sum())
        precisions.append(_share(both, int((given == value).sum())))
        recalls.append(_share(both, int((gold == value).sum())))
    precision, recall = float(np.mean(precisions)), float(np.mean(recalls))
    return 200 * precision * recall / max(precision + recall, 1e-9)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _mean(values: Iterable[float]) -> float:
    found = [float(value) for value in values]
    return sum(found) / len(found) if found else float("nan")
