"""Opening calls: ids and places are taken at once, whatever else is being opened."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from models.errors import PoolExhausted
from monitor.analyzer import CallInfo, Parts
from monitor.hub import CallExists, Hub
from monitor.settings import Settings
from monitor.store.sqlite import SqliteStore
from monitor.wiring import build_parts


@pytest.fixture(scope="module")
def parts() -> Parts:
    return build_parts(Settings())


def info(call: str) -> CallInfo:
    return CallInfo(call=call, source="file", layout=("customer", "agent"))


def test_of_several_calls_with_one_id_one_is_opened(tmp_path: Path, parts: Parts) -> None:
    async def run() -> None:
        store = SqliteStore(tmp_path / "calls.sqlite3")
        hub = Hub(parts, store, max_calls=4)
        opened = await asyncio.gather(
            *(hub.open(info("a")) for _ in range(3)), return_exceptions=True
        )
        assert [type(one) for one in opened[1:]] == [CallExists, CallExists]
        assert hub.get("a") is opened[0]
        await hub.close()
        with pytest.raises(CallExists):
            await Hub(parts, store, max_calls=4).open(info("a"))
        await store.close()

    asyncio.run(run())


def test_never_more_calls_than_places(tmp_path: Path, parts: Parts) -> None:
    async def run() -> None:
        store = SqliteStore(tmp_path / "calls.sqlite3")
        hub = Hub(parts, store, max_calls=2)
        opened = await asyncio.gather(
            *(hub.open(info(str(n))) for n in range(5)), return_exceptions=True
        )
        refused = [one for one in opened if isinstance(one, PoolExhausted)]
        assert len(refused) == 3
        assert all("max_calls" in cast("PoolExhausted", one).fix for one in refused)
        assert hub.live == 2
        await hub.close()
        assert [row.state for row in await store.calls()] == ["ended", "ended"]
        await store.close()

    asyncio.run(run())


@pytest.mark.parametrize("call", ["", "../x", "a b", "x" * 65])
def test_a_call_id_is_a_plain_name(call: str, tmp_path: Path, parts: Parts) -> None:
    async def run() -> None:
        store = SqliteStore(tmp_path / "calls.sqlite3")
        with pytest.raises(CallExists, match="no call id"):
            await Hub(parts, store, max_calls=2).open(info(call))
        await store.close()

    asyncio.run(run())
