"""Words -> pronunciations: espeak's alone, and what it said in running speech."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

Pronunciation = tuple[str, ...]
Lexicon = dict[str, dict[Pronunciation, float]]
_RARE = 0.15  # a variant heard less often than this share of a word's uses is left out
_LEAST = 0.1  # lowest weight of a variant against the commonest one
_SCHWA_DROP = 0.4  # weight of "-n" beside "-en": habm, sagn


def heard(shards: Iterable[Path]) -> dict[str, Counter[Pronunciation]]:
    """How often each word was said with which phones in the synthesised sentences."""
    counts: defaultdict[str, Counter[Pronunciation]] = defaultdict(Counter)
    for path in shards:
        for line in np.load(path)["lexicon"]:
            word, _, phones = str(line).partition("\t")
            counts[word][tuple(phones.split())] += 1
    return dict(counts)


def build(
    vocabulary: Iterable[str],
    alone: Mapping[str, Pronunciation | None],
    running: Mapping[str, Counter[Pronunciation]],
) -> Lexicon:
    """Weighted pronunciations (the commonest has weight 1); words without one are left out."""
    lexicon: Lexicon = {}
    for word in vocabulary:
        counts: Counter[Pronunciation] = Counter()
        single = alone.get(word)
        if single:
            counts[single] += 1
        spoken = running.get(word, Counter())
        for phones, count in spoken.items():
            # a longer form has swallowed the word after it
            plausible = single is None or len(phones) <= len(single) + 1
            if plausible and count >= _RARE * spoken.total():
                counts[phones] += count
        if not counts:
            continue
        top = max(counts.values())
        weights = {phones: max(count / top, _LEAST) for phones, count in counts.items()}
        for phones, weight in list(weights.items()):
            if len(phones) > 3 and phones[-2:] == ("@", "n"):
                weights.setdefault((*phones[:-2], "n"), _SCHWA_DROP * weight)
        lexicon[word] = weights
    return lexicon
