"""What one turn has said so far: the utterances of a turn, taken together as if they were one.

The ladder decides on turns, but it is told utterance by utterance. Merging keeps what any of
them carried, so that however a turn is cut into utterances, the whole of it means the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from models.text.score import ATTACK_LABELS, Channel, TextScore
from monitor.events import Evidence

_NOT_US = ("third", "product")  # abuse of outsiders and things is no attack on the agent or staff
_WORD_WORDS_MAX = 4
_CONCERN_WORDS_MIN = 3
_CONCERN_WORDS_MAX = 10

# "sie sind doch ein versager": only the name itself is quoted back
_BEFORE_THE_WORD = (
    "sie", "du", "ihr", "sind", "bist", "seid", "ein", "eine", "einen", "so", "ja", "doch", "echt",
    "wirklich", "einfach", "völlig", "total",
)  # fmt: skip
# What a concern begins with, if it can be quoted as it is: "mein paket ist nicht angekommen"
_DETERMINERS = (
    "mein", "meine", "meinen", "meiner", "unser", "unsere", "unseren", "der", "die", "das",
    "dieser", "diese", "dieses", "ich", "wir",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Heard:
    """One finished utterance.

    `turn` numbers the turns of both channels; several utterances may share one. `t_secs`: seconds
    into the call. `agitation` 0..1 of the customer's voice, None when unknown. `word_secs`: when
    each word of `text` began, where that is known.
    """

    channel: Channel
    turn: int
    utterance: int
    t_secs: float
    text: str
    score: TextScore
    agitation: float | None
    word_secs: tuple[float, ...] = ()

    def said_at_secs(self, start: int) -> float:
        """When the word at character offset `start` was said; the utterance's time if unknown."""
        word = self.text.count(" ", 0, start)
        return self.word_secs[word] if word < len(self.word_secs) else self.t_secs


@dataclass(frozen=True, slots=True)
class Turn:
    """The running turn.

    Severities 0..3, each the highest so far: of anything (`severity`), of insults and competence
    attacks on agent or staff (`attack_severity`), of private advances (`boundary_severity`).
    `chances`: the probability of each label; `word`: what the agent was called; `concern`: what is
    wrong, in the customer's words; `began_secs`: when its last utterance began.
    `resumed`: the agent confirmed a step in the middle of the turn, and only what came after it
    is in here; `counted` are the counts that the part before has already raised.
    """

    channel: Channel
    number: int
    labels: frozenset[str] = frozenset()
    chances: Mapping[str, float] = field(default_factory=dict)
    hints: frozenset[str] = frozenset()
    severity: int = 0
    attack_severity: int = 0
    boundary_severity: int = 0
    agitation: float | None = None
    evidence: tuple[Evidence, ...] = ()
    word: str | None = None
    concern: str | None = None
    raised: frozenset[str] = frozenset()
    resumed: bool = False
    counted: frozenset[str] = frozenset()
    words_said: int = 0
    began_secs: float = 0.0

    def sure(self, label: str, at_least: float) -> bool:
        """True if the label (or hint) was given with at least this probability."""
        return label in self.hints or self.chances.get(label, 0.0) >= at_least

    def has(self, *labels: str) -> bool:
        """True if any of the labels was given in this turn."""
        return not self.labels.isdisjoint(labels)

    def words(self, labels: Iterable[str]) -> tuple[Evidence, ...]:
        """The evidence that carries one of `labels` (or hints), in the order it was said."""
        wanted = frozenset(labels)
        return tuple(item for item in self.evidence if item.label in wanted)

    def heard(self, said: Heard) -> Turn:
        """This turn with one more utterance."""
        score = said.score
        labels = frozenset(score.assigned)
        at_us = score.target not in _NOT_US
        severity = score.severity if at_us else 0
        attack = severity if not labels.isdisjoint(ATTACK_LABELS) else 0
        return replace(
            self,
            labels=self.labels | labels,
            chances=_likelier(self.chances, score),
            hints=self.hints | frozenset(score.hints),
            severity=max(self.severity, severity),
            attack_severity=max(self.attack_severity, attack),
            boundary_severity=max(
                self.boundary_severity, severity if "boundary_crossing" in labels else 0
            ),
            agitation=_highest(self.agitation, said.agitation),
            evidence=(*self.evidence, *_evidence(said)),
            word=(_word(score) if attack else None) or self.word,
            concern=self.concern or _concern(said),
            words_said=self.words_said + len(said.text.split()),
            began_secs=max(self.began_secs, said.said_at_secs(0)),
        )

    def after_step(self, counted: Iterable[str]) -> Turn:
        """The rest of this turn, after the agent confirmed a step in the middle of it."""
        counted = self.counted.union(counted)
        return Turn(self.channel, self.number, resumed=True, counted=counted)


def _likelier(before: Mapping[str, float], score: TextScore) -> dict[str, float]:
    """The highest probability so far of each label given; as it is stored with the tone."""
    given = {label: round(score.labels.get(label, 1.0), 3) for label in score.assigned}
    return {**before, **{label: max(p, before.get(label, 0.0)) for label, p in given.items()}}


def _highest(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)


def _evidence(said: Heard) -> list[Evidence]:
    """The words behind every label and hint; the whole utterance where no span is known."""
    spans: dict[str, list[tuple[str, int]]] = {}
    for span in said.score.evidence:
        spans.setdefault(span.label, []).append((span.text, span.start))
    return [
        Evidence(
            kind="words", label=label, text=text, channel=said.channel,
            utterance=said.utterance, t_secs=said.said_at_secs(start),
        )
        for label in (*said.score.assigned, *said.score.hints)
        for text, start in spans.get(label, [(said.text, 0)])
    ]  # fmt: skip


def _word(score: TextScore) -> str | None:
    """What the agent was called, short enough to be asked back; never a grave word."""
    for span in score.evidence:
        if span.label in ATTACK_LABELS:
            words = span.text.split()
            while words and words[0] in _BEFORE_THE_WORD:
                words = words[1:]
            if 1 <= len(words) <= _WORD_WORDS_MAX:
                return " ".join(words)
    return None


def _concern(said: Heard) -> str | None:
    """What is wrong, if the complaint is a stretch of words that can be quoted as it is."""
    for span in said.score.evidence:
        if span.label == "complaint":
            words = span.text.split()
            before = said.text[: span.start].split()[-1:]
            if before and before[0] in _DETERMINERS:
                words = before + words
            short = _CONCERN_WORDS_MIN <= len(words) <= _CONCERN_WORDS_MAX
            if short and words[0] in _DETERMINERS:
                return " ".join(words)
    return None
