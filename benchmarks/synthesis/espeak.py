"""Speech with exact word times from espeak-ng.

The library's waveform depends on everything it has said before in the same process. A call is
therefore spoken by a child process of its own, turn by turn: the same call sounds the same always.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

_WORKER = Path(__file__).with_name("espeak_worker.py")
_PAUSES = frozenset({"", "_", "_:", "_!", "_|", "_::"})
_SECS_PER_CALL = 120.0


class EspeakError(RuntimeError):
    """libespeak-ng is missing or refused the request; the message names the remedy."""


@dataclass(frozen=True)
class Request:
    """What to say and how: ``rate_wpm`` words per minute (80-450), pitch and its range 0-99.

    ``seed`` (0 to 2³¹−1) fixes the noise of the Klatt voices.
    """

    text: str
    voice: str
    rate_wpm: int
    pitch: int
    pitch_range: int
    seed: int


@dataclass(frozen=True)
class SpokenWord:
    """One word: start and end in seconds since the first sample."""

    text: str
    start_secs: float
    end_secs: float


@dataclass(frozen=True)
class Speech:
    """``samples``: float64 in [-1, 1), shape (n,), at ``rate_hz``; ``words`` in time order."""

    samples: npt.NDArray[np.float64]
    rate_hz: int
    words: tuple[SpokenWord, ...]


@dataclass(frozen=True)
class Spoken:
    """Everything one child process said, in order of the requests."""

    version: str
    speeches: tuple[Speech, ...]


def speak(requests: Sequence[Request]) -> Spoken:
    """Speak ``requests`` in order, in one fresh process.

    Raises:
        EspeakError: the library is missing, knows no such voice, or gave a turn no sound.
    """
    done = subprocess.run(
        [sys.executable, str(_WORKER)],
        input=json.dumps([asdict(request) for request in requests]).encode(),
        capture_output=True,
        timeout=_SECS_PER_CALL,
        check=False,
    )
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip().splitlines()
        raise EspeakError(f"espeak-ng: {reason[-1] if reason else done.returncode}")
    stream = io.BytesIO(done.stdout)
    head = json.loads(stream.readline())
    rate_hz = int(head["rate_hz"])
    speeches = []
    for request in requests:
        about = json.loads(stream.readline())
        count = int(about["sample_count"])
        samples = np.frombuffer(stream.read(2 * count), np.int16) / 32768.0
        words = _words(request.text, about["phonemes"], rate_hz, count)
        speeches.append(Speech(samples, rate_hz, words))
    return Spoken(str(head["version"]), tuple(speeches))


def version() -> str:
    """Return the version of espeak-ng, such as ``1.51``; raises :class:`EspeakError` without it."""
    return speak([]).version


def _words(
    text: str, phonemes: Sequence[tuple[int, str, int]], rate_hz: int, sample_count: int
) -> tuple[SpokenWord, ...]:
    """Give each word the time from its first phoneme to the end of its last one.

    The German dictionary of espeak-ng speaks some pairs ("in diesem") as one entry; the words of
    such a group share its time in proportion to their letters.
    """
    ends = [int(start) for start, _, _ in phonemes[1:]] + [sample_count]
    groups: list[tuple[list[str], int, int]] = []
    for match in re.finditer(r"\S+", text):
        inside = [
            (int(start), end)
            for (start, name, position), end in zip(phonemes, ends, strict=True)
            if name not in _PAUSES and match.start() < position <= match.end()
        ]
        if inside:
            groups.append(([match.group()], inside[0][0], inside[-1][1]))
        elif groups:
            groups[-1][0].append(match.group())
        else:
            raise EspeakError("espeak-ng gave the first word of a turn no sound; reword the turn")
    words = []
    for members, start, end in groups:
        letters = np.cumsum([0, *(len(word) for word in members)])
        edges = (start + (end - start) * letters / letters[-1]) / rate_hz
        words += [
            SpokenWord(word, float(edges[index]), float(edges[index + 1]))
            for index, word in enumerate(members)
        ]
    return tuple(words)
