"""The trained text model: about 20 million 8-bit weights, one thread, no network access.

Two files are run one after the other: `trunk.onnx` (the lower layers) and `phone.onnx` (upper
layers and heads); beside them stand linear models over n-grams of the spelling. For short written
texts `social.onnx` takes the place of `phone.onnx`; it is loaded when first asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.errors import ModelError
from models.text.encoder.decide import LABELS, Calibration, Curve, Floats, Logits, decide
from models.text.encoder.grams import Words, load_words, spoken
from models.text.encoder.manifest import (
    PHONE_FILE,
    PHONE_WORDS_FILE,
    SOCIAL_FILE,
    SOCIAL_WORDS_FILE,
    TOKENIZER_FILE,
    TRUNK_FILE,
    Manifest,
    check_file,
    read_manifest,
)
from models.text.encoder.tokens import TokenReader, Tokens
from models.text.score import Channel, TextScore

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SHIPPED = Path(__file__).resolve().parent / "de"
_MAX_CHARS = 4000
"""More text than this is no utterance; the rest of it is not read."""
_UNFINISHED_DOUBT = 0.5
"""Of the doubt that a finished utterance may leave, so much may an unfinished one leave."""
_NO_SPEECH = re.compile(r"https?://\S+|\|LBR\||@\w+")


class EncoderModel:
    """A `TextModel` on onnxruntime. Deterministic on one machine; call it from one thread."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder = folder
        self._manifest = manifest
        self._unfinished = _stricter(manifest.calibration)
        self._reader = _load_tokenizer(check_file(folder, TOKENIZER_FILE, manifest))
        self._trunk = _load_network(check_file(folder, TRUNK_FILE, manifest))
        self._phone = _load_network(check_file(folder, PHONE_FILE, manifest))
        self._words = load_words(check_file(folder, PHONE_WORDS_FILE, manifest))
        self._social: tuple[InferenceSession, Words] | None = None

    @property
    def name(self) -> str:
        """Name and version, as stored with every tone."""
        return self._manifest.name

    @property
    def calibration(self) -> Calibration:
        """Curves and thresholds of finished utterances."""
        return self._manifest.calibration

    @property
    def unfinished(self) -> Calibration:
        """The same for beginnings of utterances: surer before anything is assigned."""
        return self._unfinished

    @property
    def trust(self) -> Mapping[str, float]:
        """How far the rules of the shipped lexicon are to be trusted, by label (see `combined`)."""
        return self._manifest.trust

    @property
    def social(self) -> bool:
        """Whether it can judge written texts (`offensive`)."""
        return self._manifest.social is not None

    def score(
        self, text: str, channel: Channel, context: Sequence[tuple[Channel, str]] = ()
    ) -> TextScore:
        """Score one utterance. `context`: the last utterances before it, oldest first."""
        return self._scored(text, channel, context, self._manifest.calibration)

    def score_partial(
        self, text: str, channel: Channel, context: Sequence[tuple[Channel, str]] = ()
    ) -> TextScore:
        """Score the beginning of an utterance that is still being spoken.

        Only what is clearer than a finished utterance needs to be is assigned. Each partial
        result is scored anew, so a retracted word takes its label with it.
        """
        return self._scored(text, channel, context, self._unfinished)

    def offensive(self, text: str) -> float:
        """Probability 0..1 that a short written text is offensive (GermEval 2018: OFFENSE).

        Raises `ModelError` when the model has no such head.
        """
        rule = self._manifest.social
        if rule is None:
            raise ModelError(
                f"the text model {self.name} does not judge written texts",
                "train it with --tweets, or leave out --domain social",
            )
        network, words = self._load_social()
        readable = text[:_MAX_CHARS]
        tokens = self._reader.read(_NO_SPEECH.sub(" ", readable), "customer")
        logit = rule.offset + rule.words * float(words.logits(readable)[0])
        if tokens.places:
            states, own = self._states(tokens)
            (found,) = network.run(None, {"states": states, "own": own})
            logit += rule.network * float(found[0])
        return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))

    def logits(
        self, text: str, channel: Channel, context: Sequence[tuple[Channel, str]] = ()
    ) -> tuple[Tokens, Logits] | None:
        """What the network itself says (None: there is no word in the text)."""
        tokens = self._reader.read(text, channel, context)
        if not tokens.places:
            return None
        states, own = self._states(tokens)
        labels, severity, target, evidence = self._phone.run(None, {"states": states, "own": own})
        return tokens, Logits(
            labels[0],
            severity[0],
            target[0],
            evidence[0, tokens.own_start : tokens.own_end],
            self._words.logits(spoken(text)),
        )

    def _scored(
        self,
        text: str,
        channel: Channel,
        context: Sequence[tuple[Channel, str]],
        calibration: Calibration,
    ) -> TextScore:
        readable = text[:_MAX_CHARS]
        found = self.logits(readable, channel, context)
        if found is None:
            return TextScore()
        return decide(readable, channel, found[0], found[1], calibration)

    def _states(self, tokens: Tokens) -> tuple[Floats, Floats]:
        ids = np.array([tokens.ids], np.int64)
        own = np.zeros(ids.shape, np.float32)
        own[0, tokens.own_start : tokens.own_end] = 1
        (states,) = self._trunk.run(None, {"ids": ids})
        return states, own

    def _load_social(self) -> tuple[InferenceSession, Words]:
        if self._social is None:
            network = _load_network(check_file(self._folder, SOCIAL_FILE, self._manifest))
            words = check_file(self._folder, SOCIAL_WORDS_FILE, self._manifest)
            self._social = network, load_words(words)
        return self._social


def load_encoder_model(folder: Path | None = None) -> EncoderModel:
    """The model in a folder (None: the one shipped). Raises `ModelError`."""
    folder = SHIPPED if folder is None else folder
    return EncoderModel(folder, read_manifest(folder))


def _load_network(path: Path) -> InferenceSession:
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(
            "the trained text model needs onnxruntime, which is not installed",
            "pip install onnxruntime tokenizers, or use the text model: lexicon",
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _load_tokenizer(path: Path) -> TokenReader:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ModelError(
            "the trained text model needs tokenizers, which is not installed",
            "pip install onnxruntime tokenizers, or use the text model: lexicon",
        ) from error
    return TokenReader(Tokenizer.from_file(str(path)))


def _stricter(calibration: Calibration) -> Calibration:
    def curve(known: Curve) -> Curve:
        return replace(known, threshold=1 - (1 - known.threshold) * _UNFINISHED_DOUBT)

    first, second, third = (curve(step) for step in calibration.severity)
    return Calibration(
        {label: curve(calibration.labels[label]) for label in LABELS}, (first, second, third)
    )
