"""The one place where settings become concrete parts. Only the app and the CLI use it."""

from __future__ import annotations

from models.asr.registry import resolve
from models.asr.vosk_engine import VoskPool
from models.text.load import fell_back, load_text_model
from models.voice.model import load_model
from monitor.analyzer import RULES_ALONE, Parts
from monitor.phrases import PhraseBook
from monitor.policy import load_policies
from monitor.settings import Settings


def build_parts(settings: Settings) -> Parts:
    """Load models, policy and phrases. Takes seconds; raises `ModelError` or `ConfigError`."""
    choice = settings.policy  # the cheap ones first: a typo is told at once
    policies = load_policies(choice.name, choice.folder, choice.of_queue)
    phrases = PhraseBook.load(settings.language)
    if settings.privacy.voice_analysis:
        load_model()  # read by each call's analyser; what is wrong with it is told now
    text = load_text_model(settings.text.model, settings.text.lexicon)
    asr = VoskPool(resolve(settings.asr.model), settings.asr.pool_size)
    asr.prepare(2)  # one call's worth: making a recogniser stalls whoever waits for it
    return Parts(
        asr=asr,
        text=text,
        policies=policies,
        phrases=phrases,
        voice_allowed=settings.privacy.voice_analysis,
        text_doubt=RULES_ALONE if fell_back(settings.text.model, text) else "",
    )
