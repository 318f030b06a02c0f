"""The trained model and the lexicon together.

What the rules say is one more piece of evidence, weighed by how far it was right where the network
was in doubt: log-odds of a label = those of the network + `trust` · probability of the rules.
`trust` is learned from cross-validated predictions for each label and is 0 where the rules do not
help. Hints (du-form, corrections, …) come from the rules alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from models.text.encoder.decide import Calibration
from models.text.encoder.model import EncoderModel
from models.text.lexicon import LexiconModel
from models.text.score import Channel, TextScore

_ON_PEOPLE = frozenset({"insult", "competence_attack", "threat", "boundary_crossing"})
_LEAST = 1e-4


class CombinedModel:
    """A `TextModel` of an encoder and the rules of a lexicon."""

    def __init__(self, encoder: EncoderModel, lexicon: LexiconModel) -> None:
        self._encoder = encoder
        self._lexicon = lexicon

    @property
    def name(self) -> str:
        """The names of both, as stored with every tone."""
        return f"{self._encoder.name}+{self._lexicon.name}"

    @property
    def encoder(self) -> EncoderModel:
        """The trained model alone (it also judges written texts)."""
        return self._encoder

    def score(
        self, text: str, channel: Channel, context: Sequence[tuple[Channel, str]] = ()
    ) -> TextScore:
        """Score one utterance. `context`: the last utterances before it, oldest first."""
        return combined(
            self._encoder.score(self._lexicon.readable(text, channel), channel, context),
            self._lexicon.score(text, channel, context),
            self._encoder.calibration,
            self._encoder.trust,
        )

    def score_partial(
        self, text: str, channel: Channel, context: Sequence[tuple[Channel, str]] = ()
    ) -> TextScore:
        """Score the beginning of an utterance that is still being spoken (see `EncoderModel`)."""
        return combined(
            self._encoder.score_partial(self._lexicon.readable(text, channel), channel, context),
            self._lexicon.score(text, channel, context),
            self._encoder.unfinished,
            self._encoder.trust,
        )

    def explain(self, text: str, channel: Channel, labels: Sequence[str]) -> TextScore:
        """An utterance whose labels are known already: the lexicon explains it."""
        return self._lexicon.explain(text, channel, labels)


def combined(
    network: TextScore, rules: TextScore, calibration: Calibration, trust: Mapping[str, float]
) -> TextScore:
    """Both scores of the same utterance as one."""
    labels = {}
    for label in calibration.labels:
        chance, said = network.labels.get(label, 0.0), rules.labels.get(label, 0.0)
        if chance > 0 or said > 0:
            labels[label] = round(_odds(chance, trust[label] * said), 3)
    assigned = tuple(
        label
        for label, chance in labels.items()
        if label in network.assigned or chance >= calibration.labels[label].threshold
    )
    added = set(assigned) - set(network.assigned)
    by_rules = bool(added & _ON_PEOPLE) and rules.severity > network.severity
    return replace(
        network,
        labels=labels,
        assigned=assigned,
        severity=rules.severity if by_rules else network.severity,
        target=rules.target if by_rules and network.target == "none" else network.target,
        evidence=(
            *network.evidence,
            *(span for span in rules.evidence if span.label in added),
        ),
        hints=rules.hints,
    )


def _odds(chance: float, more: float) -> float:
    sure = min(max(chance, _LEAST), 1 - _LEAST)
    return 1 / (1 + math.exp(-(math.log(sure / (1 - sure)) + more)))
