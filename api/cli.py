"""The console script `contenance`: monitor's commands, and the two that need the server."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler

from monitor.cli.app import app, run
from monitor.settings import Loaded, load

Port = Annotated[int | None, typer.Option(help="TCP port (0: any free one).", show_default=False)]
Model = Annotated[
    str | None,
    typer.Option("--asr-model", metavar="NAME|PATH", help="Speech model.", show_default=False),
]
AllowDemo = Annotated[
    bool | None,
    typer.Option(
        "--allow-demo-model", help="Let phone lines use the demo model.", show_default=False
    ),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings file.", show_default=False)
]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address.", show_default=False)] = None,
    port: Port = None,
    asr_model: Model = None,
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
    loaded = load(flags, file=config)
    _log(loaded)
    asyncio.run(_serve(loaded))


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
    loaded = load({"server.port": port, "asr.model": "de_demo"}, file=config)
    _log(loaded, quiet=True)
    asyncio.run(run_demo(loaded.settings, once=once, fast=fast, console=Console()))


async def _serve(loaded: Loaded) -> None:
    from api.server import address_of, bind, make_server

    with bind(loaded.settings) as listener:
        server = await asyncio.to_thread(make_server, loaded.settings)
        logging.getLogger("contenance").info("serving on http://%s/", address_of(listener))
        await server.serve(sockets=[listener])


def _log(loaded: Loaded, *, quiet: bool = False) -> None:
    """Logs go to stderr; stdout is for results."""
    level = "warning" if quiet else loaded.settings.log_level
    handler = RichHandler(console=Console(stderr=True), show_path=False, rich_tracebacks=False)
    logging.basicConfig(level=level.upper(), format="%(message)s", datefmt="%X", handlers=[handler])
    logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, logging.getLogger().level))


def main() -> None:
    """Entry point: runs the command; an expected error becomes a message and an exit code."""
    run(app)


if __name__ == "__main__":
    main()
