from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from models.errors import ConfigError
from monitor.settings import ENV_PREFIX, SHIPPED_FILE, Settings, is_loopback, load, paths

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def no_settings_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file in the working directory, no variable in the environment, a home of our own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in os.environ:
        if variable.startswith(ENV_PREFIX):
            monkeypatch.delenv(variable)


def refusal(tmp_path: Path, text: str) -> ConfigError:
    file = tmp_path / "site.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file=file)
    assert caught.value.fix, "every complaint names the fix"
    return caught.value


# What is in force


def test_the_shipped_file_holds_every_setting_with_its_default() -> None:
    loaded = load()
    assert loaded.file == SHIPPED_FILE
    assert loaded.settings == Settings()
    by_default = [path for path in paths() if loaded.origins[path].kind == "default"]
    assert by_default == [], "missing in configs/contenance.yaml"


def test_every_setting_of_the_shipped_file_is_explained_above_it() -> None:
    lines = SHIPPED_FILE.read_text(encoding="utf-8").splitlines()
    unexplained = [
        line.strip()
        for number, line in enumerate(lines)
        if re.match(r"\s+\w+: \S", line) and not lines[number - 1].lstrip().startswith("#")
    ]
    # the second of a pair shares the comment of the first
    assert unexplained == ["customer_device: null"]


