"""`contenance demo`: the main job from end to end, through the server's own front door.

The shipped call goes into the ingest websocket as a phone system would send it, and what the
terminal shows comes from the event websocket as a screen would get it.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import uvicorn
from numpy.typing import NDArray
from rich.console import Console
from websockets.asyncio.client import ClientConnection, connect

from api.server import address_of, bind, make_server
from models.errors import AudioError, ContenanceError
from monitor.events import CallEnded, from_wire
from monitor.phrases import PhraseBook
from monitor.settings import Settings, StoreChoice
from monitor.terminal import TerminalView

DEMO_CALL = Path(__file__).resolve().parents[1] / "configs" / "demo" / "demo.flac"
BLOCK_SECS = 0.1


class DemoFailed(ContenanceError):  # noqa: N818 - reads as what happened
    """The demo call did not come through."""


async def run_demo(settings: Settings, *, once: bool, fast: bool, console: Console) -> None:
    """Serve, stream the demo call, show it, and serve on unless `once`.

    `fast`: as quick as the machine can instead of in real time.
    """
    samples, rate_hz = _read_demo()
    with TemporaryDirectory(prefix="contenance-demo-") as folder, bind(settings) as listener:
        # A demo call has no place among a site's own, and is gone when the demo ends.
        store = StoreChoice(path=Path(folder) / "calls.sqlite3")
        settings = settings.model_copy(update={"store": store})
        address = address_of(listener)
        with console.status("Modelle werden geladen …"):
            server = await asyncio.to_thread(make_server, settings)
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="server")
        try:
            await _wait_until_serving(server, serving)
            await _one_call(
                f"ws://{address}", f"http://{address}", samples, rate_hz, settings, fast, console
            )
            if not once:
                url = f"http://{address}/"
                console.print(f"\nDer Server läuft weiter: [link={url}]{url}[/] · Ende mit Strg-C")
                await serving
        finally:
            server.should_exit = True
            await serving


def _read_demo() -> tuple[NDArray[np.int16], int]:
    try:
        samples, rate_hz = soundfile.read(DEMO_CALL, dtype="int16", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise AudioError(
            f"the demo call {DEMO_CALL} cannot be read",
            "rebuild it: python -m benchmarks.synthesis --demo",
        ) from error
    return samples, rate_hz


async def _one_call(
    ws: str,
    http: str,
    samples: NDArray[np.int16],
    rate_hz: int,
    settings: Settings,
    fast: bool,
    console: Console,
) -> None:
    async with connect(f"{ws}/v1/ingest/stream", proxy=None, compression=None) as source:
        start = {
            "type": "start",
            "rate_hz": rate_hz,
            "channels": ["customer", "agent"],
            "source": "demo",
            "consent": {"voice": True, "recording": False},
        }
        await source.send(json.dumps(start))
        call = (await _answer(source, "started"))["call"]
        overlay = f"{http}/overlay?call={call}"
        console.print(f"Overlay für den Agenten: [link={overlay}]{overlay}[/]\n")
        watching = asyncio.create_task(
            _watch(f"{ws}/v1/calls/{call}/events", settings, console), name="screen"
        )
        try:
            await _stream(source, samples, rate_hz, fast)
            await _answer(source, "ended")
            await watching
        finally:
            watching.cancel()


async def _stream(
    source: ClientConnection, samples: NDArray[np.int16], rate_hz: int, fast: bool
) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    block = round(BLOCK_SECS * rate_hz)
    for at in range(0, len(samples), block):
        piece = samples[at : at + block]
        if not fast:  # a block can be sent once it has been spoken
            await asyncio.sleep(max(0.0, began + (at + len(piece)) / rate_hz - loop.time()))
        await source.send(piece.astype("<i2").tobytes())
    await source.send('{"type":"stop"}')


async def _watch(url: str, settings: Settings, console: Console) -> None:
    view = TerminalView(console, PhraseBook.load(settings.language))
    async with connect(url, proxy=None, compression=None) as screen:
        with view:
            async for message in screen:
                event = from_wire(message)
                view.show(event)
                if isinstance(event, CallEnded):
                    break
    view.summary()


async def _answer(source: ClientConnection, kind: str) -> dict[str, str]:
    answer: dict[str, str] = json.loads(await source.recv())
    if answer["type"] != kind:
        raise DemoFailed(answer.get("message", "the server gave no answer"), answer.get("fix", ""))
    return answer


async def _wait_until_serving(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not server.started:
        if serving.done():
            await serving
            raise DemoFailed("the server did not start", "contenance doctor tells what is missing")
        await asyncio.sleep(0.02)
