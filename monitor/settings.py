"""The settings: defaults < file < environment < command-line options, strict and checked.

    loaded = load(flags={"asr.model": "de_demo"})
    loaded.settings.server.port        # 8765
    loaded.origins["server.port"]      # where that value came from

`configs/contenance.yaml` documents every setting; this module holds their types and bounds.
"""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from models.errors import ConfigError
from models.yamllines import Located, load_yaml, nearest, suggest

ENV_PREFIX = "CONTENANCE_"
ENV_FILE = "CONTENANCE_CONFIG"
ENV_SHORT = {"CONTENANCE_ASR_MODEL": "asr.model"}
"""Short names of settings that are often set."""
ENV_ELSEWHERE = ("CONTENANCE_MODELS_DIR", "CONTENANCE_MODELS_URL")
"""Variables that the model registry reads itself."""

CONFIGS_DIR = Path(__file__).resolve().parents[1] / "configs"
SHIPPED_FILE = CONFIGS_DIR / "contenance.yaml"
LOCAL_FILE = "contenance.yaml"

Text = Annotated[str, Field(min_length=1)]


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Server(_Group):
    """Where the server listens and whom it lets in."""

    host: Text = "127.0.0.1"
    port: int = Field(default=8765, ge=0, le=65535)
    allow_remote: bool = False
    allowed_hosts: tuple[Text, ...] = ("localhost", "127.0.0.1", "::1")
    allowed_origins: tuple[Annotated[str, Field(pattern=r"^https?://[^/\s]+$")], ...] = ()
    max_calls: int = Field(default=4, ge=1, le=1000)


class Asr(_Group):
    """Speech recognition."""

    model: Text = "de_demo"
    pool_size: int = Field(default=8, ge=1, le=2000)
    allow_demo_model: bool = False


class TextAnalysis(_Group):
    """What is said."""

    model: Text = "encoder"
    lexicon: Annotated[Path, AfterValidator(Path.expanduser)] | None = None


class PolicyChoice(_Group):
    """The escalation policies."""

    name: Text = "standard"
    folder: Annotated[Path, AfterValidator(Path.expanduser)] | None = None
    queues: tuple[Annotated[str, Field(pattern=r"^[^=]+=[^=]+$")], ...] = ()

    @property
    def of_queue(self) -> dict[str, str]:
        """Queue name -> name of its policy."""
        pairs = (entry.split("=") for entry in self.queues)
        return {queue.strip(): policy.strip() for queue, policy in pairs}


class StoreChoice(_Group):
    """Where calls are kept."""

    path: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        default=Path("~/.local/share/contenance/calls.sqlite3"), validate_default=True
    )


class Privacy(_Group):
    """What is analysed and how long it is kept."""

    voice_analysis: bool = True
    keep_days: int = Field(default=30, ge=1, le=3650)


class Capture(_Group):
    """Sound devices for live calls on this computer."""

    agent_device: Text | None = "default"
    customer_device: Text | None = None
    stereo_device: Text | None = None
    silence_alarm_secs: float = Field(default=20, ge=2, le=600)


class Settings(_Group):
    """Every setting. `Settings()` is the defaults, whatever file or environment there is."""

    server: Server = Server()
    asr: Asr = Asr()
    text: TextAnalysis = TextAnalysis()
    policy: PolicyChoice = PolicyChoice()
    language: Literal["de", "en"] = "de"
    store: StoreChoice = Field(default_factory=StoreChoice)
    privacy: Privacy = Privacy()
    capture: Capture = Capture()
    log_level: Literal["debug", "info", "warning", "error"] = "info"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: default, file (with line), variable, or an option of the command."""

    kind: Literal["default", "file", "environment", "command line"]
    name: str = ""
    line: int | None = None

    def __str__(self) -> str:
        if self.kind == "file":
            return f"{self.name}:{self.line}"
        return f"{self.kind} {self.name}" if self.name else self.kind


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings in force, the origin of each ("server.port" -> Origin), and the file read."""

    settings: Settings
    origins: Mapping[str, Origin]
    file: Path


@dataclass(frozen=True, slots=True)
class _Given:
    value: object
    origin: Origin


class _Environment(Settings, BaseSettings):
    """Settings as pydantic-settings sees them; only used to read environment variables."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        env_parse_none_str="null",
    )


class _EnvironmentSource(EnvSettingsSource):
    """Lists are written with commas, not as JSON."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: object) -> list[str]:
        return [part.strip() for part in str(value).split(",") if part.strip()]


def paths() -> tuple[str, ...]:
    """Every setting as "group.name", in the order of the documented file."""
    return tuple(path for path, _ in _fields(Settings))


def load(flags: Mapping[str, object] | None = None, *, file: Path | None = None) -> Loaded:
    """Read the settings in force.

    flags: options given on the command line ("asr.model" -> value; None means not given).
    file: read this one instead of $CONTENANCE_CONFIG, ./contenance.yaml or the shipped file.
    Raises `ConfigError` that names file and line, variable or option, and the fix.
    """
    chosen = file or _find_file()
    given = {path: _Given(default, Origin("default")) for path, default in _defaults()}
    given |= _from_file(chosen)
    given |= _from_environment()
    for path, value in (flags or {}).items():
        if value is not None:
            given[path] = _Given(value, Origin("command line"))
    settings = _validate(given)
    origins = {path: entry.origin for path, entry in given.items()}
    _check_together(settings, origins)
    return Loaded(settings=settings, origins=origins, file=chosen)


