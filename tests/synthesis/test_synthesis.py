"""The synthesised calls: the same always, true word times, a real telephone line, honest levels."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.synthesis import espeak
from benchmarks.synthesis.__main__ import main
from benchmarks.synthesis.files import DEMO_CALL, DEMO_DIR, DEMO_SEED
from benchmarks.synthesis.fresh import fresh_call
from benchmarks.synthesis.line import (
    RATE_HZ,
    FloatArray,
    alaw_round_trip,
    limit_band,
    line_noise,
)
from benchmarks.synthesis.render import Word, place, render
from benchmarks.synthesis.scripts import CHANNELS, Call, Line, Turn, load_calls

CALLS = load_calls()
FRAME = 80  # 10 ms
Rendered = tuple[np.ndarray, list[Word]]


@pytest.fixture(scope="module")
def rendered(need: Callable[[str], None]) -> dict[str, Rendered]:
    """Every scripted call and two fresh ones, seed 0."""
    need("espeak-ng")
    calls = [*CALLS.values(), fresh_call(1), fresh_call(2)]
    return {call.id: render(call, 0) for call in calls}


def level_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12))


def band_db(samples: np.ndarray, low_hz: float, high_hz: float) -> float:
    even = np.asarray(samples[: len(samples) // 4096 * 4096], np.float64)
    power = np.abs(np.fft.rfft(even)) ** 2
    freqs_hz = np.fft.rfftfreq(len(even), 1 / RATE_HZ)
    return float(10 * np.log10(power[(freqs_hz >= low_hz) & (freqs_hz < high_hz)].sum() + 1e-12))


@pytest.mark.real
class TestCalls:
    def test_shape_and_headroom(self, rendered: dict[str, Rendered]) -> None:
        for samples, _ in rendered.values():
            assert samples.dtype == np.float32
            assert samples.ndim == 2
            assert samples.shape[1] == len(CHANNELS)
            assert 0.1 < np.abs(samples).max() < 0.98

    def test_words_are_those_of_the_script(self, rendered: dict[str, Rendered]) -> None:
        for name, call in CALLS.items():
            words = rendered[name][1]
            for index, turn in enumerate(call.turns):
                spoken = [word for word in words if word.turn == index]
                assert " ".join(word.text for word in spoken) == turn.text
                assert {word.channel for word in spoken} == {turn.channel}

    def test_word_times_lie_inside_the_audio_in_order(self, rendered: dict[str, Rendered]) -> None:
        for samples, words in rendered.values():
            assert words == sorted(words, key=lambda word: word.start_secs)
            assert all(word.start_secs < word.end_secs for word in words)
            assert words[0].start_secs >= 0.25
            assert max(word.end_secs for word in words) <= len(samples) / RATE_HZ - 1.0
            for channel in CHANNELS:
                mine = [word for word in words if word.channel == channel]
                assert all(a.end_secs <= b.start_secs + 1e-3 for a, b in itertools.pairwise(mine))

    def test_pauses_are_those_of_the_script(self, rendered: dict[str, Rendered]) -> None:
        for name, call in CALLS.items():
            words = rendered[name][1]
            clock_secs = 0.0
            for index, turn in enumerate(call.turns):
                mine = [word for word in words if word.turn == index]
                assert mine[0].start_secs - clock_secs == pytest.approx(turn.pause_secs, abs=2e-3)
                clock_secs = mine[-1].end_secs

    def test_energy_lies_where_the_words_are(self, rendered: dict[str, Rendered]) -> None:
        for name in ("full_ladder", "calm", "happy_shouter", "threat"):
            samples, words = rendered[name]
            frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME, 2)
            frame_db = 10 * np.log10(np.mean(frames.astype(np.float64) ** 2, axis=1) + 1e-12)
            middle_secs = (np.arange(len(frames)) + 0.5) * FRAME / RATE_HZ
            for column, channel in enumerate(CHANNELS):
                inside, beside, near = np.zeros((3, len(frames)), bool)
                for word in words:
                    if word.channel != channel:
                        continue
                    outside_secs = np.maximum(
                        word.start_secs - middle_secs, middle_secs - word.end_secs
                    )
                    inside |= outside_secs < 0
                    beside |= outside_secs < 0.02
                    near |= outside_secs < 0.15
                noise_db = float(np.median(frame_db[~near, column]))
                assert frame_db[~near, column].max() < noise_db + 6
                loud = frame_db[:, column] > noise_db + 12
                assert np.all(beside[loud])
                assert np.mean(loud[inside]) > 0.7
                onset_secs = []
                for index in {word.turn for word in words if word.channel == channel}:
                    first = min(word.start_secs for word in words if word.turn == index)
                    after = loud & (middle_secs > first - 0.1)
                    onset_secs.append(middle_secs[np.argmax(after)] - first)
                assert -0.02 < np.median(onset_secs) < 0.06
                assert max(onset_secs) < 0.25

    def test_the_line_keeps_its_band(self, rendered: dict[str, Rendered]) -> None:
        for samples, _ in rendered.values():
            for column in range(len(CHANNELS)):
                heard = samples[:, column]
                in_band = band_db(heard, 300, 3400)
                assert band_db(heard, 0, 200) < in_band - 25
                assert band_db(heard, 3600, 4000) < in_band - 25

    def test_noise_lies_30_to_37_db_below_calm_speech(self, rendered: dict[str, Rendered]) -> None:
        for name in ("calm", "full_ladder"):
            samples, words = rendered[name]
            for column, channel in enumerate(CHANNELS):
                silent = np.ones(len(samples), bool)
                speech = []
                for word in words:
                    if word.channel == channel:
                        span = slice(
                            int((word.start_secs - 0.05) * RATE_HZ),
                            int((word.end_secs + 0.05) * RATE_HZ),
                        )
                        silent[span] = False
                        if CALLS[name].turns[word.turn].agitation <= 0.2:
                            speech.append(samples[span, column])
                if speech:
                    below = level_db(np.concatenate(speech)) - level_db(samples[silent, column])
                    assert 27 < below < 38

    def test_a_seed_gives_one_recording(self, rendered: dict[str, Rendered]) -> None:
        for name in ("happy_shouter", "threat"):  # a Klatt voice and formant voices
            samples, words = render(CALLS[name], 0)
            assert np.array_equal(samples, rendered[name][0])
            assert words == rendered[name][1]
            other, _ = render(CALLS[name], 1)
            assert other.shape != samples.shape or not np.array_equal(other, samples)

    def test_calls_have_noise_of_their_own(self, rendered: dict[str, Rendered]) -> None:
        first, second = (rendered[name][0][:2400, 0] for name in ("calm", "threat"))
        assert np.abs(np.corrcoef(first, second)[0, 1]) < 0.2


SENTENCE = "ich warte nun schon seit drei tagen auf eine antwort von ihnen"
AGITATIONS = (0.0, 0.5, 1.0)
VOICES = ("de+max", "de+robert", "de+f3", "de+m5", "de+Michael", "de+klatt3")


@pytest.fixture(scope="module")
def aroused(need: Callable[[str], None]) -> dict[str, list[tuple[np.ndarray, float]]]:
    """One sentence at rising agitation for each voice: samples and seconds."""
    need("espeak-ng")
    found: dict[str, list[tuple[np.ndarray, float]]] = {}
    for voice in VOICES:
        turns = tuple(
            Turn("customer", SENTENCE, agitation, 0.5, (), 0)
            for agitation in AGITATIONS
            for _ in range(3)
        )
        samples, words = render(Call("x", "x", voice, voice, turns, (), Line(noise_db=-60)), 0)
        found[voice] = []
        for step in range(len(AGITATIONS)):
            pieces = []
            for index in range(3 * step, 3 * step + 3):
                times = [word for word in words if word.turn == index]
                start, end = times[0].start_secs, times[-1].end_secs
                pieces.append(samples[int(start * RATE_HZ) : int(end * RATE_HZ), 0])
            joined = np.concatenate(pieces)
            found[voice].append((joined, len(joined) / RATE_HZ / 3))
    return found


def pitch_hz(samples: FloatArray) -> float:
    """Median pitch of the voiced frames of clean speech, by autocorrelation below 450 Hz."""
    low = np.convolve(samples, np.hanning(18) / np.hanning(18).sum(), mode="same")
    found = []
    for start in range(0, len(low) - 400, 200):
        frame = low[start : start + 400]
        power = np.fft.irfft(np.abs(np.fft.rfft(frame * np.hanning(400), 1024)) ** 2)
        lag = 18 + int(np.argmax(power[18:115]))
        if level_db(frame) > level_db(low) - 6 and power[lag] > 0.4 * power[0]:
            found.append(RATE_HZ / lag)
    return float(np.median(found))


@pytest.mark.real
class TestAgitation:
    def test_level_rises_8_db(self, aroused: dict[str, list[tuple[np.ndarray, float]]]) -> None:
        for steps in aroused.values():
            low, middle, high = (level_db(samples) for samples, _ in steps)
            assert 2.5 < middle - low < 6.5
            assert 2.5 < high - middle < 6.5
            assert 6.5 < high - low < 11

    def test_rate_rises_by_a_quarter_or_more(
        self, aroused: dict[str, list[tuple[np.ndarray, float]]]
    ) -> None:
        for steps in aroused.values():
            low, middle, high = (secs for _, secs in steps)
            assert low > middle > high
            assert 1.2 < low / high < 1.6

    @pytest.mark.parametrize("voice", VOICES)
    def test_pitch_rises_some_semitones(self, need: Callable[[str], None], voice: str) -> None:
        need("espeak-ng")
        turns = tuple(Turn("customer", SENTENCE, agitation, 0.5, (), 0) for agitation in (0, 1))
        low, high = place(Call("x", "x", voice, voice, turns, ()), np.random.default_rng(0))
        assert 2 < 12 * np.log2(pitch_hz(high.samples) / pitch_hz(low.samples)) < 9

    def test_effort_lifts_the_upper_band(
        self, aroused: dict[str, list[tuple[np.ndarray, float]]]
    ) -> None:
        for steps in aroused.values():
            slope = [band_db(s, 1500, 3400) - band_db(s, 300, 1000) for s, _ in steps]
            assert slope[-1] > slope[0] + 1.5


@pytest.mark.real
class TestEcho:
    def test_the_other_channel_leaks_in_faintly(self, need: Callable[[str], None]) -> None:
        need("espeak-ng")
        call = replace(CALLS["side_cues"], turns=CALLS["side_cues"].turns[:3], expected=())
        quiet = Line(noise_db=-70)
        wet, words = render(replace(call, line=replace(quiet, echo_db=-35.0)), 0)
        dry, _ = render(replace(call, line=quiet), 0)
        assert CALLS["side_cues"].line.echo_db == -35.0
        times = [word for word in words if word.turn == 0]
        span = slice(int(times[0].start_secs * RATE_HZ), int(times[-1].end_secs * RATE_HZ))
        below = level_db(dry[span, 1]) - level_db(wet[span, 0])
        assert below == pytest.approx(35, abs=3)
        assert level_db(dry[span, 0]) < level_db(wet[span, 0]) - 6


class TestLine:
    def test_a_law_is_that_of_libsndfile(self) -> None:
        pcm = np.arange(-32768, 32768).astype(np.int16)
        buffer = io.BytesIO()
        soundfile.write(buffer, pcm, RATE_HZ, format="WAV", subtype="ALAW")
        buffer.seek(0)
        reference, _ = soundfile.read(buffer, dtype="int16")
        ours = np.round(alaw_round_trip(pcm / 32768.0) * 32768)
        # libsndfile truncates towards zero to 12 bits before it looks up the code
        assert np.abs(ours - reference).max() <= 1024
        assert np.mean(ours == reference) > 0.99

    def test_a_law_is_idempotent_and_saturates(self) -> None:
        once = alaw_round_trip(np.linspace(-1.5, 1.5, 10001))
        assert np.array_equal(alaw_round_trip(once), once)
        assert np.abs(once).max() == 32256 / 32768
        assert len(np.unique(once)) == 256

    def test_a_law_keeps_a_tone_33_db_above_its_noise(self) -> None:
        tone = 0.3 * np.sin(2 * np.pi * 1013 * np.arange(8000) / RATE_HZ)
        assert level_db(tone) - level_db(alaw_round_trip(tone) - tone) > 33  # ITU-T G.712

    @pytest.mark.parametrize(
        ("freq_hz", "low_db", "high_db"),
        [(150, -200, -45), (400, -0.1, 0.1), (3200, -0.1, 0.1), (3600, -200, -45)],
    )
    def test_band_pass(self, freq_hz: float, low_db: float, high_db: float) -> None:
        tone = np.sin(2 * np.pi * freq_hz * np.arange(16000) / RATE_HZ)
        middle = slice(4000, 12000)
        gain_db = level_db(limit_band(tone)[middle]) - level_db(tone[middle])
        assert low_db < gain_db < high_db

    def test_band_pass_delays_nothing(self) -> None:
        click = np.zeros(2001)
        click[1000] = 1.0
        assert int(np.argmax(np.abs(limit_band(click)))) == 1000

    def test_noise_has_the_level_asked_for(self) -> None:
        noise = line_noise(16000, 0.001, np.random.default_rng(3))
        assert level_db(noise) == pytest.approx(-60, abs=0.01)


@pytest.mark.real
class TestDemo:
    def test_the_script_rebuilds_the_shipped_demo(self, need: Callable[[str], None]) -> None:
        need("espeak-ng")
        call = CALLS[DEMO_CALL]
        shipped, rate_hz = soundfile.read(DEMO_DIR / "demo.flac", dtype="float32")
        truth = json.loads((DEMO_DIR / "demo.json").read_text(encoding="utf-8"))
        samples, words = render(call, DEMO_SEED)
        assert rate_hz == truth["rate_hz"] == RATE_HZ
        assert [(w["channel"], w["text"], w["turn"]) for w in truth["words"]] == [
            (w.channel, w.text, w.turn) for w in words
        ]
        if truth["espeak_ng"] == espeak.version():
            assert shipped.shape == samples.shape
            # another processor may round a sample at the edge of an A-law step the other way
            assert np.mean(shipped != samples) < 0.001
            assert [w["start_secs"] for w in truth["words"]] == [w.start_secs for w in words]


class TestShippedDemo:
    truth = json.loads((DEMO_DIR / "demo.json").read_text(encoding="utf-8"))

    def test_size_and_length(self) -> None:
        info = soundfile.info(DEMO_DIR / "demo.flac")
        assert (info.samplerate, info.channels, info.subtype) == (RATE_HZ, 2, "PCM_16")
        assert 75 <= info.duration <= 110
        assert (DEMO_DIR / "demo.flac").stat().st_size <= 1_500_000

    def test_the_truth_is_that_of_the_script(self) -> None:
        call = CALLS[DEMO_CALL]
        assert [turn["text"] for turn in self.truth["turns"]] == [t.text for t in call.turns]
        assert [turn["labels"] for turn in self.truth["turns"]] == [
            list(turn.labels) for turn in call.turns
        ]
        entries = [(e["after_turn"], e["stage"], e["cue"]) for e in self.truth["expected"]]
        assert entries == [(e.after_turn, e.stage, e.cue) for e in call.expected]

    def test_the_first_cue_comes_early(self) -> None:
        first = self.truth["expected"][0]
        assert first["cue"] == "understanding"
        assert self.truth["turns"][first["after_turn"]]["end_secs"] < 8


@pytest.mark.real
class TestCommandLine:
    def test_writes_flac_and_truth(
        self, need: Callable[[str], None], tmp_path: Path, rendered: dict[str, Rendered]
    ) -> None:
        need("espeak-ng")
        assert main(["--call", "threat", "--out", str(tmp_path)]) == 0
        samples, rate_hz = soundfile.read(tmp_path / "threat.flac", dtype="float32")
        assert rate_hz == RATE_HZ
        assert np.array_equal(samples, rendered["threat"][0])
        truth = json.loads((tmp_path / "threat.truth.json").read_text(encoding="utf-8"))
        assert len(truth["words"]) == len(rendered["threat"][1])
        assert truth["expected"][1]["also_ok"] == ["respect_request"]
        assert [turn["index"] for turn in truth["turns"]] == list(range(7))

    def test_writes_a_fresh_call(self, need: Callable[[str], None], tmp_path: Path) -> None:
        need("espeak-ng")
        assert main(["--fresh", "--seed", "11", "--out", str(tmp_path)]) == 0
        truth = json.loads((tmp_path / "fresh_11.truth.json").read_text(encoding="utf-8"))
        assert [t["text"] for t in truth["turns"]] == [t.text for t in fresh_call(11).turns]
        assert soundfile.info(tmp_path / "fresh_11.flac").channels == 2

    def test_an_unknown_voice_is_named(self, need: Callable[[str], None]) -> None:
        need("espeak-ng")
        with pytest.raises(espeak.EspeakError, match=r"de\+nobody.*--voices"):
            render(replace(CALLS["threat"], customer_voice="de+nobody"), 0)


def test_an_unknown_call_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--call", "nowhere", "--out", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert "nowhere" in message
    assert "full_ladder" in message
    assert list(tmp_path.iterdir()) == []
