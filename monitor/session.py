"""The async shell round one call's analyzer: a bounded queue in, committed events out.

The analyzer runs in a worker thread, one step at a time, off the event loop. An event is
published after it is committed. When the store fails, the call goes on: listeners are told
("degraded: store"), events wait in memory and are committed as soon as the store takes them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from traceback import format_tb

import numpy as np
from numpy.typing import NDArray

from models.errors import ContenanceError
from monitor.analyzer import CallAnalyzer
from monitor.bus import Bus
from monitor.conversation import CommandRefused
from monitor.events import CallEnded, Command, Degraded, Event, Recovered
from monitor.store import Store, StoreError

log = logging.getLogger(__name__)

QUEUE_STEPS = 50
"""Steps (audio messages, commands) that may wait. A source that sends faster has to wait."""


@dataclass(frozen=True, slots=True)
class _Step:
    """Work for the analyzer; who asked waits for `done`. The `last` one ends the call."""

    run: Callable[[], list[Event]]
    done: asyncio.Future[None] | None = None
    last: bool = False


class CallFailed(ContenanceError):  # noqa: N818 - reads as what happened
    """The analysis of a call broke; the call has ended and takes no more audio."""


class CallSession:
    """One live call on the event loop."""

    def __init__(self, analyzer: CallAnalyzer, *, store: Store, executor: Executor) -> None:
        self.call = analyzer.info.call
        self.bus = Bus()
        self._analyzer = analyzer
        self._store = store
        self._executor = executor
        self._steps: asyncio.Queue[_Step] = asyncio.Queue(QUEUE_STEPS)
        self._unstored: list[Event] = []
        self._store_failed = False
        self._ending = False
        self._failed: str | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the call. Raises what the analyzer raises, e.g. `PoolExhausted`."""
        await self._run(self._analyzer.start)
        self._task = asyncio.create_task(self._work(), name=f"call-{self.call}")

    async def push(self, samples: NDArray[np.float32]) -> None:
        """Queue audio, shape (n, channels). Waits while the queue is full (back-pressure).

        Raises `CallFailed` once the analysis has broken.
        """
        self.check()
        await self._steps.put(_Step(lambda: self._analyzer.push(samples)))

    def check(self) -> None:
        """Raises `CallFailed` if the analysis has broken."""
        if self._failed is not None:
            raise CallFailed(
                f"the analysis broke: {self._failed}", "start a new call; the log has the details"
            )

    async def command(self, command: Command) -> None:
        """Carry out a screen's command; returns when its events are published.

        Raises `CommandRefused` if it makes no sense now or the call is over.
        """
        await self._ask(lambda: self._analyzer.command(command))

    async def consent(self, *, recording: bool, voice: bool, by: str) -> None:
        """Consent as it stands now."""
        await self._ask(lambda: self._analyzer.consent(recording=recording, voice=voice, by=by))

    async def end(self, reason: str, *, interrupted: bool = False) -> None:
        """Work off what is queued, finish the call. Everything accepted is analysed and stored."""
        if self._task is None:
            return
        if not self._ending:
            self._ending = True
            before = self._analyzer.interrupted if interrupted else list
            await self._steps.put(
                _Step(lambda: [*before(), *self._analyzer.end(reason)], last=True)
            )
        await asyncio.shield(self._task)

    async def _ask(self, step: Callable[[], list[Event]]) -> None:
        if self._ending or self._task is None:
            raise CommandRefused("the call is over" if self._ending else "the call has not begun")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._steps.put(_Step(step, done))
        await asyncio.wait({done, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():  # the call ended first
            raise CommandRefused("the call is over")
        done.result()

    async def _work(self) -> None:
        try:
            ended = False
            while not ended:
                step = await self._steps.get()
                ended = step.last
                await self._carry_out(step)
        finally:
            self.bus.close()

    async def _carry_out(self, step: _Step) -> None:
        if self._failed is not None:
            _settle(step.done, CommandRefused("the call is over"))
            return
        try:
            await self._run(step.run)
            _settle(step.done, None)
        except CommandRefused as error:
            _settle(step.done, error)
        except Exception as error:  # whatever broke, this call ends and says so
            self._failed = _reason(error)
            _settle(step.done, CommandRefused("the call is over"))
            await self._fail(error, self._failed)

    async def _fail(self, error: Exception, reason: str) -> None:
        where = "".join(format_tb(error.__traceback__))
        log.error("call %s: analysis failed: %s\n%s", self.call, reason, where)
        degraded = Degraded(
            call=self.call, t_secs=self._analyzer.t_secs, part="audio", reason=reason
        )
        await self._commit([degraded])
        try:
            await self._run(lambda: self._analyzer.end("error"))
        except Exception as again:  # then `degraded` is the call's last word
            log.error("call %s: ending failed: %s", self.call, _reason(again))  # noqa: TRY400

    async def _run(self, step: Callable[[], list[Event]]) -> None:
        loop = asyncio.get_running_loop()
        await self._commit(await loop.run_in_executor(self._executor, step))

    async def _commit(self, events: list[Event]) -> None:
        """Store what is durable, then publish all. What cannot be stored now waits its turn."""
        late = len(self._unstored)
        self._unstored += [event for event in events if event.durable]
        if not self._unstored:
            self.bus.publish(events)
            return
        try:
            last = await self._store.append(self.call, self._unstored)
        except StoreError as error:
            await self._without_store(error, events)
            return
        first = last - len(self._unstored) + 1
        stored = [
            event.model_copy(update={"seq": first + i}) for i, event in enumerate(self._unstored)
        ]
        self._unstored = []
        self.bus.publish(stored[:late])
        if self._store_failed:
            self._store_failed = False
            self.bus.publish([self._about_store(Recovered, "stored again, nothing is missing")])
        fresh = iter(stored[late:])
        self.bus.publish([next(fresh) if event.durable else event for event in events])

    async def _without_store(self, error: StoreError, events: list[Event]) -> None:
        if not self._store_failed:
            self._store_failed = True
            log.error("call %s: %s", self.call, error)
            self.bus.publish([self._about_store(Degraded, "not stored")])
        ended = any(isinstance(event, CallEnded) for event in events)
        # At the end of the call nobody will commit any more: better told unstored than not at all.
        self.bus.publish(
            self._unstored if ended else [event for event in events if not event.durable]
        )

    def _about_store(self, kind: type[Degraded] | type[Recovered], reason: str) -> Event:
        return kind(call=self.call, t_secs=self._analyzer.t_secs, part="store", reason=reason)


def _settle(done: asyncio.Future[None] | None, error: Exception | None) -> None:
    if done is None or done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _reason(error: Exception) -> str:
    """What may be told and logged: the message of an unexpected error may quote the call."""
    if isinstance(error, ContenanceError):
        return error.message
    return f"internal error ({type(error).__name__})"
