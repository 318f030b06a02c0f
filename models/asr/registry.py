"""The speech models of this machine: which there are, fetching, checking and finding them."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from models.asr.catalogue import LIST_NAME, OFFICIAL, OFFICIAL_URL, Listed, parse_list
from models.asr.download import TIMEOUT_SECS, Sleep, download, read_small
from models.asr.model_folder import (
    EMBEDDED,
    RECEIPT_SUFFIX,
    find_problems,
    has_checksums,
    read_folder,
)
from models.asr.model_overlay import overlaid
from models.asr.progress import OnProgress, silent
from models.asr.unpack import remove, unpack, unpacked_bytes
from models.asr.vosk_engine import probe
from models.errors import ModelError
from models.yamllines import nearest

CACHE_VARIABLE = "CONTENANCE_MODELS_DIR"
URL_VARIABLE = "CONTENANCE_MODELS_URL"

EMBEDDED_PATH = Path(__file__).with_name(EMBEDDED)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LIST_BYTES = 2_000_000
_SPARE_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that can be used or fetched.

    path: where it is installed, None: it can be fetched. size_mb: of the download (of the folder
    for one that is no official model), megabytes.
    """

    name: str
    language: str
    size_mb: int
    note: str
    path: Path | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found. checksums: whether there were any to compare with."""

    path: Path
    problems: tuple[str, ...]
    checksums: bool

    @property
    def sound(self) -> bool:
        """Nothing is wrong with the model."""
        return not self.problems


def cache_dir() -> Path:
    """Where fetched models lie: CONTENANCE_MODELS_DIR, or contenance/models in the user's cache."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    if cache := os.environ.get("XDG_CACHE_HOME"):
        return Path(cache) / "contenance" / "models"
    try:
        return Path.home() / ".cache" / "contenance" / "models"
    except RuntimeError as error:
        raise ModelError(
            "there is no home directory to keep speech models in", f"set {CACHE_VARIABLE}=FOLDER"
        ) from error


def list_models(cache: Path | None = None) -> list[KnownModel]:
    """The embedded model, the official ones for our languages, and any other in the cache."""
    cache = cache or cache_dir()
    known = [
        KnownModel(
            EMBEDDED,
            "de",
            _megabytes(EMBEDDED_PATH),
            "demo and tests, not for people",
            EMBEDDED_PATH,
        )
    ]
    for model in OFFICIAL:
        path = cache / model.name
        known.append(
            KnownModel(
                model.name,
                model.language,
                model.size_mb,
                model.note,
                path if path.is_dir() else None,
            )
        )
    names = {model.name for model in known}
    for path in _installed(cache):
        if path.name not in names:
            known.append(KnownModel(path.name, "und", _megabytes(path), "in the cache", path))
    return known


def resolve(name_or_path: str, cache: Path | None = None) -> Path:
    """The folder of a model: "de_demo", a fetched model's name, or a path.

    Raises `ModelError` naming the ways to get it.
    """
    if name_or_path == EMBEDDED:
        return EMBEDDED_PATH
    cache = cache or cache_dir()
    if _NAME.fullmatch(name_or_path) and (cache / name_or_path).is_dir():
        return cache / name_or_path
    path = Path(name_or_path).expanduser()
    if name_or_path and path.is_dir():
        return path
    if path.is_file():
        raise ModelError(f"{path} is a file, no model folder", "unzip it and pass the folder")
    if not _NAME.fullmatch(name_or_path) or name_or_path in {".", ".."}:
        raise ModelError(
            f"there is no speech model in {name_or_path or 'an empty path'}",
            "pass a folder with am/, conf/ and graph/, or a name of: contenance models list; "
            f"{_offline(cache)}",
        )
    names = [model.name for model in OFFICIAL]
    near = nearest(name_or_path, [*names, *(path.name for path in _installed(cache)), EMBEDDED])
    if name_or_path in names:
        fix = f"run: contenance models fetch {name_or_path}; {_offline(cache)}"
    else:
        hint = f"did you mean {near}? " if near else ""
        fix = f"{hint}See: contenance models list; {_offline(cache)}"
    raise ModelError(f"the speech model {name_or_path} is not installed", fix)


