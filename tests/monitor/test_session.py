"""The async shell: nothing accepted is lost, failures are told, queues are bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import numpy as np
import pytest

from monitor.analyzer import CallAnalyzer
from monitor.conversation import CommandRefused
from monitor.events import (
    CallEnded,
    CallInterrupted,
    CallStarted,
    Command,
    Event,
    HelpRequested,
    NoteSent,
)
from monitor.session import QUEUE_STEPS, CallFailed, CallSession
from monitor.store import Store, StoreError

SECRET = "sehr geheimer satz"
BLOCK = np.zeros((80, 2), np.float32)


class ScriptedAnalyzer:
    """Answers each push with one note; `fail_at` raises there."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.info = type("Info", (), {"call": "c"})
        self.t_secs = 0.0
        self.pushed = 0
        self.fail_at = fail_at
        self.gate: Callable[[], None] = lambda: None

    def start(self) -> list[Event]:
        return [
            CallStarted(
                call="c",
                t_secs=0,
                source="file",
                channels=("customer",),
                rate_hz=8000,
                policy="p",
                models={},
            )
        ]

    def push(self, _: Any) -> list[Event]:
        self.gate()
        self.pushed += 1
        self.t_secs = self.pushed / 10
        if self.pushed == self.fail_at:
            raise ZeroDivisionError(SECRET)
        return [NoteSent(call="c", t_secs=self.t_secs, text=str(self.pushed))]

    def command(self, command: Command) -> list[Event]:
        if command.command != "help":
            raise CommandRefused("not on the screen")
        return [HelpRequested(call="c", t_secs=self.t_secs)]

    def interrupted(self) -> list[Event]:
        return [CallInterrupted(call="c", t_secs=self.t_secs, gap_secs=0)]

    def end(self, reason: str) -> list[Event]:
        return [
            CallEnded(
                call="c",
                t_secs=self.t_secs,
                reason=reason,
                final_stage="calm",
                duration_secs=self.t_secs,
            )
        ]


