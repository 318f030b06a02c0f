"""The first text model: readable rules instead of a network. Precision before recall.

An utterance is split into words, words that are names or titles are made unreadable, an index of
words finds the patterns worth trying, exceptions (negation, quotes, outsiders …) drop matches, and
what is left becomes labels. Same text, same answer; no state; about 0.2 ms an utterance.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.text.patterns import Pattern, keys_of
from models.text.rules import CHANNELS, LABELS, Lexicon, Rule, load_lexicon
from models.text.score import Channel, Span, Target, TextScore
from models.text.words import MASK, Words, split_words

SHIPPED = Path(__file__).resolve().parents[2] / "configs" / "lexicons" / "de"
ASSIGN_AT = 0.5
"""A label is taken as given from this probability on."""
_MAX_CHARS = 4000
"""More text than this is no utterance; the rest of it is not read."""


@dataclass(frozen=True, slots=True)
class _Hit:
    rule: Rule
    start: int
    end: int


class _Index:
    """Finds the patterns that an utterance could match at all."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._patterns = tuple(patterns)
        self._by_key: dict[str, list[int]] = defaultdict(list)
        for number, pattern in enumerate(self._patterns):
            for key in pattern.keys:
                self._by_key[key].append(number)

    def candidates(self, keys: Iterable[str]) -> list[int]:
        """Numbers of the patterns worth trying, in the order they were given."""
        by_key = self._by_key
        return sorted({number for key in keys if key in by_key for number in by_key[key]})


class LexiconModel:
    """A `TextModel` made of the rules of one lexicon folder."""

    def __init__(self, lexicon: Lexicon, name: str) -> None:
        self._lexicon = lexicon
        self._name = name
        self._rules: dict[Channel, tuple[tuple[Rule, Pattern], ...]] = {
            channel: tuple(
                (rule, pattern) for rule in lexicon.rules[channel] for pattern in rule.patterns
            )
            for channel in CHANNELS
        }
        self._index = {
            channel: _Index(pattern for _, pattern in self._rules[channel]) for channel in CHANNELS
        }
        self._unreadable = {channel: _Index(lexicon.unreadable[channel]) for channel in CHANNELS}

    @property
    def name(self) -> str:
        """`lexicon-FOLDER@FINGERPRINT`: the fingerprint changes with every edit of the files."""
        return self._name

    def score(
        self, text: str, channel: Channel, context: Sequence[tuple[Channel, str]] = ()
    ) -> TextScore:
        """Score one utterance. `context`: the last utterances before it, oldest first."""
        readable = text[:_MAX_CHARS]
        lexicon = self._lexicon
        split = split_words(readable, lexicon.variants, lexicon.lists.marks)
        words = self._without_names(split, channel)
        hits = self._hits(words, channel, context)
        return _summed_up(readable, words, hits, LABELS[channel])

    def score_partial(
        self, text: str, channel: Channel, context: Sequence[tuple[Channel, str]] = ()
    ) -> TextScore:
        """A rule holds as soon as its words are there: the same as `score`."""
        return self.score(text, channel, context)

    def readable(self, text: str, channel: Channel) -> str:
        """The text with the words that never alarm (names, titles, a company's own) struck out.

        Struck-out letters become blanks, so places in it are places in the text.
        """
        lexicon = self._lexicon
        words = split_words(text, lexicon.variants, lexicon.lists.marks)
        letters = list(text)
        for word, (start, end) in zip(
            self._without_names(words, channel).words, words.places, strict=True
        ):
            if word == MASK:
                letters[start:end] = " " * (end - start)
        return "".join(letters)

    def explain(self, text: str, channel: Channel, labels: Sequence[str]) -> TextScore:
        """An utterance whose labels are known already: these, their evidence, and the hints."""
        wanted = frozenset(labels)
        readable = text[:_MAX_CHARS]
        words = split_words(readable, self._lexicon.variants, self._lexicon.lists.marks)
        words = self._without_names(words, channel)
        hits = self._hits(words, channel, (), wanted)
        found = _summed_up(readable, words, hits, LABELS[channel])
        return TextScore(
            labels=dict.fromkeys(labels, 1.0),
            assigned=tuple(labels),
            evidence=tuple(span for span in found.evidence if span.label in wanted),
            hints=found.hints,
        )

    def _without_names(self, words: Words, channel: Channel) -> Words:
        patterns = self._lexicon.unreadable[channel]
        for number in self._unreadable[channel].candidates(keys_of(words.words)):
            for match in list(patterns[number].regex.finditer(words.line)):
                words = words.masked(match.start(), match.end())
        return words

    def _hits(
        self,
        words: Words,
        channel: Channel,
        context: Sequence[tuple[Channel, str]],
        wanted: frozenset[str] | None = None,
    ) -> list[_Hit]:
        """What the rules find; only hints and what concerns the labels in `wanted`, if given."""
        before: frozenset[str] | None = None
        hits = []
        for number in self._index[channel].candidates(keys_of(words.words)):
            rule, pattern = self._rules[channel][number]
            if wanted is not None and rule.hint is None and wanted.isdisjoint(rule.labels):
                continue
            if rule.after:
                if before is None:
                    before = self._labels_before(channel, context)
                if not rule.after & before:
                    continue
            hit = _first_hit(words, rule, pattern)
            if hit is not None:
                hits.append(hit)
        return hits

    def _labels_before(
        self, channel: Channel, context: Sequence[tuple[Channel, str]]
    ) -> frozenset[str]:
        for other, text in reversed(context):
            if other != channel:
                return frozenset(self.score(text, other).assigned)
        return frozenset()


