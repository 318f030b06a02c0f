"""What a text model says about one utterance, and what a text model is.

Labels, severity and target are defined in the annotation guideline (docs/labels.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Channel = Literal["customer", "agent"]
Target = Literal["agent", "company", "product", "third", "none"]

CUSTOMER_LABELS = (
    "complaint", "frustration", "generalisation", "competence_attack", "insult", "profanity",
    "threat", "legal_threat", "cancellation", "supervisor_request", "impatience", "disclaimer",
    "apology", "price_claim", "boundary_crossing", "thanks",
)  # fmt: skip
AGENT_LABELS = (
    "empathy", "solution_offer", "open_question", "paraphrase", "quote_disclaimer",
    "respect_request", "consequence_announcement", "call_termination", "hold_explanation",
    "confirm_understanding", "agent_impolite", "greeting", "farewell",
)  # fmt: skip
ATTACK_LABELS = ("insult", "competence_attack")


@dataclass(frozen=True, slots=True)
class Span:
    """The words that carry a label: character offsets [start, end) into the utterance's text."""

    label: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class TextScore:
    """Scores of one utterance.

    `labels`: label -> probability 0..1 (only those above 0); `assigned`: the labels taken as
    given; `severity` 0..3 (unfairness towards people, not heat); `hints`: findings that are no
    label but count for a side cue (docs/labels.md lists them).
    """

    labels: Mapping[str, float] = field(default_factory=dict)
    assigned: tuple[str, ...] = ()
    severity: int = 0
    target: Target = "none"
    evidence: tuple[Span, ...] = ()
    hints: tuple[str, ...] = ()


class TextModel(Protocol):
    """Scores utterances of both channels. Deterministic; safe to call from one thread at a time."""

    @property
    def name(self) -> str:
        """Name and version, as stored with every tone."""

    def score(
        self, text: str, channel: Channel, context: Sequence[tuple[Channel, str]] = ()
    ) -> TextScore:
        """Score one utterance (transcript style: lower case, no punctuation).

        `context`: the last utterances before it, oldest first.
        """

    def score_partial(
        self, text: str, channel: Channel, context: Sequence[tuple[Channel, str]] = ()
    ) -> TextScore:
        """Score the beginning of an utterance that is still being spoken.

        Surer than `score` before anything is assigned; a retracted word takes its label with it.
        """

    def explain(self, text: str, channel: Channel, labels: Sequence[str]) -> TextScore:
        """An utterance whose labels are known already: these, their evidence, and the hints.

        Severity and target are left as they are for nothing. Much faster than `score`.
        """
