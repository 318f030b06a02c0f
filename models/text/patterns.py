"""The small pattern language of the lexicons, compiled once to regular expressions.

    sie sind ein idiot     these words, one after the other
    idiot*   *idiot        a word beginning, ending so; `*` alone is any one word
    (sie|du|ihr alle)      one of these
    [doch|ja]              one of these, or nothing
    {schimpfwort}          one of the named list's entries (see `WordLists`)
    ...   ...6             up to three (six) words of any kind
    ^   $                  beginning, end of the utterance

A pattern is matched against `Words.line`. Each must hold a word that has to be there whatever the
alternatives: its `keys`. An index over them finds the few patterns worth trying on an utterance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from models.text.words import WORD_END
from models.yamllines import suggest

_PIECE = re.compile(r"\s*(\.\.\.\d*|[()\[\]|^$]|\{[^{}]*\}|\*?[^\s()\[\]|^${}*.]+\*?|\*)")
_GAP_WORDS = 3
_MAX_GAP_WORDS = 12
_MAX_ALTERNATIVES = 2000
_FIRST_MARK = 0xE000
"""From here on, characters for private use (they occur in no word) mark the lists a word is on."""
MIN_STEM = 2
"""A beginning or ending (`wort*`) has at least this many letters."""

Place = Literal["anywhere", "before", "after"]
Keys = frozenset[str]
"""Of these at least one occurs in every match: `=word`, `<beginning` or `>ending`."""


class PatternError(ValueError):
    """A pattern that cannot be read. `fix` says what to write."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of pattern: its regular expression and the keys it needs (None: it needs none)."""

    regex: str
    keys: Keys | None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern and the keys of which an utterance must hold one."""

    source: str
    regex: re.Pattern[str]
    keys: Keys


class WordLists:
    """Named lists of words and pieces of pattern.

    A list's single words are not spelled out wherever the list is used: in an utterance every
    word that is on a list bears the list's mark, and `{list}` looks for the mark. That keeps
    hundreds of patterns with hundreds of words small and quick.
    """

    def __init__(self, fold: Callable[[str], str]) -> None:
        self.fold = fold
        self._fragments: dict[str, Fragment] = {}
        self._marks: dict[str, str] = {}

    def names(self) -> list[str]:
        """The lists there are."""
        return list(self._fragments)

    def get(self, name: str) -> Fragment:
        """What `{name}` stands for. Raises PatternError."""
        if name not in self._fragments:
            raise PatternError(
                f'there is no word list "{name}" (above this line)', suggest(name, self.names())
            )
        return self._fragments[name]

    def entry(self, source: str) -> str | Fragment:
        """Read a list's entry: the key of a single word, or a fragment. Raises PatternError."""
        key = _word_key(_split(source), self.fold)
        return compile_fragment(source, self) if key is None else key

    def add(self, name: str, entries: Iterable[str | Fragment]) -> None:
        """Add the list `name` (a new one) of what `entry` has read."""
        mark = chr(_FIRST_MARK + len(self._fragments))
        keys: set[str] = set()
        parts = []
        for entry in entries:
            if isinstance(entry, Fragment):
                parts.append(entry)
            else:
                keys.add(entry)
        for key in keys:
            self._marks[key] = self._marks.get(key, "") + mark
        if keys:
            parts.append(Fragment(rf"\S*{mark}\S* ", frozenset(keys)))
        self._fragments[name] = either(parts)

    def marks(self, word: str) -> str:
        """The marks of all lists a folded word is on."""
        known = self._marks
        return "".join(known[key] for key in sorted(_keys_of_word(word)) if key in known)


def compile_pattern(source: str, lists: WordLists, place: Place = "anywhere") -> Pattern:
    """Compile one pattern. Raises PatternError.

    `place`: a pattern that has to end right `before` something may end in a gap, one that has to
    begin right `after` it may begin in one.
    """
    fragment = compile_fragment(source, lists)
    pieces = source.split()
    if (_is_gap(pieces[-1]) and place != "before") or (_is_gap(pieces[0]) and place != "after"):
        raise PatternError("a gap at the edge of a pattern has no effect", "remove the ... there")
    if fragment.keys is None:
        raise PatternError("nothing in this pattern has to be there", "add a word outside [ ]")
    end = r"\Z" if place == "before" else ""
    return Pattern(source, re.compile(rf"(?<!\S){fragment.regex}{end}"), fragment.keys)


def compile_fragment(source: str, lists: WordLists) -> Fragment:
    """Compile a piece of pattern. Raises PatternError."""
    parser = _Parser(source, lists)
    fragment = parser.alternatives()
    parser.expect_end()
    return fragment


def either(fragments: Iterable[Fragment]) -> Fragment:
    """One of the fragments."""
    parts = list(fragments)
    if len(parts) == 1:
        return parts[0]
    keys: Keys | None = frozenset()
    for part in parts:
        keys = None if keys is None or part.keys is None else keys | part.keys
    return Fragment("(?:" + "|".join(part.regex for part in parts) + ")", keys)


