"""A Vosk model on disk: what must be in the folder, and what it is.

Vosk checks little: damaged files end in a hang, an abort of the whole process, or wrong words.
So the folder is checked before anything is loaded.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import ModelError

EMBEDDED = "de_demo"
"""The model that lies beside this file. It was only ever trained on synthetic speech."""

MANIFEST = "MANIFEST.json"
"""Made by whoever trained the model: name, language, for_humans, files (path -> SHA-256)."""

RECEIPT_SUFFIX = ".receipt.json"
"""Beside a fetched folder: where it came from and the SHA-256 and size of each file."""

KALDI_RATE_HZ = 16000
"""Kaldi's default where `mfcc.conf` names no `--sample-frequency`."""

_THOROUGH_BYTES = 100_000_000  # checksums at every start up to this size (0.1 s)
_RATES_HZ = range(4000, 96001)
_IVECTOR = (
    "final.ie", "final.dubm", "final.mat", "global_cmvn.stats", "online_cmvn.conf", "splice.conf",
)  # fmt: skip
# The last line of each text table that Vosk reads. Without its end the file was cut off.
_TABLE_ENDS = {
    "words.txt": re.compile(rb"\S+[ \t]+\d+\n"),
    "word_boundary.int": re.compile(rb"\d+ [a-z]+\n"),
    "disambig_tid.int": re.compile(rb"\d+\n"),
}
_OPTION = re.compile(r"--([a-z0-9.-]+)=(.*)", re.IGNORECASE)
_OFFICIAL_NAME = re.compile(r"vosk-model-(?:small-|big-)?([a-z]{2}(?:-[a-z]{2})?)(?=-)")


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things lie. Vosk knows two layouts; the older one has everything at the top."""

    acoustic: str
    mfcc: str
    decoding: str | None
    graph: str
    boundary: str


_NEW = _Layout(
    "am/final.mdl", "conf/mfcc.conf", "conf/model.conf", "graph/", "graph/phones/word_boundary.int"
)
_OLD = _Layout("final.mdl", "mfcc.conf", None, "", "word_boundary.int")


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model folder that passed `read_folder`.

    language: ISO 639-1, with a region perhaps ("en-us"); "und" where nothing tells.
    for_humans: see `AsrInfo`. model_rate_hz: the sample rate the model was trained at. mfcc: path
    of its feature settings. dithered: features get random noise, so results would differ from run
    to run. upsamples: audio of a lower rate is accepted.
    """

    path: Path
    name: str
    language: str
    for_humans: bool
    model_rate_hz: int
    dithered: bool
    upsamples: bool
    size_bytes: int
    mfcc: str


def find_problems(path: Path, *, thorough: bool | None = None) -> list[str]:
    """What is wrong with the model in `path`, empty if nothing is.

    thorough: compare checksums where they are known; None decides by size, so that a start stays
    quick. Sizes and structure are always checked.
    """
    if not path.is_dir():
        return ["there is no such folder"]
    layout = _layout(path)
    if layout is None:
        inner = [p.name for p in path.iterdir() if p.is_dir() and _layout(p) is not None]
        return [f"the model lies one folder further down: {inner[0]}"] if inner else [
            "it is no Vosk model: am/final.mdl is missing"
        ]  # fmt: skip
    problems = _missing_files(path, layout)
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        problems += _file_problems(path, file)
    problems += _conf_problems(path, layout)
    known = _known_files(path)
    if thorough is None:
        thorough = _total_bytes(path) <= _THOROUGH_BYTES
    for name, (size, digest) in known.items():
        problems += _known_problems(path / name, name, size, digest if thorough else None)
    return list(dict.fromkeys(problems))


def has_checksums(path: Path) -> bool:
    """Whether the checksums of the folder's files are known."""
    return bool(_known_files(path))


def read_folder(path: Path) -> ModelFolder:
    """Check the folder and read what the model is.

    Raises `ModelError` naming what is missing or damaged, and the remedy.
    """
    problems = find_problems(path)
    if problems:
        raise ModelError(
            f"the speech model {path} cannot be used: {'; '.join(problems)}", fix_for(path)
        )
    layout = _layout(path)
    assert layout is not None
    options = read_options(path / layout.mfcc)
    manifest = _read_json(path / MANIFEST)
    embedded = path.name == EMBEDDED
    named = _OFFICIAL_NAME.match(path.name)
    language = "de" if embedded else named[1] if named else "und"
    return ModelFolder(
        path=path,
        name=str(manifest.get("name", path.name)),
        language=str(manifest.get("language", language)),
        for_humans=bool(manifest.get("for_humans", not embedded)),
        model_rate_hz=int(float(options.get("sample-frequency", KALDI_RATE_HZ))),
        dithered=float(options.get("dither", 1.0)) != 0.0,  # 1.0 is Kaldi's default
        upsamples=options.get("allow-upsample") == "true",
        size_bytes=_total_bytes(path),
        mfcc=layout.mfcc,
    )


