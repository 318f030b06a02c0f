"""The analyser on signals whose level, tempo and pitch are known, and on what is no speech."""

from __future__ import annotations

import inspect
from functools import cache

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.errors import AudioError
from models.voice.analyser import VoiceAnalyser
from models.voice.baseline import START_SECS
from models.voice.frames import FRAME_SECS, VoiceFrame, VoiceSummary
from models.voice.hops import RATE_HZ
from models.voice.training.pitch_figures import over_telephone
from models.voice.training.talker import talk

Samples = NDArray[np.float32]


@cache
def speech(
    secs: float = 12.0, pitch_hz: float = 120.0, rate: float = 4.5, seed: int = 1
) -> Samples:
    """A calm synthetic talker over the telephone."""
    spoken = talk(secs=secs, pitch_hz=pitch_hz, syllables_per_sec=rate, seed=seed)
    return over_telephone(spoken, snr_db=None)


def analyse(samples: Samples, rate_hz: int = RATE_HZ) -> tuple[VoiceAnalyser, list[VoiceFrame]]:
    analyser = VoiceAnalyser(rate_hz)
    return analyser, analyser.push(samples)


def silence(secs: float) -> Samples:
    return np.zeros(round(secs * RATE_HZ), np.float32)


def tone(*freqs_hz: float, secs: float = 6.0) -> Samples:
    time = np.arange(round(secs * RATE_HZ)) / RATE_HZ
    return np.sum([0.1 * np.sin(2 * np.pi * f * time) for f in freqs_hz], axis=0).astype(np.float32)


def keys(secs: float = 6.0) -> Samples:
    """A number dialled with DTMF: 100 ms on, 80 ms off."""
    pairs = [(697, 1209), (770, 1336), (852, 1477), (941, 1336), (697, 1477), (770, 1209)]
    count = round(secs / 0.18)
    return np.concatenate(
        [np.concatenate([tone(*pairs[i % 6], secs=0.1), silence(0.08)]) for i in range(count)]
    )


# --- time and chunks -------------------------------------------------------------------------


def test_a_frame_every_quarter_second() -> None:
    _, frames = analyse(speech())
    assert [frame.end_secs for frame in frames] == [0.25 * (i + 1) for i in range(48)]
    assert FRAME_SECS == 0.25


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 9000), max_size=30))
def test_any_chunking_gives_the_same_numbers(cuts: list[int]) -> None:
    samples = speech(6.0)
    whole, frames = analyse(samples)
    parts, found, at = VoiceAnalyser(RATE_HZ), [], 0
    for cut in [*cuts, samples.size]:
        found += parts.push(samples[at : at + cut])
        at = min(at + cut, samples.size)
    assert found == frames
    assert parts.summary(0.5, 5.0) == whole.summary(0.5, 5.0)


