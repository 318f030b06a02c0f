"""From a call script to two channels of telephone audio with exact word times."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from benchmarks.synthesis import espeak
from benchmarks.synthesis.line import RATE_HZ, FloatArray, alaw_round_trip, limit_band, line_noise
from benchmarks.synthesis.scripts import CHANNELS, Call, Turn

CALM_RMS_DB = -29.0  # of a calm turn, relative to full scale
AGITATED_GAIN_DB = 8.0
_RATE_WPM = (160.0, 215.0)  # at agitation 0 and 1
_PITCH = (42.0, 62.0)  # about 5 semitones
_PITCH_RANGE = (40.0, 75.0)
_EFFORT = 0.45  # share of the difference signal at agitation 1: more energy in the upper band
_TAIL_SECS = 1.5
_FADE_SECS = 0.01


@dataclass(frozen=True)
class Word:
    """One word of the truth: channel, text, turn index, times in seconds since the call began."""

    channel: str
    text: str
    start_secs: float
    end_secs: float
    turn: int


@dataclass(frozen=True)
class Placed:
    """One turn at its place: ``samples`` float64 shape (n,) at 8 kHz, from ``start_sample`` on."""

    channel: str
    start_sample: int
    samples: FloatArray
    words: tuple[Word, ...]


def render(call: Call, seed: int) -> tuple[npt.NDArray[np.float32], list[Word]]:
    """Speak ``call`` over a telephone line.

    Returns:
        samples: float32 in [-1, 1], shape (n, 2): customer, agent; 8000 Hz.
        words: the truth, sorted by start.

    The same call and seed give the same samples (with the same version of espeak-ng). Raises
    :class:`benchmarks.synthesis.espeak.EspeakError` when espeak-ng is missing.
    """
    rng = np.random.default_rng([seed, zlib.crc32(call.id.encode())])
    placed = place(call, rng)
    last = max(item.start_sample + len(item.samples) for item in placed)
    clean = np.zeros((last + round(_TAIL_SECS * RATE_HZ), len(CHANNELS)))
    for item in placed:
        column = CHANNELS.index(item.channel)
        clean[item.start_sample : item.start_sample + len(item.samples), column] += item.samples
    echo = 0.0 if call.line.echo_db is None else 10 ** (call.line.echo_db / 20)
    heard = np.empty_like(clean)
    for column in range(len(CHANNELS)):
        noise_rms = 10 ** ((CALM_RMS_DB + call.line.noise_db) / 20)
        band = limit_band(clean[:, column] + echo * clean[:, 1 - column])
        heard[:, column] = alaw_round_trip(band + line_noise(len(clean), noise_rms, rng))
    words = sorted((word for item in placed for word in item.words), key=lambda w: w.start_secs)
    return heard.astype(np.float32), words


def place(call: Call, rng: np.random.Generator) -> list[Placed]:
    """Speak every turn and lay them one after the other, clean: no line, no noise, 8 kHz."""
    spoken = espeak.speak([_request(call.voice(turn.channel), turn, rng) for turn in call.turns])
    placed = []
    clock_secs = 0.0
    for index, (turn, speech) in enumerate(zip(call.turns, spoken.speeches, strict=True)):
        first_secs, last_secs = speech.words[0].start_secs, speech.words[-1].end_secs
        cut = speech.samples[round(first_secs * speech.rate_hz) : round(last_secs * speech.rate_hz)]
        start_sample = max(0, round((clock_secs + turn.pause_secs) * RATE_HZ))
        start_secs = start_sample / RATE_HZ
        samples = _voice(soxr.resample(cut, speech.rate_hz, RATE_HZ, quality="VHQ"), turn, rng)
        words = tuple(
            Word(
                channel=turn.channel,
                text=word.text,
                start_secs=round(start_secs + word.start_secs - first_secs, 4),
                end_secs=round(start_secs + word.end_secs - first_secs, 4),
                turn=index,
            )
            for word in speech.words
        )
        placed.append(Placed(turn.channel, start_sample, samples, words))
        clock_secs = start_secs + last_secs - first_secs
    return placed


def _request(voice: str, turn: Turn, rng: np.random.Generator) -> espeak.Request:
    """Map agitation to rate, pitch and pitch range, with a little human unsteadiness."""
    level = turn.agitation
    return espeak.Request(
        text=turn.text,
        voice=voice,
        rate_wpm=round(_between(_RATE_WPM, level) + rng.uniform(-4, 4)),
        pitch=round(_between(_PITCH, level) + rng.uniform(-1.5, 1.5)),
        pitch_range=round(_between(_PITCH_RANGE, level) + rng.uniform(-3, 3)),
        seed=int(rng.integers(2**31)),
    )


def _voice(samples: FloatArray, turn: Turn, rng: np.random.Generator) -> FloatArray:
    """Give a turn its vocal effort: a flatter spectrum and a higher level, soft at both ends."""
    effort = _EFFORT * turn.agitation
    tilted = samples - effort * np.concatenate([[0.0], samples[:-1]])
    level_db = CALM_RMS_DB + AGITATED_GAIN_DB * turn.agitation + rng.uniform(-0.5, 0.5)
    gain = 10 ** (level_db / 20) / np.sqrt(np.mean(tilted**2))
    fade = np.minimum(1.0, np.arange(1, len(tilted) + 1) / (_FADE_SECS * RATE_HZ))
    return np.asarray(tilted * gain * fade * fade[::-1], np.float64)


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * share
