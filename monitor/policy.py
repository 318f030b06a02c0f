"""Escalation policies: every threshold, tolerance and switch of the ladder, read from a file.

A policy is the line a team draws, agreed with its supervisor: `configs/policies/*.yaml`. The
file `standard.yaml` equals the annotation guideline and explains every value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast, get_args

from models.errors import ConfigError
from models.yamllines import Located, load_yaml, suggest
from monitor.events import STAGES, Rung

POLICIES_DIR: Final = Path(__file__).resolve().parents[1] / "configs" / "policies"
"""Where the shipped policies lie."""

RUNGS: Final[tuple[Rung, ...]] = cast(tuple[Rung, ...], STAGES[1:])
"""The steps of the ladder, lowest first."""

SideCueName = str
SIDE_CUES: Final[tuple[SideCueName, ...]] = (
    "involve_supervisor", "keep_formal_sie", "listen", "check_claim", "confirm_understanding",
    "open_question", "explain_wait", "callback", "win_back", "stay_factual", "expectation_gap",
    "save_face", "aftercare",
)  # fmt: skip
"""The cues beside the ladder, the most urgent first: a screen with room for one shows the first."""

RULE_CLAIMS: Final = (
    "talk_over", "interruption", "dead_air", "agent_share", "cancellation", "own_mistake",
    "impatient_again", "no_time", "approval_refused",
)  # fmt: skip
"""Rules of side cues that a sentence may need: only then does it say the right thing."""

Approver = Literal["nobody", "supervisor"]

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
    mild_forgotten_after_secs: float  # 0: never before the next step-down
    # calm -> understanding
    understanding_on_frustration: bool
    frustration_sure_from: float
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
    # Ending a call: may the agent do it on their own before the ladder is there, and who is asked
    agent_may_end_early: bool
    end_approved_by: Approver
    end_approval_secs: float
    # Beside the ladder
    side_cues: frozenset[SideCueName]
    side_cue_sure_from: float
    open_question_frustrated_turns: int
    callback_impatient_turns: int
    side_cue_stays_secs: float
    listen: ListenLimits
    screen: Pacing

    @property
    def name(self) -> str:
        """Its name: the version without its number."""
        return self.version.rpartition("-")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenLimits:
    """What counts as not listening. Times in seconds of the call.

    Both speaking at once for `talk_over_secs`; so many `interruptions` within
    `interruptions_within_secs`; nobody speaking for `dead_air_secs` (`dead_air_on_hold_secs` when
    the agent has said why it takes time); the agent's part of all that was said in the last
    `share_within_secs` above `agent_share_percent`.
    """

    talk_over_secs: float
    interruptions: int
    interruptions_within_secs: float
    dead_air_secs: float
    dead_air_on_hold_secs: float
    agent_share_percent: float
    share_within_secs: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How calm the screen is. It delays what is shown, never what is decided. Times in seconds.

    A line of the screen keeps its cue for `stays_secs` before another takes its place, a side cue
    before a less urgent one for `urgent_stays_secs`; at most `per_minute` cues come within a
    minute; a side cue does not come again for `same_again_secs`.
    While the customer shouts, a cue from the mirror upwards waits for a pause of `pause_secs`, but
    no longer than `pause_waited_for_secs`.
    """

    stays_secs: float
    urgent_stays_secs: float
    per_minute: int
    same_again_secs: float
    wait_for_pause: bool
    pause_secs: float
    pause_waited_for_secs: float


