"""YAML files that people edit, read so that every complaint can name file and line.

    root = load_yaml(path)                              # Located tree
    entry = root.mapping(required=("version",), optional=("name",))
    version = entry["version"].integer(1, 9)            # wrong type or out of bounds: ConfigError
    for item in entry["name"].sequence():
        label = item.choice(LABELS)                     # "insullt" -> fix: did you mean "insult"?

Each accessor returns a plain value or raises `models.errors.ConfigError` with "file:line: what is
wrong" and the fix. Rules of your own raise `node.error(what, fix)`.

Read is YAML's readable core: mappings with text keys, sequences, text, numbers, true/false, null.
Only `true` and `false` are booleans (`no`, `on` and `12:30` are text); a key given twice, anchors,
tags and several documents in one file are refused.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from models.errors import ConfigError

_INTEGER = re.compile(r"[-+]?\d+")
_NUMBER = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)?")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False,
             "FALSE": False}  # fmt: skip
_NULLS = ("", "~", "null", "Null", "NULL")
_MAX_BYTES = 4_000_000
_MAX_DEPTH = 20

Scalar = str | int | float | bool | None


def nearest(word: str, options: Iterable[str]) -> str | None:
    """The option spelled most like `word`, or None when none is near (case is ignored)."""
    by_folded = {option.casefold(): option for option in options}
    found = difflib.get_close_matches(word.casefold(), list(by_folded), n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def suggest(word: str, options: Collection[str]) -> str:
    """A sentence for `ConfigError.fix`: the nearest option, and all of them if they are few."""
    near = nearest(word, options)
    hint = f'did you mean "{near}"?' if near is not None else ""
    if len(options) > 30:
        return hint or "see the documentation for the valid names"
    return f"{hint} Valid: {', '.join(options)}".strip()


@dataclass(frozen=True, slots=True)
class Located:
    """A value of a YAML file and where it stands.

    `value` is a scalar, a tuple of `Located` (sequence) or a dict of `Located` (mapping).
    `line` counts from 1; for the value of a mapping's key it is the line of the key.
    """

    value: Scalar | tuple[Located, ...] | dict[str, Located]
    file: str
    line: int

    def error(self, what: str, fix: str = "") -> ConfigError:
        """The error to raise about this value: "file:line: what"."""
        return ConfigError(f"{self.file}:{self.line}: {what}", fix)

    def mapping(
        self, *, required: Collection[str] = (), optional: Collection[str] | None = ()
    ) -> dict[str, Located]:
        """A mapping with all `required` keys and no key besides `required` and `optional`.

        `optional=None` allows any further key.
        """
        if not isinstance(self.value, dict):
            keys = ", ".join(required) or "name"
            raise self.error(
                f"expected named values, found {self._kind()}", f'write "{keys}: …", one a line'
            )
        if optional is not None:
            known = [*required, *optional]
            for key, node in self.value.items():
                if key not in known:
                    raise node.error(f'unknown key "{key}"', suggest(key, known))
        for key in required:
            if key not in self.value:
                raise self.error(f'the key "{key}" is missing', f'add "{key}: …" here')
        return dict(self.value)

    def sequence(self, *, at_least: int = 0) -> tuple[Located, ...]:
        """A list with `at_least` entries."""
        if not isinstance(self.value, tuple):
            raise self.error(
                f"expected a list, found {self._kind()}", 'write one entry a line: "- …"'
            )
        if len(self.value) < at_least:
            raise self.error(
                f"expected at least {at_least} entries, found {len(self.value)}", "add entries"
            )
        return self.value

    def text(self) -> str:
        """Text with something in it (surrounding blanks removed)."""
        if not isinstance(self.value, str):
            raise self.error(f"expected text, found {self._kind()}", "put the text in quotes")
        if not self.value.strip():
            raise self.error("the text is empty", "write something or remove the entry")
        return self.value.strip()

    def choice(self, options: Collection[str]) -> str:
        """Text that is one of `options`."""
        value = self.text()
        if value not in options:
            raise self.error(f'"{value}" is not known here', suggest(value, options))
        return value

    def integer(self, low: int, high: int) -> int:
        """A whole number, low <= value <= high."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.error(
                f"expected a whole number, found {self._kind()}", f"use {low} to {high}"
            )
        if not low <= self.value <= high:
            near = min(max(self.value, low), high)
            raise self.error(
                f"{self.value} is outside {low} to {high}", f"the nearest valid value is {near}"
            )
        return self.value

    def number(self, low: float, high: float) -> float:
        """A finite number, low <= value <= high."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.error(f"expected a number, found {self._kind()}", f"use {low:g} to {high:g}")
        if not (math.isfinite(self.value) and low <= self.value <= high):
            near = low if not self.value > low else high
            raise self.error(
                f"{self.value} is outside {low:g} to {high:g}",
                f"the nearest valid value is {near:g}",
            )
        return float(self.value)

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.error(f"expected true or false, found {self._kind()}", "write true or false")
        return self.value

    def plain(self) -> object:
        """The value without its places: str, int, float, bool, None, list, dict."""
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return self.value

    def _kind(self) -> str:
        match self.value:
            case None:
                return "nothing"
            case bool():
                return str(self.value).lower()
            case int() | float():
                return f"the number {self.value:g}"
            case str():
                return "text"
            case tuple():
                return "a list"
        return "named values"


def load_yaml(path: Path) -> Located:
    """Read a YAML file. Raises `ConfigError` if it is missing, unreadable or no YAML."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror})", "check the path and its permissions"
        ) from error
    if len(data) > _MAX_BYTES:
        raise ConfigError(f"{path}: larger than {_MAX_BYTES:,} bytes", "this is no settings file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text", "save the file as UTF-8") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, file: str) -> Located:
    """Parse YAML text; `file` is the name used in errors. Raises `ConfigError`."""
    loader: _Loader | None = None
    try:
        loader = _Loader(text, file)
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = error.problem or "not valid YAML"
        raise ConfigError(
            f"{file}:{line}: {problem}", "check indentation, colons and quotes on and above it"
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(
            f"{file}: contains characters no text file has", "save it anew"
        ) from error
    finally:
        if loader is not None:
            loader.dispose()
    if root is None:
        return Located(None, file, 1)
    return _convert(root, file, root.start_mark.line + 1)


class _Loader(yaml.SafeLoader):
    """Refuses aliases (they hide where a value stands, and can blow a small file up) and tags."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__(text)
        self._file = file
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        place = Located(None, self._file, event.start_mark.line + 1 if event.start_mark else 1)
        if isinstance(event, yaml.AliasEvent):
            raise place.error("aliases (*name) are not used here", "write the value out")
        if getattr(event, "tag", None) is not None:
            raise place.error("tags (!name) are not used here", "remove the word beginning with !")
        if self._depth >= _MAX_DEPTH:
            raise place.error(f"nested more than {_MAX_DEPTH} levels deep", "flatten the file")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _convert(node: yaml.Node, file: str, line: int) -> Located:
    if isinstance(node, yaml.MappingNode):
        entries: dict[str, Located] = {}
        for key_node, value_node in node.value:
            key_line = key_node.start_mark.line + 1
            place = Located(None, file, key_line)
            if not isinstance(key_node, yaml.ScalarNode):
                raise place.error("a key must be plain text", 'write "key: value"')
            if key_node.value in entries:
                raise place.error(
                    f'the key "{key_node.value}" is given twice '
                    f"(first in line {entries[key_node.value].line})",
                    "remove one of the two",
                )
            entries[key_node.value] = _convert(value_node, file, key_line)
        return Located(entries, file, line)
    if isinstance(node, yaml.SequenceNode):
        items = (_convert(item, file, item.start_mark.line + 1) for item in node.value)
        return Located(tuple(items), file, line)
    return Located(_scalar(node), file, line)


def _scalar(node: yaml.Node) -> Scalar:
    text = str(node.value)
    if not isinstance(node, yaml.ScalarNode) or node.style is not None:  # quoted or block: text
        return text
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) <= 18 else float(text)
    return float(text) if _NUMBER.fullmatch(text) else text
