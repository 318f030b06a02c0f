"""`python -m benchmarks [NAME ...]`: run measurements, print a table, write JSON, check ratios."""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

NAMES = ("cpu", "latency", "calls", "ladder", "text", "recognised")


def main() -> int:
    """Exit status 1 when a ratio is over its limit; absolute figures never fail."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    figures: dict[str, dict[str, Any]] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        chosen = arguments.names or NAMES
        task = progress.add_task("measuring", total=len(chosen))
        for name in chosen:
            progress.update(task, description=name)
            figures[name] = importlib.import_module(f"benchmarks.{name}").measure(arguments.seed)
            progress.advance(task)
    console = Console()
    console.print(
        f"Python {platform.python_version()}, {platform.machine()}, seed {arguments.seed}"
    )
    for name, result in figures.items():
        table = Table("figure", "value", title=name, title_justify="left", min_width=60)
        for key, value in result.items():
            table.add_row(
                key,
                json.dumps(value, ensure_ascii=False, indent=1)
                if isinstance(value, dict)
                else str(value),
            )
        console.print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n")
    over = [
        name
        for name, result in figures.items()
        if "ratio" in result and result["ratio"] > result["ratio_limit"]
    ]
    for name in over:
        console.print(f"{name}: the ratio is over its limit", style="bold red")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
