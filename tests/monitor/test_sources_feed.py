from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from models.errors import AudioError, PoolExhausted
from monitor.events import (
    CallEnded,
    CallInterrupted,
    CallResumed,
    CallStarted,
    Event,
    SpeechPartial,
)
from monitor.sources import Notice
from monitor.sources.feed import Feed

RATE_HZ = 8000


class ScriptedSource:
    """Yields what it is given; an exception in the script is raised."""

    kind, layout, duration_secs, ending = "mic", ("customer",), None, "hangup"

    def __init__(self, *script: object) -> None:
        self._script = script
        self.log: list[str] = []

    def start(self) -> None:
        self.log.append("start")

    def read(self, out_rate_hz: int) -> Iterator[object]:
        assert out_rate_hz == RATE_HZ
        for item in self._script:
            if isinstance(item, Exception):
                raise item
            yield item

    def stop(self) -> None:
        self.log.append("stop")


class CountingAnalyzer:
    """Knows how much it was given, and hears a partial in every piece."""

    info, rate_hz = SimpleNamespace(call="c"), RATE_HZ

    def __init__(self, *, full: bool = False) -> None:
        self._samples, self._full = 0, full

    @property
    def t_secs(self) -> float:
        return self._samples / RATE_HZ

    def start(self) -> list[Event]:
        if self._full:
            raise PoolExhausted("all in use", "wait")
        started = CallStarted(
            call="c", t_secs=0, source="mic", channels=("customer",), rate_hz=RATE_HZ, policy="p",
            models={},
        )  # fmt: skip
        return [started]

    def push(self, frames: np.ndarray) -> list[Event]:
        self._samples += len(frames)
        partial = SpeechPartial(
            call="c", t_secs=self.t_secs, channel="customer", utterance=1, text="ja", rev=1
        )
        return [partial]

    def interrupted(self) -> list[Event]:
        return [CallInterrupted(call="c", t_secs=self.t_secs, gap_secs=0)]

    def resumed(self, gap_secs: float) -> list[Event]:
        return [CallResumed(call="c", t_secs=self.t_secs, gap_secs=gap_secs)]

    def end(self, reason: str) -> list[Event]:
        ended = CallEnded(
            call="c", t_secs=self.t_secs, reason=reason, final_stage="calm",
            duration_secs=self.t_secs,
        )  # fmt: skip
        return [ended]


def frames(secs: float) -> np.ndarray:
    return np.zeros((round(secs * RATE_HZ), 1), np.float32)


def test_audio_and_notices_become_events_in_order_numbered_where_they_last() -> None:
    source = ScriptedSource(
        frames(1), Notice("degraded", "lost"), Notice("interrupted"), Notice("resumed", gap_secs=2),
        Notice("recovered", "back"), frames(1),
    )  # fmt: skip
    found: list[Event] = []
    progress: list[float] = []
    Feed(CountingAnalyzer(), source, found.append).run(progress.append)  # type: ignore[arg-type]
    assert [(event.type, event.seq, event.t_secs) for event in found] == [
        ("call.started", 1, 0.0),
        ("speech.partial", None, 1.0),
        ("degraded", 2, 1.0),
        ("call.interrupted", 3, 1.0),
        ("call.resumed", 4, 1.0),
        ("recovered", 5, 1.0),
        ("speech.partial", None, 2.0),
        ("call.ended", 6, 2.0),
    ]
    assert progress == [1.0, 1.0, 1.0, 1.0, 1.0, 2.0]
    assert found[-1].model_dump()["reason"] == "hangup"


def test_a_source_that_breaks_leaves_a_call_that_is_ended() -> None:
    source = ScriptedSource(frames(1), AudioError("damaged", "copy it again"))
    found: list[Event] = []
    with pytest.raises(AudioError, match="damaged"):
        Feed(CountingAnalyzer(), source, found.append).run()  # type: ignore[arg-type]
    assert [event.type for event in found[-2:]] == ["degraded", "call.ended"]
    assert found[-1].model_dump()["reason"] == "source_lost"


def test_an_unexpected_error_ends_the_call_too() -> None:
    source = ScriptedSource(frames(1), RuntimeError("bug"))
    found: list[Event] = []
    with pytest.raises(RuntimeError):
        Feed(CountingAnalyzer(), source, found.append).run()  # type: ignore[arg-type]
    assert found[-1].model_dump()["reason"] == "error"


def test_a_call_that_cannot_begin_lets_go_of_the_source() -> None:
    source = ScriptedSource(frames(1))
    found: list[Event] = []
    with pytest.raises(PoolExhausted):
        Feed(CountingAnalyzer(full=True), source, found.append).run()  # type: ignore[arg-type]
    assert source.log == ["start", "stop"]
    assert found == []
