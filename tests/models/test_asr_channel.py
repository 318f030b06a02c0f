"""One channel of a call through the real embedded model, and through a scripted recogniser."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.asr.channel import ChannelTranscriber, Final, Partial
from models.asr.recogniser import BLOCK_SECS, Hypothesis, Recogniser, Samples, Word
from models.asr.registry import EMBEDDED_PATH
from models.asr.vosk_engine import VoskPool
from models.errors import AudioError

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "configs" / "demo"
EMODB = ROOT.parent / "shared" / "data" / "emodb"
RATE_HZ = 8000
Audio = NDArray[np.float32]
Output = Partial | Final


class Channel(NamedTuple):
    """A channel of the demo call, and its words (text, start, end), known from the synthesis."""

    samples: Audio
    words: list[tuple[str, float, float]]


@pytest.fixture(scope="module")
def channels() -> list[Channel]:
    samples, rate_hz = soundfile.read(DEMO / "demo.flac", dtype="float32")
    assert rate_hz == RATE_HZ
    truth = json.loads((DEMO / "demo.json").read_text(encoding="utf-8"))
    return [
        Channel(
            np.ascontiguousarray(samples[:, column]),
            [
                (w["text"], w["start_secs"], w["end_secs"])
                for w in truth["words"]
                if w["channel"] == name
            ],
        )
        for column, name in enumerate(truth["channels"])
    ]


@pytest.fixture(scope="module")
def pool() -> VoskPool:
    return VoskPool(EMBEDDED_PATH, 2, RATE_HZ)


@pytest.fixture
def recogniser(pool: VoskPool) -> Iterator[Recogniser]:
    leased = pool.acquire()
    yield leased
    pool.release(leased)


def transcribe(
    recogniser: Recogniser, samples: Audio, cuts: list[int] | None = None
) -> list[Output]:
    transcriber = ChannelTranscriber(recogniser, RATE_HZ)
    parts = np.split(samples, cuts or [])
    return [output for part in parts for output in transcriber.push(part)] + transcriber.flush()


def finals(outputs: list[Output]) -> list[Final]:
    return [output for output in outputs if isinstance(output, Final)]


def heard(outputs: list[Output]) -> list[Word]:
    return [word for final in finals(outputs) for word in final.words]


class Match(NamedTuple):
    """A word said and heard. shown_secs: from when on a partial (or the final) had it for good."""

    start_secs: float
    end_secs: float
    word: Word
    final: Final
    shown_secs: float


def matches(channel: Channel, outputs: list[Output]) -> list[Match]:
    """The words of the truth that were heard, in order."""
    said = [text for text, _, _ in channel.words]
    flat = [(final, i) for final in finals(outputs) for i in range(len(final.words))]
    texts = [final.words[i].text for final, i in flat]
    found = []
    for block in difflib.SequenceMatcher(None, said, texts, autojunk=False).get_matching_blocks():
        for k in range(block.size):
            _, start, end = channel.words[block.a + k]
            final, i = flat[block.b + k]
            shown = final.at_secs
            for output in reversed(outputs[: outputs.index(final)]):
                prefix = final.text.split()[: i + 1]
                if isinstance(output, Final) or output.text.split()[: i + 1] != prefix:
                    break
                shown = output.at_secs
            found.append(Match(start, end, final.words[i], final, shown))
    return found


# The real model


def test_words_are_heard_at_their_times(channels: list[Channel], recogniser: Recogniser) -> None:
    for channel in channels:
        outputs = transcribe(recogniser, channel.samples)
        found = matches(channel, outputs)
        assert len(found) >= 0.85 * len(channel.words)
        assert len(heard(outputs)) <= 1.15 * len(channel.words)
        errors = np.array([match.word.start_secs - match.start_secs for match in found])
        assert abs(np.median(errors)) < 0.03
        assert np.percentile(np.abs(errors), 95) < 0.1


def test_words_are_shown_soon_after_they_were_said(
    channels: list[Channel], recogniser: Recogniser
) -> None:
    shown, final = [], []
    for channel in channels:
        found = matches(channel, transcribe(recogniser, channel.samples))
        shown += [match.shown_secs - match.end_secs for match in found]
        last = {match.final.at_secs: match for match in found}
        final += [match.final.at_secs - match.end_secs for match in last.values()]
    assert np.median(shown) < 0.45
    assert np.percentile(shown, 95) < 0.8
    assert np.median(final) < 1.0
    assert max(final) < 1.6


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, 16 * RATE_HZ), max_size=30))
def test_any_cut_gives_the_same_outputs(
    channels: list[Channel], pool: VoskPool, cuts: list[int]
) -> None:
    samples = channels[0].samples[: 16 * RATE_HZ]
    recogniser = pool.acquire()
    try:
        whole = transcribe(recogniser, samples)
        assert len(finals(whole)) >= 2
        assert transcribe(recogniser, samples, sorted(cuts)) == whole
    finally:
        pool.release(recogniser)


@pytest.mark.parametrize("step", [1, 80, 160, 400, 1600, 4001])
def test_block_size_of_the_source_does_not_matter(
    channels: list[Channel], recogniser: Recogniser, step: int
) -> None:
    samples = channels[1].samples[: 6 * RATE_HZ]
    cuts = list(range(step, len(samples), step))
    assert transcribe(recogniser, samples, cuts) == transcribe(recogniser, samples)


def test_outputs_need_no_audio_after_their_time(
    channels: list[Channel], recogniser: Recogniser
) -> None:
    samples = channels[0].samples[: 16 * RATE_HZ]
    whole = transcribe(recogniser, samples)
    assert [output.at_secs for output in whole] == sorted(output.at_secs for output in whole)
    for end in range(4 * RATE_HZ, len(samples), 12345):
        transcriber = ChannelTranscriber(recogniser, RATE_HZ)
        so_far = transcriber.push(samples[:end])
        assert so_far == whole[: len(so_far)]
        assert all(output.at_secs > end / RATE_HZ - 0.02 for output in whole[len(so_far) :])
        transcriber.flush()


def test_a_used_recogniser_gives_what_a_new_one_gives(channels: list[Channel]) -> None:
    """Its clock runs on over everything it hears; times and words must not show it."""
    pool = VoskPool(EMBEDDED_PATH, 2, RATE_HZ)
    fresh, used = pool.acquire(), pool.acquire()
    first = [transcribe(fresh, channel.samples) for channel in channels]
    for _ in range(4):
        assert [transcribe(used, channel.samples) for channel in channels] == first


def test_times_are_right_late_in_a_call(channels: list[Channel], recogniser: Recogniser) -> None:
    offset_secs = 3723.25
    transcriber = ChannelTranscriber(recogniser, RATE_HZ)
    outputs = transcriber.push(np.zeros(round(offset_secs * RATE_HZ), np.float32))
    outputs += [*transcriber.push(channels[0].samples), *transcriber.flush()]
    late = [
        (text, start + offset_secs, end + offset_secs) for text, start, end in channels[0].words
    ]
    found = matches(Channel(channels[0].samples, late), outputs)
    assert len(found) >= 0.85 * len(late)
    errors = [abs(match.word.start_secs - match.start_secs) for match in found]
    assert np.percentile(errors, 95) < 0.1


def test_recognition_of_the_demo_is_reliable(
    channels: list[Channel], recogniser: Recogniser
) -> None:
    for channel in channels:
        transcriber = ChannelTranscriber(recogniser, RATE_HZ)
        assert transcriber.reliability() is None
        for second in np.split(channel.samples, range(RATE_HZ, len(channel.samples), RATE_HZ)):
            transcriber.push(second)
            assert transcriber.doubt() is None
        transcriber.flush()
        assert transcriber.reliability() > 0.85


def test_speech_that_it_cannot_understand_is_noticed(
    channels: list[Channel], recogniser: Recogniser
) -> None:
    """The same speech backwards: as loud and as fast, and no language."""
    for channel in channels:
        transcriber = ChannelTranscriber(recogniser, RATE_HZ)
        transcriber.push(np.ascontiguousarray(channel.samples[::-1]))
        assert transcriber.reliability() < 0.75
        assert transcriber.doubt() is not None
        transcriber.flush()


def test_people_are_noticed_by_the_demo_model(
    recogniser: Recogniser, need: Callable[[str], None]
) -> None:
    """Clips of people speaking German, which this model does not understand."""
    need("shared")
    in_doubt = judged = 0
    for speaker in ("03", "08", "09", "10", "12", "14"):
        transcriber = ChannelTranscriber(recogniser, RATE_HZ)
        for file in sorted(EMODB.glob(f"{speaker}*.wav"))[:12]:
            samples, rate_hz = soundfile.read(file, dtype="float32")
            clip = soxr.resample(samples, rate_hz, RATE_HZ)
            transcriber.push(np.concatenate([clip, np.zeros(RATE_HZ, np.float32)]))
            if transcriber.reliability() is not None:
                judged += 1
                in_doubt += transcriber.doubt() is not None
        transcriber.flush()
    assert judged > 50
    assert in_doubt >= 0.95 * judged


# A scripted recogniser


class Script:
    """A recogniser that answers from a script: per block, then at the end of a segment."""

    def __init__(
        self,
        blocks: list[Hypothesis | None] | None = None,
        ends: list[Hypothesis | None] | None = None,
    ) -> None:
        self.blocks = iter(blocks or [])
        self.ends = iter(ends or [])
        self.segments: list[list[int]] = [[]]

    @property
    def rate_hz(self) -> int:
        return RATE_HZ

    def accept(self, block: Samples) -> Hypothesis | None:
        self.segments[-1].append(len(block))
        return next(self.blocks, None)

    def finish(self) -> Hypothesis | None:
        self.segments.append([])
        return next(self.ends, None)


def partial(text: str) -> Hypothesis:
    return Hypothesis(text, final=False)


def final(*texts: str) -> Hypothesis:
    words = tuple(Word(text, 0.5 + i, 0.9 + i, 1.0) for i, text in enumerate(texts))
    return Hypothesis(" ".join(texts), final=True, words=words)


@pytest.fixture
def two_bursts(channels: list[Channel]) -> Audio:
    """Silence, 1.5 s of speech, silence, 1.5 s of speech, silence."""
    start = int(channels[0].words[0][1] * RATE_HZ)
    said = channels[0].samples[start : start + RATE_HZ * 3 // 2]
    pause = np.random.default_rng(2).normal(0, 1e-4, 4 * RATE_HZ).astype(np.float32)
    return np.concatenate([pause, said, pause, said, pause])


def test_blocks_have_one_length_but_the_last_of_a_segment(two_bursts: Audio) -> None:
    script = Script()
    transcribe(script, two_bursts, list(range(37, len(two_bursts), 37)))
    *segments, empty = script.segments
    assert empty == []
    assert len(segments) == 2
    block = round(BLOCK_SECS * RATE_HZ)
    for segment in segments:
        assert set(segment[:-1]) <= {block}
        assert 0 < segment[-1] <= block


def test_silence_does_not_reach_the_recogniser() -> None:
    script = Script()
    faint = np.random.default_rng(3).normal(0, 1e-3, 300 * RATE_HZ).astype(np.float32)
    transcribe(script, faint)
    assert sum(map(sum, script.segments)) < 2 * RATE_HZ
    script = Script()
    transcribe(script, np.zeros(300 * RATE_HZ, np.float32))
    assert script.segments == [[]]


def test_partials_count_up_and_start_again_after_a_final(two_bursts: Audio) -> None:
    script = Script(
        [partial("ja"), partial("ja"), partial("ja gut"), final("ja", "gut"), partial("so")],
        [final("so", "ist", "es"), final("nein")],
    )
    outputs = transcribe(script, two_bursts)
    assert [(o.text, o.rev) if isinstance(o, Partial) else o.text for o in outputs] == [
        ("ja", 1), ("ja gut", 2), "ja gut", ("so", 1), "so ist es", "nein",
    ]  # fmt: skip


def test_a_partial_that_becomes_no_final_is_taken_back(two_bursts: Audio) -> None:
    for end in (None, final(), final("[unk]")):
        script = Script([partial("ach")], [end] * 9)
        first, second = transcribe(script, two_bursts)
        assert (first, second.text) == (Partial("ach", 1, first.at_secs), "")
        assert isinstance(second, Partial)
        assert second.rev == 2
        assert second.at_secs > first.at_secs


def test_marks_for_unknown_words_are_left_out_but_lower_the_reliability(two_bursts: Audio) -> None:
    script = Script([partial("[unk]"), partial("ja <unk>")], [final("[unk]", "ja", "<unk>")] * 9)
    transcriber = ChannelTranscriber(script, RATE_HZ)
    outputs = [*transcriber.push(np.tile(two_bursts, 3)), *transcriber.flush()]
    assert {output.text for output in outputs} == {"ja"}
    assert {word.text for word in heard(outputs)} == {"ja"}
    assert transcriber.reliability() == pytest.approx(1 / 3)


def test_word_times_are_times_of_the_call(two_bursts: Audio) -> None:
    script = Script([], [final("eins", "zwei")] * 9)
    outputs = finals(transcribe(script, two_bursts))
    starts = [output.start_secs for output in outputs if output.start_secs > 3]
    assert starts == pytest.approx([4.0 - 0.3 + 0.5, 9.5 - 0.3 + 0.5], abs=0.15)
    for output in outputs:
        assert output.start_secs == output.words[0].start_secs
        assert output.end_secs == output.words[-1].end_secs == output.start_secs + 1.4


def test_audio_of_another_rate_is_refused() -> None:
    with pytest.raises(AudioError, match="the audio has 16000 Hz, the recogniser needs 8000"):
        ChannelTranscriber(Script(), 16000)
