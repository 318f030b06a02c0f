"""The model folder that Vosk loads, its manifest, and putting it in place in one step."""

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from models.asr.training.features import COEFFICIENTS, RATE_HZ
from models.asr.training.kaldi_format import write_model, write_statistics
from models.asr.training.network import SUBSAMPLING, Acoustics
from models.asr.training.phones import PhoneTable
from models.asr.training.text import fingerprint

MFCC_CONF = f"""\
--sample-frequency={RATE_HZ}
--use-energy=false
--num-mel-bins={COEFFICIENTS}
--num-ceps={COEFFICIENTS}
--low-freq=40
--high-freq=3800
--allow-downsample=true
--dither=0
"""
ACOUSTIC_SCALE = 0.7
MODEL_CONF = f"""\
--min-active=200
--max-active=5000
--beam=13.0
--lattice-beam=6.0
--acoustic-scale={ACOUSTIC_SCALE}
--frame-subsampling-factor={SUBSAMPLING}
--endpoint.silence-phones=1
--endpoint.rule2.min-trailing-silence=0.6
--endpoint.rule3.min-trailing-silence=1.0
--endpoint.rule4.min-trailing-silence=2.0
--determinize-max-delay=20
--determinize-min-chunk-size=5
"""
GRAPH_FILES = ("HCLG.fst", "words.txt", "phones.txt", "phones/word_boundary.int")
MANIFEST = "MANIFEST.json"
FINGERPRINTS = "training_text.sha256"  # what the model has heard or read, without the text
_UNLISTED = {MANIFEST, "README.md"}


def assemble(
    acoustics: Acoustics,
    graph: Path,
    sentences: Iterable[str],
    folder: Path,
    model_conf: str = MODEL_CONF,
) -> None:
    """Write a complete model to ``folder`` (made new; must not exist)."""
    for part in ("am", "conf", "graph/phones"):
        (folder / part).mkdir(parents=True)
    table = PhoneTable()
    write_model(
        folder / "am" / "final.mdl",
        table.outputs,
        acoustics.layers,
        acoustics.priors,
        COEFFICIENTS,
    )
    write_statistics(folder / "am" / "global_cmvn.stats", acoustics.statistics)
    (folder / "conf" / "mfcc.conf").write_text(MFCC_CONF, encoding="utf-8")
    (folder / "conf" / "model.conf").write_text(model_conf, encoding="utf-8")
    for name in GRAPH_FILES:
        shutil.copy(graph / name, folder / "graph" / name)
    prints = sorted({fingerprint(sentence) for sentence in sentences})
    (folder / FINGERPRINTS).write_text("\n".join(prints) + "\n", encoding="utf-8")


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of the model by its path, but the manifest and the card."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).as_posix() not in _UNLISTED
    }


def write_manifest(folder: Path, details: dict[str, Any]) -> None:
    """Write ``MANIFEST.json``: what the model is, and the checksum of each file."""
    manifest = {
        "name": "de_demo",
        "language": "de",
        "rate_hz": RATE_HZ,
        "licence": "Apache-2.0",
        "for_humans": False,
        **details,
        "files": checksums(folder),
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def put_in_place(new: Path, target: Path) -> None:
    """Swap ``new`` for ``target``, keeping the model card; readers see one or the other."""
    card = target / "README.md"
    if card.exists() and not (new / "README.md").exists():
        shutil.copy(card, new / "README.md")
    staged = target.with_name(f".{target.name}.new")
    retired = target.with_name(f".{target.name}.old")
    for leftover in (staged, retired):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(new, staged)
    if target.exists():
        target.rename(retired)
    staged.rename(target)
    shutil.rmtree(retired, ignore_errors=True)
