"""Child process of :mod:`benchmarks.synthesis.espeak`: libespeak-ng through ctypes, nothing else.

Source of the interface: ``speak_lib.h`` of espeak-ng 1.51. Reads one JSON list of requests from
stdin. Writes a JSON line with version and rate, then for each request a JSON line with its phonemes
(first sample, name, 1-based position of the character spoken) and the number of samples, followed
by the samples as native int16. A request that fails ends the process: message on stderr, status 1.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import sys
from typing import Any, BinaryIO

_OUTPUT_RETRIEVAL = 1  # AUDIO_OUTPUT_RETRIEVAL: samples come to the callback
_WITH_PHONEMES = 1  # espeakINITIALIZE_PHONEME_EVENTS
_UTF8 = 1  # espeakCHARS_UTF8
_BY_CHARACTER = 1  # POS_CHARACTER
_END, _PHONEME = 0, 7  # espeakEVENT_LIST_TERMINATED, espeakEVENT_PHONEME
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
REMEDY = "install it with: apt-get install espeak-ng"


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("private_byte", ctypes.c_ubyte),
        ("private_int", ctypes.c_int),
        ("private_pointer", ctypes.c_void_p),
    )


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


class _Library:
    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng")
        if name is None:
            sys.exit(f"libespeak-ng is missing; {REMEDY}")
        self._espeak: Any = ctypes.CDLL(name)
        self._libc: Any = ctypes.CDLL(None)
        self._pcm = bytearray()
        self._phonemes: list[tuple[int, str, int]] = []
        self.rate_hz = int(
            self._espeak.espeak_Initialize(_OUTPUT_RETRIEVAL, 0, None, _WITH_PHONEMES)
        )
        if self.rate_hz <= 0:
            sys.exit(f"libespeak-ng found no voice data; {REMEDY}")
        self._espeak.espeak_Info.restype = ctypes.c_char_p
        self.version = str(self._espeak.espeak_Info(None).decode()).split()[0]
        self._variants = self._list_variants()
        self._callback = _Callback(self._receive)  # kept: the library holds only the pointer
        self._espeak.espeak_SetSynthCallback(self._callback)

    def _list_variants(self) -> set[str]:
        """Name the voice variants: the library itself takes an unknown one without a word."""
        self._espeak.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        wanted = _Voice(languages=b"variant")
        voices = self._espeak.espeak_ListVoices(ctypes.byref(wanted))
        variants = set()
        index = 0
        while voices[index]:
            variants.add(voices[index].contents.identifier.decode())
            index += 1
        return variants

    def _receive(
        self, wave: ctypes._Pointer[ctypes.c_short], count: int, events: ctypes._Pointer[_Event]
    ) -> int:
        if count > 0 and wave:
            self._pcm += ctypes.string_at(wave, 2 * count)
        index = 0
        while events[index].type != _END:
            event = events[index]
            if event.type == _PHONEME:
                name = bytes(event.id.string).split(b"\0")[0].decode("latin1")
                self._phonemes.append((event.sample, name, event.text_position))
            index += 1
        return 0

    def speak(self, request: dict[str, Any], output: BinaryIO) -> None:
        self._pcm.clear()
        self._phonemes.clear()
        _, _, variant = request["voice"].partition("+")
        known = not variant or f"!v/{variant}" in self._variants
        if not known or self._espeak.espeak_SetVoiceByName(request["voice"].encode()) != 0:
            sys.exit(f"no voice {request['voice']!r}; see: espeak-ng --voices=variant")
        for parameter, key in ((_RATE, "rate_wpm"), (_PITCH, "pitch"), (_RANGE, "pitch_range")):
            self._espeak.espeak_SetParameter(parameter, request[key], 0)
        self._libc.srand(request["seed"])  # the Klatt voices draw their noise from rand()
        text = request["text"].encode()
        self._espeak.espeak_Synth(text, len(text) + 1, 0, _BY_CHARACTER, 0, _UTF8, None, None)
        self._espeak.espeak_Synchronize()
        head = {"phonemes": self._phonemes, "sample_count": len(self._pcm) // 2}
        output.write(json.dumps(head).encode() + b"\n")
        output.write(self._pcm)


def main() -> None:
    """Speak every request of stdin in order."""
    requests = json.load(sys.stdin)
    library = _Library()
    head = {"version": library.version, "rate_hz": library.rate_hz}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n")
    for request in requests:
        library.speak(request, sys.stdout.buffer)


if __name__ == "__main__":
    main()