class ListStore:
    """A store in memory; `broken` makes it refuse."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.broken = False

    async def append(self, _: str, events: Sequence[Event]) -> int:
        if self.broken:
            raise StoreError("disk full", "make room")
        self.events += events
        return len(self.events)


def session(
    analyzer: ScriptedAnalyzer, store: ListStore, executor: ThreadPoolExecutor
) -> CallSession:
    return CallSession(
        cast("CallAnalyzer", analyzer), store=cast("Store", store), executor=executor
    )


def test_everything_queued_before_the_end_is_analysed_stored_and_published() -> None:
    async def run() -> None:
        store, analyzer = ListStore(), ScriptedAnalyzer()
        with ThreadPoolExecutor(1) as executor:
            call = session(analyzer, store, executor)
            await call.start()
            with call.bus.subscribe() as listener:
                for _ in range(2 * QUEUE_STEPS):
                    await call.push(BLOCK)
                await call.end("source_lost", interrupted=True)
                got = [event async for event in listener]
        notes = [event.text for event in store.events if isinstance(event, NoteSent)]
        assert notes == [str(n + 1) for n in range(2 * QUEUE_STEPS)]
        assert [event.type for event in store.events[-2:]] == ["call.interrupted", "call.ended"]
        assert [event.seq for event in got] == list(range(2, len(store.events) + 1))

    asyncio.run(run())


def test_a_source_that_is_too_fast_waits() -> None:
    async def run() -> None:
        analyzer, store = ScriptedAnalyzer(), ListStore()
        with ThreadPoolExecutor(1) as executor:
            call = session(analyzer, store, executor)
            await call.start()
            loop = asyncio.get_running_loop()
            go = asyncio.Event()
            analyzer.gate = lambda: (
                asyncio.run_coroutine_threadsafe(go.wait(), loop).result() and None
            )

            async def send() -> None:
                for _ in range(QUEUE_STEPS + 2):
                    await call.push(BLOCK)

            sender = asyncio.create_task(send())
            for _ in range(QUEUE_STEPS * 3):
                await asyncio.sleep(0)
            assert not sender.done(), "one step works, the queue is full, the source waits"
            go.set()
            await sender
            await call.end("hangup")
        assert analyzer.pushed == QUEUE_STEPS + 2

    asyncio.run(run())


def test_while_the_store_fails_the_call_goes_on_and_nothing_is_lost() -> None:
    async def run() -> None:
        analyzer, store = ScriptedAnalyzer(), ListStore()
        with ThreadPoolExecutor(1) as executor:
            call = session(analyzer, store, executor)
            await call.start()
            with call.bus.subscribe() as listener:
                store.broken = True
                await call.push(BLOCK)
                await call.push(BLOCK)
                await call.command(Command(id="1", command="help"))
                store.broken = False
                await call.push(BLOCK)
                await call.end("hangup")
                got = [event async for event in listener]
        assert [event.type for event in got] == [
            "degraded",
            "note.sent",
            "note.sent",
            "help.requested",
            "recovered",
            "note.sent",
            "call.ended",
        ]
        assert [event.seq for event in got if event.seq] == [2, 3, 4, 5, 6]
        assert len(store.events) == 6

    asyncio.run(run())


def test_a_failing_analyzer_ends_the_call_with_a_reason_and_leaks_no_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run() -> None:
        analyzer, store = ScriptedAnalyzer(fail_at=2), ListStore()
        with ThreadPoolExecutor(1) as executor:
            call = session(analyzer, store, executor)
            await call.start()
            await call.push(BLOCK)
            await call.push(BLOCK)
            with pytest.raises(CommandRefused, match="over"):
                await call.command(Command(id="1", command="help"))
            with pytest.raises(CallFailed, match="ZeroDivisionError"):
                await call.push(BLOCK)
            await call.end("hangup")
        assert [event.type for event in store.events] == [
            "call.started",
            "note.sent",
            "degraded",
            "call.ended",
        ]
        ended = store.events[-1]
        assert isinstance(ended, CallEnded)
        assert ended.reason == "error"
        assert "ZeroDivisionError" in caplog.text
        assert SECRET not in caplog.text

    asyncio.run(run())


def test_a_command_that_makes_no_sense_is_told_to_the_screen() -> None:
    async def run() -> None:
        with ThreadPoolExecutor(1) as executor:
            call = session(ScriptedAnalyzer(), ListStore(), executor)
            await call.start()
            with pytest.raises(CommandRefused, match="not on the screen"):
                await call.command(Command(id="1", command="reword", cue=7))
            await call.command(Command(id="2", command="help"))
            await call.end("hangup")
            with pytest.raises(CommandRefused, match="over"):
                await call.command(Command(id="3", command="help"))

    asyncio.run(run())


def test_a_command_that_the_end_of_the_call_overtakes_is_refused_and_waits_for_nothing() -> None:
    async def run() -> None:
        analyzer, store = ScriptedAnalyzer(), ListStore()
        with ThreadPoolExecutor(1) as executor:
            call = session(analyzer, store, executor)
            with pytest.raises(CommandRefused, match="not begun"):
                await call.command(Command(id="0", command="help"))
            await call.start()
            loop = asyncio.get_running_loop()
            go = asyncio.Event()
            analyzer.gate = lambda: (
                asyncio.run_coroutine_threadsafe(go.wait(), loop).result() and None
            )
            for _ in range(QUEUE_STEPS):
                await call.push(BLOCK)
            waiting = [
                asyncio.create_task(call.command(Command(id=str(n), command="help")))
                for n in range(1, 20)
            ]
            await asyncio.sleep(0)
            ending = asyncio.create_task(call.end("hangup"))
            go.set()
            answers = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 20)
            await ending
        assert all(answer is None or isinstance(answer, CommandRefused) for answer in answers)
        assert store.events[-1].type == "call.ended"
        assert [event.type for event in store.events].count("call.ended") == 1

    asyncio.run(run())
