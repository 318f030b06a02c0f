"""A recording described, with librosa as the second opinion."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from models.errors import AudioError
from models.voice.offline import describe
from models.voice.training.pitch_figures import over_telephone
from models.voice.training.talker import talk

RATE_HZ = 8000


def calm(pitch_hz: float = 120.0, secs: float = 9.0, seed: int = 1) -> np.ndarray:
    return over_telephone(talk(secs=secs, pitch_hz=pitch_hz, seed=seed), snr_db=None)


def write(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    soundfile.write(path, samples, rate_hz)
    return path


def test_live_and_librosa_agree_on_the_same_recording(tmp_path: Path) -> None:
    report = describe(write(tmp_path / "caller.wav", calm(secs=11.0)))
    live, second = report.features["live"], report.features["librosa"]
    assert live["f0_median_hz"] == pytest.approx(second["f0_median_hz"], rel=0.03)
    assert live["f0_median_hz"] == pytest.approx(120.0, rel=0.06)
    assert live["level_dbfs"] == pytest.approx(second["level_dbfs"], abs=1.5)
    assert live["centroid_hz"] == pytest.approx(
        second["centroid_hz"], rel=0.3
    )  # pYIN hears more voice
    assert 3.0 < live["syllables_per_s"] < 6.0
    assert report.file.endswith("caller.wav")
    assert 8.0 < report.speech_s < 11.0
    assert report.agitation is not None
    assert report.agitation_p95 is not None
    assert set(asdict(report)) == {
        "file", "agitation", "agitation_p95", "reasons", "features", "speech_s",
    }  # fmt: skip


def test_samples_are_described_like_their_file(tmp_path: Path) -> None:
    samples = calm()
    path = tmp_path / "caller.flac"
    soundfile.write(path, samples, RATE_HZ, subtype="PCM_24")
    from_file, from_samples = describe(path), describe(samples, RATE_HZ)
    assert from_file.agitation == pytest.approx(from_samples.agitation, abs=1e-3)
    assert from_samples.file == ""


def test_a_baseline_gives_the_reasons(tmp_path: Path) -> None:
    baseline = [write(tmp_path / f"{n}.wav", calm(seed=n, secs=5.0)) for n in (1, 2, 3)]
    loud = calm(pitch_hz=120.0 * 2 ** (4 / 12), seed=4) * np.float32(2.0)
    file = write(tmp_path / "loud.wav", loud)
    report = describe(file, baseline=baseline)
    reasons = dict(report.reasons)
    before_dbfs = [describe(path).features["librosa"]["level_dbfs"] for path in baseline]
    rise_db = report.features["librosa"]["level_dbfs"] - np.mean(before_dbfs)
    assert 5.0 < rise_db < 10.0  # the telephone takes less of a higher voice
    assert reasons["level_db"] == pytest.approx(rise_db, abs=1.0)
    assert reasons["pitch_st"] == pytest.approx(4.0, abs=0.7)
    assert describe(file).reasons == ()  # its own start is all there is


def test_wideband_recordings_are_welcome(tmp_path: Path) -> None:
    wide = soxr.resample(calm(), RATE_HZ, 22_050)
    report = describe(write(tmp_path / "wide.wav", wide, 22_050))
    assert report.features["live"]["f0_median_hz"] == pytest.approx(120.0, rel=0.06)


def test_recordings_longer_than_the_live_memory_are_described_whole(tmp_path: Path) -> None:
    long = np.concatenate([calm(secs=20.0), np.zeros(RATE_HZ * 50, np.float32), calm(secs=5.0)])
    report = describe(write(tmp_path / "long.wav", long))
    assert report.speech_s > 20.0


@pytest.mark.parametrize("secs", [0.01, 3.0])
def test_silence_is_unknown_not_calm(secs: float) -> None:
    report = describe(np.zeros(round(secs * RATE_HZ), np.float32), RATE_HZ)
    assert report.agitation is None
    assert report.agitation_p95 is None
    assert report.reasons == ()
    assert report.speech_s == 0.0
    assert all(value is None for part in report.features.values() for value in part.values())


def test_bad_files_are_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no audio", encoding="utf-8")
    (tmp_path / "empty.wav").write_bytes(b"")
    write(tmp_path / "stereo.wav", np.zeros((800, 2), np.float32))
    write(tmp_path / "none.wav", np.zeros(0, np.float32))
    for name, message in {
        "text.wav": "cannot be read",
        "empty.wav": "cannot be read",
        "nowhere.wav": "cannot be read",
        "stereo.wav": "2 channels",
        "none.wav": "no samples",
    }.items():
        with pytest.raises(AudioError, match=message) as refused:
            describe(tmp_path / name)
        assert refused.value.fix


def test_samples_need_their_rate_and_one_rate_with_the_baseline(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="rate"):
        describe(calm())
    with pytest.raises(AudioError, match="no samples"):
        describe(np.zeros(0, np.float32), RATE_HZ)
    other = write(tmp_path / "other.wav", calm(), 16_000)
    with pytest.raises(AudioError, match="16000 Hz"):
        describe(calm(), RATE_HZ, baseline=[other])
