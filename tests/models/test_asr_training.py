"""The demo recogniser's training code and the model it made. Needs no torch, kaldifst or vosk."""

import itertools
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from models.asr.training import assemble, channel, evaluate, kaldi_format, language_model, text
from models.asr.training.features import normalise
from models.asr.training.network import Layer, context, in_a_call
from models.asr.training.phones import PHONES, PhoneTable, tidy

MODEL = Path(__file__).resolve().parents[2] / "models" / "asr" / "de_demo"
SENTENCES = [
    (2.0, ["ich", "habe", "ein", "problem"]),
    (1.0, ["ich", "habe", "kein", "internet"]),
    (1.0, ["sie", "haben", "ein", "problem"]),
    (3.0, ["ich", "habe", "kein", "telefon"]),
]


@pytest.fixture(scope="module")
def trigram() -> language_model.Trigram:
    words = {word for _, sentence in SENTENCES for word in sentence} | {"nie", "gesagt"}
    return language_model.estimate(SENTENCES, words)


@pytest.mark.parametrize(
    "history",
    [(), ("<s>",), ("ich",), ("nie",), ("<s>", "ich"), ("ich", "habe"), ("nie", "gesagt")],
)
def test_probabilities_after_any_history_sum_to_one(trigram, history):
    total = sum(trigram.probability(word, history) for word in trigram.seen[()])
    assert total == pytest.approx(1, abs=1e-9)


def test_a_seen_word_is_likelier_than_an_unseen_one(trigram):
    history = ("ich", "habe")
    assert trigram.probability("kein", history) > trigram.probability("problem", history) > 0


def test_grammar_costs_are_the_model(trigram):
    words = sorted(trigram.seen[()].keys() - {language_model.END})
    ids = {word: number for number, word in enumerate([*words, "#0"], 1)}
    lines = language_model.grammar(trigram, ids).splitlines()
    assert lines[0].split()[0] == "0"
    first = {line.split()[2]: float(line.split()[4]) for line in lines if line.startswith("0 ")}
    assert math.exp(-first[str(ids["ich"])]) == pytest.approx(
        trigram.probability("ich", ("<s>",)), rel=1e-4
    )


def layers() -> list[Layer]:
    rng = np.random.default_rng(3)
    return [
        Layer((-1, 0, 1), rng.normal(size=(5, 12)), rng.normal(size=5), rectified=True),
        Layer((-3, 0), rng.normal(size=(5, 10)), rng.normal(size=5), rectified=True),
        Layer((0,), rng.normal(size=(4, 5)), rng.normal(size=4), rectified=False),
    ]


def test_written_model_reads_back(tmp_path):
    path = tmp_path / "final.mdl"
    made, priors = layers(), np.array([0.4, 0.3, 0.2, 0.1])
    kaldi_format.write_model(path, [0, 1, 1, 2, 3], made, priors, 4)
    read = kaldi_format.read_model(path)
    assert read.outputs == [0, 1, 1, 2, 3]
    assert (read.left_context, read.right_context) == context(made) == (4, 1)
    for layer, weight, bias in zip(made, read.weights, read.biases, strict=True):
        np.testing.assert_allclose(weight, layer.weight, rtol=1e-6)
        np.testing.assert_allclose(bias, layer.bias, rtol=1e-6)
    np.testing.assert_allclose(read.priors, priors, rtol=1e-6)
    assert any("Offset(input, -1)" in line for line in read.config)


def test_statistics_read_back_and_rubbish_does_not(tmp_path):
    path = tmp_path / "stats"
    table = np.arange(82.0).reshape(2, 41)
    kaldi_format.write_statistics(path, table)
    np.testing.assert_array_equal(kaldi_format.read_statistics(path), table)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match="too early"):
        kaldi_format.read_statistics(path)
    path.write_bytes(b"something else")
    with pytest.raises(ValueError, match="not a binary Kaldi file"):
        kaldi_format.read_statistics(path)


