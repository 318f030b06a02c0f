"""Voice activity: nothing said is lost, nothing else is let through, any cut gives the same."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.asr.segmenter import RATES_HZ, Piece, Segmenter, SegmenterSettings
from models.errors import AudioError

DEMO = Path(__file__).resolve().parents[2] / "configs" / "demo"
RATE_HZ = 8000
Audio = NDArray[np.float32]


class Channel(NamedTuple):
    """A channel of the demo call, and where its words are (seconds), known from the synthesis."""

    samples: Audio
    words: list[tuple[float, float]]


@pytest.fixture(scope="module")
def channels() -> list[Channel]:
    samples, rate_hz = soundfile.read(DEMO / "demo.flac", dtype="float32")
    assert rate_hz == RATE_HZ
    truth = json.loads((DEMO / "demo.json").read_text(encoding="utf-8"))
    return [
        Channel(
            np.ascontiguousarray(samples[:, column]),
            [(w["start_secs"], w["end_secs"]) for w in truth["words"] if w["channel"] == name],
        )
        for column, name in enumerate(truth["channels"])
    ]


def pieces_of(samples: Audio, cuts: list[int] | None = None, rate_hz: int = RATE_HZ) -> list[Piece]:
    segmenter = Segmenter(rate_hz)
    parts = np.split(samples, cuts or [])
    return [piece for part in parts for piece in segmenter.push(part)] + segmenter.flush()


def spans(pieces: list[Piece], rate_hz: int = RATE_HZ) -> list[tuple[float, float]]:
    """Start and end of each segment in seconds; checks that pieces are whole on the way."""
    found: list[tuple[float, float]] = []
    start, at = 0, None
    for piece in pieces:
        assert piece.first == (at is None)
        assert at in (None, piece.start)
        start = piece.start if piece.first else start
        at = piece.start + len(piece.samples)
        assert piece.known_at >= at
        if piece.last:
            found.append((start / rate_hz, at / rate_hz))
            at = None
    assert at is None
    return found


def noise(secs: float, level: float = 0.001) -> Audio:
    return np.random.default_rng(1).normal(0, level, round(secs * RATE_HZ)).astype(np.float32)


def tone(secs: float, *hz: float) -> Audio:
    time = np.arange(round(secs * RATE_HZ)) / RATE_HZ
    return np.asarray(sum(0.15 * np.sin(2 * np.pi * f * time) for f in hz), np.float32)


def speech(channel: Channel, secs: float) -> Audio:
    """Continuous speech: the words of a channel without what lies between them."""
    words = [channel.samples[int(a * RATE_HZ) : int(b * RATE_HZ)] for a, b in channel.words]
    whole = np.concatenate(words)
    return np.tile(whole, 1 + int(secs * RATE_HZ / len(whole)))[: round(secs * RATE_HZ)]


def open_secs(samples: Audio) -> float:
    return sum(end - start for start, end in spans(pieces_of(samples)))


def test_every_word_of_the_demo_call_is_let_through_with_its_onset(channels: list[Channel]) -> None:
    for channel in channels:
        found = spans(pieces_of(channel.samples))
        for start, end in channel.words:
            assert any(a <= start - 0.02 and end <= b for a, b in found), (start, end)


def test_pauses_are_not_let_through(channels: list[Channel]) -> None:
    for channel in channels:
        spoken = sum(end - start for start, end in channel.words)
        assert open_secs(channel.samples) < 1.7 * spoken + 2
        assert open_secs(channel.samples) < 0.75 * len(channel.samples) / RATE_HZ


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 20 * RATE_HZ), max_size=40))
def test_any_cut_gives_the_same_pieces(channels: list[Channel], cuts: list[int]) -> None:
    samples = channels[0].samples[: 20 * RATE_HZ]
    assert fingerprint(pieces_of(samples, sorted(cuts))) == fingerprint(pieces_of(samples))


def test_sample_by_sample_gives_the_same_pieces(channels: list[Channel]) -> None:
    samples = channels[1].samples[: 3 * RATE_HZ]
    alone = pieces_of(samples, list(range(1, len(samples))))
    assert fingerprint(alone) == fingerprint(pieces_of(samples))


def fingerprint(pieces: list[Piece]) -> list[tuple[object, ...]]:
    return [(p.start, p.samples.tobytes(), p.first, p.last, p.speech, p.known_at) for p in pieces]


def test_decisions_use_nothing_from_the_future(channels: list[Channel]) -> None:
    samples = channels[0].samples[: 12 * RATE_HZ]
    whole = fingerprint(pieces_of(samples))
    for end in range(RATE_HZ, len(samples), 7777):
        segmenter = Segmenter(RATE_HZ)
        known = fingerprint(segmenter.push(samples[:end]))
        assert known == whole[: len(known)]
        assert all(piece[-1] > end - 160 for piece in whole[len(known) :])


def test_digital_silence_opens_nothing() -> None:
    assert pieces_of(np.zeros(60 * RATE_HZ, np.float32)) == []
    assert pieces_of(np.zeros(0, np.float32)) == []


@pytest.mark.parametrize(("level", "most_secs"), [(0.0001, 0), (0.001, 0), (0.01, 0), (0.1, 3)])
def test_steady_noise_opens_nothing_or_next_to_it(level: float, most_secs: float) -> None:
    assert open_secs(noise(120, level)) <= most_secs  # strong noise: while the floor is learnt


def test_speech_from_the_very_first_sample_is_let_through(channels: list[Channel]) -> None:
    for channel in channels:
        for (start, end), (_, next_end) in pairwise(channel.words):
            middle = (start + end) / 2
            if 0.4 < next_end - middle < 1:  # half a word and the next: nothing before it
                clip = channel.samples[int(middle * RATE_HZ) :][:RATE_HZ]
                assert spans(pieces_of(clip))[0][0] == 0.0


@pytest.mark.parametrize("hz", [(425,), (697, 1209), (50, 100, 150)], ids=["dial", "dtmf", "hum"])
def test_a_steady_tone_does_not_keep_it_open(
    hz: tuple[float, ...], channels: list[Channel]
) -> None:
    said = channels[0].samples[int(channels[0].words[0][0] * RATE_HZ) :][: 3 * RATE_HZ]
    start_secs, length_secs = 3.0, 20.0
    sound = np.concatenate([noise(start_secs), tone(length_secs, *hz) + noise(length_secs)])
    found = spans(pieces_of(np.concatenate([sound, said])))
    during = [span for span in found if start_secs - 0.5 < span[0] < start_secs + length_secs - 1]
    assert sum(end - start for start, end in during) < 3.0
    assert any(start < start_secs + length_secs + 0.3 and end > 25 for start, end in found)


@pytest.mark.parametrize("spoilt", ["hum", "offset", "quiet", "hiss"])
def test_words_get_through_on_a_bad_line(channels: list[Channel], spoilt: str) -> None:
    for channel in channels:
        samples = channel.samples
        if spoilt == "hum":
            hum = tone(len(samples) / RATE_HZ + 1, 50, 100, 150)
            samples = samples + 0.5 * hum[: len(samples)]
        elif spoilt == "offset":
            samples = samples + np.float32(0.02)
        elif spoilt == "quiet":
            samples = samples * np.float32(0.02)
        else:
            level = 10 ** (-10 / 20) * np.sqrt(np.mean(samples[np.abs(samples) > 0.02] ** 2))
            samples = samples + noise(len(samples) / RATE_HZ + 1, level)[: len(samples)]
        found = spans(pieces_of(samples.astype(np.float32)))
        lost = [w for w in channel.words if not any(a <= w[0] and w[1] <= b for a, b in found)]
        assert len(lost) <= 0.02 * len(channel.words), lost


def test_speech_without_pauses_is_cut_but_not_lost(channels: list[Channel]) -> None:
    lead, said = noise(3), speech(channels[0], 65)
    found = spans(pieces_of(np.concatenate([lead, said, noise(2)])))
    inside = [span for span in found if span[1] > 3.5]
    assert len(inside) >= 4
    assert all(end - start <= SegmenterSettings().max_secs + 0.001 for start, end in inside)
    assert all(after[0] == before[1] for before, after in pairwise(inside))


def test_a_long_segment_is_cut_at_a_short_pause(channels: list[Channel]) -> None:
    """A pause that would not end a short segment ends a long one."""
    said, pause = speech(channels[0], 16), noise(0.35)
    found = spans(pieces_of(np.concatenate([noise(3), said, pause, said[: 4 * RATE_HZ], noise(2)])))
    end_of_first = next(end for start, end in found if end - start > 10)
    assert 19.0 < end_of_first < 19.45
    short = np.concatenate([noise(3), said[: 4 * RATE_HZ], pause, said[: 4 * RATE_HZ], noise(2)])
    assert len([s for s in spans(pieces_of(short)) if s[1] > 3.5]) == 1


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_every_rate_finds_the_same_segments(channels: list[Channel], rate_hz: int) -> None:
    samples = channels[0].samples[: 20 * RATE_HZ]
    resampled = np.asarray(soxr.resample(samples, RATE_HZ, rate_hz), np.float32)
    expected = [s for s in spans(pieces_of(samples)) if s[0] > 1]
    found = [s for s in spans(pieces_of(resampled, rate_hz=rate_hz), rate_hz) if s[0] > 1]
    np.testing.assert_allclose(found, expected, atol=0.25)


@pytest.mark.parametrize("rate_hz", [0, -8000, 7999, 11025, 44100, 96000])
def test_other_rates_are_refused_with_the_remedy(rate_hz: int) -> None:
    with pytest.raises(AudioError, match=f"does not work at {rate_hz} Hz") as caught:
        Segmenter(rate_hz)
    assert "resample to one of 8000" in caught.value.fix


def test_out_of_range_samples_do_no_harm(channels: list[Channel]) -> None:
    loud = channels[0].samples[: 10 * RATE_HZ] * 100
    assert spans(pieces_of(loud))
