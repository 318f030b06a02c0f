"""The live calls of this process."""

from __future__ import annotations

import asyncio
import os
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from models.errors import ContenanceError, PoolExhausted
from models.text.score import TextModel
from monitor.analyzer import CallAnalyzer, CallInfo, Parts
from monitor.session import CallSession
from monitor.store import Store

CALL_ID = re.compile(r"[A-Za-z0-9._~-]{1,64}")


class CallExists(ContenanceError):  # noqa: N818 - a condition of the request
    """A call of this id is known already."""


def new_call_id() -> str:
    """A fresh call id."""
    return uuid.uuid4().hex[:12]


class Hub:
    """Opens calls, finds them, ends them all at shutdown."""

    def __init__(
        self, parts: Parts, store: Store, *, max_calls: int, allow_demo_model: bool = False
    ) -> None:
        self.parts = parts
        self.store = store
        self.max_calls = max_calls
        self.allow_demo_model = allow_demo_model
        self._live: dict[str, CallSession] = {}
        self._executor = ThreadPoolExecutor(os.cpu_count() or 2, thread_name_prefix="call")

    @property
    def live(self) -> int:
        """How many calls are running."""
        return len(self._live)

    def use_text(self, text: TextModel) -> None:
        """Score the words of calls that start from now on with this model."""
        self.parts = replace(self.parts, text=text)

    def get(self, call: str) -> CallSession | None:
        """The session of a live call."""
        return self._live.get(call)

    async def open(self, info: CallInfo) -> CallSession:
        """Start a call. Raises `PoolExhausted` (the site is full), `CallExists`, `AudioError`."""
        if not CALL_ID.fullmatch(info.call):
            raise CallExists(
                f"{info.call!r} is no call id", "use 1-64 letters, digits, '.', '_', '~' or '-'"
            )
        if len(self._live) >= self.max_calls:
            raise PoolExhausted(
                f"all {self.max_calls} call places are taken",
                "wait for a call to end, or raise server.max_calls if cores are to spare",
            )
        if info.call in self._live:
            raise _exists(info.call)
        session = CallSession(
            CallAnalyzer(info, self.parts), store=self.store, executor=self._executor
        )
        self._live[info.call] = session  # before anything is awaited: id and place are taken
        try:
            if await self.store.call(info.call):
                raise _exists(info.call)  # noqa: TRY301 - the place is given back just below
            await session.start()
        except BaseException:
            del self._live[info.call]
            raise
        return session

    async def end(self, session: CallSession, reason: str, *, interrupted: bool = False) -> None:
        """Finish a call and forget it."""
        try:
            await session.end(reason, interrupted=interrupted)
        finally:
            self._live.pop(session.call, None)

    async def close(self) -> None:
        """End every call; then the store may be closed."""
        await asyncio.gather(
            *(self.end(session, "server_stopped") for session in list(self._live.values()))
        )
        self._executor.shutdown()


def _exists(call: str) -> CallExists:
    return CallExists(f"call {call} exists already", "send another id, or none to get one")
