"""Words as hashed n-grams: what linear models read beside the network.

Spelling tells much where the network's vocabulary cuts words to pieces ("vollpfosten",
"#lügenpresse"), and few examples are enough to learn from it.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

BITS = 18
_LINK = re.compile(r"https?://\S+|\|lbr\|")
_MENTION = re.compile(r"@\w+")
_WORD = re.compile(r"\w+|[^\w\s]")
_NOT_SPOKEN = re.compile(r"[^\w']+|_")
_LENGTHS = (3, 4, 5)

Floats = npt.NDArray[np.float32]


def features(text: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Numbers 0 … 2^18 − 1 of the n-grams of a text, and how often each occurs (1 + log count)."""
    plain = _MENTION.sub(" @ ", _LINK.sub(" ", text.lower()))
    words = _WORD.findall(plain)
    found: Counter[str] = Counter(f"w {word}" for word in words)
    found.update(f"b {one} {other}" for one, other in pairwise(words))
    for word in words:
        padded = f" {word} "
        for length in _LENGTHS:
            found.update(f"c {padded[at : at + length]}" for at in range(len(padded) - length + 1))
    counts: Counter[int] = Counter()
    for gram, count in found.items():
        counts[zlib.crc32(gram.encode()) >> (32 - BITS)] += count
    numbers = np.fromiter(counts.keys(), np.int64, len(counts))
    times = np.fromiter(counts.values(), np.float32, len(counts))
    return numbers, 1 + np.log(times)


def spoken(text: str) -> str:
    """A text as if it had been spoken: lower case, no punctuation."""
    return _NOT_SPOKEN.sub(" ", text.lower().replace("’", "'"))


class Words:
    """Linear models over the n-grams.

    `numbers` [known]: the n-grams they know, ascending; `rarity` [known]: inverse document
    frequency of each; `weights` [known, outputs]; `offsets` [outputs].
    """

    def __init__(
        self, numbers: npt.NDArray[np.int32], rarity: Floats, weights: Floats, offsets: Floats
    ) -> None:
        self._numbers = numbers
        self._rarity = rarity
        self._weights = weights
        self._offsets = offsets

    def logits(self, text: str) -> Floats:
        """Any real numbers [outputs]; positive speaks for the class."""
        numbers, times = features(text)
        places = np.minimum(np.searchsorted(self._numbers, numbers), len(self._numbers) - 1)
        known = self._numbers[places] == numbers
        values = times[known] * self._rarity[places[known]]
        length = float(np.sqrt((values**2).sum()))
        if length == 0:
            return self._offsets
        said: Floats = (values / length) @ self._weights[places[known]] + self._offsets
        return said

    def save(self, path: Path) -> None:
        """Write the models as a compressed NumPy archive (weights in 16 bits)."""
        np.savez_compressed(
            path,
            numbers=self._numbers.astype(np.int32),
            rarity=self._rarity.astype(np.float16),
            weights=self._weights.astype(np.float16),
            offsets=self._offsets.astype(np.float32),
        )


def load_words(path: Path) -> Words:
    """The models that `Words.save` wrote."""
    with np.load(path) as arrays:
        return Words(
            arrays["numbers"],
            arrays["rarity"].astype(np.float32),
            arrays["weights"].astype(np.float32),
            arrays["offsets"],
        )
