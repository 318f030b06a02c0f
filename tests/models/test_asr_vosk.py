"""The Vosk engine: models that are damaged, rates that hang, recognisers that are shared."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from models.asr.model_folder import MANIFEST, find_problems, read_folder
from models.asr.model_overlay import overlaid
from models.asr.recogniser import Hypothesis, Recogniser
from models.asr.registry import EMBEDDED_PATH
from models.asr.vosk_engine import VoskPool
from models.errors import AudioError, ConfigError, ContenanceError, ModelError, PoolExhausted

DEMO = Path(__file__).resolve().parents[2] / "configs" / "demo" / "demo.flac"
RATE_HZ = 8000
READ_BY_VOSK = (
    "am/final.mdl", "am/global_cmvn.stats", "conf/mfcc.conf", "conf/model.conf", "graph/HCLG.fst",
    "graph/words.txt", "graph/phones/word_boundary.int",
)  # fmt: skip
CUTS = [  # settings that lose their very last character are still settings
    (name, share)
    for name in READ_BY_VOSK
    for share in (0.1, 0.5, 0.99)
    if share < 0.9 or not name.endswith(".conf")
]
NEEDED = tuple(name for name in READ_BY_VOSK if name != "am/global_cmvn.stats")


@pytest.fixture(scope="module")
def pool() -> VoskPool:
    return VoskPool(EMBEDDED_PATH, 4, RATE_HZ)


@pytest.fixture(scope="module")
def speech() -> NDArray[np.float32]:
    """The customer's first sentence in the demo call, shape (n,), 8 kHz."""
    samples, rate_hz = soundfile.read(DEMO, dtype="float32")
    assert rate_hz == RATE_HZ
    return np.ascontiguousarray(samples[int(3.5 * RATE_HZ) : 8 * RATE_HZ, 0])


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The embedded model as an official one would be: without manifest."""
    folder = tmp_path / "vosk-model-small-de-0.15"
    shutil.copytree(EMBEDDED_PATH, folder)
    for name in (MANIFEST, "training_text.sha256", "README.md"):
        (folder / name).unlink(missing_ok=True)
    return folder


def hear(recogniser: Recogniser, samples: NDArray[np.float32]) -> list[Hypothesis]:
    """All that is heard in one segment."""
    block = recogniser.rate_hz // 5
    blocks = [samples[at : at + block] for at in range(0, len(samples), block)]
    found = [*map(recogniser.accept, blocks), recogniser.finish()]
    return [hypothesis for hypothesis in found if hypothesis is not None]


def text_of(hypotheses: list[Hypothesis]) -> str:
    return " ".join(hypothesis.text for hypothesis in hypotheses if hypothesis.final)


# What is loaded


def test_the_embedded_model_says_that_it_is_not_for_people(pool: VoskPool) -> None:
    info = pool.info
    assert (info.name, info.language, info.rate_hz) == ("de_demo", "de", 8000)
    assert info.engine.startswith("vosk 0.")
    assert info.for_humans is False


def test_the_embedded_model_is_the_one_of_its_manifest() -> None:
    assert find_problems(EMBEDDED_PATH, thorough=True) == []
    assert json.loads((EMBEDDED_PATH / MANIFEST).read_text(encoding="utf-8"))["for_humans"] is False


def test_an_official_name_tells_language_and_purpose(copy: Path) -> None:
    folder = read_folder(copy)
    assert (folder.name, folder.language) == ("vosk-model-small-de-0.15", "de")
    assert folder.for_humans is True


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("vosk-model-de-0.21", "de"),
        ("vosk-model-de-tuda-0.6-900k", "de"),
        ("vosk-model-small-en-us-0.15", "en-us"),
        ("vosk-model-en-us-0.22-lgraph", "en-us"),
        ("my own model", "und"),
    ],
)
def test_languages_of_official_names(copy: Path, name: str, language: str) -> None:
    assert read_folder(copy.rename(copy.with_name(name))).language == language


def test_a_model_loads_silently(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    VoskPool(copy, 1).prepare(1)
    assert capfd.readouterr() == ("", "")


# Recognition


def test_words_have_times_and_confidences(pool: VoskPool, speech: NDArray[np.float32]) -> None:
    recogniser = pool.acquire()
    found = hear(recogniser, speech)
    pool.release(recogniser)
    assert "internet" in text_of(found).split()
    partials = [hypothesis for hypothesis in found if not hypothesis.final]
    assert len(partials) >= 4
    assert all(hypothesis.words == () for hypothesis in partials)
    words = [word for hypothesis in found if hypothesis.final for word in hypothesis.words]
    assert all(0 <= w.start_secs < w.end_secs <= len(speech) / RATE_HZ + 0.1 for w in words)
    assert [w.start_secs for w in words] == sorted(w.start_secs for w in words)
    assert all(0 <= w.confidence <= 1 for w in words)


def test_silence_is_nothing_heard(pool: VoskPool) -> None:
    recogniser = pool.acquire()
    assert hear(recogniser, np.zeros(3 * RATE_HZ, np.float32)) == []
    assert recogniser.finish() is None
    pool.release(recogniser)


def test_results_repeat_in_a_model_with_dither(copy: Path, speech: NDArray[np.float32]) -> None:
    """As official models have it; their folder must not be touched for it."""
    conf = copy / "conf" / "mfcc.conf"
    conf.write_text(conf.read_text().replace("--dither=0\n", "") + "--dither=1.0\n")
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in copy.rglob("*") if p.is_file()}
    assert read_folder(copy).dithered
    quiet = speech * np.float32(0.05)  # where dither matters
    results = []
    for _ in range(2):
        recogniser = VoskPool(copy, 1, RATE_HZ).acquire()
        results.append([hear(recogniser, quiet), hear(recogniser, quiet)])
    assert len(text_of(results[0][0]).split()) > 4
    assert results[0] == results[1]
    assert results[0][0] == results[0][1]
    assert before == {
        p: (p.read_bytes(), p.stat().st_mtime_ns) for p in copy.rglob("*") if p.is_file()
    }


def test_the_overlay_has_all_files_and_goes_away(copy: Path) -> None:
    (copy / "conf" / "mfcc.conf").write_text(
        "--sample-frequency=16000\n# a remark\n\n--num-ceps=40\n"
    )
    with overlaid(read_folder(copy), 8000) as path:
        for file in copy.rglob("*"):
            same = (path / file.relative_to(copy)).samefile(file)
            assert same == (file.name not in {"conf", "mfcc.conf"})
        assert (path / "conf" / "mfcc.conf").read_text().splitlines() == [
            "--sample-frequency=16000", "--num-ceps=40", "--dither=0", "--allow-upsample=true",
        ]  # fmt: skip
    assert not path.exists()
    assert (copy / "am" / "final.mdl").exists()


def test_no_overlay_where_none_is_needed() -> None:
    folder = read_folder(EMBEDDED_PATH)
    with overlaid(folder, 8000) as path:
        assert path == EMBEDDED_PATH


def test_audio_of_a_higher_rate_is_understood(pool: VoskPool, speech: NDArray[np.float32]) -> None:
    recogniser = VoskPool(EMBEDDED_PATH, 1, 16000).acquire()
    assert recogniser.rate_hz == 16000
    heard = text_of(hear(recogniser, soxr.resample(speech, RATE_HZ, 16000)))
    assert heard == text_of(hear(pool.acquire(), speech))


@pytest.mark.parametrize("rate_hz", [0, -1, -8000, 7999, 48001])
def test_rates_that_would_hang_are_refused_at_once(rate_hz: int) -> None:
    with pytest.raises(AudioError, match=f"no speech recognition at {rate_hz} Hz") as caught:
        VoskPool(EMBEDDED_PATH, 1, rate_hz)
    assert "resample" in caught.value.fix


# The pool


def test_a_full_pool_refuses_and_takes_again_after_a_release() -> None:
    pool = VoskPool(EMBEDDED_PATH, 2)
    first, second = pool.acquire(), pool.acquire()
    assert first is not second
    assert pool.free == 0
    with pytest.raises(PoolExhausted, match="all 2 speech recognisers are in use") as caught:
        pool.acquire()
    assert "asr.pool_size" in caught.value.fix
    pool.release(second)
    assert pool.free == 1
    assert pool.acquire() is second


def test_what_is_not_leased_cannot_be_given_back(pool: VoskPool) -> None:
    recogniser = pool.acquire()
    pool.release(recogniser)
    free = pool.free
    with pytest.raises(ValueError, match="not leased"):
        pool.release(recogniser)
    assert pool.free == free


def test_prepared_recognisers_are_there_to_lease() -> None:
    pool = VoskPool(EMBEDDED_PATH, 3)
    pool.prepare(2)
    assert pool.free == 3
    pool.prepare(9)
    assert pool.free == 3


@pytest.mark.parametrize("size", [0, -1])
def test_a_pool_for_nobody_is_refused(size: int) -> None:
    with pytest.raises(ConfigError, match="serves nobody"):
        VoskPool(EMBEDDED_PATH, size)


def test_nothing_of_a_call_reaches_the_next(pool: VoskPool, speech: NDArray[np.float32]) -> None:
    recogniser = pool.acquire()
    expected = hear(recogniser, speech)
    for at in range(0, len(speech) // 2, 1600):  # a call that breaks off in the middle of a word
        recogniser.accept(speech[at : at + 1600])
    pool.release(recogniser)
    again = pool.acquire()
    assert again is recogniser
    assert hear(again, speech) == expected
    pool.release(again)


def test_threads_share_the_pool(speech: NDArray[np.float32]) -> None:
    pool = VoskPool(EMBEDDED_PATH, 3)
    lock, leased, most, results, refused = threading.Lock(), 0, 0, [], 0

    def call() -> None:
        nonlocal leased, most, refused
        for _ in range(3):
            try:
                recogniser = pool.acquire()
            except PoolExhausted:
                with lock:
                    refused += 1
                continue
            with lock:
                leased += 1
                most = max(most, leased)
            found = hear(recogniser, speech)
            with lock:
                leased -= 1
                results.append(found)
            pool.release(recogniser)

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 3
    assert len(results) + refused == 18
    assert len(results) >= 3
    assert all(found == results[0] for found in results)
    assert pool.free == 3


# Models that cannot be used. Each must be told at the start, with the remedy, and never hang.


def refused(folder: Path, **options: float) -> ModelError:
    with pytest.raises(ModelError) as caught:
        VoskPool(folder, 1, RATE_HZ, **options)
    error = caught.value
    assert error.fix
    assert error.exit_code == 3
    return error


def test_a_missing_model(tmp_path: Path) -> None:
    assert "no such folder" in str(refused(tmp_path / "vosk-model-de-0.21"))
    assert "contenance models fetch vosk-model-de-0.21" in str(
        refused(tmp_path / "vosk-model-de-0.21")
    )


def test_an_empty_folder(tmp_path: Path) -> None:
    assert "am/final.mdl is missing" in str(refused(tmp_path))


def test_a_model_one_folder_further_down_is_named(copy: Path) -> None:
    error = refused(copy.parent)
    assert f"one folder further down: {copy.name}" in error.message


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    assert f"{name} is missing" in refused(copy).message


@pytest.mark.parametrize("name", READ_BY_VOSK)
def test_an_empty_file_is_named(copy: Path, name: str) -> None:
    (copy / name).write_bytes(b"")
    assert f"{name} is empty" in refused(copy).message


@pytest.mark.parametrize(("name", "share"), CUTS)
def test_a_file_that_was_cut_off_is_noticed(copy: Path, name: str, share: float) -> None:
    """Even without checksums; but for a table, only if it was not cut at the end of a line."""
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: int(len(content) * share)].rstrip(b"\n"))
    refused(copy)


def test_any_changed_file_of_the_embedded_model_is_named(tmp_path: Path) -> None:
    copy = tmp_path / "de_demo"
    shutil.copytree(EMBEDDED_PATH, copy)
    for name in json.loads((copy / MANIFEST).read_text(encoding="utf-8"))["files"]:
        content = (copy / name).read_bytes()
        (copy / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert name in "".join(find_problems(copy))
        (copy / name).write_bytes(content)
    assert find_problems(copy) == []


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_broken_manifest_is_an_error_of_ours(copy: Path, content: str) -> None:
    (copy / MANIFEST).write_text(content)
    assert "is damaged" in refused(copy).message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("--sample-frequency=0\n", "--sample-frequency=0 is no sample rate"),
        ("--sample-frequency=-8000\n", "is no sample rate"),
        ("--sample-frequency=8 kHz\n", "is no number"),
        ("--dither=some\n", "is no number"),
        ("sample-frequency=8000\n", "line 1 is no option"),
        ("# fine\n--num-ceps 40\n", "line 2 is no option"),
        (b"\xff\xfe\x00", "no text file"),
    ],
)
def test_settings_that_cannot_be_are_told_by_line(
    copy: Path, content: str | bytes, message: str
) -> None:
    data = content if isinstance(content, bytes) else content.encode()
    (copy / "conf" / "mfcc.conf").write_bytes(data)
    assert message in refused(copy).message


def test_settings_that_kaldi_does_not_know_are_told(copy: Path) -> None:
    with (copy / "conf" / "model.conf").open("a") as conf:
        conf.write("--no-such-option=1\n")
    assert "does not load" in refused(copy).message


def test_features_that_do_not_fit_the_network_are_told(copy: Path) -> None:
    conf = copy / "conf" / "mfcc.conf"
    conf.write_text(conf.read_text().replace("--num-ceps=40", "--num-ceps=13"))
    assert "does not load" in refused(copy).message


def test_a_model_that_hangs_is_given_up(copy: Path) -> None:
    """A pipe that nobody writes to: Vosk waits for it for ever."""
    (copy / "am" / "global_cmvn.stats").unlink()
    os.mkfifo(copy / "am" / "global_cmvn.stats")
    assert "hangs: no answer within" in refused(copy, probe_secs=2.0).message


def test_half_an_ivector_folder_is_told(copy: Path) -> None:
    (copy / "ivector").mkdir()
    (copy / "ivector" / "final.ie").write_bytes(b"x")
    assert "ivector/final.dubm is missing" in refused(copy).message


def test_the_older_layout_is_known(copy: Path) -> None:
    """Early official models have all at the top and their settings built into Vosk."""
    old = copy.with_name("vosk-model-small-de-0.3")
    old.mkdir()
    for name in ("am/final.mdl", "conf/mfcc.conf", "graph/HCLG.fst", "graph/words.txt"):
        shutil.copy(copy / name, old)
    assert find_problems(old) == ["word_boundary.int is missing"]
    shutil.copy(copy / "graph" / "phones" / "word_boundary.int", old)
    VoskPool(old, 1, 16000).prepare(1)


def test_an_error_never_holds_more_than_it_should(copy: Path) -> None:
    """Messages name files, not contents: they end up in logs."""
    (copy / "graph" / "words.txt").write_text("geheim 0\nvertraulich")
    error: ContenanceError = refused(copy)
    assert "vertraulich" not in str(error)
    assert "geheim" not in str(error)
