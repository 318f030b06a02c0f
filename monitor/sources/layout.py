"""Who is on which channel of a recording."""

from __future__ import annotations

from models.errors import AudioError
from monitor.sources import Layout

DEFAULTS: dict[int, Layout] = {1: ("mixed",), 2: ("customer", "agent")}
CHOICES = ("customer,agent", "agent,customer", "customer", "mixed")


def parse_layout(text: str) -> Layout:
    """ "agent,customer" to ("agent", "customer"). Raises `AudioError` for anything unknown."""
    layout = ",".join(part.strip().lower() for part in text.split(","))
    if layout not in CHOICES:
        raise AudioError(
            f'"{text}" does not say who is on which channel', f"use one of: {'; '.join(CHOICES)}"
        )
    return tuple(layout.split(","))


def fit_layout(layout: Layout | None, channels: int, what: str) -> Layout:
    """The declared layout if it fits the number of channels, or the default for it."""
    if layout is None:
        return DEFAULTS[channels]
    if len(layout) != channels:
        raise AudioError(
            f"{what} has {channels} channel{'s' if channels > 1 else ''}, "
            f"but {len(layout)} {'are' if len(layout) > 1 else 'is'} declared ({','.join(layout)})",
            "--channels customer or mixed for one, customer,agent or agent,customer for two",
        )
    return layout
