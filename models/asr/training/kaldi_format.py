"""Kaldi's binary formats, as far as ``final.mdl`` and ``global_cmvn.stats`` need them.

Written from Kaldi's readers: ``hmm/transition-model.cc``, ``nnet3/nnet-nnet.cc``,
``nnet3/am-nnet-simple.cc``, ``matrix/kaldi-matrix.cc``, ``base/io-funcs.cc``. The readers below
exist to check what was written.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.asr.training.network import Layer, context

MAGIC = b"\0B"  # a binary Kaldi file


def token(name: str) -> bytes:
    """A token and the space that ends it."""
    return name.encode() + b" "


def int32(value: int) -> bytes:
    """A 4-byte integer behind its size byte."""
    return b"\x04" + struct.pack("<i", value)


def float32(value: float) -> bytes:
    """A 4-byte float behind its size byte."""
    return b"\x04" + struct.pack("<f", value)


def float64(value: float) -> bytes:
    """An 8-byte float behind its size byte."""
    return b"\x08" + struct.pack("<d", value)


def int32_list(values: Sequence[int]) -> bytes:
    """``WriteIntegerVector``: size byte, count, packed integers."""
    return b"\x04" + struct.pack("<i", len(values)) + np.asarray(values, "<i4").tobytes()


def float_vector(values: npt.ArrayLike) -> bytes:
    """A ``FV`` vector."""
    array = np.asarray(values, "<f4")
    return token("FV") + int32(len(array)) + array.tobytes()


def float_matrix(values: npt.ArrayLike) -> bytes:
    """A ``FM`` matrix (rows, columns)."""
    array = np.ascontiguousarray(values, "<f4")
    return token("FM") + int32(array.shape[0]) + int32(array.shape[1]) + array.tobytes()


def double_matrix(values: npt.ArrayLike) -> bytes:
    """A ``DM`` matrix (rows, columns)."""
    array = np.ascontiguousarray(values, "<f8")
    return token("DM") + int32(array.shape[0]) + int32(array.shape[1]) + array.tobytes()


def transition_model(outputs: Sequence[int]) -> bytes:
    """One emitting state per phone; phone ``i`` (from 1) reads network output ``outputs[i-1]``.

    Transition ids: ``2 * phone - 1`` stays in the phone, ``2 * phone`` leaves it.
    """
    phones = list(range(1, len(outputs) + 1))
    states = (
        int32(2)
        + int32(0) + int32(2) + int32(0) + float32(0.5) + int32(1) + float32(0.5)
        + int32(-1) + int32(0)
    )  # fmt: skip
    topology = int32_list(phones) + int32_list([-1, *[0] * len(phones)]) + int32(1) + states
    triples = b"".join(int32(p) + int32(0) + int32(o) for p, o in zip(phones, outputs, strict=True))
    log_probs = [0.0, *[float(np.log(0.5))] * (2 * len(phones))]
    return b"".join(
        [
            token("<TransitionModel>"),
            token("<Topology>") + topology + token("</Topology>"),
            token("<Triples>") + int32(len(phones)) + triples + token("</Triples>"),
            token("<LogProbs>") + float_vector(log_probs) + token("</LogProbs>"),
            token("</TransitionModel>"),
        ]
    )


def affine(layer: Layer) -> bytes:
    """A ``FixedAffineComponent``."""
    return b"".join(
        [
            token("<FixedAffineComponent>"),
            token("<LinearParams>") + float_matrix(layer.weight),
            token("<BiasParams>") + float_vector(layer.bias),
            token("</FixedAffineComponent>"),
        ]
    )


def nonlinearity(name: str, dim: int) -> bytes:
    """A component without parameters: its dimension and empty training statistics."""
    return b"".join(
        [
            token(f"<{name}>") + token("<Dim>") + int32(dim),
            token("<ValueAvg>") + float_vector([]) + token("<DerivAvg>") + float_vector([]),
            token("<Count>") + float64(0),
            token("<OderivRms>") + float_vector([]) + token("<OderivCount>") + float64(0),
            token("<NumDimsSelfRepaired>") + float64(0),
            token("<NumDimsProcessed>") + float64(0) + token(f"</{name}>"),
        ]
    )


def acoustic_model(layers: Sequence[Layer], priors: npt.ArrayLike, feature_dim: int) -> bytes:
    """The nnet3 network, its context in frames and the phone priors."""
    config = [f"input-node name=input dim={feature_dim}"]
    components: list[tuple[str, bytes]] = []
    source = "input"

    def add(name: str, component: bytes, descriptor: str) -> str:
        config.append(f"component-node name={name} component={name} input={descriptor}")
        components.append((name, component))
        return name

    for number, layer in enumerate(layers, 1):
        parts = [source if o == 0 else f"Offset({source}, {o})" for o in layer.offsets]
        descriptor = parts[0] if len(parts) == 1 else f"Append({', '.join(parts)})"
        source = add(f"tdnn{number}.affine", affine(layer), descriptor)
        if layer.rectified:
            component = nonlinearity("RectifiedLinearComponent", len(layer.bias))
            source = add(f"tdnn{number}.relu", component, source)
    last = nonlinearity("LogSoftmaxComponent", len(layers[-1].bias))
    source = add("output.log-softmax", last, source)
    config.append(f"output-node name=output input={source} objective=linear")
    left, right = context(list(layers))
    return b"".join(
        [
            token("<Nnet3>") + b"\n" + "\n".join(config).encode() + b"\n\n",
            token("<NumComponents>") + int32(len(components)),
            *(token("<ComponentName>") + token(name) + data for name, data in components),
            token("</Nnet3>"),
            token("<LeftContext>") + int32(left) + token("<RightContext>") + int32(right),
            token("<Priors>") + float_vector(priors),
        ]
    )


def write_model(
    path: Path,
    outputs: Sequence[int],
    layers: Sequence[Layer],
    priors: npt.ArrayLike,
    feature_dim: int,
) -> None:
    """Write ``final.mdl``."""
    data = MAGIC + transition_model(outputs) + acoustic_model(layers, priors, feature_dim)
    path.write_bytes(data)


def write_statistics(path: Path, statistics: npt.ArrayLike) -> None:
    """Write ``global_cmvn.stats``."""
    path.write_bytes(MAGIC + double_matrix(statistics))


def read_statistics(path: Path) -> npt.NDArray[np.float64]:
    """Read what :func:`write_statistics` wrote; ``ValueError`` for another file."""
    reader = _Reader(path.read_bytes())
    reader.expect("DM")
    rows, columns = reader.int32(), reader.int32()
    return np.frombuffer(reader.take(8 * rows * columns), "<f8").reshape(rows, columns)


@dataclass(frozen=True)
class ReadModel:
    """What :func:`read_model` finds: network output per phone, affine layers, context, priors."""

    outputs: list[int]
    weights: list[npt.NDArray[np.float32]]
    biases: list[npt.NDArray[np.float32]]
    config: list[str]
    left_context: int
    right_context: int
    priors: npt.NDArray[np.float32]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._stream = BytesIO(data)
        if self.take(2) != MAGIC:
            raise ValueError("not a binary Kaldi file")

    def take(self, count: int) -> bytes:
        data = self._stream.read(count)
        if len(data) != count:
            raise ValueError("the file ends too early")
        return data

    def token(self) -> str:
        name = b""
        while (byte := self.take(1)) != b" ":
            name += byte
        return name.decode()

    def line(self) -> str:
        return self._stream.readline().decode().rstrip("\n")

    def expect(self, *names: str) -> None:
        for name in names:
            if (found := self.token()) != name:
                raise ValueError(f"expected {name}, found {found}")

    def number(self, kind: str) -> float:
        size = self.take(1)[0]
        if size != struct.calcsize(kind):
            raise ValueError(f"expected {struct.calcsize(kind)} bytes, found {size}")
        return float(struct.unpack("<" + kind, self.take(size))[0])

    def int32(self) -> int:
        return int(self.number("i"))

    def int32_list(self) -> list[int]:
        count = self.int32()
        return [int(v) for v in np.frombuffer(self.take(4 * count), "<i4")]

    def float_vector(self) -> npt.NDArray[np.float32]:
        self.expect("FV")
        return np.frombuffer(self.take(4 * self.int32()), "<f4")

    def float_matrix(self) -> npt.NDArray[np.float32]:
        self.expect("FM")
        rows, columns = self.int32(), self.int32()
        return np.frombuffer(self.take(4 * rows * columns), "<f4").reshape(rows, columns)


def _read_transitions(reader: _Reader) -> list[int]:
    reader.expect("<TransitionModel>", "<Topology>")
    reader.int32_list()
    reader.int32_list()
    for _ in range(reader.int32()):
        for _ in range(reader.int32()):
            reader.int32()
            for _ in range(reader.int32()):
                reader.int32()
                reader.number("f")
    reader.expect("</Topology>", "<Triples>")
    outputs = []
    for _ in range(reader.int32()):
        reader.int32()
        reader.int32()
        outputs.append(reader.int32())
    reader.expect("</Triples>", "<LogProbs>")
    reader.float_vector()
    reader.expect("</LogProbs>", "</TransitionModel>")
    return outputs


def _read_nonlinearity(reader: _Reader, name: str) -> None:
    reader.expect("<Dim>")
    reader.int32()
    for field in ("<ValueAvg>", "<DerivAvg>"):
        reader.expect(field)
        reader.float_vector()
    reader.expect("<Count>")
    reader.number("d")
    reader.expect("<OderivRms>")
    reader.float_vector()
    for field in ("<OderivCount>", "<NumDimsSelfRepaired>", "<NumDimsProcessed>"):
        reader.expect(field)
        reader.number("d")
    reader.expect("</" + name.strip("<"))


def read_model(path: Path) -> ReadModel:
    """Read a ``final.mdl`` of :func:`write_model` back; ``ValueError`` where it does not parse."""
    reader = _Reader(path.read_bytes())
    outputs = _read_transitions(reader)
    reader.expect("<Nnet3>")
    reader.line()
    config: list[str] = []
    while line := reader.line():
        config.append(line)
    reader.expect("<NumComponents>")
    weights, biases = [], []
    for _ in range(reader.int32()):
        reader.expect("<ComponentName>")
        reader.token()
        if (kind := reader.token()) == "<FixedAffineComponent>":
            reader.expect("<LinearParams>")
            weights.append(reader.float_matrix())
            reader.expect("<BiasParams>")
            biases.append(reader.float_vector())
            reader.expect("</FixedAffineComponent>")
        else:
            _read_nonlinearity(reader, kind)
    reader.expect("</Nnet3>", "<LeftContext>")
    left = reader.int32()
    reader.expect("<RightContext>")
    right = reader.int32()
    reader.expect("<Priors>")
    return ReadModel(outputs, weights, biases, config, left, right, reader.float_vector())
