"""Who speaks when, from real speech on two channels: told within half a second, echo is no talk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from benchmarks.synthesis import espeak
from benchmarks.synthesis.line import alaw_round_trip, limit_band, line_noise
from monitor.analyzer import CallAnalyzer, CallInfo, Parts
from monitor.events import CueShown, Event, Timing
from monitor.refold import decide

pytestmark = pytest.mark.real

RATE_HZ = 8000
LONG_TALK = (
    "die rechnung vom märz ist noch offen und der zähler im keller wurde seit zwei jahren nicht "
    "mehr abgelesen deshalb ist der betrag geschätzt und das werden wir heute gemeinsam ändern"
)
ANSWER = (
    "ich wollte ihnen ja nur sagen dass der zähler längst getauscht ist und die nummer nun anders "
    "lautet"
)

Placed = tuple[float, str, str, float]  # at_secs, channel, text, longest_secs


def speech(text: str, voice: str, longest_secs: float) -> NDArray[np.float32]:
    request = espeak.Request(text, voice, rate_wpm=150, pitch=50, pitch_range=50, seed=1)
    spoken = espeak.speak([request]).speeches[0]
    samples = soxr.resample(spoken.samples, spoken.rate_hz, RATE_HZ)
    voiced = np.flatnonzero(np.abs(samples) > 0.02)[0]  # the voice starts when it is said to
    samples = samples[voiced : voiced + round(longest_secs * RATE_HZ)]
    return np.asarray(0.3 * samples / np.max(np.abs(samples)), np.float32)


def call(
    said: Sequence[Placed], length_secs: float, echo_db: float | None = None
) -> NDArray[np.float32]:
    """Both channels; `echo_db`: so far down the agent's voice comes back in the customer's."""
    rng = np.random.default_rng(1)
    lines = {name: np.zeros(round(length_secs * RATE_HZ)) for name in ("customer", "agent")}
    for at_secs, channel, text, longest_secs in said:
        voice = "de+f2" if channel == "customer" else "de+m3"
        samples = speech(text, voice, longest_secs)
        start = round(at_secs * RATE_HZ)
        lines[channel][start : start + len(samples)] += samples[: len(lines[channel]) - start]
    if echo_db is not None:
        late = round(0.06 * RATE_HZ)
        lines["customer"][late:] += 10 ** (-echo_db / 20) * lines["agent"][:-late]
    sent = [
        alaw_round_trip(limit_band(line) + line_noise(len(line), 10 ** (-60 / 20), rng))
        for line in lines.values()
    ]
    return np.stack(sent, axis=1).astype(np.float32)


@pytest.fixture
def heard(parts: Parts, need: Callable[[str], None]) -> Callable[..., list[Event]]:
    need("espeak-ng")

    def analyse(audio: NDArray[np.float32], block: int = 400, policy: str = "coach") -> list[Event]:
        info = CallInfo(call="t", source="file", layout=("customer", "agent"), policy=policy)
        analyzer = CallAnalyzer(info, parts)
        events = analyzer.start()
        for at in range(0, len(audio), block):
            events += analyzer.push(audio[at : at + block])
        return events + analyzer.end("hangup")

    return analyse


def timings(events: Sequence[Event]) -> list[Timing]:
    return [event for event in events if isinstance(event, Timing)]


def test_talking_over_the_customer_is_told_while_it_lasts(
    heard: Callable[..., list[Event]],
) -> None:
    audio = call([(1, "customer", LONG_TALK, 8), (4, "agent", LONG_TALK, 4)], 12)
    events = heard(audio)
    (both,) = [one for one in timings(events) if one.kind == "talk_over"]
    assert both.start_secs == pytest.approx(4.0, abs=0.3)
    assert 2.0 <= both.secs <= 2.6
    assert both.t_secs < 6.8  # not after both have finished
    shown = next(one for one in events if isinstance(one, CueShown) and one.name == "listen")
    assert (shown.rule, shown.evidence[0].value) == ("talk_over", both.secs)
    assert shown.t_secs == both.t_secs


def test_cutting_the_customer_short(heard: Callable[..., list[Event]]) -> None:
    audio = call([(1, "customer", LONG_TALK, 4), (4, "agent", ANSWER, 5)], 12)
    (cut,) = [one for one in timings(heard(audio)) if one.kind == "interruption"]
    assert cut.start_secs == pytest.approx(4.0, abs=0.3)
    assert cut.secs == pytest.approx(1.0, abs=0.35)


def test_silence_is_told_when_it_has_lasted(heard: Callable[..., list[Event]]) -> None:
    audio = call([(1, "customer", ANSWER, 3)], 20)
    silent = [one for one in timings(heard(audio)) if one.kind == "dead_air"]
    assert [one.secs for one in silent] == pytest.approx([7.0, 14.0], abs=0.2)
    assert silent[0].start_secs == pytest.approx(4.0, abs=0.4)


def test_one_sided_talk(heard: Callable[..., list[Event]]) -> None:
    said: list[Placed] = [(1, "customer", ANSWER, 3)]
    said += [(5.0 + 9 * n, "agent", LONG_TALK, 8.5) for n in range(7)]
    shares = [one for one in timings(heard(call(said, 70))) if one.kind == "agent_share"]
    assert len(shares) == 1
    assert shares[0].secs > 40


@pytest.mark.parametrize("echo_db", [17.0, 22.0, 35.0])
def test_the_agents_echo_is_nobody_talking(
    heard: Callable[..., list[Event]], echo_db: float
) -> None:
    said: list[Placed] = [
        (1, "agent", LONG_TALK, 8),
        (10, "customer", ANSWER, 4),
        (15, "agent", ANSWER, 4),
    ]
    assert timings(heard(call(said, 20, echo_db))) == []


def test_polite_turns_are_nothing(heard: Callable[..., list[Event]]) -> None:
    said: list[Placed] = []
    at_secs = 1.0
    for _ in range(4):  # answers come 0.2 s before the other has quite finished
        said += [(at_secs, "customer", ANSWER, 4.5), (at_secs + 4.3, "agent", ANSWER, 4.5)]
        at_secs += 9.0
    events = heard(call(said, at_secs + 2))
    assert timings(events) == []


def test_any_cut_of_the_audio_gives_the_same(
    heard: Callable[..., list[Event]], parts: Parts
) -> None:
    audio = call([(1, "customer", LONG_TALK, 8), (4, "agent", LONG_TALK, 4)], 22)
    whole = [event.to_wire() for event in heard(audio, block=len(audio)) if event.durable]
    cut = heard(audio, block=173)
    assert [event.to_wire() for event in cut if event.durable] == whole
    policy = replace(parts.policies.for_call("coach"))
    raised = [cue.name for one in decide(cut, policy) for cue in one.cues]
    assert raised.count("listen") >= 2
