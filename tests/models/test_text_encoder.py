"""The trained text model as it is shipped: runs in seconds, needs onnxruntime and tokenizers."""

from __future__ import annotations

import json
import shutil
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ModelError
from models.text.encoder import manifest
from models.text.encoder.combined import CombinedModel, combined
from models.text.encoder.decide import LABELS, Calibration, Curve, Logits, decide, spans
from models.text.encoder.model import SHIPPED, EncoderModel, load_encoder_model
from models.text.encoder.tokens import CONTEXT_TOKENS, CONTEXT_TURNS, MAX_TOKENS, Tokens
from models.text.lexicon import load_lexicon_model
from models.text.score import AGENT_LABELS, CUSTOMER_LABELS, Span, TextScore

MAX_FILE_BYTES = 40_000_000
HALF = Curve(1.0, 0.0, 0.0, 0.5)
PLAIN = Calibration(dict.fromkeys(LABELS, HALF), (HALF, HALF, HALF))


@pytest.fixture(scope="module")
def model() -> EncoderModel:
    return load_encoder_model()


@pytest.fixture
def copied(tmp_path):
    return shutil.copytree(SHIPPED, tmp_path / "model")


def test_a_gross_insult_is_known_with_its_words(model):
    text = "sie sind doch ein vollidiot und sonst nichts"
    score = model.score(text, "customer")
    assert "insult" in score.assigned
    assert score.severity >= 2
    assert any("vollidiot" in span.text for span in score.evidence if span.label == "insult")


def test_the_same_word_about_oneself_is_no_attack(model):
    score = model.score("ach ich idiot jetzt hab ich die nummer verlegt", "customer")
    assert not {"insult", "competence_attack", "threat"} & set(score.assigned)
    assert score.severity == 0


def test_each_channel_has_its_own_labels(model):
    text = "ich verstehe dass sie das sehr ärgert"
    assert set(model.score(text, "agent").labels) <= set(AGENT_LABELS)
    assert set(model.score(text, "customer").labels) <= set(CUSTOMER_LABELS)
    assert model.score(text, "agent").target == "none"


def test_writing_and_speech_are_read_alike(model):
    spoken = model.score("sie haben ja keine ahnung", "customer")
    written = model.score("Sie haben ja keine Ahnung!", "customer")
    assert written.labels == spoken.labels
    assert written.severity == spoken.severity


def test_a_score_depends_on_nothing_but_its_input(model):
    texts = ["so ein saftladen", "danke ihnen", "wo bleibt mein geld"]
    once = [model.score(text, "customer") for text in texts]
    again = [model.score(text, "customer") for text in reversed(texts)]
    assert once == again[::-1]
    assert once == [load_encoder_model().score(text, "customer") for text in texts]


@pytest.mark.parametrize("text", ["", "   ", "?!", "…", "\n"])
def test_no_words_no_score(model, text):
    assert model.score(text, "customer") == TextScore()


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=200), st.sampled_from(["customer", "agent"]))
def test_any_text_has_sound_scores_and_evidence(text, channel):
    score = _shared().score(text, channel)
    assert all(0.0 <= chance <= 1.0 for chance in score.labels.values())
    assert set(score.assigned) <= set(score.labels)
    assert 0 <= score.severity <= 3
    assert {span.label for span in score.evidence} <= set(score.assigned)
    for span in score.evidence:
        assert span.text == text[span.start : span.end] != ""
        assert span.start == 0 or text[span.start - 1].isspace()
        assert span.end == len(text) or text[span.end].isspace()


_MODELS: list[EncoderModel] = []


def _shared() -> EncoderModel:
    if not _MODELS:
        _MODELS.append(load_encoder_model())
    return _MODELS[0]


def test_long_texts_and_long_contexts_are_cut(model):
    long = "das geht so nicht weiter " * 400
    read = model.logits(long, "customer", [("agent", long)] * 9)
    assert read is not None
    tokens, logits = read
    assert tokens.own_end - tokens.own_start == MAX_TOKENS == len(logits.evidence)
    assert len(tokens.ids) <= MAX_TOKENS + CONTEXT_TURNS * (CONTEXT_TOKENS + 2) + 3


def test_context_changes_what_is_read_but_not_the_offsets(model):
    text = "das meinte ich nicht so"
    alone = model.logits(text, "customer")
    after = model.logits(text, "customer", [("customer", "sie trottel"), ("agent", "bitte")])
    assert alone is not None
    assert after is not None
    assert alone[0].places == after[0].places
    assert not np.array_equal(alone[1].labels, after[1].labels)


def test_an_unfinished_utterance_needs_to_be_clearer(model):
    texts = ["sie sind doch", "sie sind doch ein idiot", "wie lange dauert das denn noch"]
    for text in texts:
        part, whole = (score(text, "customer") for score in (model.score_partial, model.score))
        assert set(part.assigned) <= set(whole.assigned)
        assert part.labels == whole.labels


def test_a_clear_insult_is_known_before_the_end_and_retracted_with_its_words(model):
    assert "insult" in model.score_partial("sie sind ein vollidiot und", "customer").assigned
    assert "insult" not in model.score_partial("sie sind", "customer").assigned


