"""`contenance models list | fetch | verify | where`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column, Table

from models.asr.progress import OnProgress
from models.asr.progress import Progress as Step
from monitor.cli.shared import JsonLines, busy, note, print_table, stderr, write_json

app = typer.Typer(no_args_is_help=True, help="Speech models: which there are, fetch, check.")

_STEPS = {"download": "downloading", "check": "checking", "unpack": "unpacking"}
_Name = Annotated[str, typer.Argument(metavar="NAME|PATH", help="A model's name, or its folder.")]


@app.command("list")
def list_(json: JsonLines = False) -> None:
    """The models that can be used or fetched."""
    from models.asr.registry import list_models

    known = list_models()
    if json:
        for model in known:
            write_json(asdict(model) | {"path": str(model.path) if model.path else None})
        return
    table = Table(Column("name", no_wrap=True), "language", "size", "installed", "what for")
    for model in known:
        installed = "yes" if model.path else "–"
        table.add_row(model.name, model.language, f"{model.size_mb} MB", installed, model.note)
    print_table(table)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="A name from contenance models list.")],
) -> None:
    """Download a model, check it and unpack it into the user's cache; goes on where it stopped."""
    from models.asr.registry import fetch

    with _bar() as on_progress:
        path = fetch(name, progress=on_progress)
    print(path)


@app.command()
def verify(model: _Name, json: JsonLines = False) -> None:
    """Check a model's files and checksums and try it once; status 3 if something is wrong."""
    from models.asr.registry import resolve, verify

    path = resolve(model)
    with busy(f"checking {path} …"):
        verdict = verify(path)
    if json:
        write_json(asdict(verdict) | {"path": str(verdict.path), "sound": verdict.sound})
    elif verdict.sound:
        how = "with checksums" if verdict.checksums else "no checksums to compare with"
        print(f"{path}: all right ({how})")
    else:
        for problem in verdict.problems:
            print(f"{path}: {problem}")
        note(f"contenance models fetch {model} installs it anew, if it is an official one")
    if not verdict.sound:
        raise typer.Exit(3)


@app.command()
def where(
    model: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Of this model; else of all.")
    ] = None,
) -> None:
    """Print the folder of a model, or the one that fetched models lie in."""
    from models.asr.registry import cache_dir, resolve

    print(resolve(model) if model is not None else cache_dir())


@contextmanager
def _bar() -> Iterator[OnProgress]:
    """A progress bar on stderr; without a terminal, one line a step."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=stderr, disable=not stderr.is_terminal) as bar:

        def on_progress(step: Step) -> None:
            if step.step not in tasks:
                tasks[step.step] = bar.add_task(_STEPS[step.step], total=step.total_bytes)
                if not stderr.is_terminal:
                    note(f"{_STEPS[step.step]} ({step.total_bytes // 1_000_000} MB)")
            bar.update(tasks[step.step], completed=step.done_bytes, total=step.total_bytes)
            if step.note:
                note(step.note)

        yield on_progress
