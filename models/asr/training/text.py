"""What is trained on, and what must never be.

Sources, all in transcript style (lower case, no punctuation, numbers as words):

* ``text/customer.txt``, ``text/agent.txt``, ``text/general.txt``: written by hand for this project;
* ``text/templates.txt`` filled from ``text/slots.txt``: sentences by combination;
* ``text/words.txt``, ``text/verbs.txt``: words that must be in the vocabulary;
* optional, GermEval 2018 training tweets (CC BY 4.0; Wiegand, Siegel, Ruppenhofer 2018) for
  breadth; without that file training runs on our own text alone.

Held out: ``text/heldout_domain.txt``, every sentence of ``tests/calls/*.yaml`` and every sentence
that the grammar for fresh calls (``tests/calls/fresh_grammar.yaml``) can make. They are removed
from all of the above; only the *words* of the calls enter the vocabulary.
"""

import hashlib
import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
TEXT = HERE / "text"
CALLS = HERE.parents[2] / "tests" / "calls"
_WORD = re.compile(r"[a-zäöüß]+")
_SLOT = re.compile(r"\{(\w+)\}")
# A tweet with any of this is not plain German words.
_ODD = re.compile(r"[^A-Za-zÄÖÜäöüß\s,.!?;:\"„“”»«…()-]")
_ACRONYM = re.compile(r"[A-ZÄÖÜ]{2}")


def words_of(text: str) -> list[str]:
    """Lower-case words of ``text``, everything else dropped."""
    return _WORD.findall(text.lower())


def _lines(path: Path) -> list[str]:
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def own_sentences() -> list[str]:
    """The hand-written sentences, unfiltered."""
    return [s for name in ("customer", "agent", "general") for s in _lines(TEXT / f"{name}.txt")]


def heldout_sentences() -> list[str]:
    """The hand-written sentences that figures are measured on."""
    return _lines(TEXT / "heldout_domain.txt")


def _turn_texts(node: object) -> Iterable[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "text" and isinstance(value, str):
                yield value
            else:
                yield from _turn_texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _turn_texts(value)


def call_sentences(folder: Path = CALLS) -> list[str]:
    """Every turn of the demo calls, and every sentence inside a turn, as words."""
    found: list[str] = []
    for path in sorted(folder.glob("*.yaml")):
        for turn in _turn_texts(yaml.safe_load(path.read_text(encoding="utf-8"))):
            for part in [turn, *re.split(r"[.!?;:,\n]+", turn)]:
                found.append(" ".join(words_of(part)))
    return [sentence for sentence in dict.fromkeys(found) if sentence]


def _fresh_grammar(folder: Path) -> dict[str, Any]:
    path = folder / "fresh_grammar.yaml"
    if not path.exists():
        return {}
    # the base loader leaves the rule name "yes" a string
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader) or {}


def fresh_patterns(folder: Path = CALLS) -> list[re.Pattern[str]]:
    """What the generator of fresh calls can say, one pattern for each rule of its grammar."""
    grammar = _fresh_grammar(folder)
    rules, entries = grammar.get("rules", {}), grammar.get("words", {})

    def pattern(line: str) -> str:
        parts = re.split(r"\{([\w.]+)\}", line)
        return "".join(
            choice(part) if odd else part for part, odd in zip(parts, cycle([0, 1]), strict=False)
        )

    def choice(name: str) -> str:
        if name in rules:
            return "(?:" + "|".join(pattern(line) for line in rules[name]) + ")"
        kind, _, form = name.partition(".")
        return "(?:" + "|".join(entry[form] for entry in entries[kind] if form in entry) + ")"

    return [re.compile(choice(name)) for name in rules]


def call_words(folder: Path = CALLS) -> set[str]:
    """Every word of the demo calls and of the grammar for fresh ones."""
    found = {word for sentence in call_sentences(folder) for word in sentence.split()}
    grammar = _fresh_grammar(folder)
    for lines in grammar.get("rules", {}).values():
        found.update(word for line in lines for word in words_of(re.sub(r"\{.*?\}", " ", line)))
    for entries in grammar.get("words", {}).values():
        found.update(w for entry in entries for form in entry.values() for w in words_of(form))
    return found


