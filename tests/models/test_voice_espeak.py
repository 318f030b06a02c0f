"""Level, tempo and pitch reasons on synthesised German speech with known gain, rate and pitch.

The recordings in training cannot show them: their level is that of the studio, their length cut.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from models.signals import alaw_decode, alaw_encode
from models.voice.analyser import VoiceAnalyser
from models.voice.frames import VoiceSummary

pytestmark = pytest.mark.real

CALM = (
    "Guten Tag, ich rufe an, weil die Lieferung von letzter Woche noch nicht angekommen ist. "
    "Ich habe die Bestellnummer hier vor mir liegen und warte gerne einen Augenblick. "
    "Am Montag war ich den ganzen Tag zu Hause, und niemand hat bei mir geklingelt."
)
LATER = (
    "Das habe ich Ihrer Kollegin gestern schon einmal alles ganz genau erklärt. "
    "Am Dienstag sollte das Paket kommen, und heute haben wir schon wieder Freitag. "
    "Ich möchte jetzt wissen, wo die Sachen sind und wann ich damit rechnen kann."
)

Samples = NDArray[np.float32]


def speak(text: str, folder: Path, *, rate_wpm: int = 150, pitch: int = 40) -> Samples:
    path = folder / "speech.wav"
    subprocess.run(
        ["espeak-ng", "-v", "de+m5", "-s", str(rate_wpm), "-p", str(pitch), "-w", str(path), text],
        check=True,
    )
    samples, rate_hz = soundfile.read(path)
    return (0.03 * soxr.resample(samples, rate_hz, 8000) / samples.std()).astype(np.float32)


def heard(turn: Samples, start: Samples) -> tuple[VoiceAnalyser, float, float]:
    """The turn after a start of some 12 s, over A-law with line noise; its times."""
    pause = np.zeros(8000, np.float32)
    line = np.concatenate([start, pause, turn, pause])
    line += (2e-4 * np.random.default_rng(0).standard_normal(line.size)).astype(np.float32)
    analyser = VoiceAnalyser(8000)
    analyser.push(alaw_decode(alaw_encode(line)))
    begin = start.size / 8000 + 1
    return analyser, begin, begin + turn.size / 8000


def said_of(turn: Samples, start: Samples) -> VoiceSummary:
    """What is said of the turn."""
    analyser, begin, end = heard(turn, start)
    return analyser.summary(begin, end)


@pytest.fixture
def start(need: Callable[[str], None], tmp_path: Path) -> Samples:
    need("espeak-ng")
    return speak(CALM, tmp_path)


def test_other_words_in_the_same_voice_give_no_reason(start: Samples, tmp_path: Path) -> None:
    assert said_of(speak(LATER, tmp_path), start).reasons == ()


@pytest.mark.parametrize("gain_db", [6.0, 10.0])
def test_known_gain(start: Samples, tmp_path: Path, gain_db: float) -> None:
    gain = np.float32(10 ** (gain_db / 20))
    analyser, begin, end = heard(start * gain, start)
    before, after = analyser.measures(0.0, start.size / 8000), analyser.measures(begin, end)
    assert before.level_dbfs is not None
    assert after.level_dbfs is not None
    assert after.level_dbfs - before.level_dbfs == pytest.approx(gain_db, abs=0.3)
    other = dict(said_of(speak(LATER, tmp_path) * gain, start).reasons)
    assert other["level_db"] == pytest.approx(gain_db, abs=1.5)


def speaking_secs(samples: Samples) -> float:
    """Seconds of 20 ms frames within 25 dB of the loudest: without the pauses."""
    frames = samples[: samples.size // 160 * 160].reshape(-1, 160)
    power = (frames**2).mean(axis=1)
    return 0.02 * float((power > power.max() * 10**-2.5).sum())


@pytest.mark.parametrize("rate_wpm", [215, 240])
def test_known_rate(start: Samples, tmp_path: Path, rate_wpm: int) -> None:
    faster = speak(CALM, tmp_path, rate_wpm=rate_wpm)
    ratio = speaking_secs(start) / speaking_secs(faster)  # the same words in less time
    assert ratio > 1.25
    measured = dict(said_of(faster, start).reasons)["rate_ratio"]
    assert measured == pytest.approx(ratio, rel=0.12)


def test_known_pitch(start: Samples, tmp_path: Path) -> None:
    from models.voice.offline import second_opinion

    higher = speak(LATER, tmp_path, pitch=70)
    low_hz = second_opinion(start, 8000)["f0_median_hz"]
    high_hz = second_opinion(higher, 8000)["f0_median_hz"]
    assert low_hz is not None
    assert high_hz is not None
    true_st = 12 * np.log2(high_hz / low_hz)
    assert true_st > 3.0
    assert dict(said_of(higher, start).reasons)["pitch_st"] == pytest.approx(true_st, abs=0.8)


def test_louder_faster_and_higher_is_more_agitated(start: Samples, tmp_path: Path) -> None:
    calm = said_of(speak(LATER, tmp_path), start).agitation
    heated = speak(LATER, tmp_path, rate_wpm=210, pitch=65) * np.float32(10 ** (8 / 20))
    found = said_of(heated, start)
    assert calm is not None
    assert found.agitation is not None
    assert calm <= 0.35
    assert found.agitation >= 0.5
    assert {"pitch_st", "level_db", "rate_ratio"} <= set(dict(found.reasons))