def test_the_documentation_names_every_setting_with_its_default() -> None:
    table = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w.]+)` \| (.*?) \|", table, re.MULTILINE))
    assert set(rows) == set(paths())
    written = load().settings.model_dump(mode="json")
    for path in paths():
        value = written
        for name in path.split("."):
            value = value[name]
        if path == "store.path":
            value = "~/.local/share/contenance/calls.sqlite3"
        shown = "`" + yaml_text(value) + "`"
        assert rows[path] == shown, path


def yaml_text(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list():
            return "[" + ", ".join(map(str, value)) + "]"
        case float():
            return f"{value:g}"
    return str(value)


def test_the_order_is_default_file_environment_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("server:\n  port: 1001\n  max_calls: 3\n", encoding="utf-8")
    assert load(file=file).settings.server.port == 1001
    monkeypatch.setenv("CONTENANCE_SERVER__PORT", "1002")
    assert load(file=file).settings.server.port == 1002
    loaded = load({"server.port": 1003, "asr.model": None}, file=file)
    assert loaded.settings.server.port == 1003
    assert {path: str(loaded.origins[path]) for path in ("server.port", "server.max_calls",
                                                         "language", "asr.model")} == {
        "server.port": "command line",
        "server.max_calls": f"{file}:3",
        "language": "default",
        "asr.model": "default",
    }  # fmt: skip


def test_the_file_is_the_named_one_else_the_local_one_else_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "contenance.yaml").write_text("language: en\n", encoding="utf-8")
    assert load().settings.language == "en"
    other = tmp_path / "other.yaml"
    other.write_text("server:\n  port: 1\n", encoding="utf-8")
    monkeypatch.setenv("CONTENANCE_CONFIG", str(other))
    assert load().settings.server.port == 1
    assert load(file=SHIPPED_FILE).settings == Settings()


def test_defaults_do_not_depend_on_file_or_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "contenance.yaml").write_text("language: en\n", encoding="utf-8")
    monkeypatch.setenv("CONTENANCE_SERVER__PORT", "99")
    assert Settings().language == "de"
    assert Settings().server.port == 8765


def test_the_environment_takes_lists_flags_nothing_and_the_short_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONTENANCE_SERVER__ALLOWED_HOSTS", "a.example, b.example")
    monkeypatch.setenv("CONTENANCE_ASR__ALLOW_DEMO_MODEL", "true")
    monkeypatch.setenv("CONTENANCE_CAPTURE__AGENT_DEVICE", "null")
    monkeypatch.setenv("CONTENANCE_ASR_MODEL", "some-model")
    settings = load().settings
    assert settings.server.allowed_hosts == ("a.example", "b.example")
    assert settings.asr.allow_demo_model is True
    assert settings.capture.agent_device is None
    assert settings.asr.model == "some-model"


def test_a_group_with_every_line_commented_out_is_its_defaults(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("server:\n  # port: 1\nlanguage: en\n", encoding="utf-8")
    assert load(file=file).settings == Settings(language="en")


def test_the_store_path_is_at_home(tmp_path: Path) -> None:
    assert load().settings.store.path == tmp_path / ".local/share/contenance/calls.sqlite3"


# What is refused, and how that is told


@pytest.mark.parametrize(
    ("text", "place", "what", "fix"),
    [
        ("server:\n  prot: 80\n", "2", 'unknown key "prot"', 'did you mean "port"?'),
        ("sever:\n  port: 80\n", "1", 'unknown key "sever"', 'did you mean "server"?'),
        ("\nserver:\n  port: 70000\n", "3", "70000 is outside 0 to 65535", "value is 65535"),
        ("privacy:\n  keep_days: 0\n", "2", "0 is outside 1 to 3650", "value is 1"),
        ("server:\n  port: true\n", "2", "expected a whole number", "0 to 65535"),
        ("server:\n  port: '80'\n", "2", "expected a whole number", "0 to 65535"),
        ("server:\n  host: 5\n", "2", "expected text", "quotes"),
        ("server:\n  allow_remote: yes\n", "2", "expected true or false", "true or false"),
        ("server:\n  allowed_hosts: a\n", "2", "expected a list", "[one, two]"),
        ("server:\n  allowed_origins: [intranet]\n", "2", '"intranet" is no origin', "https://"),
        ("language: fr\n", "1", '"fr" is not known here', "de, en"),
        ("log_level: warn\n", "1", '"warn" is not known here', 'did you mean "warning"?'),
        ("asr:\n  model: ''\n", "2", "the text is empty", "leave"),
        ("server: 5\n", "1", "expected named values", "name: …"),
        ("server:\n  port: 1\n  port: 2\n", "3", "given twice", "remove"),
        ("server: [\n", "2", "", "indentation"),
        ("asr:\n  pool_size: 4\n", "2", "cannot serve 4 calls", "at least 8"),
        ("server:\n  host: 0.0.0.0\n", "2", "reachable from other computers", "allow_remote"),
    ],
)
def test_a_wrong_file_is_refused_with_line_and_fix(
    tmp_path: Path, text: str, place: str, what: str, fix: str
) -> None:
    error = refusal(tmp_path, text)
    assert error.message.startswith(f"{tmp_path / 'site.yaml'}:{place}: ")
    assert what in error.message
    assert fix in error.fix
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("variable", "value", "what", "fix"),
    [
        ("CONTENANCE_SERVER__PORT", "x", "server.port: expected a whole number", "0 to 65535"),
        ("CONTENANCE_SERVER__PORT", "-1", "server.port: -1 is outside", "value is 0"),
        ("CONTENANCE_LANGUAGE", "es", '"es" is not known here', "de, en"),
        ("CONTENANCE_SERVER__PROT", "1", "no such setting", "CONTENANCE_SERVER__PORT"),
        ("CONTENANCE_SERVER", "{}", "no such setting", "CONTENANCE_SERVER__PORT"),
        ("CONTENANCE_XYZ", "1", "no such setting", "config show"),
        ("CONTENANCE_ASR_MODEL", "", "asr.model: the text is empty", "leave"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, what: str, fix: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        load()
    assert caught.value.message.startswith(f"environment {variable}: ")
    assert what in caught.value.message
    assert fix in caught.value.fix


def test_a_wrong_option_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"command line: server\.port: 99999 is outside"):
        load({"server.port": 99999})


def test_a_missing_file_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONTENANCE_CONFIG", str(tmp_path / "nowhere.yaml"))
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read"):
        load()


def test_listening_beyond_this_computer_is_possible_when_it_is_meant(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("server:\n  host: 0.0.0.0\n  allow_remote: true\n", encoding="utf-8")
    assert load(file=file).settings.server.host == "0.0.0.0"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("192.168.1.5", False), ("::", False), ("monitor.example", False)],
)  # fmt: skip
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().server.port = 1  # type: ignore[misc]
