"""`contenance config check | show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from monitor.cli.shared import ConfigFile, JsonLines, print_table, write_json
from monitor.settings import Loaded, load

app = typer.Typer(no_args_is_help=True, help="Check or show the settings.")


@app.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Settings file; the one in force if left out."),
    ] = None,
) -> None:
    """Check a settings file and the policy and phrases it names; say what is wrong and where."""
    from monitor.phrases import PhraseBook
    from monitor.policy import load_policy

    loaded = load(file=file)
    policy = load_policy(loaded.settings.policy.name)
    PhraseBook.load(loaded.settings.language)
    print(f"{loaded.file}: all right (policy {policy.version}, phrases {loaded.settings.language})")


@app.command()
def show(config: ConfigFile = None, json: JsonLines = False) -> None:
    """Every setting in force and where it comes from; secrets are masked."""
    loaded = load(file=config)
    rows = [
        {"setting": path, "value": value, "origin": str(loaded.origins[path])}
        for path, value in _values(loaded)
    ]
    if json:
        for row in rows:
            write_json(row)
        return
    table = Table(Column("setting", no_wrap=True), "value", Column("origin", overflow="fold"))
    for row in rows:
        table.add_row(row["setting"], _plain(row["value"]), row["origin"])
    print_table(table)


def _values(loaded: Loaded) -> list[tuple[str, Any]]:
    """Path and value of every setting; pydantic writes a secret as asterisks."""
    values = loaded.settings.model_dump(mode="json")
    found = []
    for path in loaded.origins:
        value: Any = values
        for name in path.split("."):
            value = value[name]
        found.append((path, value))
    return found


def _plain(value: object) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "true" if value else "false"
        case list():
            return ", ".join(map(str, value)) or "–"
    return str(value)
