"""From the network's numbers to labels, severity, target and evidence. Pure; numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.text.encoder.tokens import Tokens
from models.text.score import AGENT_LABELS, CUSTOMER_LABELS, Channel, Span, Target, TextScore

LABELS = (*CUSTOMER_LABELS, *AGENT_LABELS)
TARGETS: tuple[Target, ...] = ("none", "agent", "company", "product", "third")
SEVERITY_STEPS = 3
_OF_CHANNEL: dict[Channel, range] = {
    "customer": range(len(CUSTOMER_LABELS)),
    "agent": range(len(CUSTOMER_LABELS), len(LABELS)),
}
_ON_PEOPLE = frozenset({"insult", "competence_attack", "threat", "boundary_crossing"})
"""Labels that are at least mildly unfair to a person, and the only ones above severity 1."""
_EVIDENCE_AT = 0.5
_BRIDGED_WORDS = 1

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Logits:
    """What the network says: labels [29], severity [3] (≥ 1, ≥ 2, ≥ 3), target [5], and the labels
    of each token of the utterance [tokens, 29]; `words` [32]: what the linear models of the n-grams
    say of the labels and severities."""

    labels: Floats
    severity: Floats
    target: Floats
    evidence: Floats
    words: Floats


@dataclass(frozen=True, slots=True)
class Curve:
    """Probability = 1 / (1 + exp(−(slope · logit + words · logit of the n-grams + offset))), after
    Platt 1999; taken as given from `threshold` on."""

    slope: float
    words: float
    offset: float
    threshold: float

    def probability(self, logit: float, words: float) -> float:
        """0..1; never overflows."""
        odds = self.slope * logit + self.words * words + self.offset
        return float(1.0 / (1.0 + np.exp(-np.clip(odds, -30, 30))))


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far to trust the logits, learned from cross-validated predictions."""

    labels: Mapping[str, Curve]
    severity: tuple[Curve, Curve, Curve]


def decide(
    text: str, channel: Channel, tokens: Tokens, logits: Logits, calibration: Calibration
) -> TextScore:
    """The score of one utterance."""
    chances = {
        LABELS[index]: calibration.labels[LABELS[index]].probability(
            float(logits.labels[index]), float(logits.words[index])
        )
        for index in _OF_CHANNEL[channel]
    }
    assigned = tuple(
        label for label, chance in chances.items() if chance >= calibration.labels[label].threshold
    )
    return TextScore(
        labels={label: round(chance, 3) for label, chance in chances.items() if chance >= 0.0005},
        assigned=assigned,
        severity=_severity(channel, assigned, logits, calibration),
        target=TARGETS[int(np.argmax(logits.target))] if channel == "customer" else "none",
        evidence=tuple(
            span for label in assigned for span in spans(text, tokens, label, logits.evidence)
        ),
    )


def _severity(
    channel: Channel, assigned: Sequence[str], logits: Logits, calibration: Calibration
) -> int:
    reached = 0
    steps = zip(logits.severity, logits.words[len(LABELS) :], calibration.severity, strict=True)
    for network, words, curve in steps:
        if curve.probability(float(network), float(words)) < curve.threshold:
            break
        reached += 1
    if channel == "agent":
        return min(max(reached, 1), 2) if "agent_impolite" in assigned else 0
    if "threat" in assigned:
        return 3
    if _ON_PEOPLE & set(assigned):
        return max(reached, 1)
    return min(reached, 1)


def spans(text: str, tokens: Tokens, label: str, evidence: Floats) -> list[Span]:
    """The whole words that carry the label; where no token is sure, the surest word."""
    if not tokens.places:
        return []
    logits = evidence[:, LABELS.index(label)]
    words = _words(text, tokens.places)
    surest = {word: max(float(logits[at]) for at in members) for word, members in words.items()}
    carried = [at for at, word in enumerate(words) if surest[word] >= _logit(_EVIDENCE_AT)]
    order = list(words)
    if not carried:
        carried = [max(range(len(order)), key=lambda at: surest[order[at]])]
    runs: list[list[int]] = []
    for at in carried:
        if runs and at - runs[-1][1] <= 1 + _BRIDGED_WORDS:
            runs[-1][1] = at
        else:
            runs.append([at, at])
    return [
        Span(label, order[first][0], order[last][1], text[order[first][0] : order[last][1]])
        for first, last in runs
    ]


def _words(text: str, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], list[int]]:
    """Whole words [start, end) -> the tokens they are made of, in order."""
    words: dict[tuple[int, int], list[int]] = {}
    for at, (first, last) in enumerate(places):
        if first == last:
            continue
        start, end = first, last
        while start > 0 and not text[start - 1].isspace():
            start -= 1
        while end < len(text) and not text[end].isspace():
            end += 1
        words.setdefault((start, end), []).append(at)
    return words


def _logit(chance: float) -> float:
    return float(np.log(chance / (1 - chance)))
