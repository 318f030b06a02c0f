"""A model's zip file, unpacked without trusting it."""

from __future__ import annotations

import hashlib
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from models.asr.progress import OnProgress, Progress, silent
from models.errors import ModelError

MAX_FILES = 10_000
MAX_RATIO = 30
"""Largest growth of any model when unpacked; theirs is below 5."""

_CHUNK_BYTES = 1024 * 1024
_FIX = "fetch it again; if it stays so, the publisher's file is at fault"


def unpacked_bytes(archive: Path) -> int:
    """How much room the contents take. Raises `ModelError` if it is no sound zip file."""
    with _opened(archive) as bundle:
        return sum(info.file_size for info in bundle.infolist())


def unpack(
    archive: Path, folder: Path, progress: OnProgress = silent
) -> dict[str, tuple[int, str]]:
    """Unpack into `folder` (empty), without the one top folder that archives have.

    Returns path -> (size in bytes, SHA-256). Raises `ModelError` for anything but a plain, sound
    zip file whose members stay inside; `folder` may then hold a part of it.
    """
    files = {}
    with _opened(archive) as bundle:
        members = [info for info in bundle.infolist() if not info.is_dir()]
        paths = _safe_paths(members, archive)
        total, done = sum(info.file_size for info in members), 0
        for info in members:
            path = paths[info.filename]
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256()
            try:
                with bundle.open(info) as source, file.open("xb") as sink:
                    while chunk := source.read(_CHUNK_BYTES):  # never more than info.file_size
                        sink.write(chunk)
                        digest.update(chunk)
                        done += len(chunk)
                        progress(Progress("unpack", done, total))
            except (
                zipfile.BadZipFile,
                zlib.error,
                EOFError,
                NotImplementedError,
                RuntimeError,
            ) as error:
                raise ModelError(
                    f"{archive.name} is damaged at {info.filename}: {error}", _FIX
                ) from error
            files[path.as_posix()] = (info.file_size, digest.hexdigest())
    return files


def _opened(archive: Path) -> zipfile.ZipFile:
    try:
        bundle = zipfile.ZipFile(archive)
    except zipfile.BadZipFile as error:
        raise ModelError(f"{archive.name} is no sound zip file: {error}", _FIX) from error
    members = bundle.infolist()
    total = sum(info.file_size for info in members)
    if len(members) > MAX_FILES or total > MAX_RATIO * max(1, archive.stat().st_size):
        bundle.close()
        raise ModelError(
            f"{archive.name} would grow to {total} bytes in {len(members)} files: no model does",
            _FIX,
        )
    return bundle


def _safe_paths(members: list[zipfile.ZipInfo], archive: Path) -> dict[str, PurePosixPath]:
    """Where each member goes, relative to the folder."""
    paths = {}
    for info in members:
        path = PurePosixPath(info.filename)
        outside = path.is_absolute() or ".." in path.parts or set(info.filename) & {"\\", ":"}
        if outside or not path.parts or stat.S_ISLNK(info.external_attr >> 16):
            raise ModelError(
                f"{archive.name} has a member that would land outside its folder: {info.filename}",
                "do not use this file; fetch it from the official address",
            )
        paths[info.filename] = path
    if len(paths) != len(members):
        raise ModelError(f"{archive.name} has the same member twice", _FIX)
    tops = {path.parts[0] for path in paths.values()}
    if len(tops) == 1 and all(len(path.parts) > 1 for path in paths.values()):
        return {name: PurePosixPath(*path.parts[1:]) for name, path in paths.items()}
    return paths


def remove(folder: Path) -> None:
    """Delete a folder that may not be there."""
    if folder.exists():
        shutil.rmtree(folder)
