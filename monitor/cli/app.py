"""The typer application, and how errors of any command reach people."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from models.errors import ContenanceError
from monitor import __version__
from monitor.cli import config, devices, doctor, listen, registry, score, transcripts, whatif

app = typer.Typer(
    name="contenance",
    help="Offline tone monitor for phone support.",
    epilog="Exit status: 0 done · 1 failed · 2 wrong usage, settings or input line · 3 model · "
    "4 no recogniser free · 5 audio · 6 store · 7 port · 130 Ctrl-C · 143 SIGTERM",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("monitor")(listen.monitor)
app.command("replay")(transcripts.replay)
app.command("what-if")(whatif.what_if)
app.add_typer(score.app, name="score")
app.add_typer(registry.app, name="models")
app.add_typer(config.app, name="config")
app.command("devices")(devices.devices)
app.command("doctor")(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the program itself."""


def run(application: typer.Typer) -> None:
    """Run a command line and end with its status.

    An expected error is told on stderr with its remedy and gives its own exit status; Ctrl-C
    gives 130; a reader that closed the pipe (`… | head`) ends the program without a word.
    """
    status: str | int | None = 0
    try:
        application()
    except SystemExit as end:
        status = end.code
    except ContenanceError as error:
        tell(error)
        status = error.exit_code
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        status = status or 1
    raise SystemExit(status)


def tell(error: ContenanceError) -> None:
    """Message and remedy on stderr."""
    console = Console(stderr=True, highlight=False)
    console.print(Text.assemble(("error: ", "bold red"), error.message), soft_wrap=True)
    if error.fix:
        console.print(Text.assemble(("  fix: ", "bold green"), error.fix), soft_wrap=True)
