"""Synthesised calls from audio alone: what was heard, which stages and cues came, and when."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.outcome import Outcome, analyse, compare
from benchmarks.synthesis.fresh import fresh_call, repository_text
from benchmarks.synthesis.render import Word, render
from benchmarks.synthesis.scripts import load_calls
from monitor.analyzer import CallAnalyzer, CallInfo, Parts
from monitor.events import CueShown, Event, SpeechFinal, Tone, ToneFinal, Voice, from_wire

ROOT = Path(__file__).resolve().parents[2]
CALLS = load_calls()
SEED = 1

pytestmark = pytest.mark.real


@cache
def rendered(name: str) -> tuple[np.ndarray, list[Word]]:
    return render(CALLS[name], SEED)


@pytest.fixture(scope="module")
def analysed(parts: Parts) -> Callable[[str], list[Event]]:
    """The events of a call, from its audio; each call is analysed once."""
    return cache(lambda name: analyse(CALLS[name], rendered(name)[0], parts))


def report(outcome: Outcome) -> str:
    return "\n".join(
        [
            f"{outcome.call}: {outcome.word_errors}/{outcome.words} words wrong",
            *(f"  missed: {item}" for item in outcome.missed),
            *(f"  false alarm: {item}" for item in outcome.false_alarms),
            *outcome.heard,
        ]
    )


@pytest.mark.parametrize("name", CALLS)
def test_expected_stages_and_cues_from_audio_alone(
    name: str, analysed: Callable[[str], list[Event]], need: Callable[[str], None]
) -> None:
    need("espeak-ng")
    outcome = compare(CALLS[name], rendered(name)[1], analysed(name))
    assert outcome.right, report(outcome)


def test_the_shipped_text_model_on_the_same_calls(
    shipped_parts: Parts, need: Callable[[str], None]
) -> None:
    """It has never seen these calls; what it is worth is measured on the golden ones."""
    need("espeak-ng")
    outcomes = [
        compare(
            CALLS[name], rendered(name)[1], analyse(CALLS[name], rendered(name)[0], shipped_parts)
        )
        for name in CALLS
    ]
    print("\n".join(map(report, outcomes)))
    expected = sum(outcome.hits + len(outcome.missed) for outcome in outcomes)
    assert sum(outcome.hits for outcome in outcomes) >= 0.75 * expected
    assert sum(len(outcome.false_alarms) for outcome in outcomes) <= len(outcomes)


def test_tone_within_eight_tenths_of_a_second_of_the_word(
    analysed: Callable[[str], list[Event]], need: Callable[[str], None]
) -> None:
    """Word end (known from the synthesis) to tone event, in audio time, over all calls."""
    need("espeak-ng")
    lags: list[float] = []
    for name in CALLS:
        truth = rendered(name)[1]
        channel: dict[int, str] = {}
        seen: set[tuple[int, str]] = set()
        for event in analysed(name):
            if isinstance(event, SpeechFinal):
                channel[event.utterance] = event.channel
            if not isinstance(event, Tone | ToneFinal):
                continue
            for item in event.evidence:
                key = (event.utterance, item.label)
                if item.channel != "customer" or not item.text or key in seen:
                    continue
                seen.add(key)
                last = item.text.split()[-1]
                ends = [
                    word.end_secs
                    for word in truth
                    if (word.channel, word.text) == ("customer", last)
                    and word.end_secs < event.t_secs
                ]
                lags += [event.t_secs - max(ends)] if ends else []
    p50, p95 = np.percentile(lags, [50, 95])
    print(f"word end to tone: n={len(lags)}, p50 {p50:.2f} s, p95 {p95:.2f} s")
    assert len(lags) >= 20
    assert p95 <= 0.8


def test_a_fresh_call_with_sentences_of_no_file(parts: Parts, need: Callable[[str], None]) -> None:
    """A new seed every run, printed with what was heard; CONTENANCE_TEST_SEED repeats one."""
    need("espeak-ng")
    seed = int(os.environ.get("CONTENANCE_TEST_SEED") or random.SystemRandom().randrange(1 << 31))
    call = fresh_call(seed, known=repository_text())
    samples, truth = render(call, seed)
    outcome = compare(call, truth, analyse(call, samples, parts))
    print(f"CONTENANCE_TEST_SEED={seed}\n{report(outcome)}")
    # Every fresh call is another one, and the models are honest beginners: of 60 measured, 52 came
    # out all right and none missed more than one of its stages and cues (docs/measurements.md).
    expected = outcome.hits + len(outcome.missed)
    assert outcome.word_errors <= 0.3 * outcome.words
    assert len(outcome.missed) <= max(2, expected / 3)
    assert len(outcome.false_alarms) <= 2


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(1, 40_000), max_size=12))
def test_any_cut_of_the_audio_gives_the_same_events(
    parts: Parts, whole: list[Event], cuts: list[int]
) -> None:
    samples = demo_samples()
    info = CallInfo("c", "file", ("customer", "agent"), voice_consent=True)
    analyzer = CallAnalyzer(info, parts)
    events = analyzer.start()
    at = 0
    for cut in [*cuts, len(samples)]:
        events += analyzer.push(samples[at : at + cut])
        at += cut
    events += analyzer.end("hangup")
    assert events == whole


@cache
def demo_samples() -> np.ndarray:
    import soundfile

    samples, _ = soundfile.read(
        ROOT / "configs/demo/demo.flac", dtype="float32", always_2d=True, frames=20 * 8000
    )
    return samples


@pytest.fixture(scope="module")
def whole(parts: Parts) -> list[Event]:
    """The first 20 s of the demo call, pushed in one piece."""
    info = CallInfo("c", "file", ("customer", "agent"), voice_consent=True)
    analyzer = CallAnalyzer(info, parts)
    return [*analyzer.start(), *analyzer.push(demo_samples()), *analyzer.end("hangup")]


def test_the_events_of_a_call_survive_the_wire_and_a_cue_says_why(whole: list[Event]) -> None:
    assert [from_wire(event.to_wire()) for event in whole] == whole
    cues = [event for event in whole if isinstance(event, CueShown)]
    assert cues
    assert all(item.text or item.value is not None for cue in cues for item in cue.evidence)


def test_voice_is_given_four_times_a_second_and_unknown_in_silence(whole: list[Event]) -> None:
    frames = [event for event in whole if isinstance(event, Voice)]
    assert [frame.t_secs for frame in frames] == [0.25 * (i + 1) for i in range(80)]
    assert frames[0].agitation is None, "nothing was said yet"
    assert any(frame.agitation is not None for frame in frames)
