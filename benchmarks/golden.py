"""Annotated calls as timed transcripts, and what the ladder makes of them, held against that.

`tests/golden/calls` were written while the ladder was built; `tests/golden/heldout` by somebody
else from the guideline alone, and nothing is ever tuned on them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from models.text.score import TextModel
from monitor.events import STAGES
from monitor.phrases import PhraseBook
from monitor.policy import RUNGS, load_policy
from monitor.replay import Transcript, replay

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "golden"
LADDER_CUES = (*RUNGS, "quote_disclaimer")


class Expected(BaseModel):
    """A cue that must newly be there after a turn (`none`: a step down), and the stage then."""

    model_config = ConfigDict(extra="forbid")

    after_turn: int
    stage: str
    cue: str
    why: str
    also_ok: tuple[str, ...] = ()

    @property
    def names(self) -> set[str]:
        """Every cue that fulfils it."""
        return {self.cue, *self.also_ok}


class GoldenCall(BaseModel):
    """One annotated call."""

    model_config = ConfigDict(extra="forbid")

    id: str
    title: str
    turns: list[dict[str, Any]]
    expected: list[Expected]
    final_stage: str
    abuse: bool

    @property
    def transcript(self) -> Transcript:
        """As the replay takes it."""
        return Transcript.model_validate({"id": self.id, "turns": self.turns})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one call. Counts of expected entries, by turn; cues that nobody expected."""

    call: str
    final_stage_right: bool
    expected: int
    in_time: int
    late: int
    ladder_expected: int
    ladder_found: int
    missed: tuple[str, ...]
    false_cues: tuple[str, ...]
    highest_stage: str


def load(folder: str) -> list[GoldenCall]:
    """The calls of `calls` or `heldout`, in the order of their files."""
    files = sorted((FOLDER / folder).glob("*.yaml"))
    return [GoldenCall.model_validate(yaml.safe_load(file.read_text("utf-8"))) for file in files]


def judge(calls: Iterable[GoldenCall], *, text_model: TextModel, use_labels: bool) -> list[Verdict]:
    """Replay each call under the standard policy and hold it against what was expected."""
    calls = list(calls)
    lines = replay(
        [call.transcript for call in calls],
        text_model=text_model,
        policy=load_policy("standard"),
        phrases=PhraseBook.load("de"),
        use_labels=use_labels,
    )
    return [_verdict(call, [next(lines) for _ in range(len(call.turns) + 1)]) for call in calls]


def figures(verdicts: Sequence[Verdict], calls: Sequence[GoldenCall]) -> dict[str, Any]:
    """The shares an evaluator asks for, each as "k/n = share [95 % interval]"."""
    calm = [verdict for verdict, call in zip(verdicts, calls, strict=True) if not call.abuse]
    found = sum(v.in_time + v.late for v in verdicts)
    return {
        "final stage": share(sum(v.final_stage_right for v in verdicts), len(verdicts)),
        "cues in time": share(sum(v.in_time for v in verdicts), _sum(verdicts, "expected")),
        "cues within a customer turn": share(found, _sum(verdicts, "expected")),
        "ladder cues within a customer turn": share(
            _sum(verdicts, "ladder_found"), _sum(verdicts, "ladder_expected")
        ),
        "false cues per call": round(sum(len(v.false_cues) for v in verdicts) / len(verdicts), 3),
        "false cues in calls without abuse": sum(len(v.false_cues) for v in calm),
        "calls without abuse above understanding": sum(
            STAGES.index(v.highest_stage) > 1  # type: ignore[arg-type]
            for v in calm
        ),
    }


def share(k: int, n: int) -> str:
    """A share with its Wilson interval (Wilson 1927), 95 %."""
    if n == 0:
        return "0/0"
    z, p = 1.96, k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = 100 * max(0.0, middle - half), 100 * min(1.0, middle + half)
    return f"{k}/{n} = {100 * p:.1f} % [{low:.1f}, {high:.1f}]"


def _sum(verdicts: Sequence[Verdict], field: str) -> int:
    return sum(int(getattr(verdict, field)) for verdict in verdicts)


def _verdict(call: GoldenCall, lines: list[dict[str, Any]]) -> Verdict:
    *turns, last = lines
    new = [list(turn["new_cues"]) for turn in turns]
    late_by = _next_customer_turns(call)
    in_time, late = set[int](), set[int]()
    entries = list(enumerate(call.expected))
    for number, item in entries:
        if item.cue == "none":
            if turns[item.after_turn]["stage"] == item.stage:
                in_time.add(number)
        elif hit := next((name for name in new[item.after_turn] if name in item.names), None):
            new[item.after_turn].remove(hit)
            in_time.add(number)
    for number, item in entries:
        if number in in_time or (at := late_by[item.after_turn]) is None:
            continue
        if item.cue == "none":
            if turns[at]["stage"] == item.stage:
                late.add(number)
        elif hit := next((name for name in new[at] if name in item.names), None):
            new[at].remove(hit)
            late.add(number)
    found = in_time | late
    ladder = [number for number, item in entries if item.cue in LADDER_CUES]
    return Verdict(
        call=call.id,
        final_stage_right=last["final_stage"] == call.final_stage,
        expected=len(entries),
        in_time=len(in_time),
        late=len(late),
        ladder_expected=len(ladder),
        ladder_found=len(found.intersection(ladder)),
        missed=tuple(
            f"{item.after_turn}: {item.cue} ({item.stage}; is {turns[item.after_turn]['stage']})"
            for number, item in entries
            if number not in found
        ),
        false_cues=tuple(f"{at}: {name}" for at, names in enumerate(new) for name in names),
        highest_stage=max((turn["stage"] for turn in turns), key=STAGES.index),
    )


def _next_customer_turns(call: GoldenCall) -> list[int | None]:
    """For each turn the customer's next one."""
    after: list[int | None] = []
    following: int | None = None
    for at in range(len(call.turns) - 1, -1, -1):
        after.append(following)
        if call.turns[at]["channel"] == "customer":
            following = at
    return after[::-1]
