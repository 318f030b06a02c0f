"""An administrator edits the lexicon of a running server."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

from models.text.lexicon import SHIPPED


def text_model(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/healthz") as answer:
        return str(json.load(answer)["text_model"])


def test_changes_are_taken_up_without_a_restart_and_mistakes_are_not(
    tmp_path: Path, serving: Callable[..., tuple[subprocess.Popen[str], str]]
) -> None:
    folder = tmp_path / "de"
    shutil.copytree(SHIPPED, folder)
    process, address = serving(CONTENANCE_TEXT__LEXICON=str(folder))
    before = text_model(address)
    local = folder / "local.yaml"
    good = "version: 1\nnever_alarm:\n  - trottelmann\n"
    local.write_text(good, "utf-8")
    assert process.stderr is not None
    said = next(line for line in process.stderr if "lexicon" in line)
    assert "calls from now on" in said
    after = text_model(address)
    assert after != before

    local.write_text("version: 1\nnever_alarms: []\n", "utf-8")
    wrong = next(line for line in process.stderr if "lexicon" in line)
    assert "not taken up" in wrong
    assert "local.yaml:2" in wrong
    assert "never_alarm" in wrong
    assert text_model(address) == after
