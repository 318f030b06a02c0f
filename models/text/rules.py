"""The rules of a lexicon: what the YAML files say, checked and compiled.

A lexicon is a folder of four files: `words.yaml` (spelling variants and word lists),
`customer.yaml` and `agent.yaml` (exceptions and rules of each channel), `local.yaml` (a company's
own words, optional). The format is described at the head of `words.yaml` and in docs/labels.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast, get_args

from models.errors import ConfigError
from models.text.patterns import (
    Fragment,
    Pattern,
    PatternError,
    Place,
    WordLists,
    compile_pattern,
)
from models.text.score import AGENT_LABELS, CUSTOMER_LABELS, Channel, Target
from models.text.words import fold
from models.yamllines import Located, load_yaml, suggest

HINTS = (
    "du_form", "correction", "affirms", "denies", "concern", "own_mistake", "expectation",
    "no_time",
)  # fmt: skip
CHANNELS: tuple[Channel, ...] = ("customer", "agent")
LABELS: dict[Channel, tuple[str, ...]] = {"customer": CUSTOMER_LABELS, "agent": AGENT_LABELS}
_TARGETS = get_args(Target)
Compiled = TypeVar("Compiled", Pattern, str | Fragment)
_VERSION = 1
_MAX_SEVERITY = {"insult": 3, "competence_attack": 2, "boundary_crossing": 3, "agent_impolite": 2,
                 "frustration": 1, "generalisation": 1, "impatience": 1, "threat": 3}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exemption:
    """A reason to overlook a match: words right before it, in it, right after it, or anywhere."""

    name: str
    before: tuple[Pattern, ...]
    inside: tuple[Pattern, ...]
    after: tuple[Pattern, ...]
    anywhere: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a match of one of `patterns` means.

    `probability` is the author's estimate that a match deserves `labels`; `after`: the rule holds
    only when the last utterance of the other channel carries one of these labels.
    """

    name: str
    labels: tuple[str, ...]
    severity: int
    target: Target
    probability: float
    patterns: tuple[Pattern, ...]
    unless: tuple[Exemption, ...]
    cancels: frozenset[str]
    hint: str | None
    after: frozenset[str]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Everything of one folder, compiled."""

    variants: Mapping[str, str]
    lists: WordLists
    unreadable: Mapping[Channel, tuple[Pattern, ...]]
    rules: Mapping[Channel, tuple[Rule, ...]]


def load_lexicon(folder: Path) -> Lexicon:
    """Read and check a lexicon folder.

    Raises `ConfigError` with file, line, what is wrong and the nearest valid value.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such lexicon folder", "name the folder with words.yaml")
    shared = load_yaml(folder / "words.yaml").mapping(required=("version", "variants", "words"))
    _check_version(shared["version"])
    local = _local(folder / "local.yaml")
    variants = _variants([shared["variants"], *_present(local, "variants")])

    lists = WordLists(lambda word: fold(word, variants))
    own_words = local["words"].mapping(optional=None) if "words" in local else {}
    channels = {channel: _channel_file(folder / f"{channel}.yaml") for channel in CHANNELS}
    for node in (shared, *channels.values()):
        if "words" in node:
            _add_lists(lists, node["words"].mapping(optional=None), own_words)
    known = lists.names()
    _add_lists(lists, {name: words for name, words in own_words.items() if name not in known}, {})
    unreadable: dict[Channel, tuple[Pattern, ...]] = {}
    rules: dict[Channel, tuple[Rule, ...]] = {}
    for channel, node in channels.items():
        unreadable[channel], rules[channel] = _ChannelReader(channel, lists).read(node, local)
    return Lexicon(variants, lists, unreadable, rules)


def _channel_file(path: Path) -> dict[str, Located]:
    node = load_yaml(path).mapping(
        required=("version", "rules"), optional=("words", "unreadable", "exceptions")
    )
    _check_version(node["version"])
    return node


def _local(path: Path) -> dict[str, Located]:
    if not path.exists():
        return {}
    node = load_yaml(path).mapping(
        required=("version",), optional=("variants", "words", "never_alarm", "rules")
    )
    _check_version(node["version"])
    return {key: value for key, value in node.items() if value.value is not None}


def _check_version(node: Located) -> None:
    node.integer(_VERSION, _VERSION)


def _present(nodes: Mapping[str, Located], key: str) -> list[Located]:
    return [nodes[key]] if key in nodes else []


def _variants(nodes: list[Located]) -> dict[str, str]:
    variants: dict[str, str] = {}
    for node in nodes:
        for standard, spellings in node.mapping(optional=None).items():
            for spelling in spellings.sequence():
                word = fold(spelling.text(), {})
                if word in variants:
                    raise spelling.error(
                        f'"{word}" already stands for "{variants[word]}"', "remove one of the two"
                    )
                variants[word] = fold(standard, {})
        for word, meant in variants.items():
            if meant in variants:
                raise node.error(
                    f'"{word}" stands for "{meant}", which stands for another word',
                    f'write "{variants[meant]}" for both',
                )
    return variants


