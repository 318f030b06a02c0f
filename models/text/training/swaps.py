"""Say the same with another word of the same kind, or in another spelling.

The lexicon (`configs/lexicons/de/words.yaml`) lists words of abuse that are equally grave and the
spellings of dialects. Swapping one for another changes no label, and teaches the model that what
counts is the kind of word and its place in the sentence, not the few words that the corpus has.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from models.text.lexicon import SHIPPED
from models.text.training.corpus import Utterance
from models.text.training.noise import Word
from models.yamllines import load_yaml

KINDS = ("schimpfwort", "schwerwort", "hasswort", "stümper", "dumm", "dreist", "unfähig")
"""Word lists whose members can stand for each other."""
_ABOUT_PEOPLE = frozenset({"insult", "competence_attack"})
_SAME_WORDS_HARMLESS = frozenset({"hard:self", "hard:negation", "hard:quote", "hard:outsider"})


class Swaps:
    """`kinds`: lists of words alike; `spellings`: a word -> how dialects spell it."""

    def __init__(
        self, kinds: Sequence[Sequence[str]], spellings: Mapping[str, Sequence[str]]
    ) -> None:
        self._spellings = spellings
        self._alike: dict[str, list[str]] = {}
        for words in kinds:
            by_ending: dict[str, list[str]] = defaultdict(list)
            for word in words:
                by_ending[_ending(word)].append(word)
            for word in words:
                self._alike[word] = by_ending[_ending(word)]

    def swapped(
        self, row: Utterance, words: Sequence[Word], rng: random.Random, kind: float, dialect: float
    ) -> list[Word]:
        """Swap words of abuse with chance `kind` each; spell words in dialect with `dialect`."""
        harmless = bool(_SAME_WORDS_HARMLESS & set(row.tags))
        bare = not row.evidence and bool(_ABOUT_PEOPLE & set(row.labels))
        result = []
        for word in words:
            text = word.text
            meant = harmless or bare or bool(_ABOUT_PEOPLE & word.labels)
            if meant and text in self._alike and rng.random() < kind:
                text = rng.choice(self._alike[text])
            elif text in self._spellings and rng.random() < dialect:
                text = rng.choice(self._spellings[text])
            result.append(replace(word, text=text))
        return result


def load_swaps(folder: Path = SHIPPED) -> Swaps:
    """The swaps that a lexicon's `words.yaml` allows."""
    data = load_yaml(folder / "words.yaml").mapping(required=("version", "variants", "words"))
    lists = data["words"].mapping(optional=None)
    kinds = []
    for name in KINDS:
        entries = (entry.text() for entry in lists[name].sequence())
        kinds.append(sorted({entry.rstrip("*") for entry in entries if _is_word(entry)}))
    spellings = {
        word: [spelling.text() for spelling in found.sequence()]
        for word, found in data["variants"].mapping(optional=None).items()
    }
    return Swaps(kinds, spellings)


def _is_word(entry: str) -> bool:
    bare = entry.rstrip("*")
    return bare.isalpha() and not entry.startswith("*")


def _ending(word: str) -> str:
    """Plurals and inflected forms stand for each other, bare forms for bare ones."""
    return word[-1] if word[-1] in "enrs" else ""