def is_loopback(host: str) -> bool:
    """True for localhost and loopback addresses."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _find_file() -> Path:
    if named := os.environ.get(ENV_FILE):
        return Path(named).expanduser()
    local = Path(LOCAL_FILE)
    return local if local.is_file() else SHIPPED_FILE


def _fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, info in model.model_fields.items():
        annotation = info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _fields(annotation, f"{prefix}{name}.")
        else:
            yield prefix + name, info


def _defaults() -> Iterator[tuple[str, object]]:
    for path, info in _fields(Settings):
        yield path, info.default


def _from_file(file: Path) -> dict[str, _Given]:
    root = load_yaml(file)
    if root.value is None:  # an empty file, or one with every line commented out
        return {}
    lines: dict[str, Origin] = {}
    plain: dict[str, object] = {}
    for path, node in _leaves(root, Settings):
        lines[path] = Origin("file", node.file, node.line)
        plain[path] = node.plain()
    given = {path: _Given(value, lines[path]) for path, value in plain.items()}
    _validate(given, strict=True)  # "true" is no number and 5 no name, as they might be for env
    return given


def _leaves(
    node: Located, model: type[BaseModel], prefix: str = ""
) -> Iterator[tuple[str, Located]]:
    for key, child in node.mapping(optional=tuple(model.model_fields)).items():
        annotation = model.model_fields[key].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            if child.value is not None:  # "server:" with every line below commented out
                yield from _leaves(child, annotation, f"{prefix}{key}.")
        else:
            yield prefix + key, child


def _from_environment() -> dict[str, _Given]:
    names = {_variable(path): path for path in paths()} | ENV_SHORT
    for variable in os.environ:
        known = variable in (ENV_FILE, *ENV_ELSEWHERE) or variable.upper() in names
        if variable.upper().startswith(ENV_PREFIX) and not known:
            known_names = {name.removeprefix(ENV_PREFIX): name for name in (*names, ENV_FILE)}
            near = known_names.get(nearest(variable[len(ENV_PREFIX) :], known_names) or "")
            raise ConfigError(
                f"environment {variable}: there is no such setting",
                f'did you mean "{near}"?' if near else "contenance config show lists them all",
            )
    given = {
        path: _Given(os.environ[short], Origin("environment", short))
        for short, path in ENV_SHORT.items()
        if short in os.environ
    }
    for path, value in _flat(_EnvironmentSource(_Environment)()):
        given[path] = _Given(value, Origin("environment", _variable(path)))
    return given


def _variable(path: str) -> str:
    return ENV_PREFIX + path.replace(".", "__").upper()


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _validate(given: Mapping[str, _Given], *, strict: bool = False) -> Settings:
    nested: dict[str, Any] = {}
    for path, entry in given.items():
        *groups, name = path.split(".")
        target = nested
        for group in groups:
            target = target.setdefault(group, {})
        target[name] = entry.value
    try:
        if strict:
            return Settings.model_validate_json(json.dumps(nested), strict=True)
        return Settings.model_validate(nested)
    except ValidationError as error:
        raise _explain(error.errors()[0], given) from error


def _explain(detail: ErrorDetails, given: Mapping[str, _Given]) -> ConfigError:
    loc = [str(part) for part in detail["loc"]]
    path = next(".".join(loc[:n]) for n in range(len(loc), 0, -1) if ".".join(loc[:n]) in given)
    value, info = detail["input"], dict(_fields(Settings))[path]
    match detail["type"]:
        case "greater_than_equal" | "less_than_equal":
            low, high = _bounds(info)
            problem = f"{value} is outside {low:g} to {high:g}"
            fix = f"the nearest valid value is {min(max(float(value), low), high):g}"
        case "literal_error":
            problem, fix = f'"{value}" is not known here', suggest(str(value), _choices(info))
        case "string_pattern_mismatch":
            problem, fix = _PATTERNS[path]
            problem = f'"{value}" {problem}'
        case "string_too_short":
            problem, fix = "the text is empty", "write something, or leave the setting out"
        case kind if kind.startswith("bool"):
            problem, fix = "expected true or false", "write true or false"
        case kind if kind.startswith(("int", "float")):
            low, high = _bounds(info)
            whole = "a whole number" if kind.startswith("int") else "a number"
            problem, fix = f"expected {whole}", f"use {low:g} to {high:g}"
        case "tuple_type":
            problem, fix = "expected a list", "write [one, two], or one entry a line: - one"
        case _:
            problem, fix = "expected text", "put it in quotes"
    return ConfigError(f"{given[path].origin}: {path}: {problem}", fix)


_PATTERNS = {
    "server.allowed_origins": (
        "is no origin",
        'write scheme and host without a path, e.g. "https://intranet.example"',
    ),
    "policy.queues": ("names no queue and policy", 'write QUEUE=POLICY, e.g. "complaints=patient"'),
}


def _choices(info: FieldInfo) -> tuple[str, ...]:
    return tuple(str(choice) for choice in get_args(info.annotation))


def _bounds(info: FieldInfo) -> tuple[float, float]:
    low = next(float(m.ge) for m in info.metadata if hasattr(m, "ge"))
    high = next(float(m.le) for m in info.metadata if hasattr(m, "le"))
    return low, high


def _check_together(settings: Settings, origins: Mapping[str, Origin]) -> None:
    server, asr = settings.server, settings.asr
    if not is_loopback(server.host) and not server.allow_remote:
        raise ConfigError(
            f"{origins['server.host']}: server.host: {server.host} is reachable from other "
            "computers, and there are no accounts yet",
            "use 127.0.0.1, or put a proxy with a login in front and set server.allow_remote: true",
        )
    if asr.pool_size < 2 * server.max_calls:
        raise ConfigError(
            f"{origins['asr.pool_size']}: asr.pool_size: {asr.pool_size} recognisers cannot serve "
            f"{server.max_calls} calls of two channels (server.max_calls, "
            f"{origins['server.max_calls']})",
            f"use at least {2 * server.max_calls}, or lower server.max_calls",
        )