@pytest.mark.parametrize("rate_hz", [11_025, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("chunk", [37, 1000])
def test_resampled_audio_does_not_depend_on_the_chunks(rate_hz: int, chunk: int) -> None:
    samples = soxr.resample(speech(4.0), RATE_HZ, rate_hz).astype(np.float32)
    _, frames = analyse(samples, rate_hz)
    parts = VoiceAnalyser(rate_hz)
    found = [
        frame
        for at in range(0, samples.size, chunk)
        for frame in parts.push(samples[at : at + chunk])
    ]
    assert found == frames
    assert len(frames) >= 15


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_other_rates_say_the_same(rate_hz: int) -> None:
    samples = soxr.resample(speech(12.0), RATE_HZ, rate_hz).astype(np.float32)
    analyser, _ = analyse(samples, rate_hz)
    original, _ = analyse(speech(12.0))
    ours, theirs = analyser.measures(1, 11), original.measures(1, 11)
    assert ours.f0_median_hz == pytest.approx(theirs.f0_median_hz, rel=0.01)
    assert ours.level_dbfs == pytest.approx(theirs.level_dbfs, abs=0.3)
    assert ours.speech_secs == pytest.approx(theirs.speech_secs, abs=0.1)


def test_time_does_not_drift() -> None:
    """Four minutes in 12,000 pieces: a sample lost in each would be 1.5 s, 22 s in an hour."""
    analyser, last = VoiceAnalyser(44_100), 0.0
    for _ in range(8):
        last = analyser.push(np.zeros(44_100 * 30, np.float32))[-1].end_secs
    assert 239.75 <= last <= 240.0
    assert analyser.secs == last


def test_the_same_audio_gives_the_same_numbers() -> None:
    assert analyse(speech())[1] == analyse(speech())[1]


# --- level, pitch and tempo ------------------------------------------------------------------


def after_a_start(turn: Samples, start: Samples | None = None) -> VoiceSummary:
    """What is said of a turn after twelve calm seconds."""
    start = speech() if start is None else start
    analyser, _ = analyse(np.concatenate([start, silence(1.0), turn, silence(1.0)]))
    begin = start.size / RATE_HZ + 1.0
    return analyser.summary(begin, begin + turn.size / RATE_HZ)


@pytest.mark.parametrize("gain_db", [6.0, 12.0])
def test_a_known_gain_is_measured(gain_db: float) -> None:
    louder = speech() * np.float32(10 ** (gain_db / 20))
    reasons = dict(after_a_start(louder).reasons)
    assert reasons["level_db"] == pytest.approx(gain_db, abs=0.3)
    assert set(reasons) == {"level_db"}  # nothing else changed


def test_the_live_level_is_measured_too() -> None:
    louder = speech() * np.float32(2.0)
    _, frames = analyse(np.concatenate([speech(), louder]))
    levels = [f.level_db for f in frames if f.end_secs > 17 and f.level_db is not None]
    assert np.median(levels) == pytest.approx(6.0, abs=0.7)  # a window holds other vowels


def test_a_known_pitch_is_measured() -> None:
    higher = speech(pitch_hz=120.0 * 2 ** (4 / 12))
    assert dict(after_a_start(higher).reasons)["pitch_st"] == pytest.approx(4.0, abs=0.3)


@pytest.mark.parametrize("ratio", [1.3, 1.5])
def test_a_known_tempo_is_measured(ratio: float) -> None:
    faster = speech(rate=4.0 * ratio, secs=14.0)
    reasons = dict(after_a_start(faster, start=speech(rate=4.0, secs=14.0)).reasons)
    assert reasons["rate_ratio"] == pytest.approx(ratio, rel=0.1)


def test_the_same_voice_gives_no_reasons() -> None:
    summary = after_a_start(speech(seed=2))
    assert summary.reasons == ()
    assert summary.agitation is not None


def test_louder_and_higher_is_shouting_louder_alone_is_not() -> None:
    loud = np.float32(10 ** (11 / 20))
    high = speech(pitch_hz=120.0 * 2 ** (5 / 12))
    assert "shouting" in dict(after_a_start(high * loud).reasons)
    assert "shouting" not in dict(after_a_start(speech() * loud).reasons)
    assert "shouting" not in dict(after_a_start(high).reasons)


def test_louder_and_faster_is_more_agitated() -> None:
    slow, loud = speech(rate=4.0, secs=14.0), np.float32(2.5)
    calm = after_a_start(slow, start=slow).agitation
    louder = after_a_start(slow * loud, start=slow).agitation
    faster = after_a_start(speech(rate=5.6, secs=14.0) * loud, start=slow).agitation
    assert calm is not None
    assert louder is not None
    assert faster is not None
    assert calm < louder < faster


def test_the_agents_echo_is_no_start() -> None:
    echo = speech(pitch_hz=210.0, seed=9) * np.float32(10 ** (-24 / 20))
    analyser, frames = analyse(np.concatenate([echo, speech(), silence(1.0), speech(seed=2)]))
    assert analyser.summary(25.0, 37.0).reasons == ()
    assert frames[-8].level_db == pytest.approx(0.0, abs=2.5)
    assert frames[-8].f0_st == pytest.approx(0.0, abs=2.5)


def test_nothing_is_relative_before_there_is_a_start() -> None:
    _, frames = analyse(speech())
    early = [frame for frame in frames if frame.end_secs <= START_SECS / 2]
    assert all(f.f0_st is None and f.level_db is None and f.rate_ratio is None for f in early)
    assert not any(frame.shouting for frame in early)


# --- what is no speech -----------------------------------------------------------------------

NOISE = (0.05 * np.random.default_rng(7).standard_normal(6 * RATE_HZ)).astype(np.float32)


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(silence(6.0), id="silence"),
        pytest.param(NOISE, id="white noise"),
        pytest.param(
            np.convolve(NOISE, np.ones(8) / 8, "same").astype(np.float32), id="dull noise"
        ),
        pytest.param(tone(440), id="dial tone"),
        pytest.param(tone(697, 1209), id="a DTMF key"),
        pytest.param(keys(), id="a dialled number"),
        pytest.param(tone(50, 100, 150), id="hum"),
        pytest.param(np.full(6 * RATE_HZ, 0.5, np.float32), id="a constant"),
        pytest.param(np.sign(tone(3)), id="clicks"),
    ],
)
def test_what_is_no_speech_is_unknown(samples: Samples) -> None:
    analyser, frames = analyse(samples)
    assert [frame.agitation for frame in frames] == [None] * len(frames)
    assert all(frame.uncertainty == 1.0 and not frame.shouting for frame in frames)
    assert all(f.f0_st is None and f.level_db is None and f.rate_ratio is None for f in frames)
    assert analyser.summary(0.0, 6.0) == VoiceSummary(None)


