"""An utterance, and what was said before it, as token numbers.

<s> [mark of the speaker, tokens of an earlier turn, </s>]… mark of the speaker, tokens </s>
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.text.score import Channel

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_TOKENS = 128
"""Of the utterance itself; what comes after is not read (about 90 words)."""
CONTEXT_TURNS = 3
CONTEXT_TOKENS = 24
"""Of each earlier turn its last tokens: what was said right before counts most."""
_BEGIN, _END = "<s>", "</s>"
_MARKS: dict[Channel, str] = {"customer": "<customer>", "agent": "<agent>"}


@dataclass(frozen=True, slots=True)
class Tokens:
    """`ids`; of them [own_start, own_end) are the utterance's; `places`: the characters
    [start, end) of the text behind each of those, without blanks around."""

    ids: tuple[int, ...]
    own_start: int
    own_end: int
    places: tuple[tuple[int, int], ...]


class TokenReader:
    """Turns utterances into `Tokens`."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._begin = _number(tokenizer, _BEGIN)
        self._end = _number(tokenizer, _END)
        self._marks = {channel: _number(tokenizer, mark) for channel, mark in _MARKS.items()}

    def read(
        self, text: str, channel: Channel, context: Sequence[tuple[Channel, str]] = ()
    ) -> Tokens:
        """`context`: the turns before, oldest first; only the last few are read."""
        ids = [self._begin]
        for speaker, said in context[-CONTEXT_TURNS:]:
            before = self._tokenizer.encode(said, add_special_tokens=False).ids
            ids += [self._marks[speaker], *before[-CONTEXT_TOKENS:], self._end]
        ids.append(self._marks[channel])
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        start = len(ids)
        own = encoded.ids[:MAX_TOKENS]
        ids += [*own, self._end]
        places = tuple(_trimmed(text, *place) for place in encoded.offsets[:MAX_TOKENS])
        return Tokens(tuple(ids), start, start + len(own), places)


def _number(tokenizer: Tokenizer, piece: str) -> int:
    number: int | None = tokenizer.token_to_id(piece)
    if number is None:
        raise KeyError(piece)
    return number


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and not _in_word(text[start]):
        start += 1
    while end > start and not _in_word(text[end - 1]):
        end -= 1
    return start, end


def _in_word(letter: str) -> bool:
    return letter.isalnum() or letter in "'’"
