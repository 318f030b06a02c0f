"""What is on the agent's screen: one ladder cue and one line beside it, and no faster than one can
read. A pure machine.

The ladder decides what is due; this decides when it is seen. It delays and drops, it never
invents: a cue that is due no more before its time comes is never shown. The values are the policy's
(`Pacing`). Commands of the agent (said, another wording) are not paced: they asked for it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from monitor.ladder import DropReason
from monitor.policy import RUNGS, SIDE_CUES, Pacing

_WAITS_FOR_PAUSE: Final = RUNGS[1:]  # understanding may be shown to someone who is loud
_MINUTE_SECS: Final = 60.0
_NEVER_SECS: Final = -1e9


@dataclass(frozen=True, slots=True)
class Due:
    """A cue that should be seen. `number` is its id in the call; `rung` None: beside the ladder."""

    number: int
    name: str
    rung: str | None
    due_secs: float

    @property
    def rank(self) -> int:
        """Among the cues beside the ladder: 0 is the most urgent."""
        return 0 if self.rung is not None else SIDE_CUES.index(self.name)


@dataclass(frozen=True, slots=True)
class Show:
    """Put this cue on the screen now."""

    number: int


@dataclass(frozen=True, slots=True)
class Clear:
    """Take this cue off the screen now."""

    number: int
    why: DropReason


Change = Show | Clear


@dataclass(slots=True)
class _Line:
    """One place for a cue. `leaving`: why the one on it is due no more, kept until it was read."""

    on: Due | None = None
    leaving: DropReason | None = None
    marked_wrong: bool = False
    shown_secs: float = _NEVER_SECS
    waiting: list[Due] = field(default_factory=list)

    def clear(self, why: DropReason) -> list[Change]:
        gone, self.on, self.leaving, self.marked_wrong = self.on, None, None, False
        return [] if gone is None else [Clear(gone.number, why)]


class Screen:
    """The agent's screen during one call. Times are seconds of the call and never go back."""

    def __init__(self, pacing: Pacing) -> None:
        self._pacing = pacing
        self._ladder, self._side = _Line(), _Line()
        self._shown_secs: deque[float] = deque()
        self._last_secs: dict[str, float] = {}
        self._held: set[int] = set()
        self._quiet_since_secs: float | None = 0.0
        self._shouted = False

    @property
    def on(self) -> tuple[int, ...]:
        """Numbers of the cues on the screen, the ladder's first."""
        return tuple(line.on.number for line in self._lines if line.on is not None)

    @property
    def busy(self) -> bool:
        """True while the passing of time may change something."""
        return any(line.waiting or line.leaving for line in self._lines)

    def raised(self, cue: Due, *, held: bool = False) -> None:
        """It should be seen. `held`: not before it is `released`."""
        line = self._line(cue)
        if cue.rung is not None:
            line.waiting = [cue]
        else:
            if line.on is not None and line.on.name == cue.name:
                line.leaving = None  # once more the same: it stays, until it may come anew
            others = [one for one in line.waiting if one.name != cue.name]
            line.waiting = sorted((*others, cue), key=lambda one: one.rank)
        if held:
            self._held.add(cue.number)

    def released(self, number: int) -> None:
        """A held cue may be seen now."""
        self._held.discard(number)

    def dropped(self, name: str, why: DropReason) -> list[Change]:
        """It is due no more. Done or not true any more goes at once, else it may be read first."""
        changes: list[Change] = []
        for line in self._lines:
            line.waiting = [one for one in line.waiting if one.name != name]
            if line.on is None or line.on.name != name:
                continue
            if why in ("said", "stepped_down"):
                changes += line.clear(why)
            else:
                line.leaving = why
        return changes

    def emptied(self) -> list[Change]:
        """Nothing is due any more (the call is over, or nothing can be trusted now)."""
        for line in self._lines:
            line.waiting = []
        return [change for line in self._lines for change in line.clear(line.leaving or "expired")]

    def marked(self, number: int, *, wrong: bool) -> None:
        """The agent calls a cue wrong (or not wrong after all): it keeps no other one waiting."""
        for line in self._lines:
            if line.on is not None and line.on.number == number:
                line.marked_wrong = wrong

    def heard(self, now_secs: float, *, speaking: bool, shouting: bool) -> None:
        """What the customer's voice does now. `shouting` is only known with consent."""
        if speaking:
            self._quiet_since_secs = None
            self._shouted = self._shouted or shouting
        else:
            if self._quiet_since_secs is None:
                self._quiet_since_secs = now_secs
            if now_secs - self._quiet_since_secs >= self._pacing.pause_secs:
                self._shouted = False

    def step(self, now_secs: float) -> list[Change]:
        """What changes on the screen now."""
        changes: list[Change] = []
        for line in self._lines:
            read = now_secs - line.shown_secs >= self._pacing.stays_secs
            if not read:
                continue
            due = next((one for one in line.waiting if self._may_come(one, line, now_secs)), None)
            if due is not None:
                line.waiting.remove(due)
                changes += line.clear(line.leaving or "replaced")
                changes += self.show(due, now_secs)
            elif line.leaving is not None:
                changes += line.clear(line.leaving)
        return changes

    def show(self, cue: Due, now_secs: float) -> list[Change]:
        """Put a cue on its free line, whatever the pace."""
        line = self._line(cue)
        line.on, line.shown_secs = cue, now_secs
        self._shown_secs.append(now_secs)
        self._last_secs[cue.name] = now_secs
        return [Show(cue.number)]

    @property
    def _lines(self) -> tuple[_Line, _Line]:
        return self._ladder, self._side

    def _line(self, cue: Due) -> _Line:
        return self._side if cue.rung is None else self._ladder

    def _may_come(self, cue: Due, line: _Line, now_secs: float) -> bool:
        pacing, shown = self._pacing, self._shown_secs
        while shown and now_secs - shown[0] >= _MINUTE_SECS:
            shown.popleft()
        if cue.rung is not None:
            return (
                cue.number not in self._held
                and len(shown) < pacing.per_minute
                and not self._waits_for_pause(cue, now_secs)
            )
        on = line.on
        kept = on is not None and line.leaving is None and not line.marked_wrong
        if kept and on is not None and on.name != cue.name and on.rank < cue.rank:
            unread = now_secs - line.shown_secs < pacing.urgent_stays_secs
            if unread:
                return False
        again_secs = now_secs - self._last_secs.get(cue.name, _NEVER_SECS)
        # one place a minute is kept for the ladder
        return again_secs >= pacing.same_again_secs and len(shown) < pacing.per_minute - 1

    def _waits_for_pause(self, cue: Due, now_secs: float) -> bool:
        return (
            self._pacing.wait_for_pause
            and self._shouted
            and cue.rung in _WAITS_FOR_PAUSE
            and now_secs - cue.due_secs < self._pacing.pause_waited_for_secs
        )
