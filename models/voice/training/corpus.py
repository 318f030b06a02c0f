"""The recordings and the telephone lines they are sent over.

Berlin database of emotional speech (Burkhardt et al. 2005): acted sentences, one emotion each.
Names are speaker (2), text (3), emotion (1), take (1); W is anger, L boredom, T sadness, N neutral,
F joy, A fear, E disgust.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt  # type: ignore[import-untyped]

from models.signals import Samples, alaw_decode, alaw_encode
from models.voice.hops import RATE_HZ

Floats = NDArray[np.float64]

LINES = ("alaw", "noise", "coloured")
"""alaw: 300-3400 Hz, A-law, 45 dB SNR. noise: with babble and pink noise at 10 dB SNR. coloured: a
random tilt, narrower bands and 12-30 dB SNR."""

_SILENCE = 1.5 / 32768  # the clips are padded with zeros at the end


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording. samples: float64 at 8 kHz, active level 0 dBFS."""

    name: str
    samples: Floats

    @property
    def speaker(self) -> str:
        """Two digits."""
        return self.name[:2]

    @property
    def emotion(self) -> str:
        """One letter."""
        return self.name[5]


def load_clips(folder: Path) -> list[Clip]:
    """All recordings of a folder by name. Raises SystemExit with the remedy when there are none."""
    paths = sorted(folder.glob("*.wav"))
    if not paths:
        raise SystemExit(f"no recordings in {folder}; name the folder of EmoDB with --emodb")
    clips = []
    for path in paths:
        samples, rate_hz = soundfile.read(path, dtype="float64")
        sounding = np.nonzero(np.abs(samples) > _SILENCE)[0]
        samples = soxr.resample(samples[: sounding[-1] + 1], rate_hz, RATE_HZ)
        clips.append(Clip(path.stem, samples / active_rms(samples)))
    return clips


def active_rms(samples: Floats) -> float:
    """RMS over the 20 ms frames within 25 dB of the loudest."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    power = (frames**2).mean(axis=1)
    return float(np.sqrt(power[power > power.max() * 10**-2.5].mean()))


class Phone:
    """Sends recordings over a line. Other speakers' neutral clips make the babble."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        self._neutral = [clip for clip in clips if clip.emotion == "N"]

    def send(self, clips: Sequence[Clip], line: str, *, gap_secs: float = 0.3) -> Samples:
        """The clips, one after the other with silence between them, as they arrive: float32, 8 kHz.

        All over one line, its level -34 … -18 dBFS. The same clips and line give the same samples.
        """
        seed = zlib.crc32("|".join([line, *(clip.name for clip in clips)]).encode())
        rng = np.random.default_rng(seed)
        gap = np.zeros(round(gap_secs * RATE_HZ))
        speech = np.concatenate([gap, *(part for clip in clips for part in (clip.samples, gap))])
        band, snr_db = (300.0, 3400.0), {"alaw": 45.0, "noise": 10.0}.get(line, rng.uniform(12, 30))
        if line == "coloured":
            speech = lfilter([1, rng.uniform(-0.45, 0.45)], [1, rng.uniform(-0.25, 0.25)], speech)
            band = (rng.uniform(150, 400), rng.uniform(2800, 3700))
        filters = butter(4, band, "band", fs=RATE_HZ, output="sos")
        speech = sosfilt(filters, speech)
        level = active_rms(speech)
        if line == "alaw":
            noise = rng.standard_normal(len(speech))
        else:
            noise = self._babble(len(speech), clips[0].speaker, rng)
        noise = sosfilt(filters, noise)
        noise *= level / noise.std() * 10 ** (-snr_db / 20)
        gain = 10 ** (rng.uniform(-34, -18) / 20) / level
        return alaw_decode(alaw_encode((speech + noise) * gain))

    def _babble(self, count: int, speaker: str, rng: np.random.Generator) -> Floats:
        """Eight others talking at once, and pink noise 6 dB below them."""
        others = [clip for clip in self._neutral if clip.speaker != speaker]
        babble = np.zeros(count)
        for pick in rng.choice(len(others), 8, replace=False):
            talk = np.roll(others[pick].samples, int(rng.integers(len(others[pick].samples))))
            babble += np.tile(talk, count // len(talk) + 1)[:count]
        freq_hz = np.fft.rfftfreq(count, 1 / RATE_HZ)
        pink = np.fft.irfft(
            np.fft.rfft(rng.standard_normal(count)) / np.sqrt(np.maximum(freq_hz, 20.0)), count
        )
        return np.asarray(babble / babble.std() + 0.5 * pink / pink.std())


def by_speaker(clips: Sequence[Clip]) -> Mapping[str, list[Clip]]:
    """The clips of each speaker, speakers in order."""
    speakers = sorted({clip.speaker for clip in clips})
    return {speaker: [clip for clip in clips if clip.speaker == speaker] for speaker in speakers}