def test_it_is_small_and_quick(model):
    sizes = {path.name: path.stat().st_size for path in SHIPPED.iterdir()}
    assert max(sizes.values()) <= MAX_FILE_BYTES, sizes
    text = "jetzt hören sie mir mal zu ich warte seit drei wochen auf diesen techniker " * 2
    took_secs = []
    for _ in range(9):
        start = time.process_time()
        model.score(text, "customer")
        took_secs.append(time.process_time() - start)
    assert sorted(took_secs)[4] < 0.2, "ten times what it needs on a common machine"


def test_written_texts_have_a_probability(model):
    if model.social:
        rude = model.offensive("Du dummes Stück Dreck, verpiss dich!")
        kind = model.offensive("Vielen Dank für die schöne Woche am See")
        assert 0 <= kind < 0.5 < rude <= 1
    else:
        with pytest.raises(ModelError, match="written texts"):
            model.offensive("egal")


def test_a_missing_model_says_what_to_do(tmp_path):
    with pytest.raises(ModelError, match="MANIFEST") as caught:
        load_encoder_model(tmp_path)
    assert "lexicon" in caught.value.fix


@pytest.mark.parametrize("name", manifest.PHONE_FILES)
def test_a_damaged_or_missing_file_is_named(copied, name):
    data = bytearray((copied / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copied / name).write_bytes(data)
    with pytest.raises(ModelError, match=f"{name} is damaged"):
        load_encoder_model(copied)
    (copied / name).unlink()
    with pytest.raises(ModelError, match=f"{name}: part of the text model is missing"):
        load_encoder_model(copied)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data | {"format": 99},
        lambda data: data | {"labels": {}},
        lambda data: data | {"severity": data["severity"][:2]},
        lambda data: {key: value for key, value in data.items() if key != "sha256"},
        lambda data: data | {"targets": ["none"]},
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(copied, spoil):
    path = copied / manifest.MANIFEST_FILE
    path.write_text(json.dumps(spoil(json.loads(path.read_text("utf-8")))), "utf-8")
    with pytest.raises(ModelError, match="damaged or of another version"):
        load_encoder_model(copied)


def test_a_manifest_that_is_no_json_is_refused(copied):
    (copied / manifest.MANIFEST_FILE).write_text("{", "utf-8")
    with pytest.raises(ModelError, match="cannot be read"):
        load_encoder_model(copied)


def _logits(tokens: int, **assigned: float) -> Logits:
    labels = np.full(len(LABELS), -9, np.float32)
    for label, logit in assigned.items():
        labels[LABELS.index(label)] = logit
    return Logits(
        labels,
        np.array([9, 9, -9], np.float32),
        np.array([0, 9, 0, 0, 0], np.float32),
        np.full((tokens, len(LABELS)), -9, np.float32),
        np.zeros(len(LABELS) + 3, np.float32),
    )


TEXT = "sie lump"
TOKENS = Tokens((0, 9, 5, 6, 2), 2, 4, ((0, 3), (4, 8)))


@pytest.mark.parametrize(
    ("assigned", "severity"),
    [({"insult": 9.0}, 2), ({"threat": 9.0}, 3), ({"complaint": 9.0}, 1), ({}, 1)],
)
def test_severity_fits_the_labels(assigned, severity):
    assert decide(TEXT, "customer", TOKENS, _logits(2, **assigned), PLAIN).severity == severity


def test_an_agent_is_unfair_only_when_impolite():
    assert decide(TEXT, "agent", TOKENS, _logits(2, empathy=9), PLAIN).severity == 0
    impolite = decide(TEXT, "agent", TOKENS, _logits(2, agent_impolite=9), PLAIN)
    assert (impolite.severity, impolite.target) == (2, "none")


def test_evidence_is_whole_words_with_small_gaps_bridged():
    text = "ja sie sind echt ein vollidiot ne"
    places = ((0, 2), (3, 6), (7, 11), (12, 16), (17, 20), (21, 25), (25, 30), (31, 33))
    evidence = np.full((8, len(LABELS)), -5, np.float32)
    evidence[[1, 2, 4, 6], LABELS.index("insult")] = 5
    tokens = Tokens(tuple(range(11)), 2, 10, places)
    assert spans(text, tokens, "insult", evidence) == [
        Span("insult", 3, 30, "sie sind echt ein vollidiot")
    ]
    evidence[:, LABELS.index("threat")] = -5
    evidence[3, LABELS.index("threat")] = -2
    assert spans(text, tokens, "threat", evidence) == [Span("threat", 12, 16, "echt")]


def test_rules_tip_the_scales_only_where_they_are_trusted():
    unsure = TextScore({"insult": 0.4}, (), 0, "none")
    said = TextScore(
        {"insult": 0.9}, ("insult",), 2, "agent", (Span("insult", 0, 8, TEXT),), ("du_form",)
    )
    trusted = combined(unsure, said, PLAIN, dict.fromkeys(LABELS, 2.0))
    assert trusted.assigned == ("insult",)
    assert (trusted.severity, trusted.target) == (2, "agent")
    assert trusted.evidence == said.evidence
    alone = combined(unsure, said, PLAIN, dict.fromkeys(LABELS, 0.0))
    assert alone.assigned == ()
    assert alone.severity == 0
    assert alone.hints == ("du_form",)


def test_both_together_are_a_text_model(model):
    both = CombinedModel(model, load_lexicon_model())
    assert both.name.startswith(model.name)
    assert "insult" in both.score("sie sind ein vollidiot", "customer").assigned
    part = both.score_partial("sie sind ein vollidiot", "customer")
    assert set(part.assigned) <= set(both.score("sie sind ein vollidiot", "customer").assigned)
