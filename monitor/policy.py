"""Escalation policies: every threshold, tolerance and switch of the ladder, read from a file.

A policy is the line a team draws, agreed with its supervisor: `configs/policies/*.yaml`. The
file `standard.yaml` equals the annotation guideline and explains every value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from models.errors import ConfigError
from models.yamllines import Located, load_yaml, suggest
from monitor.events import STAGES, Rung

POLICIES_DIR: Final = Path(__file__).resolve().parents[1] / "configs" / "policies"
"""Where the shipped policies lie."""

RUNGS: Final[tuple[Rung, ...]] = cast(tuple[Rung, ...], STAGES[1:])
"""The steps of the ladder, lowest first."""

SideCueName = str
SIDE_CUES: Final[tuple[SideCueName, ...]] = (
    "involve_supervisor", "keep_formal_sie", "check_claim", "confirm_understanding",
    "open_question", "explain_wait", "stay_factual", "aftercare",
)  # fmt: skip
"""The cues beside the ladder, the most urgent first: a screen with room for one shows the first."""

_VERSION = re.compile(r"[a-z][a-z0-9_]*-[1-9][0-9]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A checked policy. `version` ("standard-1") goes into every event it causes.

    Severities are 1..3, agitations 0..1, the `…_turns` and `…_attacks` counts of customer turns.
    """

    version: str
    title: str
    # What counts as an attack on the person
    attack_severity_from: int
    grave_severity_from: int
    boundary_severity_from: int
    mild_attacks_overlooked: int
    # calm -> understanding
    understanding_on_frustration: bool
    understanding_on_mild_attack: bool
    complaint_agitation_from: float
    # Quoting the customer's disclaimer in place of the cue that is due
    quote_disclaimer: bool
    # Short cut
    grave_goes_to: Rung
    threat_goes_to: Rung
    boundary_goes_to: Rung
    grave_ends_call_after: Rung
    # Step down
    step_down_on_apology: bool
    calm_turns: int
    calm_agitation_up_to: float
    # The agent ends an abusive call on their own
    agent_may_end_early: bool
    # Beside the ladder
    side_cues: frozenset[SideCueName]
    open_question_frustrated_turns: int
    side_cue_stays_secs: float


def policy_names() -> tuple[str, ...]:
    """Names of the shipped policies."""
    return tuple(sorted(path.stem for path in POLICIES_DIR.glob("*.yaml")))


def load_policy(name_or_path: str | Path) -> Policy:
    """Load a shipped policy by its name, or any policy file by its path.

    Raises `ConfigError` with file, line, what is wrong and the nearest valid value.
    """
    given = str(name_or_path)
    if isinstance(name_or_path, Path) or given.endswith((".yaml", ".yml")) or "/" in given:
        return _read(Path(given).expanduser())
    if given not in policy_names():
        raise ConfigError(
            f'there is no policy "{given}"',
            f"{suggest(given, policy_names())}; or give the path of a policy file",
        )
    return _read(POLICIES_DIR / f"{given}.yaml")


def _read(path: Path) -> Policy:
    root = load_yaml(path).mapping(
        required=(
            "version", "title", "attack", "understanding", "disclaimer", "short_cut", "step_down",
            "end_call", "side_cues",
        )
    )  # fmt: skip
    attack = root["attack"].mapping(
        required=("severity_from", "grave_from", "boundary_from", "mild_overlooked")
    )
    understanding = root["understanding"].mapping(
        required=("on_frustration", "on_first_mild_attack", "complaint_agitation_from")
    )
    short_cut = root["short_cut"].mapping(
        required=("grave_goes_to", "threat_goes_to", "boundary_goes_to", "grave_ends_call_after")
    )
    step_down = root["step_down"].mapping(
        required=("on_apology", "calm_turns", "calm_agitation_up_to")
    )
    side = root["side_cues"].mapping(required=("on", "open_question_frustrated_turns", "stay_secs"))
    policy = Policy(
        version=_version(root["version"], path),
        title=root["title"].text(),
        attack_severity_from=attack["severity_from"].integer(1, 3),
        grave_severity_from=attack["grave_from"].integer(1, 3),
        boundary_severity_from=attack["boundary_from"].integer(1, 3),
        mild_attacks_overlooked=attack["mild_overlooked"].integer(0, 10),
        understanding_on_frustration=understanding["on_frustration"].flag(),
        understanding_on_mild_attack=understanding["on_first_mild_attack"].flag(),
        complaint_agitation_from=understanding["complaint_agitation_from"].number(0, 1),
        quote_disclaimer=root["disclaimer"].mapping(required=("quote",))["quote"].flag(),
        grave_goes_to=_rung(short_cut["grave_goes_to"]),
        threat_goes_to=_rung(short_cut["threat_goes_to"]),
        boundary_goes_to=_rung(short_cut["boundary_goes_to"]),
        grave_ends_call_after=_rung(short_cut["grave_ends_call_after"]),
        step_down_on_apology=step_down["on_apology"].flag(),
        calm_turns=step_down["calm_turns"].integer(1, 50),
        calm_agitation_up_to=step_down["calm_agitation_up_to"].number(0, 1),
        agent_may_end_early=root["end_call"]
        .mapping(required=("agent_may_end_early",))["agent_may_end_early"]
        .flag(),
        side_cues=_side_cues(side["on"]),
        open_question_frustrated_turns=side["open_question_frustrated_turns"].integer(1, 20),
        side_cue_stays_secs=side["stay_secs"].number(5, 600),
    )
    _check_together(policy, attack, understanding, short_cut, step_down)
    return policy


def _version(node: Located, path: Path) -> str:
    version = node.text()
    if not _VERSION.fullmatch(version) or version.rpartition("-")[0] != path.stem:
        raise node.error(
            f'"{version}" is no version of this file',
            f"write the file's name and a number that you raise with every change: {path.stem}-1",
        )
    return version


def _rung(node: Located) -> Rung:
    return cast(Rung, node.choice(RUNGS))


def _side_cues(node: Located) -> frozenset[SideCueName]:
    names: list[str] = []
    for item in node.sequence():
        name = item.choice(SIDE_CUES)
        if name in names:
            raise item.error(f'"{name}" is listed twice', "remove one of the two")
        names.append(name)
    return frozenset(names)


def _check_together(
    policy: Policy,
    attack: dict[str, Located],
    understanding: dict[str, Located],
    short_cut: dict[str, Located],
    step_down: dict[str, Located],
) -> None:
    if policy.grave_severity_from < policy.attack_severity_from:
        raise attack["grave_from"].error(
            f"grave attacks begin at {policy.grave_severity_from}, below attacks at all "
            f"({policy.attack_severity_from})",
            f"the nearest valid value is {policy.attack_severity_from}",
        )
    if RUNGS.index(policy.threat_goes_to) < RUNGS.index(policy.grave_goes_to):
        raise short_cut["threat_goes_to"].error(
            f"a threat leads to {policy.threat_goes_to}, below the gravest insults "
            f"(grave_goes_to in line {short_cut['grave_goes_to'].line})",
            f"use {policy.grave_goes_to} or a later step",
        )
    if policy.calm_agitation_up_to >= policy.complaint_agitation_from:
        raise step_down["calm_agitation_up_to"].error(
            f"{policy.calm_agitation_up_to:g} counts as calm and as agitated at once "
            f"(understanding.complaint_agitation_from in line "
            f"{understanding['complaint_agitation_from'].line} is "
            f"{policy.complaint_agitation_from:g})",
            f"use a value below {policy.complaint_agitation_from:g}",
        )
