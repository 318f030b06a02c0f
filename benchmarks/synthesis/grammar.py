"""A small generative grammar over the inventories of ``tests/calls/fresh_grammar.yaml``."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.synthesis.scripts import GRAMMAR_PATH, ScriptError

Forms = Mapping[str, str]
_SLOT = re.compile(r"\{(\w+)(?:\.(\w+))?\}")


@dataclass(frozen=True)
class Grammar:
    """``rules``: name -> lines with slots; ``words``: name -> entries with forms; voice pairs."""

    rules: Mapping[str, tuple[str, ...]]
    words: Mapping[str, tuple[Forms, ...]]
    voices: tuple[tuple[str, str], ...]

    def draw(self, rng: random.Random) -> dict[str, Forms]:
        """Choose one entry of every word list: what one customer talks about in one call."""
        return {name: rng.choice(entries) for name, entries in self.words.items()}

    def sentence(self, rule: str, chosen: Mapping[str, Forms], rng: random.Random) -> str:
        """Expand ``rule``: ``{name}`` by a random line of a rule, ``{name.form}`` from ``chosen``.

        Raises:
            ScriptError: a line names a slot that the file does not define.
        """

        def fill(match: re.Match[str]) -> str:
            name, form = match.groups()
            try:
                return self.sentence(name, chosen, rng) if form is None else chosen[name][form]
            except KeyError as error:
                raise ScriptError(
                    f"{GRAMMAR_PATH.name}: rule {rule!r} names {match.group()}, not defined"
                ) from error

        return _SLOT.sub(fill, rng.choice(self.rules[rule]))


def load_grammar(path: Path = GRAMMAR_PATH) -> Grammar:
    """Read the grammar file; raises :class:`ScriptError` when its parts are missing."""
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        return Grammar(
            rules={name: tuple(lines) for name, lines in data["rules"].items()},
            words={name: tuple(entries) for name, entries in data["words"].items()},
            voices=tuple((customer, agent) for customer, agent in data["voices"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ScriptError(f"{path.name}: needs rules, words and voices ({error!r})") from error
