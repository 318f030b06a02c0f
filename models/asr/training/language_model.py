"""A back-off trigram with absolute discounting, and its grammar for the decoding graph."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

BEGIN, END = "<s>", "</s>"
_FLOOR = 1e-6
Counts = dict[tuple[str, ...], defaultdict[str, float]]  # history -> word -> weighted count


@dataclass
class Trigram:
    """Probabilities of words after ``()``, ``(a,)`` or ``(a, b)``, and back-off weights.

    ``seen[history][word]`` is the full (interpolated) probability; a word not seen after a history
    gets ``backoff[history]`` times its probability after the shorter history. For every history
    the probabilities of the whole vocabulary sum to 1.
    """

    seen: dict[tuple[str, ...], dict[str, float]]
    backoff: dict[tuple[str, ...], float] = field(default_factory=dict)

    def probability(self, word: str, history: Sequence[str] = ()) -> float:
        """P(word | history); at most the last two words of ``history`` count."""
        key = tuple(history)[-2:]
        weight = 1.0
        while key:
            if key in self.seen:
                if word in self.seen[key]:
                    return weight * self.seen[key][word]
                weight *= self.backoff[key]
            key = key[1:]
        return weight * self.seen[()][word]


def estimate(
    sentences: Iterable[tuple[float, Sequence[str]]],
    vocabulary: Iterable[str],
    *,
    least_trigrams: float = 1,
    bigram_discount: float = 2.0,
    trigram_discount: float = 2.0,
    unigram_floor: float = 0.15,
) -> Trigram:
    """Estimate from (weight, words) pairs; n-grams with a word outside ``vocabulary`` are left out.

    Unigrams are Kneser-Ney counts of distinct left neighbours, mixed with ``unigram_floor`` of a
    uniform distribution, so that every word of the vocabulary can be recognised. Trigrams below
    ``least_trigrams`` (weighted count) are dropped.
    """
    words = {*vocabulary, END}
    known = {*words, BEGIN}
    counts: dict[int, Counts] = {1: {}, 2: {}}
    for weight, sentence in sentences:
        line = [BEGIN, *sentence, END]
        for order, table in counts.items():
            for start in range(len(line) - order):
                ngram = line[start : start + order + 1]
                if known.issuperset(ngram):
                    row = table.setdefault(tuple(ngram[:-1]), defaultdict(float))
                    row[ngram[-1]] += weight
    model = Trigram({(): _unigrams(words, counts[1], unigram_floor)})
    _add_level(model, counts[1], bigram_discount, least=0)
    _add_level(model, counts[2], trigram_discount, least_trigrams)
    return model


def _unigrams(words: set[str], pairs: Counts, floor: float) -> dict[str, float]:
    neighbours = Counter(word for row in pairs.values() for word in row)
    total = neighbours.total()
    if not total:
        return dict.fromkeys(sorted(words), 1 / len(words))
    return {w: (1 - floor) * neighbours[w] / total + floor / len(words) for w in sorted(words)}


def _add_level(model: Trigram, counts: Counts, discount: float, least: float) -> None:
    """Add probabilities after the histories of ``counts``, interpolated with the level below."""
    for history, row in counts.items():
        mass = sum(row.values())
        freed = sum(min(count, discount) for count in row.values()) / mass
        seen = {
            word: max(count - discount, 0) / mass + freed * model.probability(word, history[1:])
            for word, count in row.items()
            if count >= least
        }
        if seen:
            model.backoff[history] = _left_over(seen, model, history[1:])
            model.seen[history] = seen


def _left_over(row: dict[str, float], model: Trigram, shorter: tuple[str, ...]) -> float:
    """Back-off weight that makes a history's probabilities sum to 1."""
    free = 1 - sum(row.values())
    lower = 1 - sum(model.probability(word, shorter) for word in row)
    return max(free, _FLOOR) / max(lower, _FLOOR)


def grammar(model: Trigram, ids: dict[str, int]) -> str:
    """The model as an OpenFst text acceptor, costs ``-ln p``; back-off arcs read ``#0``.

    The first line starts at the state after ``<s>``.
    """
    states: dict[tuple[str, ...], int] = {(BEGIN,): 0}

    def state(history: tuple[str, ...]) -> int:
        return states.setdefault(history, len(states))

    def longest(history: tuple[str, ...]) -> int:
        while history not in model.seen:
            history = history[1:]
        return state(history)

    arcs, finals = [], []
    order = [(BEGIN,), *(h for h in sorted(model.seen) if h != (BEGIN,))]
    for history in order:
        source = state(history)
        for word, probability in model.seen[history].items():
            cost = -math.log(probability)
            if word == END:
                finals.append(f"{source} {cost:.5f}")
            else:
                target = longest((*history, word)[-2:])
                arcs.append(f"{source} {target} {ids[word]} {ids[word]} {cost:.5f}")
        if history:
            cost = -math.log(model.backoff[history])
            arcs.append(f"{source} {longest(history[1:])} {ids['#0']} 0 {cost:.5f}")
    return "\n".join([*arcs, *finals]) + "\n"
