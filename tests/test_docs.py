"""The documentation: links lead somewhere, and nothing names the machine it was written on."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "models").rglob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def test_no_file_names_a_folder_of_one_machine() -> None:
    folders = ["/" + name + "/" for name in ("work", "root", "farm", "home/[a-z]+")]
    found = subprocess.run(
        ["git", "grep", "-InE", rf"(^|[^.\w])({'|'.join(folders)})", "--", ".", ":!api/web/dist"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in found.stdout.splitlines() if "tests/test_docs.py" not in line]
    # The container's own folders are no one's machine.
    assert not [line for line in lines if not line.startswith("Dockerfile:")]
