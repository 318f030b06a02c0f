"""The committed assets are what the sources build, small, and need nothing from elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "api" / "web"
DIST = WEB / "dist"
LARGEST_SCRIPT_BYTES = 60_000


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.real
def test_dist_is_what_the_sources_build(node_project: Path):
    subprocess.run(["npm", "run", "build"], cwd=node_project, check=True, capture_output=True)
    built, committed = contents(node_project / "dist"), contents(DIST)
    assert built.keys() == committed.keys(), "run `npm ci && npm run build` in api/web"
    assert built == committed


@pytest.mark.real
def test_unit_tests_of_the_pages(node_project: Path):
    done = subprocess.run(
        ["npm", "test"], cwd=node_project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.parametrize("page", ["index.html", "overlay.html"])
def test_a_page_and_all_it_loads(page):
    html = (DIST / page).read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", html)
    names = re.findall(r'(?:src|href)="(/assets/[^"]+)"', html)
    assert names
    assert all((DIST / name.lstrip("/")).is_file() for name in names)
    scripts = {name for name in names if name.endswith(".js")}
    assert sum((DIST / name.lstrip("/")).stat().st_size for name in scripts) < LARGEST_SCRIPT_BYTES


def test_assets_name_no_other_place():
    for name, content in contents(DIST).items():
        addresses = set(re.findall(rb"(?:https?|wss?)://[^\s\"'`)]+", content))
        assert addresses <= {b"http://www.w3.org/2000/svg"}, name
        assert b"@import" not in content


def test_lock_file_names_no_registry():
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert all("integrity" in entry for entry in packages.values())
    assert "dependencies" not in lock["packages"][""]  # nothing but tools: the pages are our own
