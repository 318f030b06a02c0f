# ruff: noqa: ANN401 - kaldi_native_fbank has no types
"""MFCC features as the Vosk model computes them, and Kaldi's running mean normalisation."""

from typing import Any

import numpy as np
import numpy.typing as npt

RATE_HZ = 8000
COEFFICIENTS = 40
WINDOW_FRAMES = 600  # OnlineCmvnOptions::cmn_window
GLOBAL_FRAMES = 200  # OnlineCmvnOptions::global_frames
INSTALL = "pip install -r models/asr/training/requirements.txt"

Matrix = npt.NDArray[np.float32]


def _options() -> Any:
    try:
        import kaldi_native_fbank as knf
    except ImportError as error:
        raise RuntimeError(f"kaldi-native-fbank is missing; install it with: {INSTALL}") from error
    options = knf.MfccOptions()
    options.frame_opts.samp_freq = RATE_HZ
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = COEFFICIENTS
    options.mel_opts.low_freq = 40
    options.mel_opts.high_freq = 3800
    options.num_ceps = COEFFICIENTS
    options.use_energy = False
    return options


def mfcc(samples: npt.NDArray[np.float64]) -> Matrix:
    """Features of ``samples`` (int16 range, 8 kHz): shape (frames, 40), one frame per 10 ms."""
    import kaldi_native_fbank as knf

    extractor = knf.OnlineMfcc(_options())
    extractor.accept_waveform(RATE_HZ, samples.astype(np.float32).tolist())
    extractor.input_finished()
    count = extractor.num_frames_ready
    if not count:
        return np.zeros((0, COEFFICIENTS), np.float32)
    return np.stack([extractor.get_frame(i) for i in range(count)])


def normalise(
    frames: Matrix,
    global_mean: npt.NDArray[np.float64],
    history_mean: npt.NDArray[np.float64] | None = None,
    history_frames: int = 0,
) -> Matrix:
    """Kaldi's ``OnlineCmvn`` (mean only): subtract the mean of the last 600 frames.

    While fewer than 600 frames were seen, up to 200 frames of ``global_mean`` fill up the window.
    ``history_frames`` (0-600) frames equal to ``history_mean`` are taken to have gone before: a
    channel that was silent, or on which someone spoke, before this clip.
    """
    count = len(frames)
    before = 0 if history_mean is None else min(history_frames, WINDOW_FRAMES)
    series = frames.astype(np.float64)
    if before and history_mean is not None:
        series = np.concatenate([np.repeat(history_mean[None], before, 0), series])
    total = np.cumsum(series, 0)
    window = total.copy()
    window[WINDOW_FRAMES:] -= total[:-WINDOW_FRAMES]
    window = window[before:]
    seen = np.minimum(np.arange(before + 1, before + count + 1), WINDOW_FRAMES)[:, None].astype(
        float
    )
    fill = np.clip(WINDOW_FRAMES - seen, 0, GLOBAL_FRAMES)
    mean = (window + fill * global_mean) / (seen + fill)
    return np.asarray(frames - mean, np.float32)
