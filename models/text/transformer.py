"""Any Hugging Face sequence-classification model as a text model.

The folder holds what `save_pretrained` writes (config.json with id2label, model.safetensors and the
tokenizer) and may hold `contenance.yaml` beside them:

    version: 1
    labels: {toxic: insult}          # the model's label -> ours; the same names need no entry
    thresholds: {insult: 0.6}        # assigned from this probability on (otherwise 0.5)
    severity: {insult: 2}            # severity where the label is assigned (defaults below)
    max_tokens: 128

Every label is judged on its own (sigmoid). Such a model says nothing about targets and words, so
the target follows from the label and there are no evidence spans. Files are read locally: nothing
is downloaded and no code of the model's folder is run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import ModelError
from models.text.score import AGENT_LABELS, CUSTOMER_LABELS, Channel, Target, TextScore
from models.yamllines import load_yaml

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SETTINGS_FILE = "contenance.yaml"
ASSIGN_AT = 0.5
_LABELS = {"customer": CUSTOMER_LABELS, "agent": AGENT_LABELS}
_ALL_LABELS = (*CUSTOMER_LABELS, *AGENT_LABELS)
_SEVERITY = {
    "threat": 3, "insult": 2, "competence_attack": 2, "boundary_crossing": 1, "generalisation": 1,
    "impatience": 1, "agent_impolite": 1,
}  # fmt: skip
_TARGET: dict[str, Target] = {
    "threat": "agent", "insult": "agent", "competence_attack": "agent",
    "boundary_crossing": "agent", "impatience": "agent", "generalisation": "company",
    "legal_threat": "company", "cancellation": "company", "complaint": "company",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """What `contenance.yaml` says: see the module's text. Thresholds are probabilities 0..1."""

    labels: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    severity: Mapping[str, int] = field(default_factory=dict)
    max_tokens: int = 128


class TransformerModel:
    """A `TextModel` around a `transformers` model and tokenizer on the CPU."""

    def __init__(
        self,
        name: str,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        names: Sequence[str | None],
        settings: Settings,
    ) -> None:
        self._name = name
        self._model = model
        self._tokenizer = tokenizer
        self._names = tuple(names)
        self._settings = settings

    @property
    def name(self) -> str:
        """`hf-FOLDER@FINGERPRINT` of its configuration."""
        return self._name

    def score_partial(
        self, text: str, channel: Channel, context: Sequence[tuple[Channel, str]] = ()
    ) -> TextScore:
        """The same as `score`: such a model does not know what is still to come."""
        return self.score(text, channel, context)

    def explain(self, text: str, channel: Channel, labels: Sequence[str]) -> TextScore:
        """The labels alone: such a model knows neither the words behind them nor hints."""
        del text, channel
        return TextScore(labels=dict.fromkeys(labels, 1.0), assigned=tuple(labels))

    def score(
        self, text: str, channel: Channel, context: Sequence[tuple[Channel, str]] = ()
    ) -> TextScore:
        """Score one utterance; the context is not used."""
        import torch

        if not text.strip():
            return TextScore()
        inputs = self._tokenizer(
            text, truncation=True, max_length=self._settings.max_tokens, return_tensors="pt"
        )
        with torch.inference_mode():
            chances = torch.sigmoid(self._model(**inputs).logits[0].float()).tolist()
        labels: dict[str, float] = {}
        for name, chance in zip(self._names, chances, strict=True):
            if name in _LABELS[channel]:
                labels[name] = max(round(chance, 3), labels.get(name, 0.0))
        settings = self._settings
        assigned = tuple(
            name
            for name in _LABELS[channel]
            if labels.get(name, 0.0) >= settings.thresholds.get(name, ASSIGN_AT)
        )
        severities = {
            name: settings.severity.get(name, _SEVERITY.get(name, 0)) for name in assigned
        }
        gravest = max(severities, key=lambda name: severities[name], default=None)
        return TextScore(
            labels={name: chance for name, chance in labels.items() if chance > 0},
            assigned=assigned,
            severity=max(severities.values(), default=0),
            target=_TARGET.get(gravest, "none") if gravest is not None else "none",
        )


def load_transformer(folder: Path) -> TransformerModel:
    """Load the model in `folder`.

    Raises `ModelError` when torch or the model is missing or the model is unfit, `ConfigError`
    when its `contenance.yaml` is wrong.
    """
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"{folder}: no Hugging Face model (there is no config.json)",
            "name a folder written by save_pretrained, or use the text model: lexicon",
        )
    settings = _read_settings(folder / SETTINGS_FILE)
    try:
        import torch  # noqa: F401 - transformers says less clearly that it is missing
    except ImportError as error:
        raise ModelError(
            "text models by transformers need torch, which is not installed",
            'pip install "contenance[torch]", or use the text model: lexicon',
        ) from error
    from safetensors import SafetensorError
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"{folder}: the model cannot be loaded ({type(error).__name__})",
            "check that tokenizer and weights (model.safetensors) were saved completely",
        ) from error
    model.eval()
    names = [
        settings.labels.get(name, name if name in _ALL_LABELS else None)
        for name in (str(model.config.id2label[i]) for i in range(model.config.num_labels))
    ]
    if not any(names):
        raise ModelError(
            f"{folder}: none of the model's labels is known here",
            f"map them in {SETTINGS_FILE}: labels: {{their_label: insult}}",
        )
    digest = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()[:10]
    return TransformerModel(f"hf-{folder.name}@{digest}", model, tokenizer, names, settings)


def _read_settings(path: Path) -> Settings:
    if not path.exists():
        return Settings()
    node = load_yaml(path).mapping(
        required=("version",), optional=("labels", "thresholds", "severity", "max_tokens")
    )
    node["version"].integer(1, 1)
    labels = node["labels"].mapping(optional=None) if "labels" in node else {}
    thresholds = node["thresholds"].mapping(optional=_ALL_LABELS) if "thresholds" in node else {}
    severity = node["severity"].mapping(optional=_ALL_LABELS) if "severity" in node else {}
    return Settings(
        labels={name: value.choice(_ALL_LABELS) for name, value in labels.items()},
        thresholds={name: value.number(0.01, 0.99) for name, value in thresholds.items()},
        severity={name: value.integer(0, 3) for name, value in severity.items()},
        max_tokens=node["max_tokens"].integer(8, 512) if "max_tokens" in node else 128,
    )