def _add_lists(lists: WordLists, new: Mapping[str, Located], own: Mapping[str, Located]) -> None:
    """Add lists; entries that `own` has under the same name go into them."""
    for name, node in new.items():
        if name in lists.names():
            raise node.error(f'the word list "{name}" exists already', "choose another name")
        items = [*node.sequence(at_least=1), *(own[name].sequence() if name in own else ())]
        lists.add(name, [_located(item, lists.entry) for item in items])


def _located(node: Located, compile_: Callable[[str], Compiled]) -> Compiled:
    try:
        return compile_(node.text())
    except PatternError as error:
        raise node.error(error.what, error.fix) from error


class _ChannelReader:
    def __init__(self, channel: Channel, lists: WordLists) -> None:
        self._channel = channel
        self._lists = lists
        self._exceptions: dict[str, Exemption] = {}

    def read(
        self, node: Mapping[str, Located], local: Mapping[str, Located]
    ) -> tuple[tuple[Pattern, ...], tuple[Rule, ...]]:
        unreadable = [
            *(self._patterns(node["unreadable"]) if "unreadable" in node else ()),
            *(self._patterns(local["never_alarm"]) if "never_alarm" in local else ()),
        ]
        if "exceptions" in node:
            for name, entry in node["exceptions"].mapping(optional=None).items():
                self._exceptions[name] = self._exception(name, entry)
        rules = [self._rule(entry) for entry in node["rules"].sequence(at_least=1)]
        for entry in local["rules"].sequence() if "rules" in local else ():
            fields = entry.mapping(required=("channel",), optional=None)
            if fields["channel"].choice(CHANNELS) == self._channel:
                del fields["channel"]
                rules.append(self._rule(Located(fields, entry.file, entry.line)))
        return tuple(unreadable), tuple(rules)

    def _exception(self, name: str, node: Located) -> Exemption:
        where = ("before", "inside", "after", "anywhere")
        entry = node.mapping(optional=where)
        if not entry:
            raise node.error("this exception never holds", f"add one of: {', '.join(where)}")
        return Exemption(
            name,
            before=self._patterns(entry["before"], "before") if "before" in entry else (),
            inside=self._patterns(entry["inside"]) if "inside" in entry else (),
            after=self._patterns(entry["after"], "after") if "after" in entry else (),
            anywhere=self._patterns(entry["anywhere"]) if "anywhere" in entry else (),
        )

    def _patterns(self, node: Located, place: Place = "anywhere") -> tuple[Pattern, ...]:
        return tuple(
            _located(item, lambda text: compile_pattern(text, self._lists, place))
            for item in node.sequence()
        )

    def _rule(self, node: Located) -> Rule:
        entry = node.mapping(
            required=("rule", "patterns"),
            optional=(
                "label", "severity", "target", "probability", "unless", "cancels", "hint", "after",
            ),
        )  # fmt: skip
        labels = self._labels(entry["label"], self._channel) if "label" in entry else ()
        cancels = self._labels(entry["cancels"], self._channel) if "cancels" in entry else ()
        hint = entry["hint"].choice(HINTS) if "hint" in entry else None
        target = cast(Target, entry["target"].choice(_TARGETS)) if "target" in entry else "none"
        if not labels and not cancels and hint is None and target == "none":
            raise node.error("this rule has no effect", "add label, cancels, hint or target")
        patterns = self._patterns(entry["patterns"])
        if not patterns:
            raise entry["patterns"].error("this rule has no patterns", "add one, or drop the rule")
        other: Channel = "agent" if self._channel == "customer" else "customer"
        after = self._labels(entry["after"], other) if "after" in entry else ()
        return Rule(
            name=entry["rule"].text(),
            labels=labels,
            severity=self._severity(entry.get("severity"), node, labels),
            target=target,
            probability=entry["probability"].number(0.05, 1.0) if "probability" in entry else 0.9,
            patterns=patterns,
            unless=self._unless(entry.get("unless")),
            cancels=frozenset(cancels),
            hint=hint,
            after=frozenset(after),
        )

    def _labels(self, node: Located, channel: Channel) -> tuple[str, ...]:
        items = node.sequence(at_least=1) if isinstance(node.value, tuple) else (node,)
        return tuple(item.choice(LABELS[channel]) for item in items)

    def _severity(self, node: Located | None, rule: Located, labels: tuple[str, ...]) -> int:
        severity = node.integer(0, 3) if node is not None else 0
        place = node or rule
        if "threat" in labels and severity != 3:
            raise place.error(f"a threat of severity {severity}", "every threat has severity 3")
        most = max((_MAX_SEVERITY.get(label, 0) for label in labels), default=0)
        if severity > most:
            raise place.error(
                f"severity {severity} is too much for {', '.join(labels) or 'no label'}",
                f"the nearest valid value is {most}",
            )
        return severity

    def _unless(self, node: Located | None) -> tuple[Exemption, ...]:
        found = []
        for item in node.sequence() if node is not None else ():
            name = item.text()
            if name not in self._exceptions:
                raise item.error(f'there is no exception "{name}"', suggest(name, self._exceptions))
            found.append(self._exceptions[name])
        return tuple(found)
