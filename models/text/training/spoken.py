"""An utterance spoken by espeak-ng and sent over a telephone line.

espeak-ng's waveform depends on what its process has said before, so each utterance has a process of
its own: the same utterance and manner sound the same always (with the same version of espeak-ng).
"""

from __future__ import annotations

import subprocess
import zlib
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt  # type: ignore[import-untyped]

from models.errors import AudioError
from models.signals import Samples, alaw_decode, alaw_encode

RATE_HZ = 8000

VOICES = (
    "m1", "m2", "m4", "m7", "f1", "f2", "f4", "f5", "klatt2", "Andrea", "Denis", "Hugo", "anika",
    "boris", "david", "paul", "steph", "victor",
)  # fmt: skip
"""Variants of espeak-ng's German voice for training material."""

HELD_OUT_VOICES = ("m5", "f3", "klatt3", "Michael", "linda", "robert", "Alicia", "max")
"""Variants for figures: the embedded recogniser has never heard them, nor are they in `VOICES`."""

_BAND_HZ = (300.0, 3400.0)  # ITU-T G.712
_FILTER = butter(4, _BAND_HZ, "band", fs=RATE_HZ, output="sos")
_BEFORE_SECS, _AFTER_SECS = 0.4, 0.9  # line noise around the speech; the pause ends the segment
_HEADER_BYTES = 44  # of espeak-ng's WAV stream: 16 bits, mono; its rate stands at byte 24
_SPEAK_SECS = 60.0


@dataclass(frozen=True, slots=True)
class Manner:
    """How an utterance sounds.

    voice: variant of espeak-ng's German voice; rate_wpm: words per minute; pitch: 0..99; level_db:
    RMS of the speech re full scale; snr_db: speech to line noise; seed: of the noise.
    """

    voice: str
    rate_wpm: int
    pitch: int
    level_db: float
    snr_db: float
    seed: int


def manner(utterance_id: str, voices: tuple[str, ...] = VOICES) -> Manner:
    """The manner that belongs to an id, from calm to brisk, over a good to a fair line.

    It depends on nothing but the id: labels cannot be told from the errors that it causes.
    """
    seed = zlib.crc32(utterance_id.encode())
    rng = np.random.default_rng(seed)
    return Manner(
        voice=voices[int(rng.integers(len(voices)))],
        rate_wpm=int(rng.integers(135, 226)),
        pitch=int(rng.integers(25, 76)),
        level_db=float(rng.uniform(-30, -18)),
        snr_db=float(rng.uniform(18, 35)),
        seed=seed,
    )


def over_the_line(text: str, how: Manner) -> Samples:
    """`text` as it arrives: float32 in -1..1, shape (n,), `RATE_HZ`.

    300-3400 Hz, noise, A-law (ITU-T G.711). Raises `AudioError` when espeak-ng is missing or says
    nothing.
    """
    speech = sosfilt(_FILTER, _speak(text, how))
    before, after = round(_BEFORE_SECS * RATE_HZ), round(_AFTER_SECS * RATE_HZ)
    rng = np.random.default_rng(how.seed)
    noise = sosfilt(_FILTER, rng.standard_normal(before + len(speech) + after))
    rms = 10 ** (how.level_db / 20)
    heard = noise * (rms * 10 ** (-how.snr_db / 20) / noise.std())
    heard[before : before + len(speech)] += speech * (rms / speech.std())
    return alaw_decode(alaw_encode(heard))


def _speak(text: str, how: Manner) -> NDArray[np.float64]:
    """Clean speech at `RATE_HZ`."""
    command = ["espeak-ng", "-v", f"de+{how.voice}", "-s", str(how.rate_wpm), "-p", str(how.pitch)]
    try:
        done = subprocess.run(  # fixed words and numbers; the text goes through stdin
            [*command, "-b", "1", "--stdin", "--stdout"],
            input=text.encode(),
            capture_output=True,
            timeout=_SPEAK_SECS,
            check=False,
        )
    except FileNotFoundError as error:
        raise AudioError("espeak-ng is missing", "apt-get install espeak-ng") from error
    pcm = np.frombuffer(done.stdout[_HEADER_BYTES:], "<i2")
    if done.returncode != 0 or not pcm.any():
        raise AudioError(
            f"espeak-ng gave no sound with voice de+{how.voice} (status {done.returncode})",
            "check that the utterance has words; espeak-ng 1.51 or newer knows the voices",
        )
    rate_hz = int.from_bytes(done.stdout[24:28], "little")
    return np.asarray(soxr.resample(pcm.astype(np.float64), rate_hz, RATE_HZ))
