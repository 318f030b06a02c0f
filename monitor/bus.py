"""Fan-out of a call's events to its listeners. Bounded, with a named policy:

live scores and partials (ephemeral) are dropped for a listener whose queue is half full, since
the next one supersedes them; a durable event is never dropped: a listener whose queue is full is
cut off and resumes from the store by sequence number. A slow listener delays nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import TracebackType

from monitor.events import Event

QUEUE_EVENTS = 512
"""Events a listener may lag behind before it is cut off."""


class TooSlow(Exception):  # noqa: N818 - a condition of the listener
    """This listener could not keep up; it should resume from its last sequence number."""


class Subscription:
    """One listener: an async iterator of events that ends with the call."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(QUEUE_EVENTS)
        self._overflowed = False

    def offer(self, event: Event | None) -> None:
        """Hand over an event (None: the end), by the policy above."""
        if self._overflowed:
            return
        if event is not None and not event.durable and self._queue.qsize() >= QUEUE_EVENTS // 2:
            return
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self._overflowed = True

    async def __aiter__(self) -> AsyncIterator[Event]:
        """The events in order. Raises `TooSlow` when this listener was cut off."""
        while True:
            if self._overflowed and self._queue.empty():
                raise TooSlow
            event = await self._queue.get()
            if event is None:
                return
            yield event

    def __enter__(self) -> Subscription:
        self._bus.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._bus.remove(self)


class Bus:
    """The listeners of one call."""

    def __init__(self) -> None:
        self._listeners: set[Subscription] = set()
        self._closed = False

    def subscribe(self) -> Subscription:
        """A subscription; enter it before reading the store, so that nothing is missed."""
        return Subscription(self)

    def add(self, listener: Subscription) -> None:
        """Register a listener; one that comes after the end gets the end at once."""
        self._listeners.add(listener)
        if self._closed:
            listener.offer(None)

    def remove(self, listener: Subscription) -> None:
        """Forget a listener."""
        self._listeners.discard(listener)

    def publish(self, events: Sequence[Event]) -> None:
        """Hand events to every listener. Never waits."""
        for event in events:
            for listener in self._listeners:
                listener.offer(event)

    def close(self) -> None:
        """No more events will come."""
        self._closed = True
        for listener in self._listeners:
            listener.offer(None)
