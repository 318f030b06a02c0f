# ruff: noqa: ANN401 - torch is imported late
"""The acoustic network: a small time-delay network on MFCC, one output per phone every 30 ms.

Trained with frame-wise cross entropy on exact phone times. Batch norms follow the rectifiers and
are folded into the next layer on export, so Kaldi only needs affine, ReLU and log-softmax.
"""

import time
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.asr.training.features import COEFFICIENTS, INSTALL, WINDOW_FRAMES, Matrix, normalise
from models.asr.training.phones import PHONES

SUBSAMPLING = 3  # --frame-subsampling-factor: one output per three 10 ms frames
# Frames each layer looks at: the first in 10 ms frames, the others in 30 ms frames.
SPLICES: tuple[tuple[int, ...], ...] = (
    (-4, -3, -2, -1, 0, 1, 2, 3, 4),
    (-1, 0, 1),
    (-1, 0, 1),
    (-2, 0, 1),
    (-3, 0, 2),
    (0,),
)
LEFT_CONTEXT = sum(-min(splice) for splice in SPLICES[1:])  # in 30 ms frames
RIGHT_CONTEXT = sum(max(splice) for splice in SPLICES[1:])
_CHUNK = 128  # outputs per training sequence
_BATCH = 24
_PEAK_RATE = 2e-3


@dataclass(frozen=True)
class Layer:
    """One affine layer: ``offsets`` in 10 ms frames, ``weight`` (out, in * len(offsets))."""

    offsets: tuple[int, ...]
    weight: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]
    rectified: bool


