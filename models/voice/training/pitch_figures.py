"""How well the pitch trackers do over the telephone, ours and librosa's, and what ours costs.

    python -m models.voice.training.pitch_figures [--emodb ../shared/data/emodb]

On synthetic speech the pitch is known. On recordings the reference is librosa's pYIN on the
original, which still has its fundamental; it is not free of errors itself. Gross error: share of
hops voiced in both whose pitch is off by more than 20 %. Voicing error: share of all hops whose
voicing differs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt  # type: ignore[import-untyped]

from models.signals import Samples, alaw_decode, alaw_encode
from models.voice.analyser import VoiceAnalyser
from models.voice.hops import BLOCK_SAMPLES, DELAY_HOPS, Hop, HopStream
from models.voice.pitch import F0_MAX_HZ, F0_MIN_HZ
from models.voice.training.corpus import Clip, Phone, load_clips
from models.voice.training.talker import HOP_SAMPLES, RATE_HZ, Talk, talk

Floats = NDArray[np.float64]
Tracker = Callable[[Samples], Floats]

GROSS = 0.2
_SECS = 6.0
_VOICES = (
    [("low", pitch_hz, -12.0) for pitch_hz in (85, 100, 115, 130, 150)]
    + [("high", pitch_hz, -11.0) for pitch_hz in (170, 195, 220, 250, 290)]
    + [("shout", pitch_hz, -6.0) for pitch_hz in (220, 280, 330, 380, 430)]
)


def track(samples: Samples) -> Floats:
    """The live tracker: F0 in Hz per 10 ms of samples (n,) at 8 kHz, 0 where unvoiced."""
    stream = HopStream()
    count = samples.size // HOP_SAMPLES
    padded = np.concatenate([samples, np.zeros(2 * BLOCK_SAMPLES, np.float32)])
    blocks = [
        stream.push(padded[at : at + BLOCK_SAMPLES])
        for at in range(0, padded.size - BLOCK_SAMPLES + 1, BLOCK_SAMPLES)
    ]
    pitch_st = np.concatenate(blocks)[DELAY_HOPS : DELAY_HOPS + count, Hop.F0_ST]
    return np.where(np.isnan(pitch_st), 0.0, 100.0 * 2 ** (np.nan_to_num(pitch_st) / 12))


def pyin(samples: Samples) -> Floats:
    """librosa.pyin, the same grid."""
    import librosa

    f0_hz, _, _ = librosa.pyin(
        samples,
        fmin=F0_MIN_HZ,
        fmax=F0_MAX_HZ,
        sr=RATE_HZ,
        frame_length=512,
        hop_length=HOP_SAMPLES,
    )
    return np.asarray(np.nan_to_num(f0_hz))


def yin(samples: Samples) -> Floats:
    """librosa.yin, the same grid; it has no voicing decision of its own: level within 30 dB."""
    import librosa

    f0_hz = librosa.yin(
        samples,
        fmin=F0_MIN_HZ,
        fmax=F0_MAX_HZ,
        sr=RATE_HZ,
        frame_length=512,
        hop_length=HOP_SAMPLES,
    )
    rms = librosa.feature.rms(y=samples, frame_length=512, hop_length=HOP_SAMPLES)[0][: len(f0_hz)]
    return np.where((rms > rms.max() * 10**-1.5) & (f0_hz < 0.98 * F0_MAX_HZ), f0_hz, 0.0)


def errors(truth_hz: Floats, found_hz: Floats) -> tuple[int, int, int, int]:
    """Gross errors, hops voiced in both, voicing errors, all hops."""
    count = min(len(truth_hz), len(found_hz))
    truth_hz, found_hz = truth_hz[:count], found_hz[:count]
    both = (truth_hz > 0) & (found_hz > 0)
    gross = np.abs(found_hz[both] / truth_hz[both] - 1) > GROSS
    voicing = (truth_hz > 0) != (found_hz > 0)
    return int(gross.sum()), int(both.sum()), int(voicing.sum()), count


def over_telephone(speech: Talk, *, snr_db: float | None, seed: int = 0) -> Samples:
    """300-3400 Hz, noise from other talkers at snr_db if given, A-law: float32, 8 kHz."""
    band = butter(4, (300, 3400), "band", fs=RATE_HZ, output="sos")
    heard = sosfilt(band, speech.samples)
    if snr_db is not None:
        secs = heard.size / RATE_HZ
        pitches = np.random.default_rng(seed).uniform(90, 260, 8)
        others = [
            talk(secs=secs, pitch_hz=float(pitch_hz), seed=seed + 100 + number).samples
            for number, pitch_hz in enumerate(pitches)
        ]
        babble = sosfilt(band, np.sum(others, axis=0))
        heard = heard + babble * heard.std() / babble.std() * 10 ** (-snr_db / 20)
    return alaw_decode(alaw_encode(heard))


def synthetic(trackers: dict[str, Tracker]) -> None:
    """Print a line per tracker and line for the synthetic talkers."""
    for name, tracker in trackers.items():
        for line, snr_db in {"A-law": None, "A-law, 10 dB babble": 10.0}.items():
            counts: dict[str, Floats] = {}
            spent_secs = 0.0
            for number, (kind, pitch_hz, tilt_db) in enumerate(_VOICES):
                speech = talk(secs=_SECS, pitch_hz=pitch_hz, tilt_db=tilt_db, seed=number)
                samples = over_telephone(speech, snr_db=snr_db, seed=number)
                begin = time.process_time()
                found_hz = tracker(samples)
                spent_secs += time.process_time() - begin
                for key in (kind, "all"):
                    counts[key] = counts.get(key, np.zeros(4)) + errors(speech.f0_hz, found_hz)
            gross = ", ".join(f"{k} {100 * v[0] / v[1]:.2f} %" for k, v in counts.items())
            total = counts["all"]
            print(
                f"synthetic   {name:12s} {line:20s} gross error: {gross}; voicing error "
                f"{100 * total[2] / total[3]:.1f} %; real-time factor "
                f"{spent_secs / (_SECS * len(_VOICES)):.4f}; n {int(total[1])} hops"
            )


def recorded(
    trackers: dict[str, Tracker],
    folder: Path,
    *,
    every: int = 5,
    lines: Sequence[str] = ("alaw", "noise"),
) -> dict[tuple[str, str], Floats]:
    """What `errors` counts per tracker and line, for every so-many-th recording."""
    import librosa

    phone = Phone(load_clips(folder))
    counts: dict[tuple[str, str], Floats] = {}
    for path in sorted(folder.glob("*.wav"))[::every]:
        original, rate_hz = soundfile.read(path, dtype="float32")
        hop = rate_hz // 100
        f0_hz, _, _ = librosa.pyin(
            original, fmin=F0_MIN_HZ, fmax=F0_MAX_HZ, sr=rate_hz, frame_length=1024, hop_length=hop
        )
        clip = Clip(path.stem, soxr.resample(original.astype(np.float64), rate_hz, RATE_HZ))
        hops = np.arange(clip.samples.size // HOP_SAMPLES)
        nearest = np.rint(hops * HOP_SAMPLES / RATE_HZ * rate_hz / hop).astype(int)
        truth_hz = np.nan_to_num(f0_hz)[np.minimum(nearest, len(f0_hz) - 1)]
        for line in lines:
            heard = phone.send([clip], line, gap_secs=0.0)
            for name, tracker in trackers.items():
                found = errors(truth_hz, tracker(heard))
                counts[name, line] = counts.get((name, line), np.zeros(4)) + found
    return counts


def cost() -> None:
    """Print what the whole `VoiceAnalyser` costs, fed 20 ms at a time, on this machine."""
    for rate_hz in (8000, 48_000):
        speech = talk(secs=60.0, pitch_hz=150.0).samples
        samples = soxr.resample(speech, RATE_HZ, rate_hz).astype(np.float32)
        analyser, chunk, spent_secs = VoiceAnalyser(rate_hz), rate_hz // 50, []
        for at in range(0, samples.size, chunk):
            begin = time.process_time()
            analyser.push(samples[at : at + chunk])
            spent_secs.append(time.process_time() - begin)
        print(
            f"VoiceAnalyser at {rate_hz} Hz: real-time factor {sum(spent_secs) / 60:.4f}, "
            f"longest push but one in a hundred {1000 * np.quantile(spent_secs, 0.99):.1f} ms"
        )


def main() -> None:
    """Print the figures of the model card."""
    parser = argparse.ArgumentParser(description="Compare pitch trackers on telephone speech.")
    parser.add_argument("--emodb", type=Path, help="the folder of EmoDB; without: synthetic only")
    options = parser.parse_args()
    trackers: dict[str, Tracker] = {"ours (live)": track, "librosa.pyin": pyin, "librosa.yin": yin}
    cost()
    synthetic(trackers)
    if options.emodb:
        for (name, line), total in recorded(trackers, options.emodb).items():
            print(
                f"recordings  {name:12s} {line:20s} gross error {100 * total[0] / total[1]:.2f} %; "
                f"voicing error {100 * total[2] / total[3]:.1f} %; n {int(total[1])} hops"
            )


if __name__ == "__main__":
    main()
