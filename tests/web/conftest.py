"""A real browser on a server that plays recorded calls."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

HERE = Path(__file__).parent
RECORDINGS = HERE / "recordings"
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


def read_recording(name: str) -> list[dict[str, Any]]:
    """The events of a recording, ephemeral ones too."""
    text = (RECORDINGS / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def after(name: str, kind: str, nth: int = 1, **fields: Any) -> int:
    """How many lines of a recording have happened when the `nth` such event has."""
    for number, event in enumerate(read_recording(name), start=1):
        if event["type"] == kind and all(event[key] == value for key, value in fields.items()):
            nth -= 1
            if nth == 0:
                return number
    raise LookupError(f"{name} has no such {kind}")


@dataclass
class Wire:
    """The test server's remote control."""

    origin: str
    recordings: dict[str, str] = field(default_factory=dict)

    def _request(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.origin}{path}", data, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def reset(self) -> None:
        self.recordings.clear()
        self._request("/control/reset", {})

    def load(self, call: str, recording: str, started_at: str = "2026-01-05T09:00:00Z") -> None:
        """Register a call of which nothing has happened yet."""
        self.recordings[call] = recording
        body = {"call": call, "recording": recording, "started_at": started_at}
        self._request("/control/load", body)

    def play(self, call: str, kind: str, nth: int = 1, **fields: Any) -> None:
        """Let the call go on until this event has happened."""
        until = after(self.recordings[call], kind, nth, **fields)
        self._request("/control/play", {"call": call, "until": until})

    def add(self, call: str, **event: Any) -> None:
        """Let an event of the test's own happen; the rest of the recording is dropped."""
        self._request("/control/add", {"call": call, "event": event})

    def drop(self, call: str, code: int) -> None:
        self._request("/control/drop", {"call": call, "code": code})

    def set(self, **behaviour: Any) -> None:
        self._request("/control/set", behaviour)

    def commands(self, count: int) -> list[dict[str, Any]]:
        """All commands from the page, once at least `count` have come."""
        return self._request(f"/control/commands?count={count}")

    @property
    def connections(self) -> list[int]:
        """The `after_seq` of every connection so far."""
        return self._request("/control/connections")


# Browser and server live as long as a module: a running Playwright keeps an event loop in this
# thread, which would be in the way of the tests of other folders.
@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, str(HERE / "wire_server.py")],
        cwd=HERE.parents[1],
        env={"PYTHONPATH": str(HERE.parents[1])},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port, "the test server did not start; its error is above"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@pytest.fixture
def recorded() -> Callable[[str], list[dict[str, Any]]]:
    """The events of a recording by its name."""
    return read_recording


@pytest.fixture(scope="session")
def node_project(need: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of api/web with its tools installed as the lock file says."""
    need("node")
    root = tmp_path_factory.mktemp("project")
    project = root / "api" / "web"
    skip = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(HERE.parents[1] / "api" / "web", project, ignore=skip)
    shutil.copytree(RECORDINGS, root / "tests" / "web" / "recordings")
    done = subprocess.run(
        ["npm", "ci", "--prefer-offline"], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"npm ci failed:\n{done.stderr[-2000:]}"
    return project


@pytest.fixture
def wire(server: str) -> Iterator[Wire]:
    wire = Wire(server)
    wire.reset()
    yield wire
    wire.reset()


@pytest.fixture(scope="module")
def browser(need: Callable[[str], None]) -> Iterator[Browser]:
    need("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS
        )
        yield browser
        browser.close()


@dataclass
class Opener:
    """Opens pages and keeps what went wrong in them."""

    browser: Browser
    origin: str
    troubles: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def __call__(
        self, path: str, *, width: int = 1280, height: int = 800, dark: bool = False, **context: Any
    ) -> Page:
        settings = {"color_scheme": "dark" if dark else "light", "locale": "de-DE", **context}
        opened = self.browser.new_context(viewport={"width": width, "height": height}, **settings)
        self.contexts.append(opened)
        page = opened.new_page()
        page.on("pageerror", lambda error: self.troubles.append(f"script error: {error}"))
        page.on("console", self._console)
        page.on("request", self._request)
        page.goto(self.origin + path)
        return page

    def _console(self, message: Any) -> None:
        # A lost connection is logged by the browser itself; everything else is a defect.
        if message.type in {"error", "warning"} and "WebSocket connection" not in message.text:
            self.troubles.append(f"console: {message.text}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith(self.origin):
            self.troubles.append(f"request to elsewhere: {request.url}")


@pytest.fixture
def visit(browser: Browser, server: str, wire: Wire) -> Iterator[Opener]:
    """Open a page; no script error, CSP violation or foreign request may happen in it."""
    opener = Opener(browser, server)
    yield opener
    for context in opener.contexts:
        context.close()
    assert opener.troubles == []
