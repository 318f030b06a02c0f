"""What the commands share: options, settings with logging, JSON lines, progress on stderr."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.table import Table

from monitor.settings import Loaded, load

ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings file.", show_default=False)
]
JsonLines = Annotated[
    bool, typer.Option("--json", help="One JSON object a line on stdout, nothing else.")
]
AsrModel = Annotated[
    str | None,
    typer.Option("--asr-model", metavar="NAME|PATH", help="Speech model.", show_default=False),
]
PolicyName = Annotated[
    str | None,
    typer.Option("--policy", metavar="NAME|PATH", help="Escalation policy.", show_default=False),
]

stderr = Console(stderr=True, highlight=False)


def load_settings(flags: Mapping[str, object], file: Path | None) -> Loaded:
    """The settings in force; log lines go to stderr from here on."""
    loaded = load(flags, file=file)
    level = loaded.settings.log_level.upper()
    handler = RichHandler(console=stderr, show_path=False, rich_tracebacks=False)
    logging.basicConfig(level=level, format="%(message)s", datefmt="%X", handlers=[handler])
    return loaded


def write_json(value: object) -> None:
    """One line of JSON on stdout, at once."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A remark for the person at the keyboard, on stderr."""
    stderr.print(f"note: {text}", soft_wrap=True, markup=False)


@contextmanager
def busy(what: str) -> Iterator[None]:
    """A spinner on stderr while something takes long, if a person is watching."""
    if not stderr.is_terminal:
        yield
        return
    with stderr.status(what):
        yield


def print_table(table: Table) -> None:
    """A table on stdout: as wide as the terminal, or as it likes when nobody is watching."""
    console = Console()
    Console(width=None if console.is_terminal else 240).print(table)
