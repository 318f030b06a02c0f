from __future__ import annotations

import pytest

from models.text.patterns import PatternError, WordLists, compile_pattern, keys_of
from models.text.words import MASK, WORD_END, fold, split_words

VARIANTS = {"ned": "nicht", "i": "ich"}


def animals() -> WordLists:
    lists = WordLists(lambda word: fold(word, VARIANTS))
    lists.add("tier", [lists.entry(text) for text in ("esel", "kuh*", "alte gans", "*hund")])
    lists.add("wer", [lists.entry(text) for text in ("{tier}", "mensch")])
    return lists


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("sie idiot", "ach Sie Idiot!", "Sie Idiot"),
        ("sie idiot", "sie idiotin", None),
        ("idiot*", "zwei idioten", "idioten"),
        ("*idiot", "vollidiot", "vollidiot"),
        ("sie * esel", "sie alter esel", "sie alter esel"),
        ("sie * esel", "sie esel", None),
        ("(sie|du) esel", "du esel", "du esel"),
        ("sie [doch|ja] esel", "sie esel", "sie esel"),
        ("sie [doch|ja] esel", "sie ja esel", "sie ja esel"),
        ("sie ... esel", "sie alter grauer dummer esel", "sie alter grauer dummer esel"),
        ("sie ...2 esel", "sie alter grauer dummer esel", None),
        ("sie {tier}", "sie alte gans", "sie alte gans"),
        ("sie {tier}", "sie gans", None),
        ("sie {wer}", "sie kühe", None),
        ("sie {wer}", "sie kuhhirte", "sie kuhhirte"),
        ("sie {wer} *hund", "sie mensch schweinehund", "sie mensch schweinehund"),
        ("sie kuh", "sie kuh", "sie kuh"),
        ("kuh* {tier}", "kuhhirte schweinehund", "kuhhirte schweinehund"),
        ("^ esel", "sie esel", None),
        ("^ esel", "esel", "esel"),
        ("esel $", "esel sind lieb", None),
        ("ich nicht", "jo i ned", "i ned"),
        ("gibts das", "gibt's das", "gibt's das"),
        ("das geht nicht", "das  geht,\n ned", "das  geht,\n ned"),
        ("(sie (alter|alte)|du) esel", "sie alte esel", "sie alte esel"),
    ],
)
def test_what_a_pattern_matches(pattern: str, text: str, found: str | None) -> None:
    lists = animals()
    compiled = compile_pattern(pattern, lists)
    words = split_words(text, VARIANTS, lists.marks)
    match = compiled.regex.search(words.line)
    if found is None:
        assert match is None
        return
    assert match is not None
    start, end = words.span(match.start(), match.end())
    assert text[start:end] == found
    assert compiled.keys & keys_of(words.words)  # the index would have tried it


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("(sie|du", 'a ")" is missing'),
        ("sie]", '"]" closes nothing'),
        ("sie | | du", "an alternative is empty"),
        ("{teir}", 'no word list "teir"'),
        ("[sie]", "nothing in this pattern has to be there"),
        ("* *", "nothing in this pattern has to be there"),
        ("sie ...", "a gap at the edge"),
        ("... sie", "a gap at the edge"),
        ("sie ...99 du", "spans too many words"),
        ("a*", "too short"),
        ("*esel*", "at both ends"),
        ("sie, du", "is no word"),
        ("sie }", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said(pattern: str, what: str) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern, animals())
    assert what in caught.value.what
    assert caught.value.fix


def test_masked_words_keep_their_places() -> None:
    words = split_words("mein name ist esel ja", {}, animals().marks)
    hidden = words.masked(words.line.index("esel"), words.line.index(" ja"))
    assert f"{MASK}{WORD_END} " in hidden.line
    assert hidden.words == ("mein", "name", "ist", MASK, "ja")
    start = hidden.line.index("ja")
    assert hidden.span(start, start + 3) == (19, 21)
