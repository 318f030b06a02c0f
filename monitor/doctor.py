"""Is everything there that a call needs? Every check says what it found and how to mend it."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from models.errors import ContenanceError
from monitor.settings import Loaded, Settings, load

MIN_PYTHON, MAX_PYTHON = (3, 11), (3, 13)
LOW_DISK_MB, NO_DISK_MB = 1_000, 100
PROBE_TIMEOUT_SECS = 2.0

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of a check. note: works, but worth knowing; problem: calls cannot be monitored."""

    name: str
    state: State
    detail: str
    fix: str = ""


def examine(config: Path | None) -> Iterator[Finding]:
    """Run every check in turn; what needs the settings is left out when those are wrong."""
    yield _python()
    try:
        loaded = load(file=config)
    except ContenanceError as error:
        yield _problem("settings", error)
        return
    yield Finding("settings", "ok", str(loaded.file))
    for name, check in _CHECKS:
        try:
            yield Finding(name, *check(loaded.settings))
        except ContenanceError as error:
            yield _problem(name, error)
    yield _port(loaded)
    yield _sound()


_Result = tuple[State, str, str]


def _problem(name: str, error: ContenanceError) -> Finding:
    return Finding(name, "problem", error.message, error.fix)


def _python() -> Finding:
    found = sys.version_info[:2]
    text = ".".join(map(str, sys.version_info[:3]))
    if MIN_PYTHON <= found <= MAX_PYTHON:
        return Finding("python", "ok", text)
    return Finding("python", "problem", f"{text} is not supported", "use Python 3.11, 3.12 or 3.13")


def _rules(settings: Settings) -> _Result:
    from monitor.phrases import PhraseBook
    from monitor.policy import load_policy

    policy = load_policy(settings.policy.name)
    phrases = PhraseBook.load(settings.language)
    return "ok", f"policy {policy.version}, phrases {phrases.version}", ""


def _vosk(_: Settings) -> _Result:
    try:
        import vosk  # noqa: F401 - loads the library
    except (ImportError, OSError) as error:
        kind = type(error).__name__
        return "problem", f"Vosk cannot be loaded ({kind})", "pip install vosk (64-bit Python only)"
    try:
        return "ok", version("vosk"), ""
    except PackageNotFoundError:
        return "ok", "version unknown", ""


def _speech_model(settings: Settings) -> _Result:
    from models.asr.registry import resolve
    from models.asr.vosk_engine import VoskPool

    info = VoskPool(resolve(settings.asr.model), 1).info
    if not info.for_humans and not settings.asr.allow_demo_model:
        return (
            "note",
            f"{info.name} works, but understands synthetic speech only",
            "contenance models fetch vosk-model-small-de-0.15, then set asr.model to it",
        )
    return "ok", f"{info.name} ({info.language}, {info.rate_hz} Hz)", ""


def _text_model(settings: Settings) -> _Result:
    from models.text.load import load_text_model

    return "ok", load_text_model(settings.text.model, settings.text.lexicon).name, ""


def _store(settings: Settings) -> _Result:
    path = settings.store.path
    folder = next(parent for parent in path.parents if parent.exists())
    fix = "set store.path to a place you may write to"
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except OSError as error:
        return "problem", f"{folder} cannot be written to ({error.strerror})", fix
    if path.exists() and not os.access(path, os.W_OK):
        return "problem", f"{path} cannot be written to", fix
    return "ok", str(path), ""


def _disk(settings: Settings) -> _Result:
    folder = next(parent for parent in settings.store.path.parents if parent.exists())
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    text, fix = f"{free_mb:,} MB free at {folder}", "make room, or move store.path"
    if free_mb < NO_DISK_MB:
        return "problem", text, fix
    return ("note", text, fix) if free_mb < LOW_DISK_MB else ("ok", text, "")


def _port(loaded: Loaded) -> Finding:
    host, port = loaded.settings.server.host, loaded.settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if _contenance_serves(host, port):
                return Finding("port", "ok", f"{host}:{port}, Contenance serves there already")
            return Finding(
                "port", "problem", f"{host}:{port} is not free ({error.strerror})",
                f"stop the other program, or set server.port ({loaded.origins['server.port']})",
            )  # fmt: skip
    return Finding("port", "ok", f"{host}:{port} is free")


def _contenance_serves(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=PROBE_TIMEOUT_SECS)
    try:
        connection.request("GET", "/healthz")
        return b'"asr_model"' in connection.getresponse().read(10_000)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _sound() -> Finding:
    """Only live calls on this computer need it, so what is missing is a note."""
    from monitor.sources.devices import list_inputs

    try:
        inputs = list_inputs()
    except ContenanceError as error:
        return Finding("sound", "note", f"no live capture: {error.message}", error.fix)
    if not inputs:
        fix = "plug in a microphone, or start the sound server"
        return Finding("sound", "note", "no live capture: there is no input device", fix)
    loopbacks = sum(device.loopback for device in inputs)
    text = f"{len(inputs)} inputs, {loopbacks} of them loopbacks"
    return Finding("sound", "ok", text)


_CHECKS: tuple[tuple[str, Callable[[Settings], _Result]], ...] = (
    ("rules", _rules),
    ("vosk", _vosk),
    ("speech model", _speech_model),
    ("text model", _text_model),
    ("store", _store),
    ("disk", _disk),
)
