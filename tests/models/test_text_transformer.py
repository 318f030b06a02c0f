from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from models.errors import ConfigError, ModelError
from models.text.load import load_text_model
from models.text.score import TextModel

LABELS = ["toxic", "threat", "greeting", "weather"]
BIASES = [3.0, -3.0, 0.2, 5.0]
CHANCES = [0.953, 0.047, 0.55, 0.993]  # 1 / (1 + exp(-bias))


def build_tiny_model(folder: Path) -> None:
    """A BERT of 8 dimensions whose answer is its bias: real weights and tokenizer, known output."""
    try:
        import torch
    except ImportError:
        pytest.skip('not run: torch is missing (pip install "contenance[torch]")')
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "sie", "trottel", "guten", "tag"]
    vocabulary = {word: place for place, word in enumerate(words)}
    BertTokenizerFast(vocab=vocabulary).save_pretrained(folder)
    torch.manual_seed(3)
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=len(words),
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            intermediate_size=8,
            max_position_embeddings=64,
            id2label=dict(enumerate(LABELS)),
            label2id={label: place for place, label in enumerate(LABELS)},
        )
    )
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor(BIASES))
    model.save_pretrained(folder)


def load(folder: Path, settings: str = "version: 1\nlabels: {toxic: insult}\n") -> TextModel:
    (folder / "contenance.yaml").write_text(settings, encoding="utf-8")
    return load_text_model(f"hf:{folder}")


@pytest.mark.slow
def test_a_hugging_face_model_scores_with_our_labels(tmp_path: Path) -> None:
    build_tiny_model(tmp_path)
    model = load(tmp_path)
    score = model.score("sie trottel", "customer")
    assert score.labels == pytest.approx({"insult": CHANCES[0], "threat": CHANCES[1]}, abs=0.001)
    assert (score.assigned, score.severity, score.target) == (("insult",), 2, "agent")
    assert model.score("guten tag", "agent").assigned == ("greeting",)
    assert model.score("sie trottel", "customer") == score
    assert model.score("  ", "customer").labels == {}
    assert model.name.startswith(f"hf-{tmp_path.name}@")


@pytest.mark.slow
def test_thresholds_and_severity_come_from_the_file_beside_the_model(tmp_path: Path) -> None:
    build_tiny_model(tmp_path)
    model = load(
        tmp_path,
        "version: 1\nlabels: {toxic: insult}\n"
        "thresholds: {insult: 0.97, threat: 0.04}\nseverity: {insult: 1}\n",
    )
    score = model.score("sie trottel", "customer")
    assert (score.assigned, score.severity) == (("threat",), 3)


@pytest.mark.slow
def test_a_model_without_a_known_label_is_refused(tmp_path: Path) -> None:
    build_tiny_model(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["id2label"] = {str(place): f"LABEL_{place}" for place in range(4)}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="none of the model's labels is known here") as caught:
        load(tmp_path, "version: 1\n")
    assert "contenance.yaml" in caught.value.fix


@pytest.mark.slow
def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    build_tiny_model(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load(tmp_path)


def test_a_missing_model_is_told_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no Hugging Face model") as caught:
        load_text_model(f"hf:{tmp_path}")
    assert "lexicon" in caught.value.fix


def test_missing_torch_is_told_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match="need torch") as caught:
        load_text_model(f"hf:{tmp_path}")
    assert 'pip install "contenance[torch]"' in caught.value.fix


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ("version: 1\nlabels: {toxic: insullt}\n", r'contenance\.yaml:2: "insullt"'),
        ("version: 1\nthresholds: {insult: 2}\n", r"contenance\.yaml:2: 2 is outside"),
        ("version: 1\nseverity: {insult: 4}\n", r"contenance\.yaml:2: 4 is outside"),
        ("version: 1\nthreshold: {}\n", r'contenance\.yaml:2: unknown key "threshold"'),
    ],
)
def test_mistakes_beside_the_model_are_told_with_line(
    tmp_path: Path, settings: str, what: str
) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match=what):
        load(tmp_path, settings)
