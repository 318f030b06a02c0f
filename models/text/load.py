"""The text model by its name in the settings."""

from __future__ import annotations

from pathlib import Path

from models.errors import ConfigError
from models.text.lexicon import load_lexicon_model
from models.text.score import TextModel
from models.text.transformer import load_transformer
from models.yamllines import suggest

LEXICON = "lexicon"
HUGGING_FACE = "hf:"


def load_text_model(spec: str = LEXICON, lexicon_dir: Path | None = None) -> TextModel:
    """Load the text model `spec`.

    `lexicon`: the rules in `lexicon_dir` (None: the shipped German ones). `hf:PATH`: a Hugging
    Face sequence-classification model in the folder PATH (needs the extra `torch`).
    Raises `ConfigError` (unknown spec, faulty rules) or `ModelError` (model missing or unfit).
    """
    if spec == LEXICON:
        return load_lexicon_model(lexicon_dir)
    if spec.startswith(HUGGING_FACE):
        return load_transformer(Path(spec.removeprefix(HUGGING_FACE)).expanduser())
    raise ConfigError(
        f'text model "{spec}" is not known', suggest(spec, (LEXICON, f"{HUGGING_FACE}PATH"))
    )