def fix_for(path: Path) -> str:
    """How to mend a damaged model folder."""
    if _OFFICIAL_NAME.match(path.name):
        return f"delete {path} and run: contenance models fetch {path.name}"
    return (
        "install the model again (contenance models fetch NAME, or unzip it anew), "
        f"then run: contenance models verify {path}"
    )


def _layout(path: Path) -> _Layout | None:
    if (path / "am").is_dir() or (path / "conf").is_dir():
        return _NEW
    return _OLD if (path / _OLD.acoustic).exists() else None


def _missing_files(path: Path, layout: _Layout) -> list[str]:
    needed = [layout.acoustic, layout.mfcc]
    if layout.decoding is not None:
        needed.append(layout.decoding)
    graph = layout.graph
    if (path / f"{graph}HCLG.fst").exists():
        needed.append(f"{graph}words.txt")
    elif (path / f"{graph}HCLr.fst").exists() or (path / f"{graph}Gr.fst").exists():
        needed += [f"{graph}HCLr.fst", f"{graph}Gr.fst", f"{graph}disambig_tid.int"]
    else:
        needed.append(f"{graph}HCLG.fst")
    needed.append(layout.boundary)  # without it word times are 0.3 s off
    if (path / "ivector").is_dir():
        needed += [f"ivector/{name}" for name in _IVECTOR]
    if (path / "rescore" / "G.carpa").exists():
        needed.append("rescore/G.fst")
    return [f"{name} is missing" for name in needed if not (path / name).is_file()]


def _file_problems(path: Path, file: Path) -> list[str]:
    name = file.relative_to(path).as_posix()
    if file.stat().st_size == 0:
        return [f"{name} is empty"]
    end = _TABLE_ENDS.get(file.name)
    if end is not None and not end.fullmatch(_last_line(file)):
        return [f"{name} is cut off"]
    return []


def _last_line(file: Path) -> bytes:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - 4096))
        return stream.read().splitlines(keepends=True)[-1]


def _conf_problems(path: Path, layout: _Layout) -> list[str]:
    problems = []
    for name in (layout.mfcc, layout.decoding):
        if name is None or not (path / name).is_file():
            continue
        try:
            options = read_options(path / name)
        except ValueError as error:
            problems.append(f"{name}: {error}")
            continue
        if name == layout.mfcc:
            problems += _mfcc_problems(name, options)
    return problems


def _mfcc_problems(name: str, options: dict[str, str]) -> list[str]:
    problems = []
    for option, default in (("sample-frequency", float(KALDI_RATE_HZ)), ("dither", 1.0)):
        try:
            value = float(options.get(option, default))
        except ValueError:
            problems.append(f"{name}: --{option}={options[option]} is no number")
            continue
        if option == "sample-frequency" and value not in _RATES_HZ:
            problems.append(f"{name}: --{option}={options[option]} is no sample rate")
    return problems


def read_options(file: Path) -> dict[str, str]:
    """Kaldi's options of a configuration file. Raises `ValueError` naming the line."""
    options = {}
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is no text file") from None
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.split("#", 1)[0].strip()
        if not content:
            continue
        option = _OPTION.fullmatch(content)
        if option is None:
            raise ValueError(f"line {number} is no option")
        options[option[1]] = option[2]
    return options


def _known_files(path: Path) -> dict[str, tuple[int | None, str]]:
    """Path -> (size, SHA-256), as far as somebody wrote them down."""
    if (path / MANIFEST).is_file():
        files = _read_json(path / MANIFEST).get("files", {})
        return {name: (None, digest) for name, digest in files.items()}
    receipt = _read_json(path.with_name(path.name + RECEIPT_SUFFIX))
    return {name: (size, digest) for name, (size, digest) in receipt.get("files", {}).items()}


def _known_problems(file: Path, name: str, size: int | None, digest: str | None) -> list[str]:
    if not file.is_file():
        return [f"{name} is missing"]
    if size is not None and file.stat().st_size != size:
        return [f"{name} has {file.stat().st_size} bytes instead of {size}"]
    if digest is not None and sha256(file) != digest:
        return [f"{name} is not the file it was (checksum)"]
    return []


def sha256(file: Path) -> str:
    """Checksum of a file, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{file} is damaged: {error}", fix_for(file.parent)) from error
    if not isinstance(content, dict):
        raise ModelError(f"{file} is damaged: no JSON object", fix_for(file.parent))
    return content


def _total_bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
