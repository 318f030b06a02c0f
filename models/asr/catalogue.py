"""The official Vosk models: which fit our languages, and what the official list says of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from models.errors import ModelError

OFFICIAL_URL = "https://alphacephei.com/vosk/models/"
LIST_NAME = "model-list.json"


@dataclass(frozen=True, slots=True)
class Official:
    """A model that Vosk's makers publish. size_mb: of the download, megabytes. note: what for."""

    name: str
    language: str
    size_mb: int
    note: str


OFFICIAL = (
    Official("vosk-model-small-de-0.15", "de", 46, "German, light: one call on a laptop"),
    Official("vosk-model-de-0.21", "de", 1900, "German, best: server, about 5 GB of memory"),
    Official("vosk-model-de-tuda-0.6-900k", "de", 4400, "German, 900,000 words"),
    Official("vosk-model-small-en-us-0.15", "en-us", 41, "US English, light"),
    Official("vosk-model-en-us-0.22-lgraph", "en-us", 131, "US English, medium"),
    Official("vosk-model-en-us-0.22", "en-us", 1800, "US English, best: server"),
)
"""Those that a German or English support desk would take; any other on the list can be fetched."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One model of the official list. md5: of the zip file, hexadecimal."""

    name: str
    language: str
    size_bytes: int
    md5: str
    file_name: str
    obsolete: bool


def parse_list(data: bytes, source: str) -> dict[str, Listed]:
    """The official list, by name. `source`: where it came from, for messages.

    The list is a JSON array of objects with name, url, md5, size and lang (and more); entries
    without these (there are some) are left out. Raises `ModelError` for anything that is no list.
    """
    fix = "check the address (CONTENANCE_MODELS_URL), or whether a login page answers in its place"
    try:
        content = json.loads(data)
    except ValueError as error:
        raise ModelError(f"{source} is no list of models: not JSON", fix) from error
    if not isinstance(content, list):
        raise ModelError(f"{source} is no list of models: no JSON array", fix)
    listed = [entry for item in content if (entry := _entry(item)) is not None]
    if not listed:
        raise ModelError(f"the list of models at {source} is empty", fix)
    return {entry.name: entry for entry in listed}


def _entry(item: Any) -> Listed | None:  # noqa: ANN401 - any JSON
    if not isinstance(item, dict):
        return None
    name, url, md5, size = (item.get(key) for key in ("name", "url", "md5", "size"))
    if not (isinstance(name, str) and isinstance(url, str) and isinstance(md5, str)):
        return None
    if not isinstance(size, int) or len(md5) != 32:
        return None
    file_name = url.rsplit("/", 1)[-1]
    return Listed(
        name=name,
        language=str(item.get("lang", "und")),
        size_bytes=size,
        md5=md5.lower(),
        file_name=file_name,
        obsolete=str(item.get("obsolete", "false")) == "true",
    )
