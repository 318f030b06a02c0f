"""What goes over the API besides events and commands."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.store import CallRow


class CallSummary(BaseModel):
    """One call in a list. `state`: live or ended; `started_at`: ISO 8601, UTC."""

    call: str
    state: Literal["live", "ended"]
    started_at: str
    stage: str
    source: str
    duration_secs: float
    last_seq: int

    @classmethod
    def of(cls, row: CallRow) -> CallSummary:
        """From a row of the store."""
        return cls.model_validate(row, from_attributes=True)


class CallList(BaseModel):
    """The newest calls first."""

    calls: list[CallSummary]


class Consent(BaseModel):
    """Consent of the caller, separately for voice analysis and for storing audio."""

    model_config = ConfigDict(extra="forbid")

    voice: bool = False
    recording: bool = False


class IngestStart(BaseModel):
    """First message of an audio source: what it will send. Then come binary messages."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["start"]
    rate_hz: int
    encoding: Literal["pcm_s16le", "mulaw", "alaw"] = "pcm_s16le"
    channels: list[Literal["customer", "agent", "mixed"]] = Field(min_length=1, max_length=2)
    source: Literal["phone", "mic", "file", "demo"] = "phone"
    call: str | None = None
    team: str | None = Field(default=None, max_length=100)
    queue: str | None = Field(default=None, max_length=100)
    agent_ref: str | None = Field(default=None, max_length=100)
    policy: str | None = Field(default=None, max_length=100)
    consent: Consent = Consent()


class IngestControl(BaseModel):
    """Later text messages of an audio source."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["stop", "consent"]
    consent: Consent | None = None


class Health(BaseModel):
    """State of the server."""

    status: str
    version: str
    live_calls: int
    max_calls: int
    asr_model: str
    asr_for_humans: bool
    text_model: str
    policy: str
    language: str
