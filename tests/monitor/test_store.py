"""The embedded store: order, resume, erasure, crash, full disk, foreign files."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.events import CallEnded, CallStarted, Erased, Event, SpeechFinal, StageChanged
from monitor.store import StoreError
from monitor.store.sqlite import SqliteStore

ROOT = Path(__file__).resolve().parents[2]


def started(call: str, agent_ref: str | None = None) -> Event:
    return CallStarted(
        call=call,
        t_secs=0,
        source="file",
        channels=("customer", "agent"),
        rate_hz=8000,
        agent_ref=agent_ref,
        policy="standard-1",
        models={},
    )


def said(call: str, text: str, t_secs: float = 1.0) -> Event:
    return SpeechFinal(
        call=call, t_secs=t_secs, channel="customer", utterance=1, turn=0, text=text, words=()
    )


def test_sequence_counts_per_call_and_read_resumes_after_it(tmp_path: Path) -> None:
    async def run() -> None:
        store = SqliteStore(tmp_path / "calls.sqlite3")
        assert await store.append("a", [started("a"), said("a", "eins")]) == 2
        assert await store.append("b", [started("b")]) == 1
        assert await store.append("a", [said("a", "zwei")]) == 3
        events = await store.read("a", after_seq=1)
        assert [event.seq for event in events] == [2, 3]
        assert [event.text for event in events if isinstance(event, SpeechFinal)] == [
            "eins",
            "zwei",
        ]
        assert await store.read("nobody") == []
        await store.close()

    asyncio.run(run())


def test_many_writers_at_once_lose_and_repeat_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        store = SqliteStore(tmp_path / "calls.sqlite3")

        async def write(call: str) -> None:
            for i in range(40):
                await store.append(call, [said(call, str(i))])

        await asyncio.gather(*(write(f"c{n}") for n in range(8)))
        for n in range(8):
            events = await store.read(f"c{n}")
            assert [e.seq for e in events] == list(range(1, 41))
            assert [e.text for e in events if isinstance(e, SpeechFinal)] == [
                str(i) for i in range(40)
            ]
        await store.close()

    asyncio.run(run())


def test_listing_tells_state_stage_and_length(tmp_path: Path) -> None:
    async def run() -> None:
        store = SqliteStore(tmp_path / "calls.sqlite3")
        moved = StageChanged(
            call="a",
            t_secs=4,
            from_="calm",
            to="understanding",
            rule="r",
            policy_version="p",
            evidence=(),
        )
        await store.append("a", [started("a"), moved])
        row = await store.call("a")
        assert row is not None
        assert (row.state, row.stage, row.source, row.last_seq) == (
            "live",
            "understanding",
            "file",
            2,
        )
        await store.append(
            "a",
            [
                CallEnded(
                    call="a",
                    t_secs=9,
                    reason="hangup",
                    final_stage="understanding",
                    duration_secs=9,
                )
            ],
        )
        assert [(r.call, r.state, r.duration_secs) for r in await store.calls()] == [
            ("a", "ended", 9.0)
        ]
        assert await store.call("none") is None
        await store.close()

    asyncio.run(run())


def test_erasing_leaves_a_tombstone_and_no_trace_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite3"

    async def run() -> None:
        store = SqliteStore(path)
        await store.append(
            "a", [started("a"), said("a", "sehr geheimer satz"), said("a", "noch einer")]
        )
        assert await store.erase("a", ["speech.final"]) == 2
        events = await store.read("a")
        assert [(e.seq, e.type) for e in events] == [
            (1, "call.started"),
            (2, "erased"),
            (3, "erased"),
        ]
        assert isinstance(events[1], Erased)
        assert events[1].kind == "speech.final"
        await store.close()

    asyncio.run(run())
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"geheimer" not in path.read_bytes()


def test_who_the_agent_was_lies_apart_from_the_events(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite3"

    async def run() -> None:
        store = SqliteStore(path)
        await store.append("a", [started("a", agent_ref="anna.b")])
        (event,) = await store.read("a")
        assert isinstance(event, CallStarted)
        assert event.agent_ref == "anna.b"
        await store.close()

    asyncio.run(run())
    with sqlite3.connect(path) as db:
        assert not db.execute("SELECT 1 FROM events WHERE body LIKE '%anna.b%'").fetchall()
        assert db.execute("SELECT agent_ref FROM agents").fetchall() == [("anna.b",)]


def test_what_was_acknowledged_survives_kill_and_the_open_call_is_closed(tmp_path: Path) -> None:
    """A process of its own appends, says so, and is killed at once."""
    path = tmp_path / "calls.sqlite3"
    program = textwrap.dedent(
        """
        import asyncio, os, signal, sys
        from pathlib import Path
        from monitor.store.sqlite import SqliteStore
        from tests_events import events
        async def run():
            store = SqliteStore(Path(sys.argv[1]))
            for event in events():
                last = await store.append("a", [event])
                print(last, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        asyncio.run(run())
        """
    )
    (tmp_path / "tests_events.py").write_text(
        textwrap.dedent(
            """
            from monitor.events import CallStarted, SpeechFinal
            def events():
                yield CallStarted(call="a", t_secs=0, source="file", channels=("customer",),
                                  rate_hz=8000, policy="p", models={})
                for i in range(20):
                    yield SpeechFinal(call="a", t_secs=i, channel="customer", utterance=i, turn=0,
                                      text=str(i), words=())
            """
        )
    )
    child = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": f"{ROOT}:{tmp_path}", "PATH": ""},
    )
    acknowledged = [int(line) for line in child.stdout.split()]
    assert child.returncode == -9, child.stderr
    assert acknowledged == list(range(1, 22))

    async def reopen() -> list[Event]:
        store = SqliteStore(path)
        events = await store.read("a")
        await store.close()
        return events

    events = asyncio.run(reopen())
    assert [event.seq for event in events[:-1]] == acknowledged
    assert isinstance(events[-1], CallEnded)
    assert (events[-1].reason, events[-1].duration_secs) == ("server_lost", 19.0)


def test_a_failed_append_says_how_to_mend_it_and_the_next_one_works(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite3"

    async def run() -> None:
        store = SqliteStore(path)
        await store.append("a", [started("a")])
        with sqlite3.connect(path) as db:  # a full disk, seen from SQLite: no page can be added
            pages = db.execute("PRAGMA page_count").fetchone()[0]
        await store._submit(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())
        with pytest.raises(StoreError, match="full") as caught:
            await store.append("a", [said("a", "x" * 50_000)])
        assert "free disk space" in caught.value.fix
        await store._submit(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())
        assert await store.append("a", [said("a", "x" * 50_000)]) == 2
        await store.close()

    asyncio.run(run())


def test_a_file_that_is_no_store_is_refused_with_the_fix(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite3"
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StoreError) as caught:
        SqliteStore(path)
    assert "move" in caught.value.fix
    assert path.read_bytes().startswith(b"this is no database")


def test_a_second_process_on_the_same_file_is_refused_and_harms_no_call(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite3"

    async def run() -> None:
        store = SqliteStore(path)
        await store.append("a", [started("a")])
        program = "import sys; from pathlib import Path; from monitor.store.sqlite import *; "
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program + "SqliteStore(Path(sys.argv[1]))", str(path),
            cwd=ROOT, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await other.communicate()
        assert other.returncode
        assert "another process uses the event store" in said.decode()
        assert [event.type for event in await store.read("a")] == ["call.started"]
        await store.close()
        await SqliteStore(path).close()

    asyncio.run(run())


def test_calls_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "site" / "calls.sqlite3"

    async def run() -> None:
        store = SqliteStore(path)
        await store.append("a", [started("a")])
        for file in path.parent.iterdir():
            assert file.stat().st_mode & 0o077 == 0, file.name
        assert path.parent.stat().st_mode & 0o077 == 0
        await store.close()

    asyncio.run(run())


def test_an_append_nobody_waits_for_any_more_harms_no_other(tmp_path: Path) -> None:
    async def run() -> None:
        store = SqliteStore(tmp_path / "calls.sqlite3")
        tasks = [asyncio.create_task(store.append("a", [said("a", str(i))])) for i in range(50)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        before = len(await store.read("a"))
        assert await store.append("a", [said("a", "last")]) == before + 1
        await store.close()

    asyncio.run(run())


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite3"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="schema 99"):
        SqliteStore(path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        SqliteStore(tmp_path / "file" / "calls.sqlite3")


def test_purging_forgets_the_agent_first_and_then_the_call(tmp_path: Path) -> None:
    async def run() -> None:
        store = SqliteStore(tmp_path / "calls.sqlite3")
        await store.append("old", [started("old", agent_ref="anna"), said("old", "eins")])
        now = datetime.now(UTC) + timedelta(seconds=1)
        month = timedelta(days=30)
        assert await store.purge(calls_before=now - month, agents_before=now - month) == 0
        assert await store.purge(calls_before=now - month, agents_before=now) == 0
        first = (await store.read("old"))[0]
        assert isinstance(first, CallStarted)
        assert first.agent_ref is None
        assert await store.purge(calls_before=now, agents_before=now) == 1
        assert (await store.calls(), await store.read("old")) == ([], [])
        await store.close()

    asyncio.run(run())