def fetch(
    name: str,
    cache: Path | None = None,
    *,
    base_url: str | None = None,
    progress: OnProgress = silent,
    sleep: Sleep = time.sleep,
    timeout_secs: float = TIMEOUT_SECS,
) -> Path:
    """Download, check and install a model of the official list; returns its folder.

    A model that is there and sound is left alone. base_url: where list and files lie; by default
    CONTENANCE_MODELS_URL, or the official address. Breaking it off leaves the download to go on
    with, and no half model. Raises `ModelError` with the remedy.
    """
    if not _NAME.fullmatch(name) or name == EMBEDDED:
        raise ModelError(f"{name!r} is no model that can be fetched", "see: contenance models list")
    cache = cache or cache_dir()
    folder = cache / name
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f".{name}.lock", timeout=0):
            if folder.is_dir() and not find_problems(folder):
                return folder
            base_url = (base_url or os.environ.get(URL_VARIABLE) or OFFICIAL_URL).rstrip("/") + "/"
            entry = _look_up(name, base_url, sleep, timeout_secs)
            archive = cache / f".{name}.zip"
            _need_room(cache, entry.size_bytes)
            url = base_url + entry.file_name
            download(
                url,
                archive,
                size_bytes=entry.size_bytes,
                md5=entry.md5,
                progress=progress,
                sleep=sleep,
                timeout_secs=timeout_secs,
            )
            try:
                _install(archive, folder, url, progress)
            finally:
                archive.unlink(missing_ok=True)
    except Timeout as error:
        raise ModelError(
            f"another process is fetching {name} right now",
            "wait for it, or stop it, then try again",
        ) from error
    except OSError as error:
        raise _disk_error(cache, error) from error
    return folder


def verify(path: Path, *, load: bool = True) -> Verdict:
    """Check a model: its files, their checksums where known, and whether Vosk can use it.

    load: try it with Vosk, in a process of its own; takes as long as the model takes to load.
    """
    problems = find_problems(path, thorough=True)
    if not problems and load:
        try:
            model = read_folder(path)
            with overlaid(model, model.model_rate_hz) as prepared:
                probe(prepared, model, model.model_rate_hz)
        except ModelError as error:
            problems = [error.message]
    return Verdict(path, tuple(problems), has_checksums(path))


def _look_up(name: str, base_url: str, sleep: Sleep, timeout_secs: float) -> Listed:
    url = base_url + LIST_NAME
    data = read_small(url, limit_bytes=_LIST_BYTES, sleep=sleep, timeout_secs=timeout_secs)
    listed = parse_list(data, url)
    if name not in listed:
        near = nearest(name, listed)
        hint = f"did you mean {near}? " if near else ""
        raise ModelError(f"{url} has no model {name}", f"{hint}See: contenance models list")
    return listed[name]


def _install(archive: Path, folder: Path, url: str, progress: OnProgress) -> None:
    """Unpack beside the target, check, and only then give it its name."""
    cache = folder.parent
    _need_room(cache, unpacked_bytes(archive))
    staged = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=cache)) / folder.name
    try:
        staged.mkdir()
        files = unpack(archive, staged, progress)
        problems = find_problems(staged)
        if problems:
            raise ModelError(
                f"what {url} holds is no usable model: {'; '.join(problems)}",
                "try another model, or another mirror (CONTENANCE_MODELS_URL)",
            )
        receipt = folder.with_name(folder.name + RECEIPT_SUFFIX)
        content = {"url": url, "files": files}
        if folder.exists():
            folder.rename(staged.parent / "damaged")
        receipt.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        staged.rename(folder)
    finally:
        remove(staged.parent)


def _need_room(cache: Path, size_bytes: int) -> None:
    free, needed = shutil.disk_usage(cache).free, size_bytes + _SPARE_BYTES
    if free < needed:
        raise ModelError(
            f"{cache} has {free // 1_000_000} MB free, {needed // 1_000_000} MB are needed",
            f"make room, or set {CACHE_VARIABLE} to a folder on a larger disk",
        )


def _disk_error(cache: Path, error: OSError) -> ModelError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return ModelError(
            f"the disk of {cache} is full",
            f"make room, or set {CACHE_VARIABLE} to a folder on a larger disk, then fetch again",
        )
    return ModelError(
        f"cannot write to {cache}: {error.strerror or error}",
        f"mend the permissions, or set {CACHE_VARIABLE} to a folder of yours",
    )


def _installed(cache: Path) -> list[Path]:
    if not cache.is_dir():
        return []
    return sorted(p for p in cache.iterdir() if p.is_dir() and not p.name.startswith("."))


def _megabytes(path: Path) -> int:
    return round(sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) / 1e6)


def _offline(cache: Path) -> str:
    return f"offline: unzip the model into {cache}, or set CONTENANCE_ASR_MODEL to its folder"
