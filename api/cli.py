"""The console script `contenance`: monitor's commands, and the two that need the server."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

import typer
from rich.console import Console

from monitor.cli.app import app, run
from monitor.cli.shared import AsrModel, ConfigFile, load_settings, note
from monitor.settings import Settings

Port = Annotated[int | None, typer.Option(help="TCP port (0: any free one).", show_default=False)]
AllowDemo = Annotated[
    bool | None,
    typer.Option(
        "--allow-demo-model", help="Let phone lines use the demo model.", show_default=False
    ),
]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address.", show_default=False)] = None,
    port: Port = None,
    asr_model: AsrModel = None,
    allow_demo_model: AllowDemo = None,
    config: ConfigFile = None,
) -> None:
    """Serve the pages and the websockets until Ctrl-C."""
    flags = {
        "server.host": host,
        "server.port": port,
        "asr.model": asr_model,
        "asr.allow_demo_model": allow_demo_model,
    }
    loaded = load_settings(flags, config)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    asyncio.run(_serve(loaded.settings))


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the call.")] = False,
    fast: Annotated[bool, typer.Option("--fast", help="As fast as the machine can.")] = False,
    port: Port = None,
    config: ConfigFile = None,
) -> None:
    """One shipped support call, monitored live through the server's own front door."""
    from api.demo import run_demo

    # The demo call is synthetic speech, so it is always heard with the model made for that.
    loaded = load_settings({"server.port": port, "asr.model": "de_demo"}, config)
    logging.getLogger().setLevel(logging.WARNING)
    asyncio.run(run_demo(loaded.settings, once=once, fast=fast, console=Console()))


async def _serve(settings: Settings) -> None:
    from api.server import address_of, bind, make_server

    with bind(settings) as listener:
        server = await asyncio.to_thread(make_server, settings)
        note(f"serving on http://{address_of(listener)}/ (Ctrl-C ends)")
        await server.serve(sockets=[listener])


def main() -> None:
    """Entry point: runs the command; an expected error becomes a message and an exit code."""
    run(app)


if __name__ == "__main__":
    main()
