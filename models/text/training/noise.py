"""What recognisers do to words: endings lost, homophones, words split, joined and dropped.

Works on words that carry the labels they are evidence of, so that evidence survives the noise.
Words that turn the meaning round (nicht, kein, ich, …) are never touched.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from models.text.training.corpus import Utterance

_KEEP = frozenset({
    "nicht", "nich", "net", "ned", "nie", "niemals", "nix", "nichts", "kein", "keine", "keinen",
    "keiner", "keinem", "ich", "mich", "mir", "mein", "meine", "mei", "i", "sie", "ihr", "ihnen",
    "du", "dich", "dir", "er", "wir",
})  # fmt: skip
_DROPPABLE = frozenset({
    "der", "die", "das", "den", "dem", "ein", "eine", "einen", "und", "da", "dann", "so", "ja",
    "doch", "mal", "also", "halt", "eben", "jetzt", "hier", "ne", "äh", "ähm", "zu",
})  # fmt: skip
_SAME_SOUND = {
    "das": "dass", "dass": "das", "seid": "seit", "seit": "seid", "wieder": "wider",
    "den": "denn", "denn": "den", "wen": "wenn", "wenn": "wen", "man": "mann", "mann": "man",
    "viel": "fiel", "war": "wahr", "mehr": "meer", "ist": "isst", "hätte": "hätten",
    "ihren": "ihrem", "einen": "einem", "einem": "einen", "dem": "den", "fast": "fasst",
    "lehrer": "leerer", "fertig": "fertich", "mist": "misst", "bisschen": "bischen",
    "sagten": "sagen", "wurde": "würde", "wird": "wirt", "rad": "rat", "weg": "weck",
    "hast": "hasst", "ahnung": "ahnungen", "laden": "lagen", "idiot": "idioten",
}  # fmt: skip
_ENDINGS = ("en", "e", "t", "n", "r", "st")
_SOUNDS = (
    ("d", "t"), ("t", "d"), ("b", "p"), ("p", "b"), ("g", "k"), ("k", "g"), ("ch", "sch"),
    ("sch", "ch"), ("ä", "e"), ("ü", "i"), ("ö", "e"), ("ie", "i"), ("ei", "ai"), ("v", "f"),
    ("w", "f"), ("z", "s"), ("ss", "s"), ("mm", "m"), ("nn", "n"), ("m", "n"), ("n", "m"),
)  # fmt: skip


@dataclass(frozen=True)
class Word:
    """A word and the labels that it is evidence of."""

    text: str
    labels: frozenset[str] = frozenset()


def words_of(row: Utterance) -> list[Word]:
    """The words of a row, each with the labels it is evidence of."""
    carried: list[set[str]] = [set() for _ in row.text]
    for label, found in row.evidence.items():
        for words in found:
            start = row.text.find(words)
            for at in range(start, start + len(words)) if start >= 0 and words else ():
                carried[at].add(label)
    result, place = [], 0
    for word in row.text.split():
        place = row.text.index(word, place)
        labels = frozenset().union(*carried[place : place + len(word)])
        result.append(Word(word, labels))
        place += len(word)
    return result


def beginning(
    row: Utterance, words: list[Word], rng: random.Random
) -> tuple[Utterance, list[Word]]:
    """The utterance cut off at a random word, as a partial result shows it.

    It keeps its labels where all of them have been said, and is neutral where none has; where only
    some have, or nobody marked the evidence, it stays whole.
    """
    if len(words) < 3 or (row.labels and not row.evidence):
        return row, words
    cut = rng.randint(1, len(words) - 1)
    said = [label for label in row.labels if _first_end(words, label) <= cut]
    if len(said) == len(row.labels):
        return row, words[:cut]
    if said:
        return row, words
    neutral = replace(row, labels=(), severity=0, target="none", evidence={})
    return neutral, [Word(word.text) for word in words[:cut]]


def _first_end(words: list[Word], label: str) -> int:
    """How many words it takes until the first evidence of the label is complete."""
    end = next((at for at, word in enumerate(words) if label in word.labels), len(words))
    while end < len(words) and label in words[end].labels:
        end += 1
    return end


def noisy(words: list[Word], rng: random.Random, strength: float) -> list[Word]:
    """The words as a recogniser may have heard them; about `strength` of them are changed."""
    heard: list[Word] = []
    for word in words:
        if word.text in _KEEP or rng.random() >= strength:
            heard.append(word)
            continue
        heard += _misheard(word, rng)
        if len(heard) > 1 and rng.random() < 0.1 and heard[-2].text not in _KEEP:
            last = heard.pop()
            heard[-1] = Word(heard[-1].text + last.text, heard[-1].labels | last.labels)
    return heard or words


def _misheard(word: Word, rng: random.Random) -> list[Word]:
    text = word.text
    if text in _DROPPABLE and not word.labels and rng.random() < 0.5:
        return []
    if text in _SAME_SOUND and rng.random() < 0.7:
        return [replace(word, text=_SAME_SOUND[text])]
    if len(text) >= 9 and rng.random() < 0.5:
        cut = rng.randint(3, len(text) - 4)
        return [replace(word, text=text[:cut]), replace(word, text=text[cut:])]
    if len(text) >= 4 and rng.random() < 0.5:
        for ending in rng.sample(_ENDINGS, len(_ENDINGS)):
            if text.endswith(ending):
                return [replace(word, text=text[: -len(ending)])]
    sounds = [(old, new) for old, new in _SOUNDS if old in text[1:]]
    if len(text) >= 4 and sounds:
        old, new = rng.choice(sounds)
        return [replace(word, text=text[0] + text[1:].replace(old, new, 1))]
    return [word]
