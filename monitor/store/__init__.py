"""Where a call's events are kept: append-only, a sequence per call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from models.errors import ContenanceError
from monitor.events import Event, Stage


class StoreError(ContenanceError):
    """Events cannot be stored or read: disk full, file damaged, no right to write."""

    exit_code = 6


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call as a list shows it. `started_at`: wall clock, ISO 8601 UTC."""

    call: str
    started_at: str
    state: str
    stage: Stage
    source: str
    duration_secs: float
    last_seq: int


class Store(Protocol):
    """Durable events. Every method may raise `StoreError`."""

    async def append(self, call: str, events: Sequence[Event]) -> int:
        """Commit events (all or none), giving them the next sequence numbers; the last one."""

    async def read(self, call: str, after_seq: int = 0) -> list[Event]:
        """Events of a call with seq > `after_seq`, in order. Empty for an unknown call."""

    async def calls(self, limit: int = 100) -> list[CallRow]:
        """The newest calls first."""

    async def call(self, call: str) -> CallRow | None:
        """One call, or None."""

    async def erase(self, call: str, kinds: Sequence[str]) -> int:
        """Delete the payload of events of these types for good; a tombstone keeps their seq."""

    async def purge(self, *, calls_before: datetime, agents_before: datetime) -> int:
        """Delete calls that started before `calls_before` for good; returns how many.

        Who the agent was is forgotten for calls that started before `agents_before`.
        """

    async def close(self) -> None:
        """Commit what is pending and let go of the file."""