@dataclass(frozen=True)
class Acoustics:
    """What training leaves: layers, phone priors (phones,), CMVN statistics (2, 41)."""

    layers: list[Layer]
    priors: npt.NDArray[np.float64]
    statistics: npt.NDArray[np.float64]
    hours: float
    accuracy: float

    def save(self, path: Path) -> None:
        """Write everything to one ``.npz``."""
        arrays: dict[str, Any] = {
            "priors": self.priors,
            "statistics": self.statistics,
            "hours": np.array(self.hours),
            "accuracy": np.array(self.accuracy),
        }
        for number, layer in enumerate(self.layers):
            arrays[f"offsets{number}"] = np.array(layer.offsets)
            arrays[f"weight{number}"] = layer.weight
            arrays[f"bias{number}"] = layer.bias
            arrays[f"rectified{number}"] = np.array(layer.rectified)
        np.savez(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> "Acoustics":
        """Read what :meth:`save` wrote."""
        data = np.load(path)
        count = sum(name.startswith("weight") for name in data.files)
        layers = [
            Layer(
                tuple(int(v) for v in data[f"offsets{n}"]),
                data[f"weight{n}"],
                data[f"bias{n}"],
                bool(data[f"rectified{n}"]),
            )
            for n in range(count)
        ]
        return cls(
            layers,
            data["priors"],
            data["statistics"],
            float(data["hours"]),
            float(data["accuracy"]),
        )


def cmvn_statistics(frames: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Kaldi's global statistics (2, 41): sums and count; sums of squares and 0."""
    statistics = np.zeros((2, COEFFICIENTS + 1))
    for start in range(0, len(frames), 100_000):
        part = frames[start : start + 100_000].astype(np.float64)
        statistics[0, :-1] += part.sum(0)
        statistics[1, :-1] += (part**2).sum(0)
    statistics[0, -1] = len(frames)
    return statistics


def in_a_call(
    frames: Matrix,
    labels: npt.NDArray[np.int8],
    global_mean: npt.NDArray[np.float64],
    rng: np.random.RandomState,
) -> Matrix:
    """Normalise a clip as if it came at a random point of a call.

    The running mean then holds nothing yet (35 %), silence of up to 6 s (30 %: the other side
    spoke), speech of up to 6 s (20 %), or a blend.
    """
    silent = labels == 0
    silence = frames[silent].mean(0) if silent.any() else frames.mean(0)
    speech = frames[~silent].mean(0) if (~silent).any() else frames.mean(0)
    draw = rng.rand()
    if draw < 0.35:
        return normalise(frames, global_mean)
    share = 1.0 if draw < 0.65 else 0.0 if draw < 0.85 else rng.rand()
    history = share * silence + (1 - share) * speech
    count = int(rng.randint(100, WINDOW_FRAMES + 1))
    return normalise(frames, global_mean, history.astype(np.float64), count)


def load_shards(
    paths: list[Path], forbidden: Container[str], seed: int
) -> tuple[Matrix, npt.NDArray[np.int64], npt.NDArray[np.float64], list[str]]:
    """All clips, normalised: features (frames, 40), labels (frames,), statistics, sentences.

    Clips of ``forbidden`` sentences (held out since the shards were made) are left out.
    """
    rng = np.random.RandomState(seed)
    raw, labels, lengths, kept = [], [], [], []
    for path in paths:
        shard = np.load(path)
        features, marks = shard["features"], shard["labels"]
        ends = np.cumsum(shard["lengths"])
        for start, end, sentence in zip([0, *ends[:-1]], ends, shard["sentences"], strict=True):
            if str(sentence) not in forbidden:
                raw.append(features[start:end])
                labels.append(marks[start:end])
                lengths.append(end - start)
                kept.append(str(sentence))
    everything = np.concatenate(raw)
    statistics = cmvn_statistics(everything)
    mean = statistics[0, :-1] / statistics[0, -1]
    frames = everything.astype(np.float32)
    start = 0
    for length, marks in zip(lengths, labels, strict=True):
        clip = frames[start : start + length]
        frames[start : start + length] = in_a_call(clip, marks, mean, rng)
        start += length
    return frames, np.concatenate(labels).astype(np.int64), statistics, kept


def _import_torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise RuntimeError(f"torch is missing; install it with: {INSTALL}") from error
    return torch


def _build(torch: Any, units: int) -> Any:
    nn = torch.nn

    class TimeDelayNetwork(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            sizes = [COEFFICIENTS, *[units] * len(SPLICES)]
            self.affine = nn.ModuleList(
                nn.Linear(size * len(splice), units)
                for splice, size in zip(SPLICES, sizes, strict=False)
            )
            self.norm = nn.ModuleList(nn.BatchNorm1d(units) for _ in SPLICES)
            self.output = nn.Linear(units, len(PHONES))

        def forward(self, x: Any) -> Any:
            """(batch, context + time, 9 * 40) -> (batch, time, phones)."""
            for number, splice in enumerate(SPLICES):
                if number:
                    low, high = min(splice), max(splice)
                    length = x.shape[1] - (high - low)
                    x = torch.cat([x[:, o - low : o - low + length] for o in splice], -1)
                x = torch.relu(self.affine[number](x))
                batch, length, size = x.shape
                x = self.norm[number](x.reshape(-1, size)).reshape(batch, length, size)
            return self.output(x)

    return TimeDelayNetwork()


def train(
    shards: list[Path],
    forbidden: Container[str],
    *,
    seconds: float,
    units: int,
    seed: int,
    snapshot: Path | None = None,
) -> tuple[Acoustics, list[str]]:
    """Train for ``seconds`` on one thread; returns the result and the sentences it has heard.

    ``snapshot``: also save the state there every 1,000 steps, to look at before the end. The budget
    is wall time, so two runs differ in the number of steps (not in their data).
    """
    torch = _import_torch()
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.RandomState(seed)
    frames, marks, statistics, sentences = load_shards(shards, forbidden, seed)
    total, hours = len(frames), len(frames) / 100 / 3600
    x, y = torch.from_numpy(frames), torch.from_numpy(marks)
    network = _build(torch, units)
    size = sum(p.numel() for p in network.parameters())
    print(f"{hours:.1f} h in {len(sentences)} clips, {size} parameters", flush=True)
    optimiser = torch.optim.Adam(network.parameters(), lr=_PEAK_RATE)
    window = torch.arange(min(SPLICES[0]), max(SPLICES[0]) + 1)
    before, after = SUBSAMPLING * LEFT_CONTEXT, SUBSAMPLING * RIGHT_CONTEXT
    counts = np.bincount(marks, minlength=len(PHONES)) + 1.0
    step, loss_mean, accuracy, begin = 0, 4.0, 0.0, time.monotonic()

    def result() -> Acoustics:
        return Acoustics(fold(network), counts / counts.sum(), statistics, hours, accuracy)

    while (done := (time.monotonic() - begin) / seconds) < 1:
        decay = 1.0 if done < 0.4 else max(0.02, 10 ** (-1.7 * (done - 0.4) / 0.6))
        for group in optimiser.param_groups:
            group["lr"] = _PEAK_RATE * min(1, (step + 1) / 200) * decay
        first = rng.randint(4 + before, total - SUBSAMPLING * _CHUNK - after - 8, _BATCH)
        starts = torch.from_numpy(first)[:, None]
        centres = starts + SUBSAMPLING * torch.arange(-LEFT_CONTEXT, _CHUNK + RIGHT_CONTEXT)[None]
        inputs = x[centres[:, :, None] + window].reshape(_BATCH, centres.shape[1], -1)
        # an output stands for three frames: its target is the middle one
        targets = y[starts + SUBSAMPLING * torch.arange(_CHUNK)[None] + 1].reshape(-1)
        outputs = network(inputs).reshape(-1, len(PHONES))
        loss = torch.nn.functional.cross_entropy(outputs, targets)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        step += 1
        loss_mean += 0.01 * (loss.item() - loss_mean)
        right = (outputs.argmax(-1) == targets).float().mean().item()
        accuracy += 0.01 * (right - accuracy)
        if step % 200 == 0:
            epochs = step * _BATCH * _CHUNK * SUBSAMPLING / total
            spent = time.monotonic() - begin
            print(
                f"{spent:.0f} s, step {step}, epochs {epochs:.2f}, "
                f"loss {loss_mean:.3f}, accuracy {accuracy:.3f}",
                flush=True,
            )
        if snapshot and step % 1000 == 0:
            result().save(snapshot)
    return result(), sentences


def fold(network: Any) -> list[Layer]:
    """Layers of a trained network with each batch norm folded into the affine after it."""

    def array(tensor: Any) -> npt.NDArray[np.float64]:
        return np.asarray(tensor.detach().numpy(), np.float64)

    layers: list[Layer] = []
    scale: npt.NDArray[np.float64] | None = None
    shift: npt.NDArray[np.float64] | None = None
    affines = [*network.affine, network.output]
    for number, affine in enumerate(affines):
        splice = SPLICES[number] if number < len(SPLICES) else (0,)
        weight, bias = array(affine.weight), array(affine.bias)
        if scale is not None and shift is not None:
            bias = bias + weight @ np.tile(shift, len(splice))
            weight = weight * np.tile(scale, len(splice))
        offsets = splice if number == 0 else tuple(SUBSAMPLING * offset for offset in splice)
        last = number == len(SPLICES)
        layers.append(Layer(offsets, weight, bias, rectified=not last))
        if not last:
            norm = network.norm[number]
            scale = array(norm.weight) / np.sqrt(array(norm.running_var) + norm.eps)
            shift = array(norm.bias) - array(norm.running_mean) * scale
    return layers


def context(layers: list[Layer]) -> tuple[int, int]:
    """Frames of 10 ms that the network needs before and after the current one."""
    left = -sum(min(layer.offsets) for layer in layers)
    return left, sum(max(layer.offsets) for layer in layers)
