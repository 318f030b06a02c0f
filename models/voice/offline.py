"""A recording of one speaker, described: the live analysis, and librosa's second opinion beside it.

librosa shares no code with the live path. It is too slow for it (pYIN alone takes about a third of
real time), but as an independent measurement it shows when the live figures cannot be trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from models.errors import AudioError
from models.signals import Samples, dbfs
from models.voice.analyser import MEMORY_SECS, VoiceAnalyser
from models.voice.frames import VoiceFrame
from models.voice.model import VoiceModel
from models.voice.pitch import F0_MAX_HZ, F0_MIN_HZ

_GAP_SECS = 1.0  # silence between recordings: none is heard as the other's continuation

Features = dict[str, dict[str, float | None]]


@dataclass(frozen=True, slots=True)
class VoiceReport:
    """One recording.

    agitation: 0..1 over the whole recording, 0.5 is the decision point; None when unknown.
    agitation_p95: of the live values, four a second. reasons: (kind, value) against the baseline
    recordings or, without any, against the recording's own start. speech_s: seconds of speech.
    features: under "live" and "librosa" what each measured: f0_median_hz, f0_range_st (20-80 %),
    level_dbfs, centroid_hz, and what only one of them has; None where nothing could be measured.
    """

    file: str
    agitation: float | None
    agitation_p95: float | None
    reasons: tuple[tuple[str, float], ...]
    features: Features
    speech_s: float


def describe(
    source: Path | str | Samples,
    rate_hz: int | None = None,
    *,
    baseline: Sequence[Path | str] = (),
    model: VoiceModel | None = None,
) -> VoiceReport:
    """Describe a recording of one speaker, declared to be the customer.

    source: a file, or samples (n,) with their rate_hz. baseline: recordings of the same speaker on
    the same line, which set the speaker's start; they are heard first.

    Raises `AudioError` for what is no readable mono recording.
    """
    if isinstance(source, np.ndarray):
        if rate_hz is None:
            raise AudioError("Samples came without their rate.", "give rate_hz with the samples")
        name, samples = "", np.asarray(source, dtype=np.float32)
    else:
        name = str(source)
        samples, rate_hz = read_mono(Path(source))
    if samples.size == 0:
        raise AudioError("The recording holds no samples.", "record it again")
    starts = [(Path(path), *read_mono(Path(path))) for path in baseline]
    for path, _, start_hz in starts:
        if start_hz != rate_hz:
            raise AudioError(
                f"The baseline {path.name} has {start_hz} Hz, the recording {rate_hz} Hz.",
                "convert both to one rate",
            )
    gap = np.zeros(round(_GAP_SECS * rate_hz), np.float32)
    before = sum(start.size + gap.size for _, start, _ in starts)
    end_secs = (before + samples.size) / rate_hz
    analyser = VoiceAnalyser(rate_hz, model, memory_secs=max(MEMORY_SECS, end_secs + 1.0))
    for _, start, _ in starts:
        analyser.push(np.concatenate([start, gap]))
    frames = analyser.push(np.concatenate([samples, gap]))
    start_secs = before / rate_hz
    summary = analyser.summary(start_secs, end_secs)
    measures = analyser.measures(start_secs, end_secs)
    live = {
        "f0_median_hz": measures.f0_median_hz,
        "f0_range_st": measures.f0_range_st,
        "level_dbfs": measures.level_dbfs,
        "centroid_hz": measures.centroid_hz,
        "syllables_per_s": measures.syllables_per_sec,
    }
    return VoiceReport(
        file=name,
        agitation=summary.agitation,
        agitation_p95=_p95(frames),
        reasons=summary.reasons,
        features={"live": live, "librosa": second_opinion(samples, rate_hz)},
        speech_s=round(measures.speech_secs, 2),
    )


def second_opinion(samples: Samples, rate_hz: int) -> dict[str, float | None]:
    """Pitch (pYIN), level and spectrum of samples (n,) as librosa measures them."""
    import librosa

    frame = 2 ** int(np.ceil(np.log2(rate_hz * 0.06)))
    hop = rate_hz // 100
    if samples.size < frame or not samples.any():
        return {"f0_median_hz": None, "f0_range_st": None, "level_dbfs": None, "centroid_hz": None}
    f0_hz, _, _ = librosa.pyin(
        samples, fmin=F0_MIN_HZ, fmax=F0_MAX_HZ, sr=rate_hz, frame_length=frame, hop_length=hop
    )
    rms = librosa.feature.rms(y=samples, frame_length=frame, hop_length=hop)[0]
    power = np.abs(librosa.stft(samples, n_fft=frame, hop_length=hop)) ** 2
    centroid_hz = librosa.feature.spectral_centroid(S=power, sr=rate_hz)[0]
    flatness = librosa.feature.spectral_flatness(S=power, power=1.0)[0]
    loud = rms >= rms.max() * 10 ** (-25 / 20)
    vowels = loud & ~np.isnan(f0_hz) if not np.isnan(f0_hz).all() else loud
    voiced_hz = f0_hz[~np.isnan(f0_hz)]
    range_st = _octave_st(voiced_hz) if voiced_hz.size else None
    return {
        "f0_median_hz": float(np.median(voiced_hz)) if voiced_hz.size else None,
        "f0_range_st": range_st,
        "level_dbfs": float(10 * np.log10(np.mean(rms[loud] ** 2))),
        "level_whole_dbfs": dbfs(samples),
        "centroid_hz": float(centroid_hz[vowels].mean()),
        "flatness": float(flatness[vowels].mean()),
    }


def read_mono(path: Path) -> tuple[Samples, int]:
    """Samples (n,) and rate of a file. Raises `AudioError` when it holds no mono recording."""
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(
            f"{path.name} cannot be read as audio: {error}", "give a WAV or FLAC file"
        ) from error
    if samples.shape[1] != 1:
        raise AudioError(
            f"{path.name} has {samples.shape[1]} channels.",
            "give the customer's channel alone, as a mono file",
        )
    if samples.shape[0] == 0:
        raise AudioError(f"{path.name} holds no samples.", "record it again")
    return samples[:, 0], int(rate_hz)


def _p95(frames: Sequence[VoiceFrame]) -> float | None:
    known = [frame.agitation for frame in frames if frame.agitation is not None]
    return float(np.quantile(known, 0.95)) if known else None


def _octave_st(f0_hz: NDArray[np.floating]) -> float:
    low_hz, high_hz = np.quantile(f0_hz, [0.2, 0.8])
    return float(12 * np.log2(high_hz / low_hz))
