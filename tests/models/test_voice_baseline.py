"""What counts as calm: a caller who starts angry, a strange voice, and the caller's own start."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.voice.baseline import START_SECS, Baseline
from models.voice.hops import BLOCK_HOPS, Hop
from models.voice.model import VoiceModel, load_model, probability
from models.voice.relative import Relative

Floats = NDArray[np.float64]
MODEL = load_model()
CALM, ANGRY = MODEL.calm, MODEL.calm + MODEL.rise
BLOCKS = round(START_SECS / 0.25) + 4


EVERY = np.ones(BLOCK_HOPS, dtype=bool)


def block(level_db: float = -30.0, pitch_st: float = 4.0) -> Floats:
    hops = np.zeros((BLOCK_HOPS, len(Hop)))
    hops[:, Hop.F0_ST], hops[:, Hop.LEVEL_DB] = pitch_st, level_db
    return hops


def hear(
    features: Floats | None,
    blocks: int = BLOCKS,
    level_db: float = -30.0,
    baseline: Baseline | None = None,
) -> Baseline:
    """So many blocks of speech, all with the same features and a steady voice, one nucleus each."""
    baseline = baseline or Baseline(MODEL)
    for _ in range(blocks):
        baseline.push(block(level_db), EVERY, EVERY, 1, features)
    return baseline


def agitation(features: Floats, baseline: Baseline) -> float:
    return probability(MODEL.logit(features, baseline.origin))


def test_before_anything_was_heard_the_average_calm_voice_is_calm() -> None:
    baseline = Baseline(MODEL)
    assert agitation(CALM, baseline) < 0.1
    assert agitation(ANGRY, baseline) > 0.9


def test_after_a_calm_start_calm_is_calm_and_angry_angry() -> None:
    baseline = hear(CALM)
    assert agitation(CALM, baseline) < 0.1
    assert agitation(ANGRY, baseline) > 0.9


def test_who_is_angry_from_the_first_second_is_still_found() -> None:
    baseline = hear(ANGRY)
    assert agitation(ANGRY, baseline) > 0.5
    assert agitation(CALM, baseline) < 0.1
    pure = probability(MODEL.logit(ANGRY, ANGRY))  # a pure baseline would have missed it
    assert pure < 0.1


def test_a_speaker_with_a_lively_calm_voice_gets_used_to() -> None:
    lively = MODEL.calm + 0.45 * MODEL.rise
    assert agitation(lively, hear(lively)) < agitation(lively, Baseline(MODEL))


def strange(model: VoiceModel) -> Floats:
    """Unlike any voice in training, and by its absolute sound agitated."""
    return np.asarray(model.calm + 4.0 * model.scale * np.sign(model.weights))


def test_a_strange_voice_is_judged_by_its_own_start() -> None:
    voice = strange(MODEL)
    baseline = hear(voice)
    assert baseline.likeness == 0.0
    assert agitation(voice, Baseline(MODEL)) > 0.9  # what the average voice would have made of it
    assert agitation(voice, baseline) < 0.35
    assert agitation(voice + MODEL.rise, baseline) > 0.5


def test_usual_voices_are_not_strange() -> None:
    assert hear(CALM).likeness == 1.0
    assert hear(ANGRY).likeness > 0.5


def test_the_start_closes_after_eight_seconds_of_speech() -> None:
    baseline = hear(CALM)
    assert baseline.complete
    assert baseline.speech_secs == START_SECS
    origin, start = baseline.origin, baseline.start
    baseline.push(block(level_db=-20.0, pitch_st=9.0), EVERY, EVERY, 5, ANGRY)
    assert (baseline.origin == origin).all()
    assert baseline.start == start


def test_the_start_is_what_was_heard() -> None:
    start = hear(CALM, level_db=-27.0).start
    assert start.pitch_st == 4.0
    assert start.level_db == pytest.approx(-27.0)
    assert start.rate == 4.0
    assert hear(CALM, blocks=20).start.rate is None  # eight seconds are needed to count syllables


def test_an_echo_before_the_caller_speaks_is_no_start() -> None:
    baseline = hear(ANGRY, level_db=-58.0)
    assert baseline.complete
    hear(CALM, blocks=1, level_db=-30.0, baseline=baseline)
    assert not baseline.complete
    assert (baseline.origin == MODEL.calm).all()
    hear(CALM, level_db=-30.0, baseline=baseline)
    assert baseline.start.level_db == pytest.approx(-30.0)


@pytest.mark.parametrize("start_db", [-30.0, -48.0])
def test_a_raised_voice_is_no_new_start(start_db: float) -> None:
    baseline = hear(CALM, level_db=start_db)
    hear(ANGRY, level_db=start_db + 18.0, baseline=baseline)
    assert baseline.start.level_db == pytest.approx(start_db)


def test_four_seconds_are_needed_for_a_comparison() -> None:
    assert hear(CALM, blocks=15).start.pitch_st is None
    assert hear(CALM, blocks=16).start.pitch_st == 4.0


def test_pauses_and_unreadable_speech_move_no_origin() -> None:
    baseline = hear(None)
    assert (baseline.origin == MODEL.calm).all()
    silent = Baseline(MODEL)
    none = np.zeros(BLOCK_HOPS, dtype=bool)
    silent.push(np.full((BLOCK_HOPS, len(Hop)), np.nan), none, none, 0, None)
    assert silent.speech_secs == 0.0


# --- what the differences say ----------------------------------------------------------------


def test_reasons_are_given_in_plain_units_and_only_when_clear() -> None:
    assert Relative(2.4, 3.4, 1.19).reasons == ()
    assert Relative(4.04, 6.04, 1.304).reasons == (
        ("pitch_st", 4.0), ("level_db", 6.0), ("rate_ratio", 1.3),
    )  # fmt: skip
    assert Relative(None, None, None).reasons == ()
    assert Relative(-5.0, -9.0, 0.6).reasons == ()


def test_shouting_is_much_louder_and_higher() -> None:
    assert Relative(4.0, 9.0, None).reasons[-1] == ("shouting", 1.0)
    assert not Relative(0.5, 15.0, None).shouting
    assert not Relative(8.0, 3.0, None).shouting
    assert not Relative(None, 15.0, None).shouting


def test_level_and_tempo_only_ever_add() -> None:
    assert Relative(None, None, None).logit == 0.0
    assert Relative(None, -10.0, 0.5).logit == 0.0
    assert Relative(None, 6.0, None).logit == pytest.approx(1.0)
    assert Relative(None, None, 1.4).logit == 0.0, "tempo alone says little"
    assert Relative(None, 6.0, 1.4).logit == pytest.approx(2.0), "with level it counts, up to it"
    assert Relative(None, 40.0, 9.0).logit == Relative(None, 12.0, 1.8).logit  # bounded
