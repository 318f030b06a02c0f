"""`MANIFEST.json` of a trained text model: what its files are and how to read their numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.errors import ModelError
from models.text.encoder.decide import LABELS, SEVERITY_STEPS, TARGETS, Calibration, Curve

MANIFEST_FILE = "MANIFEST.json"
TRUNK_FILE = "trunk.onnx"
PHONE_FILE = "phone.onnx"
SOCIAL_FILE = "social.onnx"
PHONE_WORDS_FILE = "phone_words.npz"
SOCIAL_WORDS_FILE = "social_words.npz"
TOKENIZER_FILE = "tokenizer.json"
PHONE_FILES = (TOKENIZER_FILE, TRUNK_FILE, PHONE_FILE, PHONE_WORDS_FILE)
SOCIAL_FILES = (SOCIAL_FILE, SOCIAL_WORDS_FILE)
FORMAT = 1
_AGAIN = "reinstall contenance, train it anew (python -m models.text.training), or use: lexicon"


@dataclass(frozen=True, slots=True)
class SocialRule:
    """Offensive is what has `network · network's logit + words · words' logit + offset` > 0."""

    network: float
    words: float
    offset: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """`sha256` of each file by name; `trust`: weight of the lexicon's rules by label (see
    `combined`); `social` is None where the model has no such head."""

    name: str
    sha256: Mapping[str, str]
    calibration: Calibration
    trust: Mapping[str, float]
    social: SocialRule | None


def read_manifest(folder: Path) -> Manifest:
    """Read and check `MANIFEST.json`. Raises `ModelError`."""
    path = folder / MANIFEST_FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{folder}: no text model ({MANIFEST_FILE} is missing)", _AGAIN) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({type(error).__name__})", _AGAIN) from error
    try:
        return _parsed(data)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path} is damaged or of another version ({error})", _AGAIN) from error


def _parsed(data: dict[str, Any]) -> Manifest:
    if data["format"] != FORMAT:
        raise ValueError(f"format {data['format']}, not {FORMAT}")
    if set(data["labels"]) != set(LABELS) or tuple(data["targets"]) != TARGETS:
        raise ValueError("its labels or targets are not the program's")
    severity = [_curve(item) for item in data["severity"]]
    if len(severity) != SEVERITY_STEPS:
        raise ValueError(f"{len(severity)} severity curves, not {SEVERITY_STEPS}")
    social = data.get("social")
    return Manifest(
        name=str(data["name"]),
        sha256={str(name): str(value) for name, value in data["sha256"].items()},
        calibration=Calibration(
            {label: _curve(data["labels"][label]) for label in LABELS},
            (severity[0], severity[1], severity[2]),
        ),
        trust={label: float(data["trust"].get(label, 0.0)) for label in LABELS},
        social=None
        if social is None
        else SocialRule(float(social["network"]), float(social["words"]), float(social["offset"])),
    )


def _curve(item: dict[str, float]) -> Curve:
    curve = Curve(*(float(item[name]) for name in ("slope", "words", "offset", "threshold")))
    if not 0.0 < curve.threshold < 1.0:
        raise ValueError(f"threshold {curve.threshold}")
    return curve


def check_file(folder: Path, name: str, manifest: Manifest) -> Path:
    """The path of one of the model's files, once its checksum is right. Raises `ModelError`."""
    path = folder / name
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: part of the text model is missing", _AGAIN) from error
    if digest != manifest.sha256.get(name):
        raise ModelError(f"{path} is damaged (its checksum is wrong)", _AGAIN)
    return path


def write_manifest(
    folder: Path,
    name: str,
    calibration: Calibration,
    trust: Mapping[str, float],
    social: SocialRule | None,
    about: Mapping[str, Any],
) -> None:
    """Write `MANIFEST.json` for the files in `folder`; `about`: where they come from, figures."""
    files = [*PHONE_FILES, *(SOCIAL_FILES if social is not None else ())]
    data: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "sha256": {
            file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in files
        },
        "labels": {label: _written(calibration.labels[label]) for label in LABELS},
        "severity": [_written(curve) for curve in calibration.severity],
        "trust": {label: round(value, 3) for label, value in trust.items() if value > 0},
        "targets": list(TARGETS),
        "about": dict(about),
    }
    if social is not None:
        data["social"] = {
            "network": social.network, "words": social.words, "offset": social.offset,
        }  # fmt: skip
    text = json.dumps(data, ensure_ascii=False, indent=1)
    (folder / MANIFEST_FILE).write_text(text + "\n", encoding="utf-8")


def _written(curve: Curve) -> dict[str, float]:
    return asdict(curve)
