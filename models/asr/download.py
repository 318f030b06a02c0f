"""One file over HTTP: resumed where it broke off, checked before it counts as there.

The unfinished file lies beside the target as `NAME.part`, with `NAME.part.json` saying what it is
part of. Only a complete file with the right checksum gets the target's name.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.asr.progress import OnProgress, Progress, silent
from models.errors import ModelError

TIMEOUT_SECS = 30.0
ATTEMPTS = 5
"""Failures in a row, without real progress between them, before giving up."""

_CHUNK_BYTES = 256 * 1024
_REAL_PROGRESS_BYTES = 1024 * 1024
_WAIT_SECS = 1.0  # before the first retry, doubled each time
_RETRY_STATUS = {408, 425, 429, 500, 502, 503, 504}
_OFFLINE = (
    "check the network, or install offline: download the zip elsewhere, unzip it and pass the "
    "folder (--asr-model PATH or CONTENANCE_ASR_MODEL=PATH)"
)

_NETWORK = (ConnectionError, TimeoutError, ssl.SSLError)

Sleep = Callable[[float], None]


class _Temporary(Exception):  # noqa: N818 - it never leaves this module
    """Worth another try."""


def read_small(
    url: str, *, limit_bytes: int, sleep: Sleep, timeout_secs: float = TIMEOUT_SECS
) -> bytes:
    """A small file, whole. Raises `ModelError` if it cannot be had or is larger than the limit."""
    failures = 0
    while True:
        try:
            data = _read_all(url, limit_bytes, timeout_secs)
        except (_Temporary, OSError, http.client.HTTPException) as error:
            failures += 1
            _give_up_or_wait(url, failures, error, sleep)
            continue
        if len(data) > limit_bytes:
            raise ModelError(
                f"{url} is larger than {limit_bytes} bytes: not what was asked for", _OFFLINE
            )
        return data


def download(
    url: str,
    target: Path,
    *,
    size_bytes: int,
    md5: str,
    progress: OnProgress = silent,
    sleep: Sleep,
    timeout_secs: float = TIMEOUT_SECS,
) -> None:
    """Fetch `url` into `target`. A part from an earlier try is gone on with.

    Raises `ModelError` when it cannot be had, its size is not `size_bytes` or its MD5 not `md5`;
    after a wrong checksum nothing is left behind.
    """
    part = _Part(target, size_bytes, md5)
    resumed = part.have > 0
    while True:
        _complete(url, part, progress, sleep, timeout_secs)
        found = part.checksum(progress)
        if found == md5:
            part.path.replace(target)
            part.note.unlink(missing_ok=True)
            return
        part.drop()
        if not resumed:
            raise ModelError(
                f"{url} is damaged: its MD5 is {found}, the list says {md5}",
                "try again later, or from another mirror (CONTENANCE_MODELS_URL)",
            )
        resumed = False  # the earlier part may have been the bad one: once more from the start


def _read_all(url: str, limit_bytes: int, timeout_secs: float) -> bytes:
    with _open(url, {}, timeout_secs, first=True) as response:
        announced = response.length
        data = bytes(response.read(limit_bytes + 1))
    if announced is not None and len(data) < min(announced, limit_bytes):
        raise _Temporary("the connection ended early")
    return data


class _Part:
    """The unfinished file."""

    def __init__(self, target: Path, size_bytes: int, md5: str) -> None:
        self.path = target.with_name(target.name + ".part")
        self.note = target.with_name(target.name + ".part.json")
        self.size_bytes = size_bytes
        self.md5 = md5
        self.etag = ""
        known = _read_note(self.note)
        if known.get("md5") != md5 or not self.path.is_file() or self.have > size_bytes:
            self.drop()
        else:
            self.etag = str(known.get("etag", ""))

    @property
    def have(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)
        self.etag = ""

    def begin(self, etag: str) -> None:
        """A new file from its first byte."""
        self.etag = etag
        self.note.write_text(json.dumps({"md5": self.md5, "etag": etag}), encoding="utf-8")
        self.path.write_bytes(b"")

    def checksum(self, progress: OnProgress) -> str:
        digest = hashlib.md5(usedforsecurity=False)  # what the official list has
        done = 0
        with self.path.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
                done += len(chunk)
                progress(Progress("check", done, self.size_bytes))
        return digest.hexdigest()


def _read_note(note: Path) -> dict[str, Any]:
    try:
        content = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _complete(
    url: str, part: _Part, progress: OnProgress, sleep: Sleep, timeout_secs: float
) -> None:
    failures, before = 0, part.have
    while part.have < part.size_bytes or not part.path.is_file():
        try:
            _fetch_rest(url, part, progress, timeout_secs)
        except (_Temporary, OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and not isinstance(error, _NETWORK):
                raise  # the disk, not the network
            if part.have - before >= _REAL_PROGRESS_BYTES:
                failures, before = 0, part.have
            failures += 1
            progress(Progress("download", part.have, part.size_bytes, f"trying again: {error}"))
            _give_up_or_wait(url, failures, error, sleep)


def _fetch_rest(url: str, part: _Part, progress: OnProgress, timeout_secs: float) -> None:
    have = part.have
    headers = {"Range": f"bytes={have}-"} if have else {}
    if have and part.etag:
        headers["If-Range"] = part.etag  # another file by now: the server sends it whole
    with _open(url, headers, timeout_secs, first=have == 0) as response:
        if response.status == 206 and _range_start(response) == have:
            pass
        elif response.status == 200:
            announced = response.length
            if announced is not None and announced != part.size_bytes:
                part.drop()
                raise ModelError(
                    f"{url} has {announced} bytes, the list says {part.size_bytes}",
                    "try again later, or from another mirror (CONTENANCE_MODELS_URL)",
                )
            etag = response.headers.get("ETag", "")
            part.begin("" if etag.startswith("W/") else etag)
            have = 0
        else:
            part.drop()
            raise _Temporary(f"the server cannot resume (status {response.status})")
        with part.path.open("ab") as stream:
            while chunk := response.read(_CHUNK_BYTES):
                have += len(chunk)
                if have > part.size_bytes:
                    break
                stream.write(chunk)
                progress(Progress("download", have, part.size_bytes))
    if have > part.size_bytes:
        part.drop()
        raise ModelError(
            f"{url} is longer than the {part.size_bytes} bytes that the list says",
            "try again later, or from another mirror (CONTENANCE_MODELS_URL)",
        )
    if have < part.size_bytes:
        raise _Temporary(f"the connection ended after {have} of {part.size_bytes} bytes")


def _range_start(response: http.client.HTTPResponse) -> int | None:
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _open(
    url: str, headers: dict[str, str], timeout_secs: float, *, first: bool
) -> http.client.HTTPResponse:
    """The response, redirects followed. first: nothing has come yet, so no network is no hiccup."""
    if not url.startswith(("http://", "https://")):
        raise ModelError(f"{url} is no web address", "set CONTENANCE_MODELS_URL to http(s)://…")
    request = urllib.request.Request(url, headers={"User-Agent": "contenance", **headers})  # noqa: S310 - checked above
    try:
        response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=timeout_secs)  # noqa: S310 - checked above
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _RETRY_STATUS or error.code == 416:
            raise _Temporary(f"the server answered {error.code} {error.reason}") from error
        if 300 <= error.code < 400:
            raise ModelError(f"{url} redirects in a circle", _OFFLINE) from error
        fix = (
            "check the name with: contenance models list" if error.code in {404, 410} else _OFFLINE
        )
        raise ModelError(f"{url}: the server answered {error.code} {error.reason}", fix) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLError):
            raise ModelError(
                f"{url}: the server's certificate is not accepted ({error.reason})", _OFFLINE
            ) from error
        if first:
            raise ModelError(f"cannot reach {url}: {error.reason}", _OFFLINE) from error
        raise _Temporary(str(error.reason)) from error
    return response


def _give_up_or_wait(url: str, failures: int, error: Exception, sleep: Sleep) -> None:
    if failures >= ATTEMPTS:
        raise ModelError(
            f"{url} cannot be fetched, {failures} tries failed: {error or type(error).__name__}",
            f"run it again, it goes on where it broke off; or {_OFFLINE}",
        ) from error
    sleep(_WAIT_SECS * 2 ** (failures - 1))
