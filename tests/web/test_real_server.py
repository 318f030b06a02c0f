"""The overlay on the real server: one shipped call from its audio to the page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.real


@pytest.fixture
def overlay(tmp_path: Path) -> Iterator[str]:
    """Address of the overlay of a call that is being monitored under the policy `coach`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CONTENANCE_")}
    ours = {"CONTENANCE_POLICY__NAME": "coach", "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "api.cli", "demo", "--port", "0", "--fast"],
        cwd=ROOT,
        env=kept | ours | {"COLUMNS": "120"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        found = None
        for line in process.stdout:
            if found := re.search(r"http://[\w.:]+/overlay\?call=\w+", line):
                break
        try:
            assert found is not None, "the demo named no overlay"
            yield found[0]
        finally:
            process.terminate()
            process.stdout.read()


def test_a_call_under_the_coach_policy_reaches_the_page(browser, overlay):
    context = browser.new_context(viewport={"width": 320, "height": 720}, locale="de-DE")
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(overlay)
    expect(page.locator("#policy")).to_have_text(re.compile(r"Regelwerk: coach-\d+"))
    expect(page.locator("#card-heading")).to_have_text("Gespräch beendet", timeout=60_000)
    expect(page.locator("#card-facts")).to_contain_text("Höchste StufeGespräch beenden")
    expect(page.locator("#approval")).to_be_hidden()
    expect(page.locator("#side")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert troubles == []
    context.close()
