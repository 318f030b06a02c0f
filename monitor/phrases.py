"""Sentences an agent can say, for every cue: `configs/phrases/<language>/*.yaml`.

A sentence may name what is known (`{wort}`, `{anliegen}`, `{anzahl}`) and claim what was really
said in the call (`needs`); it is offered only when the slots of the cue bear it out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from models.errors import ConfigError
from models.yamllines import Located, load_yaml, suggest
from monitor.events import STAGES
from monitor.policy import RULE_CLAIMS, RUNGS, SIDE_CUES

PHRASES_DIR: Final = Path(__file__).resolve().parents[1] / "configs" / "phrases"
"""Where the shipped libraries lie, a folder a language."""

LANGUAGES: Final = ("de", "en")

LADDER_CUES: Final = (*RUNGS[:1], "quote_disclaimer", *RUNGS[1:])
CUES: Final = (*LADDER_CUES, *SIDE_CUES)
"""Every cue there is; a library has sentences for each."""

SLOTS: Final = ("wort", "anliegen", "anzahl")
"""What a sentence may name: the word that was used, the concern, how often respect was asked."""

CLAIMS: Final = (*(f"said_{rung}" for rung in RUNGS[:-1]), "threatened", *RULE_CLAIMS)
"""What a sentence may need: that the agent has said a rung in the call, and how often; that the
customer has just threatened them; that this rule has raised the cue."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_VERSION = re.compile(r"[a-z]{2}-[1-9][0-9]*")
_KEY = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A sentence. `slots`: the names in it; `needs`: (claim, at least how often)."""

    id: str
    cue: str
    text: str
    slots: tuple[str, ...] = ()
    needs: tuple[tuple[str, int], ...] = ()

    def fits(self, slots: Mapping[str, str]) -> bool:
        """True if all that it names is known and all that it claims was said."""
        return all(slots.get(name) for name in self.slots) and all(
            int(slots.get(claim, "0")) >= times for claim, times in self.needs
        )


@dataclass(frozen=True, slots=True)
class CueText:
    """A cue on the screen: what to do, what has happened, how to do it, sentences for it."""

    heading: str
    what: str
    next: str
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class PhraseBook:
    """The sentences of one language. Load it with `PhraseBook.load`."""

    lang: str
    version: str
    stages: Mapping[str, str]
    cues: Mapping[str, CueText]

    @classmethod
    def load(cls, lang: str, directory: Path | None = None) -> PhraseBook:
        """Read all files of a language's folder (`directory` instead of the shipped one).

        Raises `ConfigError` with file, line, what is wrong and the nearest valid value.
        """
        if directory is None:
            if lang not in LANGUAGES:
                raise ConfigError(f'there are no phrases in "{lang}"', suggest(lang, LANGUAGES))
            directory = PHRASES_DIR / lang
        return _read(lang, directory)

    def choose(self, cue: str, used: Collection[str], slots: Mapping[str, str]) -> Phrase | None:
        """The sentence to offer now, or None when every fitting one has been used in this call.

        Always the same for the same arguments: the one that says most (names and claims), and
        among equals the first in the file. Raises `LookupError` for a cue that is none.
        """
        fitting = [p for p in self.cues[cue].phrases if p.id not in used and p.fits(slots)]
        return max(fitting, key=lambda p: len(p.slots) + len(p.needs), default=None)

    def phrase(self, phrase_id: str) -> Phrase:
        """The sentence with this id. Raises `LookupError` if there is none."""
        for phrase in self.cues[phrase_id.partition(".")[0]].phrases:
            if phrase.id == phrase_id:
                return phrase
        raise LookupError(f"no phrase {phrase_id!r}")

    def render(self, phrase_id: str, slots: Mapping[str, str]) -> str:
        """The sentence with its names filled in. Raises `LookupError` if one is not known."""
        return _PLACEHOLDER.sub(lambda found: slots[found[1]], self.phrase(phrase_id).text)

    def to_json(self) -> dict[str, Any]:
        """For the screens: stage names, and per cue its texts and {phrase id: sentence}."""
        return {
            "lang": self.lang,
            "version": self.version,
            "stages": dict(self.stages),
            "cues": {
                name: {
                    "heading": cue.heading,
                    "what": cue.what,
                    "next": cue.next,
                    "phrases": {phrase.id: phrase.text for phrase in cue.phrases},
                }
                for name, cue in self.cues.items()
            },
        }


def _read(lang: str, directory: Path) -> PhraseBook:
    files = sorted(directory.glob("*.yaml"))
    if not files:
        raise ConfigError(f"{directory}: there are no phrase files", "add *.yaml files there")
    versions: dict[str, Located] = {}
    stages: dict[str, str] = {}
    found: dict[str, Located] = {}
    for path in files:
        root = load_yaml(path).mapping(required=("version", "cues"), optional=("stages",))
        versions.setdefault(_version(root["version"], lang, versions), root["version"])
        if "stages" in root:
            names = root["stages"].mapping(required=STAGES)
            stages = {stage: names[stage].text() for stage in STAGES}
        for name, node in root["cues"].mapping(optional=CUES).items():
            if name in found:
                other = found[name]
                raise node.error(
                    f'the cue "{name}" is also in {other.file}:{other.line}', "remove one of them"
                )
            found[name] = node
    missing = [name for name in CUES if name not in found]
    if missing:
        raise ConfigError(f"{directory}: no sentences for {', '.join(missing)}", "add them")
    if not stages:
        raise ConfigError(f"{directory}: no names for the stages", 'add "stages: …" to one file')
    return PhraseBook(
        lang, next(iter(versions)), stages, {name: _cue(name, found[name]) for name in CUES}
    )


def _version(node: Located, lang: str, seen: Mapping[str, Located]) -> str:
    version = node.text()
    if not _VERSION.fullmatch(version) or not version.startswith(f"{lang}-"):
        raise node.error(
            f'"{version}" is no version of these phrases',
            f"write {lang}- and a number that you raise with every change: {lang}-1",
        )
    for other, where in seen.items():
        if other != version:
            raise node.error(
                f'"{version}" differs from "{other}" in {where.file}:{where.line}',
                "give all files of a language the same version",
            )
    return version


def _cue(name: str, node: Located) -> CueText:
    fields = node.mapping(required=("heading", "what", "next", "say"))
    said = fields["say"].mapping(optional=None)
    phrases = tuple(_phrase(name, key, entry) for key, entry in said.items())
    if not any(not phrase.slots and not phrase.needs for phrase in phrases):
        raise fields["say"].error(
            "no sentence fits every call", "add one without names in braces and without needs"
        )
    return CueText(fields["heading"].text(), fields["what"].text(), fields["next"].text(), phrases)


def _phrase(cue: str, key: str, node: Located) -> Phrase:
    if not _KEY.fullmatch(key):
        raise node.error(f'"{key}" is no id', "use small letters a-z, digits and _")
    text_node, needs = node, dict[str, int]()
    if isinstance(node.value, dict):
        fields = node.mapping(required=("text",), optional=("needs",))
        text_node = fields["text"]
        if "needs" in fields:
            claims = fields["needs"].mapping(optional=CLAIMS)
            needs = {claim: times.integer(1, 20) for claim, times in claims.items()}
    text = text_node.text()
    names = tuple(dict.fromkeys(_PLACEHOLDER.findall(text)))
    for name in names:
        if name not in SLOTS:
            raise text_node.error(f"there is no name {{{name}}}", suggest(name, SLOTS))
    if "{" in _PLACEHOLDER.sub("", text) or "}" in _PLACEHOLDER.sub("", text):
        raise text_node.error("a brace is left open", "write names as {wort}")
    return Phrase(f"{cue}.{key}", cue, text, names, tuple(needs.items()))
