from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError
from models.yamllines import load_yaml, nearest, parse_yaml, suggest

PAGE = """\
name: Standard
limits:
  calm: 3
  share: 0.5
words:
  - ja
  - no
  - "3"
on: true
"""


def test_values_come_with_their_lines() -> None:
    root = parse_yaml(PAGE, "p.yaml").mapping(optional=None)
    assert root["name"].text() == "Standard"
    limits = root["limits"].mapping(required=("calm", "share"))
    assert (limits["calm"].integer(1, 5), limits["calm"].line) == (3, 3)
    assert limits["share"].number(0, 1) == 0.5
    assert [(word.text(), word.line) for word in root["words"].sequence()] == [
        ("ja", 6),
        ("no", 7),
        ("3", 8),
    ]
    assert root["on"].flag() is True


def test_plain_gives_ordinary_values() -> None:
    assert parse_yaml("a: [1, 1.5, x, null, true, 12:30, yes]", "f").plain() == {
        "a": [1, 1.5, "x", None, True, "12:30", "yes"]
    }


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 'the key "a" is given twice (first in line 1)'),
        ("a: &x 1\nb: *x\n", 2, "aliases"),
        ("a: 1\nb: !!python/name:os.system x\n", 2, "tags"),
        ("a: 1\n\tb: 2\n", 2, "found character"),
        ("a: [1\n", 2, "expected"),
        ("a: 1\n---\nb: 1\n", 2, "another document"),
        ("? [x]\n: 1\n", 1, "a key must be plain text"),
        ("[" * 50, 1, "nested more than 20 levels deep"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "f.yaml")
    assert caught.value.message.startswith(f"f.yaml:{line}: ")
    assert what in caught.value.message
    assert caught.value.fix


@pytest.mark.parametrize(
    ("text", "use", "message", "fix"),
    [
        ("a: x", "integer", "f:1: expected a whole number, found text", "use 1 to 5"),
        ("a: true", "integer", "f:1: expected a whole number, found true", "use 1 to 5"),
        ("a: 9", "integer", "f:1: 9 is outside 1 to 5", "the nearest valid value is 5"),
        ("a: 0.5", "number", "f:1: 0.5 is outside 1 to 5", "the nearest valid value is 1"),
        ("a: 1e999", "number", "f:1: inf is outside 1 to 5", "the nearest valid value is 5"),
        ("a: 3", "text", "f:1: expected text, found the number 3", "put the text in quotes"),
        ("a: ' '", "text", "f:1: the text is empty", "write something or remove the entry"),
        ("a: ja", "flag", "f:1: expected true or false, found text", "write true or false"),
        ("a: x", "sequence", "f:1: expected a list, found text", 'write one entry a line: "- …"'),
        ("a: insullt", "choice", 'f:1: "insullt" is not known here', 'did you mean "insult"?'),
        ("a:", "choice", "f:1: expected text, found nothing", "put the text in quotes"),
    ],
)
def test_a_wrong_value_is_named_with_the_nearest_valid_one(
    text: str, use: str, message: str, fix: str
) -> None:
    node = parse_yaml(text, "f").mapping(optional=None)["a"]
    uses = {
        "integer": lambda: node.integer(1, 5),
        "number": lambda: node.number(1, 5),
        "text": node.text,
        "flag": node.flag,
        "sequence": node.sequence,
        "choice": lambda: node.choice(("insult", "threat")),
    }
    with pytest.raises(ConfigError) as caught:
        uses[use]()
    assert caught.value.message == message
    assert caught.value.fix.startswith(fix)


def test_unknown_and_missing_keys_are_named() -> None:
    root = parse_yaml("verson: 1\n", "f")
    with pytest.raises(ConfigError, match='f:1: unknown key "verson"') as caught:
        root.mapping(required=("version",), optional=("name",))
    assert 'did you mean "version"?' in caught.value.fix
    with pytest.raises(ConfigError, match='the key "name" is missing'):
        root.mapping(required=("name",), optional=None)
    with pytest.raises(ConfigError, match="expected named values, found nothing"):
        parse_yaml("", "f").mapping()


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_yaml(tmp_path / "none.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("a: 1\nb: schön\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.yaml:2: not UTF-8"):
        load_yaml(latin)
    marked = tmp_path / "bom.yaml"
    marked.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert load_yaml(marked).plain() == {"a": 1}


def test_nearest() -> None:
    assert nearest("Insulte", ("threat", "insult")) == "insult"
    assert nearest("xyz", ("threat", "insult")) is None
    assert suggest("xyz", ("a", "b")) == "Valid: a, b"


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        parse_yaml(text, "f").plain()
    except ConfigError as error:
        assert error.message.startswith("f:")
