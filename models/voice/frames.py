"""What voice analysis says, four times a second and once a turn."""

from __future__ import annotations

from dataclasses import dataclass

FRAME_SECS = 0.25
"""One `VoiceFrame` per this many seconds of audio."""


@dataclass(frozen=True, slots=True)
class VoiceFrame:
    """Voice of the customer over the window ending at `end_secs`, against the caller's own start.

    agitation: 0..1 (0.5 is the decision point), None when unknown (silence, noise, too little
    speech yet). uncertainty: 0..1. f0_st: median pitch in semitones above the baseline.
    level_db: active level in dB above the baseline. rate_ratio: tempo over baseline tempo.
    """

    end_secs: float
    agitation: float | None
    uncertainty: float
    shouting: bool
    f0_st: float | None
    level_db: float | None
    rate_ratio: float | None


@dataclass(frozen=True, slots=True)
class VoiceSummary:
    """A turn's voice: agitation 0..1 or None, and the reasons in plain units, e.g. "+4 st".

    `reasons`: pairs (kind, value) with kind in pitch_st | level_db | rate_ratio | shouting.
    """

    agitation: float | None
    reasons: tuple[tuple[str, float], ...] = ()