def test_normalisation_is_kaldis_running_mean():
    frames = np.random.default_rng(1).normal(3, 1, (900, 40)).astype(np.float32)
    centre = np.full(40, 2.0)
    out = normalise(frames, centre)
    # 200 frames of the global mean beside the first frame; only the window's own mean at the end
    np.testing.assert_allclose(out[0], frames[0] - (frames[0] + 200 * 2.0) / 201, atol=1e-4)
    np.testing.assert_allclose(out[-1], frames[-1] - frames[-600:].mean(0), atol=1e-4)
    late = normalise(frames, centre, frames[:600].mean(0).astype(float), 600)
    np.testing.assert_allclose(
        late[0], frames[0] - (599 * frames[:600].mean(0) + frames[0]) / 600, atol=1e-4
    )


def test_a_clip_keeps_its_shape_anywhere_in_a_call():
    rng = np.random.RandomState(0)
    frames = rng.randn(50, 40).astype(np.float32)
    labels = np.repeat(np.array([0, 3], np.int8), 25)
    for _ in range(20):
        out = in_a_call(frames, labels, np.zeros(40), rng)
        assert out.shape == frames.shape and np.isfinite(out).all()


def test_phones_are_tidied():
    segments = [(0, "_", -1), (800, "g", 0), (900, "u:", 0), (1700, "_", -1), (1900, "t", 0),
                (2400, "_:", -1)]  # fmt: skip
    out = tidy(segments)
    assert [phone for _, phone, _ in out] == ["SIL", "g", "u:", "t", "SIL"]
    assert out[3][0] == 1700  # the closure belongs to the stop
    assert all(b[0] - a[0] >= 256 for a, b in itertools.pairwise(out))
    assert tidy([(0, "no-such-phoneme", 0)]) is None


def test_position_variants_share_an_output():
    table = PhoneTable()
    assert len(table) == 1 + 4 * (len(PHONES) - 1)
    begin, inside, end = table.ids(("t", "a", "k"))
    assert table.names[begin - 1] == "t_B" and table.names[end - 1] == "k_E"
    assert table.outputs[inside - 1] == PHONES.index("a")
    assert table.names[table.ids(("a",))[0] - 1] == "a_S"


def test_word_error_rate():
    assert evaluate.edits(["a", "b", "c"], ["a", "x", "c", "d"]) == 2
    assert evaluate.edits([], ["a"]) == 1
    rate, (low, high) = evaluate.error_rate([(1, 10), (0, 10), (2, 10)])
    assert rate == pytest.approx(0.1)
    assert 0 <= low <= rate <= high <= 0.2


# -- the text -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corpus() -> text.Corpus:
    return text.corpus()


def test_own_text_alone_is_enough_to_train_on(corpus):
    assert len(corpus.own) >= 1000
    assert len(corpus.templated) >= 2500
    assert 4000 <= len(corpus.vocabulary) <= 8000


def test_text_is_transcript_style():
    for sentence in [*text.own_sentences(), *text.heldout_sentences()]:
        assert re.fullmatch(r"[a-zäöüß]+( [a-zäöüß]+)*", sentence), sentence
    assert len(set(text.heldout_sentences())) >= 80


def test_held_out_and_call_sentences_are_never_trained_on(corpus):
    forbidden = {*text.heldout_sentences(), *text.call_sentences()}
    assert forbidden.isdisjoint(corpus.sentences)


def test_what_a_fresh_call_can_say_is_never_trained_on(tmp_path):
    (tmp_path / "fresh_grammar.yaml").write_text(
        "words:\n  thing: [{der: der herd}]\n"
        "rules:\n  yes: [ja gut]\n  fault: ['{yes} {thing.der} ist kalt']\n"
    )
    (tmp_path / "one.yaml").write_text("turns: [{text: 'Das ist neu, hören Sie?'}]\n")
    excluded = text.Exclusion(tmp_path)
    assert "ja gut der herd ist kalt" in excluded
    assert "das ist neu hören sie" in excluded and "hören sie" in excluded
    assert "ja gut" not in excluded  # too short to belong to one text
    assert "ja gut der herd ist warm" not in excluded
    assert text.call_words(tmp_path) == {
        "das",
        "ist",
        "neu",
        "hören",
        "sie",
        "ja",
        "gut",
        "der",
        "herd",
        "kalt",
    }


