"""Where the audio of a call comes from on this computer: a file, a pipe, sound devices.

A source yields frames at the recogniser's rate, and notices when something is wrong with it.
Everything it accepted is yielded before it ends, however it ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from monitor.framing import Frames

Layout = tuple[str, ...]
"""What each column of the audio is: ("customer", "agent"), ("customer",), ("mixed",) …"""

Ending = Literal["hangup", "stopped"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about the source that people should know; becomes an event of the call.

    degraded, recovered: `reason` says what is wrong, or right again.
    interrupted, resumed: no audio at all for `gap_secs` seconds.
    """

    kind: Literal["degraded", "recovered", "interrupted", "resumed"]
    reason: str = ""
    gap_secs: float = 0.0


class Source(Protocol):
    """One call's audio: `start`, then `read` once; `stop` may come from a signal handler."""

    @property
    def kind(self) -> Literal["file", "pipe", "mic"]:
        """What it is."""

    @property
    def layout(self) -> Layout:
        """Who is on each column."""

    @property
    def duration_secs(self) -> float | None:
        """Length, if it is known beforehand."""

    @property
    def ending(self) -> Ending:
        """Why it ended, once `read` has run out."""

    def start(self) -> None:
        """Take hold of the audio, before the call begins. Raises `AudioError`."""

    def read(self, out_rate_hz: int) -> Iterator[Frames | Notice]:
        """Frames (n, channels) at `out_rate_hz`, and notices, until the end.

        Raises `AudioError` when it breaks; what was read until then has been yielded.
        """

    def stop(self) -> None:
        """End soon, having yielded everything accepted so far."""
