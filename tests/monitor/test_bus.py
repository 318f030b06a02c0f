"""Fan-out: order, the end, and the policy for slow listeners."""

from __future__ import annotations

import asyncio

import pytest

from monitor.bus import QUEUE_EVENTS, Bus, TooSlow
from monitor.events import Event, HelpRequested, SpeechPartial


def durable(seq: int) -> Event:
    return HelpRequested(call="c", t_secs=seq, seq=seq)


def partial(rev: int) -> Event:
    return SpeechPartial(call="c", t_secs=rev, channel="customer", utterance=1, text="x", rev=rev)


def test_listeners_get_every_event_in_order_and_the_end() -> None:
    async def run() -> None:
        bus = Bus()
        with bus.subscribe() as one, bus.subscribe() as two:
            bus.publish([durable(1), partial(1), durable(2)])
            bus.close()
            for listener in (one, two):
                assert [event.t_secs async for event in listener] == [1, 1, 2]

    asyncio.run(run())


def test_a_listener_after_the_end_gets_the_end() -> None:
    async def run() -> None:
        bus = Bus()
        bus.close()
        with bus.subscribe() as late:
            assert [event async for event in late] == []

    asyncio.run(run())


def test_a_slow_listener_loses_live_scores_first_then_is_cut_off_and_delays_nobody() -> None:
    async def run() -> None:
        bus = Bus()
        with bus.subscribe() as slow:
            for rev in range(QUEUE_EVENTS):
                bus.publish([partial(rev)])
            for seq in range(1, QUEUE_EVENTS):
                bus.publish([durable(seq)])
            got: list[Event] = []
            with pytest.raises(TooSlow):
                async for event in slow:
                    got.append(event)
        partials = [event for event in got if not event.durable]
        seqs = [event.seq for event in got if event.durable]
        assert len(partials) == QUEUE_EVENTS // 2
        assert seqs == list(range(1, len(seqs) + 1)), (
            "what it got has no holes, so it can resume after the last"
        )

    asyncio.run(run())
