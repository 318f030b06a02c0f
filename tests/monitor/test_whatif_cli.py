"""`contenance what-if` as an administrator runs it: a process of its own, on files and a store."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.golden import load
from models.text.load import load_text_model
from monitor.events import Event
from monitor.policy import load_policy
from monitor.store.sqlite import SqliteStore
from monitor.whatif import transcript_events

CALL = next(call for call in load("calls") if call.id == "rehab-request-mild-irony")


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return transcript_events(
        CALL.transcript,
        text_model=load_text_model("lexicon"),
        policy=load_policy("standard"),
        use_labels=True,
    )


def what_if(*arguments: str, store: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | ({"CONTENANCE_STORE__PATH": str(store)} if store else {})
    return subprocess.run(
        [sys.executable, "-m", "monitor.cli", "what-if", *arguments],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_events_transcript_and_store_tell_the_same(tmp_path: Path, events: list[Event]) -> None:
    policies = ("--policy", "standard", "--policy", "patient", "--json")
    transcript = tmp_path / "transcript.jsonl"
    transcript.write_text(json.dumps({"id": CALL.id, "turns": CALL.turns}), "utf-8")
    of_transcript = lines(what_if(str(transcript), *policies, "--use-labels"))

    printed = tmp_path / "events.jsonl"
    printed.write_text("".join(event.to_wire() + "\n" for event in events), "utf-8")
    assert lines(what_if(str(printed), *policies)) == of_transcript

    path = tmp_path / "calls.sqlite3"
    store = SqliteStore(path)  # stays open: a server is running

    async def put() -> None:
        await store.append(CALL.id, events)

    asyncio.run(put())
    assert lines(what_if(CALL.id, *policies, store=path)) == of_transcript
    asyncio.run(store.close())

    *differences, total = of_transcript
    assert differences
    assert set(total["policies"]) == {"standard-2", "patient-2"}  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere", "--policy", "standard", "--policy", "strict"), "no such call"),
        (("{file}", "--policy", "standard"), "give --policy twice"),
        (("{file}", "--policy", "standard", "--policy", "strikt"), 'did you mean "strict"'),
        (("{bad}", "--policy", "standard", "--policy", "strict"), "bad.jsonl:1: this is no event"),
    ],
)
def test_wrong_use_is_told_with_its_remedy(
    arguments: tuple[str, ...], says: str, tmp_path: Path, events: list[Event]
) -> None:
    file, bad, path = tmp_path / "e.jsonl", tmp_path / "bad.jsonl", tmp_path / "calls.sqlite3"
    file.write_text("".join(event.to_wire() + "\n" for event in events), "utf-8")
    bad.write_text("{}\n", "utf-8")
    store = SqliteStore(path)
    asyncio.run(store.close())
    given = [argument.format(file=file, bad=bad) for argument in arguments]
    done = what_if(*given, store=path)
    assert done.returncode != 0
    assert says in done.stderr.replace("\n", " ")
