"""An utterance as words: spelling variants folded together, places in the text remembered.

Patterns are matched against `Words.line`. In it every word is followed by `WORD_END`, the marks of
the word lists it is on (see `models.text.patterns.WordLists`) and one blank. A match is mapped back
to the characters of the original text by `Words.span`.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_APOSTROPHES = str.maketrans("", "", "'’")
WORD_END = "\x03"
"""Ends a word in `Words.line`; occurs in no word."""
MASK = "\N{MEDIUM SMALL WHITE CIRCLE}"
"""Stands for a word that no pattern may read (a name, a title, a word never to alarm on)."""


@dataclass(frozen=True, slots=True)
class Words:
    """`line`: folded words, each with its end, marks and blank; `words`: the bare folded words;
    `starts`: where each begins in `line`; `places`: [start, end) of each in the original text."""

    line: str
    words: tuple[str, ...]
    starts: tuple[int, ...]
    places: tuple[tuple[int, int], ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Characters of the original text behind `line[start:end]` (whole words, not empty)."""
        first = bisect.bisect_right(self.starts, start) - 1
        last = bisect.bisect_left(self.starts, end) - 1
        return self.places[first][0], self.places[last][1]

    def next_start(self, position: int) -> int:
        """Where in `line` the word after the one at `position` begins (its end if none does)."""
        index = bisect.bisect_right(self.starts, position)
        return self.starts[index] if index < len(self.starts) else len(self.line)

    def masked(self, start: int, end: int) -> Words:
        """The same words with those in `line[start:end]` made unreadable."""
        first = bisect.bisect_right(self.starts, start) - 1
        last = bisect.bisect_left(self.starts, end)
        count = last - first
        marked = self.line.split(" ")[:-1]
        return _words(
            [*self.words[:first], *[MASK] * count, *self.words[last:]],
            [*marked[:first], *[MASK + WORD_END] * count, *marked[last:]],
            self.places,
        )


def fold(word: str, variants: Mapping[str, str]) -> str:
    """A word as patterns see it: lower case, no apostrophe, dialect and misspelling unified."""
    plain = word.lower().translate(_APOSTROPHES)
    return variants.get(plain, plain)


def split_words(text: str, variants: Mapping[str, str], marks: Callable[[str], str]) -> Words:
    """Split any text into folded words.

    `variants`: spelling -> the spelling patterns use; `marks`: the marks of a folded word.
    """
    found = list(_WORD.finditer(text))
    words = [fold(match.group(), variants) for match in found]
    marked = [word + WORD_END + marks(word) for word in words]
    return _words(words, marked, tuple(match.span() for match in found))


def _words(words: list[str], marked: list[str], places: tuple[tuple[int, int], ...]) -> Words:
    starts = []
    position = 0
    for word in marked:
        starts.append(position)
        position += len(word) + 1
    return Words("".join(f"{word} " for word in marked), tuple(words), tuple(starts), places)
