"""Where models lie, which there are, and what is said when one is not there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from models.asr import registry
from models.asr.catalogue import OFFICIAL, parse_list
from models.asr.registry import EMBEDDED_PATH, cache_dir, list_models, resolve, verify
from models.errors import ModelError

SMALL = "vosk-model-small-de-0.15"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache with one official model and one of the user's own."""
    folder = tmp_path / "cache"
    shutil.copytree(EMBEDDED_PATH, folder / SMALL)
    shutil.copytree(EMBEDDED_PATH, folder / "our-own-model")
    (folder / f".{SMALL}.lock").touch()
    (folder / ".unfinished").mkdir()
    return folder


def test_the_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (registry.CACHE_VARIABLE, "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir() == tmp_path / ".cache" / "contenance" / "models"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_dir() == tmp_path / "x" / "contenance" / "models"
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(tmp_path / "models"))
    assert cache_dir() == tmp_path / "models"


def test_the_list_names_what_is_installed_and_what_can_be(cache: Path) -> None:
    listed = {model.name: model for model in list_models(cache)}
    assert listed["de_demo"].path == EMBEDDED_PATH
    assert listed[SMALL].path == cache / SMALL
    assert listed["vosk-model-de-0.21"].path is None
    assert listed["our-own-model"].path == cache / "our-own-model"
    assert set(listed) == {"de_demo", "our-own-model", *(model.name for model in OFFICIAL)}
    assert all(model.size_mb > 0 for model in listed.values())


def test_the_list_works_without_a_cache(tmp_path: Path) -> None:
    listed = list_models(tmp_path / "nothing")
    assert [model.name for model in listed if model.path] == ["de_demo"]


def test_names_and_paths_are_resolved(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert resolve("de_demo", cache) == EMBEDDED_PATH
    assert resolve(SMALL, cache) == cache / SMALL
    assert resolve(str(cache / "our-own-model"), cache) == cache / "our-own-model"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/cache/our-own-model", cache) == cache / "our-own-model"
    monkeypatch.chdir(cache)
    assert resolve("./our-own-model", tmp_path / "empty").samefile(cache / "our-own-model")


@pytest.mark.parametrize(
    ("name", "message", "fix"),
    [
        ("vosk-model-de-0.21", "is not installed", "contenance models fetch vosk-model-de-0.21"),
        ("vosk-model-smal-de-0.15", "is not installed", f"did you mean {SMALL}?"),
        ("de-demo", "is not installed", "did you mean de_demo?"),
        ("xyz", "is not installed", "contenance models list"),
        ("/no/such/folder", "no speech model in /no/such/folder", "am/, conf/ and graph/"),
        ("", "no speech model in", "contenance models list"),
        ("..//nowhere", "no speech model in", "contenance models list"),
    ],
)
def test_what_is_not_there_gets_every_remedy(
    cache: Path, name: str, message: str, fix: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        resolve(name, cache)
    assert fix in caught.value.fix
    assert f"offline: unzip the model into {cache}" in caught.value.fix
    assert "CONTENANCE_ASR_MODEL" in caught.value.fix


def test_a_zip_file_is_no_model_folder(tmp_path: Path) -> None:
    file = tmp_path / "model.zip"
    file.write_bytes(b"PK")
    with pytest.raises(ModelError, match="is a file") as caught:
        resolve(str(file))
    assert "unzip" in caught.value.fix


def test_the_embedded_model_verifies() -> None:
    verdict = verify(EMBEDDED_PATH)
    assert verdict.sound
    assert verdict.checksums


def test_a_model_that_only_vosk_finds_wrong_does_not_verify(cache: Path) -> None:
    folder = cache / "our-own-model"
    (folder / "MANIFEST.json").unlink()
    (folder / "am" / "final.mdl").write_bytes(b"no network at all")
    assert verify(folder, load=False).sound
    verdict = verify(folder)
    assert not verdict.sound
    assert not verdict.checksums
    assert "does not load" in verdict.problems[0]


def test_the_official_list_is_read() -> None:
    listed = parse_list(
        b"""[{"lang": "de", "lang_text": "German", "md5": "4F21F92C0897B48287EF8839420608EB",
        "name": "vosk-model-small-de-0.15", "obsolete": "false", "size": 46499967,
        "size_text": "44.3MiB", "type": "small", "version": "0.15",
        "url": "https://example.org/vosk/models/vosk-model-small-de-0.15.zip"},
        {"name": "no checksum", "url": "x", "size": 1, "md5": ""}, 7, {"name": 1}]""",
        "the list",
    )
    assert list(listed) == [SMALL]
    assert listed[SMALL].md5 == "4f21f92c0897b48287ef8839420608eb"
    assert (listed[SMALL].file_name, listed[SMALL].size_bytes) == (f"{SMALL}.zip", 46499967)


@pytest.mark.parametrize("data", [b"", b"<html>", b"{}", b"[]", b"[1]", b"\xff"])
def test_what_is_no_list_is_told(data: bytes) -> None:
    with pytest.raises(ModelError, match="the list"):
        parse_list(data, "the list")