def test_templates_name_known_slots():
    table = text.slots()
    lines = (text.TEXT / "templates.txt").read_text(encoding="utf-8")
    named = set(re.findall(r"\{(\w+)\}", lines))
    nested = {n for fillers in table.values() for f in fillers for n in re.findall(r"\{(\w+)\}", f)}
    assert named | nested <= table.keys()


def test_the_same_seed_gives_the_same_templates():
    assert text.template_sentences(50, seed=4) == text.template_sentences(50, seed=4)


def test_tweets_are_cut_to_plain_sentences(tmp_path):
    path = tmp_path / "tweets.txt"
    path.write_text(
        "@jemand Das ist ja schön. Mehr als 3 davon!\tOTHER\tOTHER\nDie CDU war da\tOTHER\tOTHER\n",
        encoding="utf-8",
    )
    assert text.tweet_sentences(path) == ["das ist ja schön"]
    assert text.tweet_sentences(None) == text.tweet_sentences(tmp_path / "none") == []


# -- the shipped model ----------------------------------------------------------------------------


def test_manifest_matches_the_files():
    manifest = json.loads((MODEL / "MANIFEST.json").read_text(encoding="utf-8"))
    assert manifest["name"] == "de_demo" and manifest["language"] == "de"
    assert manifest["rate_hz"] == 8000 and manifest["for_humans"] is False
    assert manifest["licence"] == "Apache-2.0"
    assert manifest["files"] == assemble.checksums(MODEL)
    assert sum((MODEL / name).stat().st_size for name in manifest["files"]) < 25e6


def test_the_model_card_says_who_it_is_not_for():
    card = (MODEL / "README.md").read_text(encoding="utf-8")
    assert "not for human callers" in card.lower()


def test_the_vocabulary_holds_every_word_of_the_calls():
    lines = (MODEL / "graph" / "words.txt").read_text(encoding="utf-8").splitlines()
    known = {line.split()[0] for line in lines}
    missing = text.call_words() - known
    assert not missing, (
        f"words of tests/calls that de_demo does not know: {sorted(missing)}; use other words, or "
        "rebuild its graph: python -m models.asr.training --again graph"
    )


def test_the_shipped_model_was_not_trained_on_the_calls():
    prints = set((MODEL / assemble.FINGERPRINTS).read_text(encoding="utf-8").split())
    assert len(prints) > 5000
    heard = [
        sentence
        for sentence in [*text.heldout_sentences(), *text.call_sentences()]
        if text.fingerprint(sentence) in prints and sentence.count(" ") >= 3
    ]
    manifest = json.loads((MODEL / "MANIFEST.json").read_text(encoding="utf-8"))
    declared = manifest["heard_before_held_out"]
    assert len(declared) <= 2
    heard = [sentence for sentence in heard if sentence not in declared]
    assert not heard, (
        f"{len(heard)} sentences were in the training text of de_demo, reword them in tests/calls: "
        f"{heard}"
    )


def test_the_shipped_network_reads_back():
    model = kaldi_format.read_model(MODEL / "am" / "final.mdl")
    assert model.outputs == PhoneTable().outputs
    assert len(model.priors) == len(PHONES) == len(model.biases[-1])
    assert model.priors.sum() == pytest.approx(1, abs=1e-4)
    conf = (MODEL / "conf" / "mfcc.conf").read_text(encoding="utf-8")
    assert "--dither=0" in conf.split()


@pytest.mark.parametrize("companding", [channel.a_law, channel.mu_law])
def test_companding_keeps_loud_and_quiet_samples_within_a_quantisation_step(companding) -> None:
    samples = np.concatenate([np.linspace(400, 32_000, 200), -np.linspace(400, 32_000, 200)])
    assert companding(samples) == pytest.approx(samples, rel=0.05)
