"""The commands that need no server. `api.cli` adds `serve` and `demo`."""

from __future__ import annotations


def main() -> None:
    """Run the command line; an expected error becomes a message and an exit status."""
    from monitor.cli.app import app, run

    run(app)