def keys_of(words: Iterable[str]) -> set[str]:
    """All keys that an utterance of these folded words can answer to."""
    return {key for word in words for key in _keys_of_word(word)}


@lru_cache(maxsize=20_000)
def _keys_of_word(word: str) -> tuple[str, ...]:
    cuts = range(MIN_STEM, len(word) + 1)
    return (
        "=" + word, *("<" + word[:cut] for cut in cuts), *(">" + word[-cut:] for cut in cuts)
    )  # fmt: skip


def _cost(keys: Keys) -> float:
    """How often keys will be met by chance: short words are common."""
    return sum(4.0 ** -min(len(key) - 1, 8) for key in keys)


class _Parser:
    def __init__(self, source: str, lists: WordLists) -> None:
        self._pieces = _split(source)
        self._at = 0
        self._lists = lists

    def expect_end(self) -> None:
        if self._at < len(self._pieces):
            raise PatternError(
                f'"{self._pieces[self._at]}" closes nothing', "remove it or open the bracket"
            )

    def alternatives(self) -> Fragment:
        parts = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            parts.append(self._sequence())
            if len(parts) > _MAX_ALTERNATIVES:
                raise PatternError("too many alternatives", "put them into a list under words:")
        return either(parts)

    def _sequence(self) -> Fragment:
        parts: list[Fragment] = []
        while (piece := self._peek()) is not None and piece not in ("|", ")", "]"):
            self._at += 1
            parts.append(self._item(piece))
        if not parts:
            raise PatternError("an alternative is empty", "write a word, or use [ ] for optional")
        needed = [part.keys for part in parts if part.keys is not None]
        return Fragment(
            "".join(part.regex for part in parts), min(needed, key=_cost) if needed else None
        )

    def _item(self, piece: str) -> Fragment:
        if piece in ("(", "["):
            inner = self.alternatives()
            self._close(")" if piece == "(" else "]")
            return inner if piece == "(" else Fragment(f"(?:{inner.regex})?", None)
        if piece == "^":
            return Fragment(r"\A", None)
        if piece == "$":
            return Fragment(r"\Z", None)
        if piece.startswith("..."):
            count = int(piece[3:] or _GAP_WORDS)
            if not 1 <= count <= _MAX_GAP_WORDS:
                raise PatternError(
                    f'"{piece}" spans too many words', f"use ...1 to ...{_MAX_GAP_WORDS}"
                )
            return Fragment(rf"(?:\S+ ){{0,{count}}}?", None)
        if piece.startswith("{"):
            return self._lists.get(piece[1:-1].strip())
        key = _word_key([piece], self._lists.fold)
        if key is None:
            return Fragment(r"\S+ ", None)
        stem = re.escape(key[1:])
        forms = {
            "=": rf"{stem}{WORD_END}\S* ",
            "<": rf"{stem}\S* ",
            ">": rf"\S*{stem}{WORD_END}\S* ",
        }
        return Fragment(forms[key[0]], frozenset({key}))

    def _close(self, bracket: str) -> None:
        if self._peek() != bracket:
            raise PatternError(f'a "{bracket}" is missing', f'close the bracket with "{bracket}"')
        self._at += 1

    def _peek(self) -> str | None:
        return self._pieces[self._at] if self._at < len(self._pieces) else None


def _word_key(pieces: list[str], fold: Callable[[str], str]) -> str | None:
    """The key of a pattern that is one word (or its beginning or ending), None for others."""
    if len(pieces) != 1 or pieces[0] == "*" or pieces[0][0] in "()[]|^${.":
        return None
    piece = pieces[0]
    stem = piece.strip("*")
    if not stem.replace("'", "").replace("’", "").isalnum():
        raise PatternError(
            f'"{piece}" is no word', "write words as they are spoken, without punctuation"
        )
    opens, closes = piece.startswith("*"), piece.endswith("*")
    if not opens and not closes:
        return "=" + fold(stem)
    if len(stem) < MIN_STEM:
        raise PatternError(f'"{piece}" is too short for a *', f"use {MIN_STEM} letters or more")
    if opens and closes:
        raise PatternError(
            f'"{piece}" has a * at both ends', f'use "{stem}*" or "*{stem}", or both'
        )
    return (">" if opens else "<") + stem.lower()


def _is_gap(piece: str) -> bool:
    return re.fullmatch(r"\.\.\.\d*", piece) is not None


def _split(source: str) -> list[str]:
    pieces = []
    position = 0
    text = source.rstrip()
    while position < len(text):
        match = _PIECE.match(text, position)
        if match is None:
            raise PatternError(
                f'"{text[position:].split()[0]}" cannot be read',
                "use words, * ... ( | ) [ ] {list} ^ $",
            )
        pieces.append(match.group(1))
        position = match.end()
    return pieces
