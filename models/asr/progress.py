"""How long-running model work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Progress:
    """How far `step` is, in bytes. note: something worth telling, such as a retry and why."""

    step: Literal["download", "check", "unpack"]
    done_bytes: int
    total_bytes: int
    note: str = ""


OnProgress = Callable[[Progress], None]
"""Called every few hundred kilobytes, from the thread that does the work."""


def silent(progress: Progress) -> None:
    """Tell nobody."""
