"""The text model by its name in the settings."""

from __future__ import annotations

import logging
from pathlib import Path

from models.errors import ConfigError, ModelError
from models.text.encoder.combined import CombinedModel
from models.text.encoder.model import load_encoder_model
from models.text.lexicon import LexiconModel, load_lexicon_model
from models.text.score import TextModel
from models.text.transformer import load_transformer
from models.yamllines import suggest

log = logging.getLogger(__name__)

ENCODER = "encoder"
LEXICON = "lexicon"
HUGGING_FACE = "hf:"


def load_text_model(spec: str = ENCODER, lexicon_dir: Path | None = None) -> TextModel:
    """Load the text model `spec`.

    `encoder`: the shipped network together with the rules in `lexicon_dir` (None: the shipped
    German ones); where the network cannot be loaded, the rules alone, and the log says why.
    `encoder:PATH`: a network in the folder PATH, no fallback. `lexicon`: the rules alone.
    `hf:PATH`: a Hugging Face sequence-classification model in the folder PATH (needs the extra
    `torch`). Raises `ConfigError` (unknown spec, faulty rules) or `ModelError` (model missing or
    unfit).
    """
    if spec.startswith(HUGGING_FACE):
        return load_transformer(Path(spec.removeprefix(HUGGING_FACE)).expanduser())
    kind, _, path = spec.partition(":")
    if kind not in (ENCODER, LEXICON) or (path and kind == LEXICON):
        raise ConfigError(
            f'text model "{spec}" is not known',
            suggest(spec, (ENCODER, f"{ENCODER}:PATH", LEXICON, f"{HUGGING_FACE}PATH")),
        )
    lexicon = load_lexicon_model(lexicon_dir)
    if kind == LEXICON:
        return lexicon
    if path:
        return CombinedModel(load_encoder_model(Path(path).expanduser()), lexicon)
    return _with_network(lexicon)


def fell_back(spec: str, model: TextModel) -> bool:
    """Whether `load_text_model(spec)` had to do without the network."""
    return spec == ENCODER and isinstance(model, LexiconModel)


def _with_network(lexicon: LexiconModel) -> TextModel:
    try:
        return CombinedModel(load_encoder_model(), lexicon)
    except ModelError as error:
        log.warning("words are scored by rules alone: %s (%s)", error.message, error.fix)
        return lexicon
