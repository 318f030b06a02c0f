"""What was said against what was heard, word by word; evidence carried over to the heard words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from itertools import product

Pair = tuple[int | None, int | None]
"""(place among the words said, place among the words heard); None: nothing there."""

SURVIVES = 0.6
"""Likeness of letters, 0..1, from which on evidence counts as still there."""


def align(said: Sequence[str], heard: Sequence[str]) -> list[Pair]:
    """The pairs of a cheapest alignment, all edits costing one (Levenshtein), in order."""
    table = [[*range(len(heard) + 1)]]
    for i, word in enumerate(said):
        row, above = [i + 1], table[-1]
        for j, other in enumerate(heard):
            row.append(min(above[j + 1] + 1, row[j] + 1, above[j] + (word != other)))
        table.append(row)
    pairs: list[Pair] = []
    i, j = len(said), len(heard)
    while i or j:
        here = table[i][j]
        if i and j and here == table[i - 1][j - 1] + (said[i - 1] != heard[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and here == table[i - 1][j] + 1:
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return pairs[::-1]


def errors(said: Sequence[str], heard: Sequence[str], pairs: Sequence[Pair]) -> int:
    """Words substituted, lost and inserted."""
    return sum(i is None or j is None or said[i] != heard[j] for i, j in pairs)


def places(text: str, phrase: str) -> range:
    """The words of `text` that its first occurrence of `phrase` touches; empty: it has none."""
    start = text.find(phrase)
    if start < 0 or not phrase.strip():
        return range(0)
    first = len(text[:start].split()) - (start > 0 and not text[start - 1].isspace())
    return range(first, len(text[: start + len(phrase)].split()))


def realigned(
    evidence: Mapping[str, Sequence[str]], text: str, heard: Sequence[str], pairs: Sequence[Pair]
) -> dict[str, list[str]]:
    """The evidence in heard words.

    A phrase that is no longer there is dropped. When that leaves a label without any, nothing is
    given: an utterance has evidence for each of its labels or, which training understands, none.
    """
    result: dict[str, list[str]] = {}
    for label, phrases in evidence.items():
        spans = (_span(text.split(), heard, places(text, phrase), pairs) for phrase in phrases)
        found = list(dict.fromkeys(" ".join(heard[at.start : at.stop]) for at in spans if at))
        if not found:
            return {}
        result[label] = found
    return result


def _span(said: Sequence[str], heard: Sequence[str], own: range, pairs: Sequence[Pair]) -> range:
    """The heard words most like the words at `own`, near where the alignment puts them."""
    if not own:
        return range(0)
    before = [j for i, j in pairs if i is not None and j is not None and i < own.start]
    behind = [j for i, j in pairs if i is not None and j is not None and i >= own.stop]
    start, stop = max(before, default=-1) + 1, min(behind, default=len(heard))
    wanted = "".join(said[own.start : own.stop])
    best, likeness = range(0), 0.0
    # A compound taken apart, or words run together, may lie on the other side of the border.
    for earlier, later in product((0, -1, 1, 2), (0, 1, -1, -2)):
        window = range(max(0, start + earlier), min(len(heard), stop + later))
        matcher = SequenceMatcher(
            None, wanted, "".join(heard[window.start : window.stop]), autojunk=False
        )
        if window and matcher.ratio() > likeness:
            best, likeness = window, matcher.ratio()
    return best if likeness >= SURVIVES else range(0)
