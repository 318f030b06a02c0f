"""The trained network as 8-bit ONNX files: a shared trunk and the tops of both tasks."""

from __future__ import annotations

from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from models.text.training.network import Encoder, PhoneModel
from models.text.training.social import SocialModel

_OPSET = 17
_QUANTISED = ["MatMul", "Gather", "Gemm"]


class _Trunk(nn.Module):
    """Token numbers [1, tokens] to the states after the lower layers [1, tokens, hidden]."""

    def __init__(self, encoder: Encoder, layers: int) -> None:
        super().__init__()
        self.encoder, self.count = encoder, layers

    def forward(self, ids: Tensor) -> Tensor:
        return self.encoder.lower(ids, _all_seen(ids), self.count)


class _Top(nn.Module):
    """States after the lower layers and the utterance's own tokens to what a task asks for."""

    def __init__(self, model: PhoneModel | SocialModel, layers: int) -> None:
        super().__init__()
        self.model, self.count = model, layers

    def forward(self, states: Tensor, own: Tensor) -> tuple[Tensor, ...] | Tensor:
        upper = self.model.encoder.upper(states, _all_seen(own), self.count)
        found: tuple[Tensor, ...] | Tensor = self.model.judged(upper, own)
        return found


def _all_seen(like: Tensor) -> Tensor:
    return torch.zeros(1, 1, 1, 1) + 0 * like[:, None, None, :].float()


def write_trunk(encoder: Encoder, layers: int, path: Path) -> None:
    """Words' vectors and the lower layers, which no task changes."""
    _write(_Trunk(encoder, layers).eval(), (torch.ones(1, 7, dtype=torch.long),), ["ids"], path,
           ["states"])  # fmt: skip


def write_phone(model: PhoneModel, layers: int, path: Path) -> None:
    """The upper layers and heads of the phone task."""
    names = ["labels", "severity", "target", "evidence"]
    _write(_Top(model, layers).eval(), _example(model), ["states", "own"], path, names)


def write_social(model: SocialModel, layers: int, path: Path) -> None:
    """The upper layers and head for written texts."""
    _write(_Top(model, layers).eval(), _example(model), ["states", "own"], path, ["offensive"])


def _example(model: PhoneModel | SocialModel) -> tuple[Tensor, Tensor]:
    return torch.zeros(1, 7, model.encoder.norm.weight.numel()), torch.ones(1, 7)


def _write(
    module: nn.Module, example: tuple[Tensor, ...], inputs: list[str], path: Path,
    outputs: list[str],
) -> None:  # fmt: skip
    full = path.with_suffix(".float.onnx")
    torch.onnx.export(
        module, example, str(full), input_names=inputs, output_names=outputs,
        dynamic_axes={name: {1: "tokens"} for name in (*inputs, "states", "evidence")
                      if name in (*inputs, *outputs)},
        opset_version=_OPSET, dynamo=False,
    )  # fmt: skip
    quantize_dynamic(
        full, path, weight_type=QuantType.QInt8, op_types_to_quantize=_QUANTISED, per_channel=True
    )
    full.unlink()