class PolicyBook:
    """The policies of a site, and which one a call gets."""

    def __init__(
        self,
        default: Policy,
        others: Iterable[Policy] = (),
        queues: Mapping[str, str] | None = None,
    ) -> None:
        """`queues`: queue name -> policy name. Raises `ConfigError` for a policy that is none."""
        self.default = default
        self._by_name = {policy.name: policy for policy in (*others, default)}
        self._queues = dict(queues or {})
        for queue, name in self._queues.items():
            self._named(name, f"for the queue {queue!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """Every policy that a call may ask for."""
        return tuple(sorted(self._by_name))

    def for_call(self, name: str | None = None, queue: str | None = None) -> Policy:
        """The policy a call asks for by name, else its queue's, else the site's.

        Raises `ConfigError` for a name there is no policy of.
        """
        if name is not None:
            return self._named(name, "for the call")
        if queue is not None and queue in self._queues:
            return self._by_name[self._queues[queue]]
        return self.default

    def _named(self, name: str, what_for: str) -> Policy:
        if name not in self._by_name:
            raise ConfigError(f'there is no policy "{name}" {what_for}', suggest(name, self.names))
        return self._by_name[name]


def load_policies(
    default: str | Path, folder: Path | None = None, queues: Mapping[str, str] | None = None
) -> PolicyBook:
    """The shipped policies, those in a site's own `folder`, and the `default` one.

    A file of one's own goes before a shipped one of the same name. Raises `ConfigError`.
    """
    own = sorted(folder.expanduser().glob("*.yaml")) if folder is not None else []
    if folder is not None and not own:
        raise ConfigError(f"{folder}: there are no policy files", "add *.yaml files there")
    shipped = [load_policy(name) for name in policy_names()]
    mine = [load_policy(path) for path in own]
    of_own = {policy.name: policy for policy in mine}
    chosen = of_own.get(str(default)) or load_policy(default)
    return PolicyBook(chosen, [*shipped, *mine], queues)


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
            "end_call", "side_cues", "screen",
        )
    )  # fmt: skip
    attack = root["attack"].mapping(
        required=(
            "severity_from", "grave_from", "boundary_from", "mild_overlooked",
            "mild_forgotten_after_secs",
        )
    )  # fmt: skip
    understanding = root["understanding"].mapping(
        required=(
            "on_frustration",
            "frustration_sure_from",
            "on_first_mild_attack",
            "complaint_agitation_from",
        )
    )
    short_cut = root["short_cut"].mapping(
        required=("grave_goes_to", "threat_goes_to", "boundary_goes_to", "grave_ends_call_after")
    )
    step_down = root["step_down"].mapping(
        required=("on_apology", "calm_turns", "calm_agitation_up_to")
    )
    end_call = root["end_call"].mapping(
        required=("agent_may_end_early", "approved_by", "approval_secs")
    )
    side = root["side_cues"].mapping(
        required=(
            "on", "sure_from", "open_question_frustrated_turns", "callback_impatient_turns",
            "stay_secs", "listen",
        )
    )  # fmt: skip
    policy = Policy(
        version=_version(root["version"], path),
        title=root["title"].text(),
        attack_severity_from=attack["severity_from"].integer(1, 3),
        grave_severity_from=attack["grave_from"].integer(1, 3),
        boundary_severity_from=attack["boundary_from"].integer(1, 3),
        mild_attacks_overlooked=attack["mild_overlooked"].integer(0, 10),
        mild_forgotten_after_secs=attack["mild_forgotten_after_secs"].number(0, 3600),
        understanding_on_frustration=understanding["on_frustration"].flag(),
        frustration_sure_from=understanding["frustration_sure_from"].number(0, 1),
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
        agent_may_end_early=end_call["agent_may_end_early"].flag(),
        end_approved_by=cast(Approver, end_call["approved_by"].choice(get_args(Approver))),
        end_approval_secs=end_call["approval_secs"].number(5, 20),
        side_cues=_side_cues(side["on"]),
        side_cue_sure_from=side["sure_from"].number(0, 1),
        open_question_frustrated_turns=side["open_question_frustrated_turns"].integer(1, 20),
        callback_impatient_turns=side["callback_impatient_turns"].integer(1, 20),
        side_cue_stays_secs=side["stay_secs"].number(5, 600),
        listen=_listen(side["listen"]),
        screen=_screen(root["screen"]),
    )
    _check_together(policy, attack, understanding, short_cut, step_down)
    return policy


def _listen(node: Located) -> ListenLimits:
    limits = node.mapping(
        required=(
            "talk_over_secs", "interruptions", "interruptions_within_secs", "dead_air_secs",
            "dead_air_on_hold_secs", "agent_share_percent", "share_within_secs",
        )
    )  # fmt: skip
    return ListenLimits(
        talk_over_secs=limits["talk_over_secs"].number(0.5, 30),
        interruptions=limits["interruptions"].integer(1, 20),
        interruptions_within_secs=limits["interruptions_within_secs"].number(5, 600),
        dead_air_secs=limits["dead_air_secs"].number(2, 120),
        dead_air_on_hold_secs=limits["dead_air_on_hold_secs"].number(2, 600),
        agent_share_percent=limits["agent_share_percent"].number(50, 100),
        share_within_secs=limits["share_within_secs"].number(10, 600),
    )


def _screen(node: Located) -> Pacing:
    values = node.mapping(
        required=(
            "stays_secs", "urgent_stays_secs", "per_minute", "same_again_secs", "wait_for_pause",
            "pause_secs", "pause_waited_for_secs",
        )
    )  # fmt: skip
    return Pacing(
        stays_secs=values["stays_secs"].number(1, 60),
        urgent_stays_secs=values["urgent_stays_secs"].number(1, 120),
        per_minute=values["per_minute"].integer(2, 30),
        same_again_secs=values["same_again_secs"].number(0, 600),
        wait_for_pause=values["wait_for_pause"].flag(),
        pause_secs=values["pause_secs"].number(0.2, 5),
        pause_waited_for_secs=values["pause_waited_for_secs"].number(0, 60),
    )


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
