# ruff: noqa: ANN401 - ctypes objects
"""Speech with exact phoneme times: libespeak-ng through ctypes.

Source of the interface: ``speak_lib.h`` of espeak-ng 1.51 (events with ``PHONEME_EVENTS`` on).
"""

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

_RETRIEVAL = 1  # AUDIO_OUTPUT_RETRIEVAL: samples come to the callback
_PHONEME_EVENTS = 1
_UTF8 = 1
_POS_CHARACTER = 1
_END, _PHONEME = 0, 7  # espeakEVENT_LIST_TERMINATED, espeakEVENT_PHONEME
_RATE, _PITCH, _RANGE, _WORD_GAP = 1, 3, 4, 7  # espeak_PARAMETER
INSTALL = "espeak-ng is missing; install it with: apt-get install espeak-ng"


class EspeakError(RuntimeError):
    """libespeak-ng is missing or refused the request."""


class _Id(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True)
class Voice:
    """How a sentence is spoken.

    ``name``: espeak-ng voice and variant such as ``de+f2``; ``rate_wpm``: words per minute
    (80-450); ``pitch`` and ``pitch_range``: 0-99; ``word_gap``: pause between words, units of 10 ms
    at normal speed.
    """

    name: str = "de"
    rate_wpm: int = 175
    pitch: int = 50
    pitch_range: int = 50
    word_gap: int = 0


@dataclass(frozen=True)
class Phoneme:
    """One phoneme event: start in samples, espeak's name, 0-based character in the text."""

    start: int
    name: str
    character: int


@dataclass(frozen=True)
class Speech:
    """``samples``: int16, shape (n,), at ``rate_hz``; ``phonemes`` in time order."""

    samples: npt.NDArray[np.int16]
    rate_hz: int
    phonemes: list[Phoneme]


class _Library:
    """The library keeps one global state, so there is one of these per process."""

    def __init__(self) -> None:
        try:
            self.lib: Any = ctypes.CDLL("libespeak-ng.so.1")
        except OSError as error:
            raise EspeakError(INSTALL) from error
        self.samples: list[npt.NDArray[np.int16]] = []
        self.phonemes: list[Phoneme] = []
        self.rate_hz = int(self.lib.espeak_Initialize(_RETRIEVAL, 0, None, _PHONEME_EVENTS))
        if self.rate_hz <= 0:
            raise EspeakError(INSTALL)
        self._callback = _Callback(self._receive)  # kept: C holds only the pointer
        self.lib.espeak_SetSynthCallback(self._callback)

    def _receive(self, wave: Any, count: int, events: Any) -> int:
        if count > 0 and wave:
            self.samples.append(np.ctypeslib.as_array(wave, (count,)).copy())
        index = 0
        while events[index].type != _END:
            event = events[index]
            if event.type == _PHONEME:
                name = bytes(event.id.string).rstrip(b"\0").decode("latin1")
                self.phonemes.append(Phoneme(event.sample, name, event.text_position - 1))
            index += 1
        return 0


@cache
def _library() -> _Library:
    return _Library()


def speak(text: str, voice: Voice, *, seed: int = 0) -> Speech:
    """Synthesise ``text``; raises :class:`EspeakError` for an unknown voice or a missing library.

    ``seed`` fixes the noise of the Klatt voices, which the library draws from C's ``rand``.
    """
    library = _library()
    ctypes.CDLL(None).srand(seed)
    library.samples.clear()
    library.phonemes.clear()
    if library.lib.espeak_SetVoiceByName(voice.name.encode()) != 0:
        raise EspeakError(f"espeak-ng knows no voice {voice.name!r}; {INSTALL}")
    for parameter, value in (
        (_RATE, voice.rate_wpm),
        (_PITCH, voice.pitch),
        (_RANGE, voice.pitch_range),
        (_WORD_GAP, voice.word_gap),
    ):
        library.lib.espeak_SetParameter(parameter, value, 0)
    data = text.encode()
    library.lib.espeak_Synth(data, len(data) + 1, 0, _POS_CHARACTER, 0, _UTF8, None, None)
    library.lib.espeak_Synchronize()
    samples = np.concatenate(library.samples) if library.samples else np.zeros(0, np.int16)
    return Speech(samples, library.rate_hz, list(library.phonemes))
