"""`contenance doctor`."""

from __future__ import annotations

from dataclasses import asdict

import typer
from rich.console import Console
from rich.text import Text

from monitor.cli.shared import ConfigFile, JsonLines, busy, write_json
from monitor.doctor import Finding, State, examine

_MARKS: dict[State, tuple[str, str]] = {
    "ok": ("OK     ", "green"),
    "note": ("note   ", "yellow"),
    "problem": ("PROBLEM", "bold red"),
}


def doctor(config: ConfigFile = None, json: JsonLines = False) -> None:
    """Check that everything is there that a call needs; status 1 if something is missing."""
    console = Console(highlight=False)
    findings: list[Finding] = []
    checks = examine(config)
    while True:
        with busy("checking …"):
            finding = next(checks, None)
        if finding is None:
            break
        findings.append(finding)
        if json:
            write_json(asdict(finding))
            continue
        mark, style = _MARKS[finding.state]
        line = Text.assemble((mark, style), f"  {finding.name:<13} {finding.detail}")
        console.print(line, soft_wrap=True)
        if finding.fix:
            console.print(Text(f"{'':25}fix: {finding.fix}"), soft_wrap=True)
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(1)
