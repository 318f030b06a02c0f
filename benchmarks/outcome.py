"""What the monitor made of a synthesised call, held against what it should have made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.synthesis.render import Word
from benchmarks.synthesis.scripts import Call
from monitor.analyzer import CallAnalyzer, CallInfo, Parts
from monitor.events import Event, SpeechFinal, StageChanged
from monitor.policy import load_policy
from monitor.refold import decide

GRACE_SECS = 1.6
"""A stage or cue counts for a turn if it is there this long after the turn's last word."""


@dataclass(frozen=True)
class Outcome:
    """Expected stages and cues that came, that did not, and cues nobody expected."""

    call: str
    hits: int
    missed: tuple[str, ...]
    false_alarms: tuple[str, ...]
    word_errors: int
    words: int
    heard: tuple[str, ...] = field(repr=False)

    @property
    def right(self) -> bool:
        """Everything expected came, and nothing else."""
        return not self.missed and not self.false_alarms


def analyse(
    call: Call, samples: NDArray[np.float32], parts: Parts, block: int = 800
) -> list[Event]:
    """Run audio, shape (n, 2) at the recogniser's rate, through the analyzer in blocks."""
    info = CallInfo(call=call.id, source="file", layout=("customer", "agent"), voice_consent=True)
    analyzer = CallAnalyzer(info, parts)
    events = analyzer.start()
    for at in range(0, len(samples), block):
        events += analyzer.push(samples[at : at + block])
    return events + analyzer.end("hangup")


def compare(call: Call, truth: Sequence[Word], events: Sequence[Event]) -> Outcome:
    """Hold the events against `call.expected`, turn by turn (annotation guideline, "Calls")."""
    ends = {
        turn: max(word.end_secs for word in truth if word.turn == turn) for turn in _turns(truth)
    }
    starts = {
        turn: min(word.start_secs for word in truth if word.turn == turn) for turn in _turns(truth)
    }
    policy = load_policy("standard")  # what was decided; the screen shows it at its own pace
    decided = decide([event for event in events if event.durable], policy)
    cues = [(one.told.t_secs, cue.name) for one in decided for cue in one.cues]
    moves = [event for event in events if isinstance(event, StageChanged)]
    explained: set[int] = set()
    hits, missed = 0, []
    for item in call.expected:
        until = ends[item.after_turn] + GRACE_SECS
        stage = next((move.to for move in reversed(moves) if move.t_secs <= until), "calm")
        names = {item.cue, *item.also_ok}
        found = [
            number
            for number, (t_secs, name) in enumerate(cues)
            if name in names and starts[item.after_turn] < t_secs <= until
        ]
        explained.update(found)
        problem = ""
        if item.cue != "none" and not found:
            problem = f"turn {item.after_turn}: no cue {item.cue}"
        if stage != item.stage and item.cue not in {"none"} and not item.also_ok:
            problem += f"; stage {stage} instead of {item.stage}"
        if item.cue == "none" and stage != item.stage:
            problem = f"turn {item.after_turn}: stage {stage} instead of {item.stage}"
        if problem:
            missed.append(problem.removeprefix("; "))
        else:
            hits += 1
    errors, words = word_errors(truth, events)
    return Outcome(
        call=call.id,
        hits=hits,
        missed=tuple(missed),
        false_alarms=tuple(
            f"{t_secs:.1f} s: {name}"
            for number, (t_secs, name) in enumerate(cues)
            if number not in explained
        ),
        word_errors=errors,
        words=words,
        heard=tuple(
            f"{event.t_secs:6.1f} {event.channel:8} {event.text}"
            for event in events
            if isinstance(event, SpeechFinal)
        ),
    )


def word_errors(truth: Sequence[Word], events: Sequence[Event]) -> tuple[int, int]:
    """Edit distance in words over both channels, and the number of true words."""
    errors = 0
    for channel in ("customer", "agent"):
        said = [word.text for word in truth if word.channel == channel]
        finals = [e for e in events if isinstance(e, SpeechFinal) and e.channel == channel]
        errors += _edit_distance(said, " ".join(event.text for event in finals).split())
    return errors, len(truth)


def _turns(truth: Sequence[Word]) -> set[int]:
    return {word.turn for word in truth}


def _edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        previous, row[0] = row[0], i
        for j, right in enumerate(other, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (left != right))
    return row[-1]