class Exclusion:
    """Decides which sentences must not be trained on: held out, in a demo call, or a fresh call's.

    A sentence that the grammar of fresh calls can make counts from four words on: "auf wiederhören"
    belongs to everyone.
    """

    def __init__(self, calls: Path = CALLS) -> None:
        self._exact = {*heldout_sentences(), *call_sentences(calls)}
        self._patterns = fresh_patterns(calls)

    def __contains__(self, sentence: object) -> bool:
        if not isinstance(sentence, str):
            return False
        if sentence in self._exact:
            return True
        long = sentence.count(" ") >= 3
        return long and any(pattern.fullmatch(sentence) for pattern in self._patterns)

    def keep(self, sentences: Iterable[str]) -> list[str]:
        """The different sentences that may be trained on, in their order."""
        return [s for s in dict.fromkeys(sentences) if s not in self]


def verb_forms() -> set[str]:
    """Forms of the verbs in ``text/verbs.txt``, with separable prefixes."""
    forms: set[str] = set()
    for line in _lines(TEXT / "verbs.txt"):
        parts, _, prefixes = line.partition(":")
        infinitive, third, past, participle = parts.split()
        first = re.sub(r"e?n$", "", infinitive) + "e"
        plural = past + ("n" if past.endswith("e") else "en")
        plain = {infinitive, first, third, past, plural, participle}
        forms |= plain
        for prefix in prefixes.split():
            forms |= {prefix + form for form in plain} | {f"{prefix}zu{infinitive}"}
    return forms


def slots() -> dict[str, list[str]]:
    """Fillers of the templates by slot name."""
    table = {}
    for line in _lines(TEXT / "slots.txt"):
        name, _, fillers = line.partition(":")
        table[name.strip()] = [filler.strip() for filler in fillers.split("|")]
    return table


def filled(template: str, table: dict[str, list[str]], rng: random.Random) -> str:
    """``template`` with every ``{slot}`` filled at random, also the slots inside fillers."""
    while _SLOT.search(template):
        template = _SLOT.sub(lambda match: rng.choice(table[match[1]]), template)
    return template


def template_sentences(count: int, seed: int) -> list[str]:
    """About ``count`` different sentences, each template used equally often, in random order."""
    rng, table, templates = random.Random(seed), slots(), _lines(TEXT / "templates.txt")
    sentences: dict[str, None] = {}
    for _ in range(400):
        if len(sentences) >= count:
            break
        for template in templates:
            sentences[filled(template, table, rng)] = None
    shuffled = list(sentences)
    rng.shuffle(shuffled)
    return shuffled


def tweet_sentences(path: Path | None) -> list[str]:
    """Plain German sentences of 3-16 words from a GermEval file; empty without one."""
    if path is None or not path.exists():
        return []
    found = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        tweet = line.split("\t")[0].replace("|LBR|", " . ")
        tweet = re.sub(r"@\w+|https?:\S+", "", tweet)
        for part in re.split(r"[.!?:;]+\s|[.!?]+$|\s[-–]\s", tweet):
            words = words_of(part)
            if _ODD.search(part) or _ACRONYM.search(part) or any(len(word) < 2 for word in words):
                continue
            if 3 <= len(words) <= 16:
                found.add(" ".join(words))
    return sorted(found)


@dataclass(frozen=True)
class Corpus:
    """Training text without anything held out.

    ``own``, ``templated``, ``breadth``: sentences; ``vocabulary``: sorted words the recogniser
    knows; ``added``: how many of them are there only because a demo call uses them.
    """

    own: list[str]
    templated: list[str]
    breadth: list[str]
    vocabulary: list[str]
    added: list[str]

    @property
    def sentences(self) -> list[str]:
        """All sentences."""
        return [*self.own, *self.templated, *self.breadth]


def corpus(
    breadth_file: Path | None = None,
    *,
    templated: int = 3000,
    seed: int = 1,
    breadth_min_count: int = 3,
) -> Corpus:
    """Read and filter everything. A word of the breadth text needs ``breadth_min_count`` uses."""
    allowed = Exclusion()

    own = allowed.keep(own_sentences())
    made = allowed.keep(template_sentences(templated, seed))
    breadth = allowed.keep(tweet_sentences(breadth_file))
    counts = Counter(word for sentence in breadth for word in sentence.split())
    known = {word for sentence in [*own, *made] for word in sentence.split()}
    known |= {word for line in _lines(TEXT / "words.txt") for word in line.split()}
    known |= {
        word for fillers in slots().values() for f in fillers for word in words_of(_SLOT.sub("", f))
    }
    known |= verb_forms()
    known |= {word for word, count in counts.items() if count >= breadth_min_count}
    added = sorted(call_words() - known)
    return Corpus(own, made, breadth, sorted(known | set(added)), added)


def fingerprint(sentence: str) -> str:
    """12 hex digits that identify a sentence without carrying it."""
    return hashlib.sha256(sentence.encode()).hexdigest()[:12]
