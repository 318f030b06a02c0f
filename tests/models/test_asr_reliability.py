"""When recognition is not to be trusted."""

from __future__ import annotations

import pytest

from models.asr.recogniser import Word
from models.asr.reliability import ReliabilityMeter, ReliabilitySettings


def words(*confidences: float) -> list[Word]:
    return [Word("wort", 0.0, 0.3, confidence) for confidence in confidences]


def meter(*segments: tuple[list[Word], float]) -> ReliabilityMeter:
    made = ReliabilityMeter()
    for heard, speech_secs in segments:
        made.heard(heard, speech_secs)
    return made


def test_nothing_is_said_before_enough_was_heard() -> None:
    made = meter((words(0.1, 0.1, 0.1), 1.0))
    assert made.reliability() is None
    assert made.doubt() is None


def test_confident_words_are_trusted() -> None:
    made = meter(*[(words(0.9, 1.0, 0.8, 0.9), 1.5)] * 3)
    assert made.reliability() == pytest.approx(0.9)
    assert made.doubt() is None


def test_doubt_comes_and_goes_with_hysteresis() -> None:
    made = meter(*[(words(*[0.6] * 5), 2.0)] * 6)
    assert made.doubt() == "word confidence 0.60 over the last 6 pieces of speech"
    levels = ReliabilitySettings()
    between = (levels.lowest + levels.recovered) / 2
    for _ in range(6):
        made.heard(words(*[between] * 5), 2.0)
    assert made.doubt() is not None
    for _ in range(6):
        made.heard(words(*[0.95] * 5), 2.0)
    assert made.doubt() is None
    for _ in range(6):
        made.heard(words(*[between] * 5), 2.0)
    assert made.doubt() is None


def test_speech_without_words_counts_as_words_not_understood() -> None:
    made = meter((words(*[1.0] * 8), 3.0), *[([], 4.0)] * 3)
    assert made.reliability() == pytest.approx(8 / (8 + 2.0 * 12))
    assert made.doubt() == "no words recognised in 3 of the last 4 pieces of speech"


def test_coughs_and_clicks_do_not_count() -> None:
    made = meter((words(*[1.0] * 8), 3.0), *[([], 0.3)] * 20)
    assert made.reliability() == 1.0


@pytest.mark.parametrize(("count", "speech_secs"), [(9, 1.0), (8, 20.0)])
def test_impossible_tempo_is_doubted(count: int, speech_secs: float) -> None:
    made = meter((words(*[1.0] * count), speech_secs))
    doubt = made.doubt()
    assert doubt is not None
    assert doubt.endswith("words recognised a second of speech")


def test_only_the_last_segments_count() -> None:
    made = meter(*[(words(*[0.2] * 5), 2.0)] * 6, *[(words(*[1.0] * 5), 2.0)] * 6)
    assert made.reliability() == 1.0