def test_a_caller_who_falls_silent_becomes_unknown_again() -> None:
    _, frames = analyse(np.concatenate([speech(5.0), silence(3.0)]))
    assert frames[15].agitation is not None
    assert all(frame.agitation is None for frame in frames if frame.end_secs > 6.5)


def test_a_word_is_too_little() -> None:
    analyser, frames = analyse(np.concatenate([silence(1.0), speech(0.6)[800:], silence(2.0)]))
    assert all(frame.agitation is None for frame in frames)
    assert analyser.summary(0.0, 3.0) == VoiceSummary(None)


def test_uncertainty_falls_with_speech_and_rises_with_noise() -> None:
    _, clear = analyse(speech())
    rng = np.random.default_rng(0)
    noisy = speech() + (0.01 * rng.standard_normal(speech().size)).astype(np.float32)
    _, noise = analyse(noisy)
    known = [frame.uncertainty for frame in clear if frame.agitation is not None]
    assert known[0] > known[-1]
    assert noise[40].agitation is not None
    assert noise[40].uncertainty > clear[40].uncertainty
    assert all(0.0 <= frame.uncertainty <= 1.0 for frame in clear + noise)


# --- summaries, errors, limits ---------------------------------------------------------------


def test_a_summary_hears_only_its_turn() -> None:
    loud = speech() * np.float32(4.0)
    analyser, _ = analyse(np.concatenate([speech(), silence(1.0), loud, silence(1.0), speech()]))
    assert "level_db" in dict(analyser.summary(13.0, 25.0).reasons)
    assert "level_db" not in dict(analyser.summary(26.0, 37.5).reasons)
    assert analyser.summary(12.2, 12.9) == VoiceSummary(None)  # the pause between
    assert analyser.summary(500.0, 510.0) == VoiceSummary(None)


def test_memory_is_bounded() -> None:
    analyser, _ = analyse(np.concatenate([speech(), silence(70.0)]))
    assert analyser.summary(0.0, 12.0) == VoiceSummary(None)


@pytest.mark.parametrize("rate_hz", [0, -1, 7999, 200_000])
def test_impossible_rates_are_refused(rate_hz: int) -> None:
    with pytest.raises(AudioError, match="Hz") as refused:
        VoiceAnalyser(rate_hz)
    assert refused.value.fix


def test_two_channels_and_broken_samples_are_refused() -> None:
    analyser = VoiceAnalyser(RATE_HZ)
    with pytest.raises(AudioError, match="one channel"):
        analyser.push(np.zeros((100, 2), np.float32))
    with pytest.raises(AudioError, match="not numbers"):
        analyser.push(np.array([0.0, np.nan], np.float32))
    assert analyser.push(speech(1.0)) == VoiceAnalyser(RATE_HZ).push(speech(1.0))


def test_there_is_no_way_to_name_the_agent() -> None:
    """EU AI Act, Art. 5(1)(f): no switch can turn this on for employees."""
    names = set(inspect.signature(VoiceAnalyser.__init__).parameters)
    names |= {n for m in ("push", "summary", "measures") for n in
              inspect.signature(getattr(VoiceAnalyser, m)).parameters}  # fmt: skip
    assert names == {
        "self", "rate_hz", "model", "memory_secs", "samples", "start_secs", "end_secs",
    }  # fmt: skip
