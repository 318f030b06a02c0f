"""`contenance config check | show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from models.yamllines import load_yaml
from monitor.cli.shared import ConfigFile, JsonLines, print_table, write_json
from monitor.settings import Loaded, load

app = typer.Typer(no_args_is_help=True, help="Check or show the settings.")


@app.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="Settings or policy file; the settings in force if left out."
        ),
    ] = None,
) -> None:
    """Check a settings file, all policies and all phrases; say what is wrong and where.

    FILE may also be a policy of your own.
    """
    from monitor.phrases import LANGUAGES, PhraseBook
    from monitor.policy import load_policies, load_policy

    if file is not None and _is_policy(file):
        print(f"{file}: all right (policy {load_policy(file).version})")
        return
    loaded = load(file=file)
    choice = loaded.settings.policy
    policies = load_policies(choice.name, choice.folder, choice.of_queue)
    for lang in LANGUAGES:
        PhraseBook.load(lang)
    others = ", ".join(name for name in policies.names if name != policies.default.name)
    print(
        f"{loaded.file}: all right (policy {policies.default.version}, also {others}; "
        f"phrases {', '.join(LANGUAGES)})"
    )


def _is_policy(file: Path) -> bool:
    """Whether it has what only policies have."""
    found = load_yaml(file).value
    return isinstance(found, dict) and "version" in found


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
