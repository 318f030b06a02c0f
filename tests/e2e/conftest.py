"""The real parts with the embedded model, loaded once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.text.load import load_text_model
from monitor.analyzer import Parts
from monitor.settings import Settings, TextAnalysis
from monitor.wiring import build_parts


@pytest.fixture(scope="session")
def parts() -> Parts:
    """The shipped settings, words scored by rules alone: these tests judge the chain of parts.

    The calls were written together with the rules, so what goes wrong in them is not the words.
    """
    return build_parts(Settings(text=TextAnalysis(model="lexicon")))


@pytest.fixture(scope="session")
def shipped_parts(parts: Parts) -> Parts:
    """The same with the text model that is shipped."""
    return replace(parts, text=load_text_model())
