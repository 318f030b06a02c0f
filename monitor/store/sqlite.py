"""The embedded store: SQLite in WAL mode, one writer thread, group commit, full sync.

`append` returns when the rows are on disk. Everything that waits while a commit runs goes into
the next one together (50 rows a commit store seven times as many a second as one row a commit).
"""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from monitor.events import CallEnded, Erased, Event, Stage, from_wire
from monitor.store import CallRow, StoreError

T = TypeVar("T")
_Job = tuple[Callable[[sqlite3.Connection], Any], "Future[Any]"]

SCHEMA_VERSION = 1
MAX_GROUP = 200
"""Jobs committed together at most."""

_SCHEMA = """
CREATE TABLE calls (call TEXT PRIMARY KEY, started_at TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE events (
  call TEXT NOT NULL REFERENCES calls, seq INTEGER NOT NULL,
  type TEXT NOT NULL, t_secs REAL NOT NULL, body TEXT NOT NULL, PRIMARY KEY (call, seq)
) STRICT, WITHOUT ROWID;
-- Who the agent was lies apart from what happened, so that it can go first (24 h after the call).
CREATE TABLE agents (
  call TEXT PRIMARY KEY REFERENCES calls, agent_ref TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

_ROW = """
SELECT c.call, c.started_at,
  coalesce((SELECT json_extract(body, '$.to') FROM events e
            WHERE e.call = c.call AND type = 'stage.changed' ORDER BY seq DESC LIMIT 1), 'calm'),
  coalesce((SELECT json_extract(body, '$.source') FROM events e
            WHERE e.call = c.call AND type = 'call.started'), ''),
  EXISTS (SELECT 1 FROM events e WHERE e.call = c.call AND type = 'call.ended'),
  coalesce((SELECT max(t_secs) FROM events e WHERE e.call = c.call), 0),
  coalesce((SELECT max(seq) FROM events e WHERE e.call = c.call), 0)
FROM calls c
"""


class SqliteStore:
    """`Store` in one SQLite file."""

    def __init__(self, path: Path) -> None:
        """Open (or make) the file. Raises `StoreError` if it cannot be used."""
        self._path = path
        self._lock = FileLock(path.with_name(path.name + ".lock"), mode=0o600)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        with _store_errors(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take_lock()
        opened: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._write_loop, args=(opened,), name="store-writer", daemon=True
        )
        self._thread.start()
        try:
            opened.result()
        except StoreError:
            self._lock.release()
            raise

    def _take_lock(self) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise StoreError(
                f"another process uses the event store {self._path}",
                "stop the other server, or give this one a file of its own: "
                "CONTENANCE_STORE__PATH=FILE",
            ) from error

    async def append(self, call: str, events: Sequence[Event]) -> int:
        """See `Store.append`."""
        return await self._submit(lambda db: _append(db, call, events))

    async def read(self, call: str, after_seq: int = 0) -> list[Event]:
        """See `Store.read`."""

        def job(db: sqlite3.Connection) -> list[Event]:
            rows = db.execute(
                "SELECT seq, body FROM events WHERE call = ? AND seq > ? ORDER BY seq",
                (call, after_seq),
            )
            agent = db.execute("SELECT agent_ref FROM agents WHERE call = ?", (call,)).fetchone()
            return [_event(seq, body, agent[0] if agent else None) for seq, body in rows]

        return await self._read(job)

    async def calls(self, limit: int = 100) -> list[CallRow]:
        """See `Store.calls`."""
        sql = f"{_ROW} ORDER BY c.started_at DESC LIMIT ?"
        return await self._read(lambda db: [_call_row(row) for row in db.execute(sql, (limit,))])

    async def call(self, call: str) -> CallRow | None:
        """See `Store.call`."""
        row = await self._read(
            lambda db: db.execute(f"{_ROW} WHERE c.call = ?", (call,)).fetchone()
        )
        return _call_row(row) if row else None

    async def erase(self, call: str, kinds: Sequence[str]) -> int:
        """See `Store.erase`."""
        erased = await self._submit(lambda db: _erase(db, call, kinds))
        await self._forget()
        return erased

    async def purge(self, *, calls_before: datetime, agents_before: datetime) -> int:
        """See `Store.purge`."""
        purged = await self._submit(lambda db: _purge(db, calls_before, agents_before))
        await self._forget()
        return purged

    async def _forget(self) -> None:
        """Empty the write-ahead log, where what was deleted would stay readable for a while."""

        def run() -> None:
            with _store_errors(self._path), closing(sqlite3.connect(self._path)) as db:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        await asyncio.to_thread(run)

    async def close(self) -> None:
        """See `Store.close`."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        self._lock.release()

    async def _submit(self, job: Callable[[sqlite3.Connection], T]) -> T:
        done: Future[T] = Future()
        self._jobs.put((job, done))
        return await asyncio.wrap_future(done)

    async def _read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            with (
                _store_errors(self._path),
                closing(
                    sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro", uri=True)
                ) as db,
            ):
                return job(db)

        return await asyncio.to_thread(run)

    def _write_loop(self, opened: Future[None]) -> None:
        try:
            with _store_errors(self._path):
                db = _open(self._path)
        except StoreError as error:
            opened.set_exception(error)
            return
        opened.set_result(None)
        with closing(db):
            while (first := self._jobs.get()) is not None:
                group, more = [first], True
                while more and len(group) < MAX_GROUP and not self._jobs.empty():
                    job = self._jobs.get()
                    if job is None:
                        self._jobs.put(None)
                        more = False
                    else:
                        group.append(job)
                # From here on a job is carried out, even if who asked for it is gone by then.
                self._commit(db, [job for job in group if job[1].set_running_or_notify_cancel()])

    def _commit(self, db: sqlite3.Connection, group: list[_Job]) -> None:
        """One transaction for the whole group; a failed one is retried job by job."""
        try:
            with _store_errors(self._path), db:
                db.execute("BEGIN IMMEDIATE")
                results = [job(db) for job, _ in group]
        except Exception as error:  # whatever a job does, the writer lives on
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            for single in group:
                self._commit(db, [single])
            return
        for (_, done), result in zip(group, results, strict=True):
            done.set_result(result)


