"""The text model by its name: network and rules, rules alone, and what happens without it."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from models.errors import ConfigError, ModelError
from models.text import load
from models.text.encoder import model as encoder
from models.text.encoder.combined import CombinedModel
from models.text.lexicon import SHIPPED, LexiconModel
from models.text.load import fell_back, load_text_model


def test_the_default_is_network_and_rules() -> None:
    model = load_text_model()
    assert isinstance(model, CombinedModel)
    assert "lexicon-de@" in model.name
    assert not fell_back("encoder", model)


def test_without_the_network_the_rules_go_on_and_the_log_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(encoder, "SHIPPED", tmp_path / "gone")
    with caplog.at_level(logging.WARNING):
        model = load_text_model()
    assert isinstance(model, LexiconModel)
    assert fell_back("encoder", model)
    assert "rules alone" in caplog.text
    assert str(tmp_path / "gone") in caplog.text
    assert model.score("sie sind ein vollidiot", "customer").assigned == ("insult",)


def test_a_damaged_network_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "de"
    shutil.copytree(encoder.SHIPPED, folder)
    phone = folder / "phone.onnx"
    phone.write_bytes(phone.read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"phone\.onnx"):
        load_text_model(f"encoder:{folder}")
    monkeypatch.setattr(encoder, "SHIPPED", folder)
    assert isinstance(load_text_model(), LexiconModel)


def test_a_named_network_has_no_fallback(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        load_text_model(f"encoder:{tmp_path}")


@pytest.mark.parametrize("spec", ["encodr", "lexicon:x", "", "hf"])
def test_unknown_names_are_refused(spec: str) -> None:
    with pytest.raises(ConfigError, match="is not known"):
        load_text_model(spec)


def test_words_that_never_alarm_are_kept_from_the_network_too(tmp_path: Path) -> None:
    folder = tmp_path / "de"
    shutil.copytree(SHIPPED, folder)
    (folder / "local.yaml").write_text("version: 1\nnever_alarm:\n  - trottel\n", "utf-8")
    text = "ich möchte mit herrn trottel sprechen"
    lexicon = load.load_lexicon_model(folder)
    readable = lexicon.readable(text, "customer")
    assert len(readable) == len(text)
    assert "trottel" not in readable
    assert "sprechen" in readable
    score = load_text_model("encoder", folder).score(text, "customer")
    assert not {"insult", "competence_attack"} & set(score.assigned)