def load_lexicon_model(folder: Path | None = None) -> LexiconModel:
    """The model of a lexicon folder (None: the one shipped). Raises `ConfigError`."""
    folder = SHIPPED if folder is None else folder
    lexicon = load_lexicon(folder)
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.yaml")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return LexiconModel(lexicon, f"lexicon-{folder.name}@{digest.hexdigest()[:10]}")


def _first_hit(words: Words, rule: Rule, pattern: Pattern) -> _Hit | None:
    """The first match that no exception overlooks."""
    position = 0
    while position < len(words.line):
        match = pattern.regex.search(words.line, position)
        if match is None or match.start() == match.end():
            return None
        if not _overlooked(words.line, match.start(), match.end(), rule):
            return _Hit(rule, match.start(), match.end())
        position = words.next_start(match.start())
    return None


def _overlooked(line: str, start: int, end: int, rule: Rule) -> bool:
    return any(
        any(pattern.regex.search(line, 0, start) for pattern in exception.before)
        or any(pattern.regex.search(line, start, end) for pattern in exception.inside)
        or any(pattern.regex.match(line, end) for pattern in exception.after)
        or any(pattern.regex.search(line) for pattern in exception.anywhere)
        for exception in rule.unless
    )


def _summed_up(
    text: str,
    words: Words,
    hits: Sequence[_Hit],
    order: tuple[str, ...],
) -> TextScore:
    doubt: dict[str, float] = {}
    spans: dict[str, dict[tuple[int, int], None]] = defaultdict(dict)
    counted: set[tuple[str, str]] = set()
    for hit in hits:
        start, end = words.span(hit.start, hit.end)
        for label in hit.rule.labels:
            if _cancelled(label, hit, hits):
                continue
            spans[label][start, end] = None
            if (label, hit.rule.name) not in counted:
                counted.add((label, hit.rule.name))
                doubt[label] = doubt.get(label, 1.0) * (1.0 - hit.rule.probability)
    labels = {label: round(1.0 - doubt[label], 3) for label in order if label in doubt}
    assigned = tuple(label for label in labels if labels[label] >= ASSIGN_AT)
    blamed = [
        hit
        for hit in hits
        if not hit.rule.labels
        or any(label in assigned and not _cancelled(label, hit, hits) for label in hit.rule.labels)
    ]
    severity = max((hit.rule.severity for hit in blamed), default=0)
    return TextScore(
        labels=labels,
        assigned=assigned,
        severity=severity,
        target=_target(blamed, order),
        evidence=tuple(
            Span(label, start, end, text[start:end])
            for label in assigned
            for start, end in _outermost(spans[label])
        ),
        hints=tuple(dict.fromkeys(hit.rule.hint for hit in hits if hit.rule.hint is not None)),
    )


def _cancelled(label: str, hit: _Hit, hits: Sequence[_Hit]) -> bool:
    """Whether a rule that shares words with the hit says that the label is not meant."""
    return any(
        label in other.rule.cancels and other.start < hit.end and hit.start < other.end
        for other in hits
    )


def _target(hits: Sequence[_Hit], order: tuple[str, ...]) -> Target:
    """Whom the gravest hit is about; among equals the label that counts most."""
    weight = {label: place for place, label in enumerate(_BLAME) if label in order}
    named = [hit for hit in hits if hit.rule.target != "none"]
    if not named:
        return "none"
    best = min(
        named,
        key=lambda hit: (
            -hit.rule.severity,
            min((weight.get(label, len(weight)) for label in hit.rule.labels), default=len(_BLAME)),
        ),
    )
    return best.rule.target


_BLAME = (
    "threat", "insult", "competence_attack", "boundary_crossing", "impatience", "generalisation",
    "legal_threat", "cancellation", "complaint", "frustration",
)  # fmt: skip


def _outermost(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans not contained in another, in the order of the text."""
    kept: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not kept or end > kept[-1][1]:
            kept.append((start, end))
    return kept
