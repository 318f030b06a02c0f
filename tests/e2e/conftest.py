"""The real parts with the embedded model, loaded once."""

from __future__ import annotations

import pytest

from monitor.analyzer import Parts
from monitor.settings import Settings
from monitor.wiring import build_parts


@pytest.fixture(scope="session")
def parts() -> Parts:
    """Models, policy and phrases of the shipped settings."""
    return build_parts(Settings())
