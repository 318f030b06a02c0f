"""A real server in a process of its own, for measurements and pictures."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def running_server(folder: Path) -> AsyncIterator[str]:
    """host:port of a server on a free port that keeps its calls in `folder`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "api.cli",
        "serve",
        "--port",
        "0",
        stderr=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "CONTENANCE_STORE__PATH": str(folder / "calls.sqlite3"),
            "COLUMNS": "200",
        },
    )
    try:
        yield await _address(process)
    finally:
        process.terminate()
        await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    while line := (await process.stderr.readline()).decode():
        if found := re.search(r"http://([\w.\[\]:]+)/", line):
            return found[1]
    raise RuntimeError("the server did not start")
