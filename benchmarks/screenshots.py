"""`python -m benchmarks.screenshots FOLDER`: pictures of the real pages during the demo call.

A real server gets the demo call up to a moment that has something to show, and waits there while
Chromium takes the pictures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path

import soundfile
from playwright.async_api import Browser, async_playwright
from websockets.asyncio.client import connect

from api.demo import DEMO_CALL
from benchmarks.server import running_server

UNTIL_SECS = 49.0
"""The customer has just called the agent names; the cue to ask for respect is up."""

PICTURES = {
    "overlay": {"width": 1180, "height": 760, "scheme": "light"},
    "overlay-dark": {"width": 1180, "height": 760, "scheme": "dark"},
    "overlay-strip": {"width": 320, "height": 760, "scheme": "light"},
}


def main() -> int:
    """Write the pictures; exit status 1 where Chromium is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        print("chromium is missing: apt-get install chromium", file=sys.stderr)
        return 1
    arguments.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(_take(chromium, arguments.folder))
    return 0


async def _take(chromium: str, folder: Path) -> None:
    samples, rate_hz = soundfile.read(DEMO_CALL, dtype="int16", always_2d=True)
    with tempfile.TemporaryDirectory() as data:
        async with (
            running_server(Path(data)) as address,
            connect(f"ws://{address}/v1/ingest/stream", proxy=None) as source,
            async_playwright() as playwright,
        ):
            start = {
                "type": "start",
                "rate_hz": rate_hz,
                "channels": ["customer", "agent"],
                "source": "demo",
                "consent": {"voice": True},
            }
            await source.send(json.dumps(start))
            call = json.loads(await source.recv())["call"]
            browser = await playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            for at in range(0, round(UNTIL_SECS * rate_hz), rate_hz):
                await source.send(samples[at : at + rate_hz].tobytes())
            for name, size in PICTURES.items():
                await _picture(
                    browser, f"http://{address}/overlay?call={call}", size, folder / name
                )
            await browser.close()
            await source.send('{"type":"stop"}')
            await source.recv()


async def _picture(browser: Browser, url: str, size: dict[str, object], path: Path) -> None:
    page = await browser.new_page(
        viewport={"width": int(str(size["width"])), "height": int(str(size["height"]))},
        color_scheme="dark" if size["scheme"] == "dark" else "light",
        locale="de-DE",
    )
    await page.goto(url)
    await page.get_by_text("Um Respekt bitten").first.wait_for()
    await page.screenshot(path=path.with_suffix(".png"))
    await page.close()


if __name__ == "__main__":
    sys.exit(main())
