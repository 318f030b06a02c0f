"""Fetching models from a server that misbehaves. The server is a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from models.asr import registry
from models.asr.model_folder import find_problems
from models.asr.progress import Progress
from models.asr.registry import EMBEDDED_PATH, fetch, resolve, verify
from models.asr.vosk_engine import VoskPool
from models.errors import ModelError

NAME = "vosk-model-small-de-0.15"
DROP_AFTER = 400_000  # of the server


def zip_folder(folder: Path, archive: Path, top: str) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bundle:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            if file.name not in {
                "MANIFEST.json",
                "training_text.sha256",
            }:  # official models have none
                bundle.write(file, f"{top}/{file.relative_to(folder).as_posix()}")


def zip_members(archive: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in members.items():
            bundle.writestr(name, content)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the server has: a good model under an official name, and bad archives."""
    folder = tmp_path_factory.mktemp("served")
    good = folder / f"{NAME}.zip"
    zip_folder(EMBEDDED_PATH, good, NAME)
    assert good.stat().st_size > 2 * DROP_AFTER
    whole = good.read_bytes()
    (folder / "cut-off.zip").write_bytes(whole[: len(whole) // 2])
    (folder / "no-zip.zip").write_bytes(b"<html>This is a page</html>" * 20)
    broken = bytearray(whole)
    broken[len(whole) // 3] ^= 0xFF
    (folder / "bit-flip.zip").write_bytes(broken)
    zip_members(folder / "slip.zip", {"m/am/final.mdl": b"x", "m/../../../evil.txt": b"x"})
    zip_members(folder / "absolute.zip", {"/evil.txt": b"x"})
    zip_members(folder / "backslash.zip", {"m\\..\\..\\evil.txt": b"x"})
    zip_members(folder / "bomb.zip", {"m/am/final.mdl": b"\0" * 50_000_000})
    zip_members(folder / "no-model.zip", {"m/README": b"nothing else", "m/am/x": b"x"})
    zip_members(folder / "nothing.zip", {})
    with zipfile.ZipFile(folder / "link.zip", "w") as bundle:
        link = zipfile.ZipInfo("m/am")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        bundle.writestr(link, "/etc")
    return folder


@pytest.fixture(scope="module")
def server(files: Path) -> Iterator[str]:
    """Address of the misbehaving server."""
    script = Path(__file__).with_name("asr_bad_server.py")
    with subprocess.Popen(
        [sys.executable, "-P", str(script), str(files)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "models"


Fetch = Callable[..., Path]


@pytest.fixture
def get(server: str, cache: Path) -> Fetch:
    """`get(behaviour, name)`: fetch without waiting; the waits asked for are in `get.waits`."""

    def run(behaviour: str, name: str = NAME, **options: Any) -> Path:
        run.waits.clear()
        return fetch(
            name, cache, base_url=f"{server}/{behaviour}/", sleep=run.waits.append, **options
        )

    run.waits = []
    return run


def requests(server: str, behaviour: str, name: str = NAME) -> list[dict[str, Any]]:
    """What the server saw and sent for a zip file."""
    with urllib.request.urlopen(f"{server}/log") as response:
        log = json.load(response)
    return [entry for entry in log if entry["path"] == f"/{behaviour}/{name}.zip"]


def leftovers(cache: Path) -> list[str]:
    """All in the cache but the lock (an unfinished download counts too)."""
    if not cache.exists():
        return []
    return sorted(p.name for p in cache.iterdir() if not p.name.endswith(".lock"))


def test_a_fetched_model_is_installed_sound_and_usable(get: Fetch, cache: Path) -> None:
    seen: list[Progress] = []
    folder = get("fine", progress=seen.append)
    assert folder == cache / NAME == resolve(NAME, cache)
    assert leftovers(cache) == [NAME, f"{NAME}.receipt.json"]
    verdict = verify(folder)
    assert verdict.sound
    assert verdict.checksums
    info = VoskPool(folder, 1).info
    assert (info.name, info.language, info.for_humans) == (NAME, "de", True)
    steps = {step: [p for p in seen if p.step == step] for step in ("download", "check", "unpack")}
    for progresses in steps.values():
        assert progresses[-1].done_bytes == progresses[-1].total_bytes
        assert [p.done_bytes for p in progresses] == sorted(p.done_bytes for p in progresses)


def test_a_sound_model_is_not_fetched_again_and_a_damaged_one_is(
    get: Fetch, server: str, cache: Path
) -> None:
    folder = get("fine")
    count = len(requests(server, "fine"))
    assert get("fine") == folder
    assert len(requests(server, "fine")) == count
    (folder / "am" / "final.mdl").write_bytes(b"short")
    assert not verify(folder).sound
    assert get("fine") == folder
    assert verify(folder).sound
    assert len(requests(server, "fine")) == count + 1


def test_verify_finds_a_changed_byte_by_the_receipt(get: Fetch) -> None:
    folder = get("fine")
    file = folder / "graph" / "HCLG.fst"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    verdict = verify(folder, load=False)
    assert verdict.problems == ("graph/HCLG.fst is not the file it was (checksum)",)


def test_a_dropped_connection_is_resumed_not_repeated(get: Fetch, server: str, files: Path) -> None:
    size = (files / f"{NAME}.zip").stat().st_size
    get("drops-once")
    first, second = requests(server, "drops-once")
    assert first["range"] is None
    assert second == {
        "path": f"/drops-once/{NAME}.zip", "range": f"bytes={DROP_AFTER}-", "status": 206,
        "sent": size - DROP_AFTER,
    }  # fmt: skip
    assert get.waits == [1.0]


def test_a_connection_that_drops_all_the_time_gets_there_in_pieces(
    get: Fetch, server: str, files: Path
) -> None:
    folder = get("no-etag")
    assert find_problems(folder) == []
    assert (
        sum(entry["sent"] for entry in requests(server, "no-etag"))
        == (files / f"{NAME}.zip").stat().st_size
    )


def test_a_later_run_goes_on_where_the_last_one_broke_off(
    get: Fetch, server: str, files: Path, cache: Path
) -> None:
    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(NAME, cache, base_url=f"{server}/drops", sleep=stop)
    assert leftovers(cache) == [f".{NAME}.zip.part", f".{NAME}.zip.part.json"]
    get("drops")
    sent = [entry["sent"] for entry in requests(server, "drops")]
    assert sum(sent) == (files / f"{NAME}.zip").stat().st_size


@pytest.mark.parametrize("right_note", [True, False])
def test_a_spoilt_part_of_an_earlier_run_is_not_trusted(
    get: Fetch, files: Path, cache: Path, right_note: bool
) -> None:
    cache.mkdir(parents=True)
    archive = files / f"{NAME}.zip"
    md5 = hashlib.md5(archive.read_bytes()).hexdigest() if right_note else "f" * 32
    (cache / f".{NAME}.zip.part").write_bytes(b"spoilt" * 1000)
    (cache / f".{NAME}.zip.part.json").write_text(json.dumps({"md5": md5, "etag": ""}))
    assert verify(get("fine"), load=False).sound
    assert leftovers(cache) == [NAME, f"{NAME}.receipt.json"]


def test_a_server_without_ranges_is_asked_for_the_whole(get: Fetch, server: str) -> None:
    get("ignores-range")
    assert [entry["status"] for entry in requests(server, "ignores-range")] == [200, 200]


def test_a_refused_range_starts_over_and_gives_up_in_the_end(get: Fetch, cache: Path) -> None:
    with pytest.raises(ModelError, match="cannot be fetched, 5 tries failed"):
        get("refuses-range")
    assert NAME not in leftovers(cache)


def test_a_file_that_changed_meanwhile_is_not_stitched_together(get: Fetch, server: str) -> None:
    get("changes")
    assert [entry["status"] for entry in requests(server, "changes")] == [200, 200]


def test_a_stalled_server_is_left_and_asked_again(get: Fetch) -> None:
    assert find_problems(get("stall", timeout_secs=0.5)) == []
    assert get.waits == [1.0]


@pytest.mark.parametrize("behaviour", ["slow", "redirect", "500-twice", "list-500-twice"])
def test_what_is_only_awkward_works(get: Fetch, behaviour: str) -> None:
    assert verify(get(behaviour), load=False).sound
    assert get.waits == ([1.0, 2.0] if "500" in behaviour else [])


@pytest.mark.parametrize(
    ("behaviour", "message", "fix"),
    [
        ("wrong-sum", "its MD5 is .*, the list says 0{32}", "mirror"),
        ("wrong-size", r"has \d+ bytes, the list says \d+", "mirror"),
        ("too-long", r"longer than the \d+ bytes", "mirror"),
        ("no-file", "404", "contenance models list"),
        ("forbidden", "403", "install offline"),
        ("always-500", "5 tries failed: the server answered 500", "CONTENANCE_ASR_MODEL"),
        ("drops-at-once", "5 tries failed: the connection ended after 0 of", "goes on where"),
        ("circle", "redirects in a circle", "install offline"),
        ("no-list", "model-list.json: the server answered 404", "contenance models list"),
        ("empty-list", "list of models at .* is empty", "CONTENANCE_MODELS_URL"),
        ("login-page", "is no list of models", "login page"),
        ("huge-list", "larger than", "install offline"),
    ],
)
def test_what_cannot_work_says_why_and_leaves_nothing(
    get: Fetch, cache: Path, behaviour: str, message: str, fix: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        get(behaviour)
    assert fix in caught.value.fix
    assert [name for name in leftovers(cache) if not name.startswith(f".{NAME}.zip.part")] == []
    assert sum(get.waits) <= 15.0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cut-off", "no sound zip file"),
        ("no-zip", "no sound zip file"),
        ("bit-flip", "damaged at"),
        ("slip", "land outside"),
        ("absolute", "land outside"),
        ("backslash", "land outside"),
        ("link", "land outside"),
        ("bomb", "would grow to 50000000 bytes"),
        ("no-model", "no usable model: .*am/final.mdl is missing"),
        ("nothing", "no usable model"),
    ],
)
def test_archives_that_are_no_models_are_refused(
    get: Fetch, cache: Path, name: str, message: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        get("fine", name)
    assert caught.value.fix
    assert leftovers(cache) == []
    assert not list(cache.parent.rglob("evil.txt"))


def test_a_name_that_is_not_on_the_list_gets_the_nearest(get: Fetch) -> None:
    with pytest.raises(ModelError, match=r"has no model vosk-model-smal-de-0\.15") as caught:
        get("fine", "vosk-model-smal-de-0.15")
    assert f"did you mean {NAME}?" in caught.value.fix


@pytest.mark.parametrize("name", ["../evil", "", ".hidden", "a/b", "de_demo", "a b"])
def test_names_that_could_lead_elsewhere_are_refused(get: Fetch, cache: Path, name: str) -> None:
    with pytest.raises(ModelError, match="no model that can be fetched"):
        get("fine", name)
    assert not cache.exists()


def test_no_network_names_the_offline_way_at_once(cache: Path) -> None:
    waits: list[float] = []
    with pytest.raises(ModelError, match="cannot reach") as caught:
        fetch(NAME, cache, base_url="http://127.0.0.1:9/", sleep=waits.append)
    assert "unzip it and pass the folder" in caught.value.fix
    assert waits == []


@pytest.mark.parametrize("url", ["file:///etc", "ftp://127.0.0.1/", "somewhere"])
def test_only_web_addresses_are_fetched(cache: Path, url: str) -> None:
    with pytest.raises(ModelError, match="no web address"):
        fetch(NAME, cache, base_url=url)


def test_the_mirror_of_the_environment_is_used(
    server: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(registry.URL_VARIABLE, f"{server}/fine")
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(cache))
    assert fetch(NAME) == cache / NAME


def test_two_fetches_at_once_are_told_apart(get: Fetch, cache: Path) -> None:
    cache.mkdir(parents=True)
    with FileLock(cache / f".{NAME}.lock"), pytest.raises(ModelError, match="another process"):
        get("fine")
    assert get("fine")


def test_too_little_room_is_told_before_the_download(
    get: Fetch, server: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(requests(server, "fine"))
    usage = shutil.disk_usage(cache.parents[1])._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ModelError, match=r"1 MB free, .* MB are needed") as caught:
        get("fine")
    assert registry.CACHE_VARIABLE in caught.value.fix
    assert len(requests(server, "fine")) == before


def test_a_disk_that_fills_up_meanwhile(server: str, cache: Path) -> None:
    """The file size limit of a process stands in for the full disk: the same error path."""
    program = f"""
import resource, signal
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
from models.asr.registry import fetch
from models.errors import ModelError
from pathlib import Path
try:
    fetch({NAME!r}, Path({str(cache)!r}), base_url={server + "/fine"!r})
except ModelError as error:
    print(error)
"""
    root = Path(registry.__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert done.stdout.startswith(f"the disk of {cache} is full")
    assert "larger disk" in done.stdout
    assert NAME not in leftovers(cache)


def test_a_cache_that_cannot_be_written(server: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="cannot write to") as caught:
        fetch(NAME, tmp_path / "file" / "models", base_url=f"{server}/fine")
    assert registry.CACHE_VARIABLE in caught.value.fix