def read_call(path: Path, call: str) -> list[Event]:
    """The events of a stored call, read beside whatever process may be writing. Empty: unknown.

    Raises `StoreError` if there is no such store or it cannot be read.
    """
    if not path.is_file():
        raise StoreError(
            f"there is no event store {path}", "name the one in use: CONTENANCE_STORE__PATH=FILE"
        )
    with (
        _store_errors(path),
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db,
    ):
        rows = db.execute("SELECT seq, body FROM events WHERE call = ? ORDER BY seq", (call,))
        return [_event(seq, body, None) for seq, body in rows]


@contextmanager
def _store_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        fix = "free disk space (it then goes on by itself) or move it: CONTENANCE_STORE__PATH"
        if (
            isinstance(error, sqlite3.DatabaseError) and "malformed" in str(error)
        ) or "not a database" in str(error):
            fix = f"move {path} away (keep it for recovery) and start again with a fresh one"
        raise StoreError(f"the event store {path} cannot be used: {error}", fix) from error
    except OSError as error:
        raise StoreError(
            f"the event store {path} cannot be used: {error.strerror or error}",
            "point CONTENANCE_STORE__PATH at a folder this user may write to",
        ) from error


def _open(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600)  # SQLite gives the files beside it the same rights
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA secure_delete = ON")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version == 0:
        db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    elif version != SCHEMA_VERSION:
        db.close()
        raise StoreError(
            f"the event store {path} has schema {version}, this program writes {SCHEMA_VERSION}",
            "start the version that wrote it, or point CONTENANCE_STORE__PATH elsewhere",
        )
    _close_orphans(db)
    return db


def _close_orphans(db: sqlite3.Connection) -> None:
    """End the calls that an earlier process left open, so that nobody waits for them."""
    for row in db.execute(_ROW).fetchall():
        call, _, stage, _, ended, duration, _ = row
        if not ended:
            event = CallEnded(
                call=call,
                t_secs=duration,
                reason="server_lost",
                final_stage=stage,
                duration_secs=duration,
            )
            with db:
                db.execute("BEGIN IMMEDIATE")
                _append(db, call, [event])


def _append(db: sqlite3.Connection, call: str, events: Sequence[Event]) -> int:
    db.execute("INSERT OR IGNORE INTO calls VALUES (?, ?)", (call, _wire_time(datetime.now(UTC))))
    (last,) = db.execute(
        "SELECT coalesce(max(seq), 0) FROM events WHERE call = ?", (call,)
    ).fetchone()
    for seq, event in enumerate(events, last + 1):
        body = event.model_dump(mode="json", by_alias=True, exclude={"seq"})
        if agent_ref := body.pop("agent_ref", None):
            db.execute("INSERT OR REPLACE INTO agents VALUES (?, ?)", (call, agent_ref))
        db.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
            (call, seq, event.type, event.t_secs, json.dumps(body, ensure_ascii=False)),
        )
    return int(last) + len(events)


def _erase(db: sqlite3.Connection, call: str, kinds: Sequence[str]) -> int:
    count = 0
    for kind in kinds:
        rows = db.execute(
            "SELECT seq, t_secs FROM events WHERE call = ? AND type = ?", (call, kind)
        ).fetchall()
        for seq, t_secs in rows:
            tombstone = Erased(call=call, t_secs=t_secs, seqs=(seq,), kind=kind)
            body = tombstone.model_dump_json(exclude={"seq"})
            db.execute(
                "UPDATE events SET type = ?, body = ? WHERE call = ? AND seq = ?",
                (tombstone.type, body, call, seq),
            )
        count += len(rows)
    return count


def _purge(db: sqlite3.Connection, calls_before: datetime, agents_before: datetime) -> int:
    started = "SELECT call FROM calls WHERE started_at < ?"
    db.execute(f"DELETE FROM agents WHERE call IN ({started})", (_wire_time(agents_before),))  # noqa: S608
    old = [row[0] for row in db.execute(started, (_wire_time(calls_before),))]
    for table in ("events", "agents", "calls"):
        db.executemany(f"DELETE FROM {table} WHERE call = ?", [(call,) for call in old])  # noqa: S608
    return len(old)


def _wire_time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds")


def _event(seq: int, body: str, agent_ref: str | None) -> Event:
    data = json.loads(body) | {"seq": seq}
    if agent_ref and data["type"] == "call.started":
        data["agent_ref"] = agent_ref
    return from_wire(data)


def _call_row(row: tuple[str, str, Stage, str, int, float, int]) -> CallRow:
    call, started_at, stage, source, ended, duration, last_seq = row
    return CallRow(
        call=call,
        started_at=started_at,
        state="ended" if ended else "live",
        stage=stage,
        source=source,
        duration_secs=duration,
        last_seq=last_seq,
    )
