"""Call scripts: who says what, how agitated, and which stages and cues it must lead to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

CHANNELS = ("customer", "agent")
ROOT = Path(__file__).resolve().parents[2]
CALLS_DIR = ROOT / "tests" / "calls"
GRAMMAR_PATH = CALLS_DIR / "fresh_grammar.yaml"


class ScriptError(ValueError):
    """A call script that cannot be used; the message says what to change."""


@dataclass(frozen=True)
class Turn:
    """One turn of one speaker.

    ``text``: transcript style (lower case, no punctuation); ``agitation``: scripted arousal of the
    voice, 0-1; ``pause_secs``: silence since the end of the turn before (negative: talk-over);
    ``labels`` and ``severity`` (0-3): as in the annotation guideline.
    """

    channel: str
    text: str
    agitation: float
    pause_secs: float
    labels: tuple[str, ...]
    severity: int


@dataclass(frozen=True)
class Expected:
    """The stage in force and one cue after turn ``after_turn`` (0-based).

    ``cue`` is ``none`` for a step down; ``also_ok`` lists other cues accepted there.
    """

    after_turn: int
    stage: str
    cue: str
    why: str
    also_ok: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """The telephone line: levels in dB relative to calm speech; no echo if ``echo_db`` is None."""

    noise_db: float = -33.0
    echo_db: float | None = None


@dataclass(frozen=True)
class Call:
    """One call: voices are espeak-ng names such as ``de+max``."""

    id: str
    title: str
    customer_voice: str
    agent_voice: str
    turns: tuple[Turn, ...]
    expected: tuple[Expected, ...]
    line: Line = Line()

    def voice(self, channel: str) -> str:
        """Return the espeak-ng voice of ``channel``."""
        return self.customer_voice if channel == "customer" else self.agent_voice


def parse_call(data: Mapping[str, Any], *, source: str) -> Call:
    """Build a call from the mapping of a script; ``source`` names the file in messages.

    Raises:
        ScriptError: a key is missing or unknown, or a value has the wrong type.
    """
    try:
        return Call(
            id=str(data["id"]),
            title=str(data["title"]),
            customer_voice=str(data["voices"]["customer"]),
            agent_voice=str(data["voices"]["agent"]),
            turns=tuple(Turn(**_with_tuple(turn, "labels")) for turn in data["turns"]),
            expected=tuple(Expected(**_with_tuple(item, "also_ok")) for item in data["expected"]),
            line=Line(**data.get("line", {})),
        )
    except (KeyError, TypeError) as error:
        raise ScriptError(
            f"{source}: not a call script ({error}); compare it with tests/calls/calm.yaml"
        ) from error


def load_call(path: Path) -> Call:
    """Read one script; raises :class:`ScriptError` when it is not one."""
    return parse_call(yaml.safe_load(path.read_text(encoding="utf-8")), source=path.name)


def load_calls(folder: Path = CALLS_DIR) -> dict[str, Call]:
    """Read every call script of ``folder``, by id, in the order of their file names."""
    paths = sorted(path for path in folder.glob("*.yaml") if path.name != GRAMMAR_PATH.name)
    return {call.id: call for call in map(load_call, paths)}


def expected_as_data(call: Call) -> list[dict[str, Any]]:
    """Return the ``expected`` entries as plain data, ``also_ok`` only where there is one."""
    rows = [asdict(item) for item in call.expected]
    for row in rows:
        also_ok = row.pop("also_ok")
        if also_ok:
            row["also_ok"] = list(also_ok)
    return rows


def _with_tuple(row: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {**row, key: tuple(row.get(key, ()))}
