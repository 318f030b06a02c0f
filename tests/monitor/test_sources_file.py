from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.errors import AudioError
from monitor.sources import Layout, Notice
from monitor.sources.file import FileSource
from monitor.sources.layout import CHOICES, parse_layout
from monitor.sources.pipe import PipeSource

RATE_HZ = 8000


def noise(secs: float, channels: int, rate_hz: int = RATE_HZ) -> np.ndarray:
    rng = np.random.default_rng(3)
    return (rng.uniform(-0.3, 0.3, (round(secs * rate_hz), channels))).astype(np.float32)


def write(path: Path, frames: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    soundfile.write(path, frames, rate_hz, subtype="PCM_16")
    return path


def read(source: FileSource | PipeSource, out_rate_hz: int = RATE_HZ) -> np.ndarray:
    source.start()
    return np.concatenate(
        [item for item in source.read(out_rate_hz) if not isinstance(item, Notice)]
    )


def notices(source: FileSource | PipeSource) -> list[Notice]:
    return [item for item in source.read(RATE_HZ) if isinstance(item, Notice)]


# Files


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize(("channels", "layout"), [(1, ("mixed",)), (2, ("customer", "agent"))])
def test_a_recording_comes_through_sample_for_sample(
    tmp_path: Path, suffix: str, channels: int, layout: Layout
) -> None:
    sent = noise(1.03, channels)
    source = FileSource(write(tmp_path / f"call.{suffix}", sent))
    assert source.layout == layout
    assert source.duration_secs == pytest.approx(1.03)
    assert np.abs(read(source) - sent).max() <= 1 / 32767
    assert source.ending == "hangup"


def test_another_rate_is_brought_to_the_recognisers(tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "call.wav", noise(2, 2, 44_100), 44_100))
    assert abs(len(read(source, 16_000)) - 32_000) <= 1


@pytest.mark.parametrize("text", CHOICES)
def test_the_layout_can_be_declared(tmp_path: Path, text: str) -> None:
    layout = parse_layout(text)
    source = FileSource(write(tmp_path / "call.wav", noise(0.1, len(layout))), layout)
    assert source.layout == tuple(text.split(","))


@pytest.mark.parametrize(
    "text", ["", "kunde", "customer,customer", "agent", "mixed,agent", "a,b,c"]
)
def test_an_unknown_layout_is_refused(text: str) -> None:
    with pytest.raises(AudioError, match="who is on which channel") as caught:
        parse_layout(text)
    assert "agent,customer" in caught.value.fix


@pytest.mark.parametrize(("channels", "declared"), [(1, "customer,agent"), (2, "mixed")])
def test_a_layout_that_does_not_fit_is_refused(
    tmp_path: Path, channels: int, declared: str
) -> None:
    path = write(tmp_path / "call.wav", noise(0.1, channels))
    with pytest.raises(AudioError, match=rf"has {channels} channel.*declared \({declared}\)"):
        FileSource(path, parse_layout(declared))


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    """Name -> (file, what is told about it)."""
    made = {name: folder / name for name in ("empty.wav", "notes.wav", "noise.wav", "x.raw")}
    made["empty.wav"].write_bytes(b"")
    made["notes.wav"].write_text("Gesprächsnotiz: Kunde ruft zurück\n", encoding="utf-8")
    made["noise.wav"].write_bytes(bytes(np.random.default_rng(1).integers(0, 256, 4000, np.uint8)))
    made["x.raw"].write_bytes(bytes(np.random.default_rng(2).integers(0, 256, 4000, np.uint8)))
    return {
        "missing": (folder / "gone.wav", "cannot be read"),
        "folder": (folder, "is a folder"),
        "zero bytes": (made["empty.wav"], "is empty (0 bytes)"),
        "text": (made["notes.wav"], "is text, not audio"),
        "garbage": (made["noise.wav"], "is no audio file that can be read"),
        "raw": (made["x.raw"], "without a header"),
        "no samples": (write(folder / "none.wav", noise(0, 1)), "holds no sound"),
        "three channels": (write(folder / "three.wav", noise(0.1, 3)), "has 3 channels"),
        "low rate": (write(folder / "low.wav", noise(0.1, 1), 6000), "sample rate of 6000 Hz"),
        "high rate": (write(folder / "high.wav", noise(0.1, 1), 96_000), "sample rate of 96000 Hz"),
    }


@pytest.mark.parametrize("name", ["missing", "folder", "zero bytes", "text", "garbage", "raw",
                                  "no samples", "three channels", "low rate",
                                  "high rate"])  # fmt: skip
def test_what_is_no_call_is_refused_with_a_remedy(tmp_path: Path, name: str) -> None:
    path, told = bad_files(tmp_path)[name]
    with pytest.raises(AudioError) as caught:
        FileSource(path)
    assert told in caught.value.message
    assert caught.value.fix
    assert caught.value.exit_code == 5


def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "call.wav", noise(0.1, 1))
    path.chmod(0)
    if os.access(path, os.R_OK):
        path.unlink()
        path.symlink_to(path)  # as root every file can be read, but no endless link
    with pytest.raises(AudioError, match="cannot be read"):
        FileSource(path)


@pytest.mark.parametrize("rate_hz", [0, 16_000])
def test_a_rate_that_is_not_the_files_is_refused(tmp_path: Path, rate_hz: int) -> None:
    path = write(tmp_path / "call.wav", noise(0.1, 1))
    with pytest.raises(AudioError, match=f"8000 Hz, not {rate_hz}"):
        FileSource(path, rate_hz=rate_hz)
    assert FileSource(path, rate_hz=8000).layout == ("mixed",)


def test_a_damaged_file_gives_what_came_before_and_then_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "call.flac", noise(20, 2))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    heard: list[np.ndarray] = []
    with pytest.raises(AudioError, match=r"damaged after \d+\.\d s") as caught:
        heard.extend(
            item for item in FileSource(path).read(RATE_HZ) if not isinstance(item, Notice)
        )
    assert caught.value.fix
    got = np.concatenate(heard)
    assert 5 * RATE_HZ < len(got) < 10.1 * RATE_HZ
    assert np.abs(got - noise(20, 2)[: len(got)]).max() <= 1 / 32767


def test_a_wav_file_shorter_than_its_header_is_degraded_not_silent(tmp_path: Path) -> None:
    path = write(tmp_path / "call.wav", noise(2, 1))
    path.write_bytes(path.read_bytes()[:-8000])
    source = FileSource(path)
    assert [notice.reason for notice in notices(source)] == [
        "the file is cut off: 8000 bytes are missing at its end"
    ]


def test_a_header_of_unknown_length_is_no_damage(tmp_path: Path) -> None:
    """As recorders write that stream into a pipe."""
    path = write(tmp_path / "call.wav", noise(2, 1))
    data = bytearray(path.read_bytes())
    data[4:8] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(data)
    assert notices(FileSource(path)) == []


def test_a_recording_can_be_stopped_midway(tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "call.wav", noise(10, 1)))
    heard = 0
    for item in source.read(RATE_HZ):
        heard += 0 if isinstance(item, Notice) else len(item)
        if heard >= 2 * RATE_HZ:
            source.stop()
    assert heard == 2 * RATE_HZ
    assert source.ending == "stopped"


# Pipes


def pcm(frames: np.ndarray) -> bytes:
    return np.rint(frames * 32767).astype("<i2").tobytes()


def test_raw_samples_come_through_from_a_stream_and_from_a_pipe() -> None:
    sent = noise(1, 2)
    form = {"rate_hz": RATE_HZ, "encoding": "pcm_s16le", "layout": ("agent", "customer")}
    from_stream = read(PipeSource(io.BytesIO(pcm(sent)), **form))  # type: ignore[arg-type]
    assert np.abs(from_stream - sent).max() <= 1 / 32767
    reader, writer = os.pipe()
    os.write(writer, pcm(sent)[:5001])
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        source = PipeSource(stream, **form)  # type: ignore[arg-type]
        assert np.array_equal(read(source), from_stream[:1250])
        assert source.layout == ("agent", "customer")
        assert source.ending == "hangup"


def test_a_cut_last_sample_is_told() -> None:
    data = pcm(noise(0.1, 1)) + b"\x07"
    source = PipeSource(io.BytesIO(data), rate_hz=RATE_HZ, encoding="pcm_s16le")
    assert [notice.reason for notice in notices(source)] == [
        "the audio ends in the middle of a sample"
    ]


def test_a_pipe_without_a_sample_is_an_error() -> None:
    source = PipeSource(io.BytesIO(b""), rate_hz=RATE_HZ, encoding="pcm_s16le")
    with pytest.raises(AudioError, match="no audio came"):
        read(source)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"rate_hz": 0, "encoding": "pcm_s16le"}, "sample rate of 0 Hz"),
        ({"rate_hz": -8000, "encoding": "alaw"}, "sample rate of -8000 Hz"),
        ({"rate_hz": 8000, "encoding": "opus"}, 'unknown encoding "opus"'),
    ],
)
def test_a_form_that_cannot_be_used_is_refused_at_once(form: dict, told: str) -> None:
    with pytest.raises(AudioError) as caught:
        PipeSource(io.BytesIO(b"\0" * 100), **form)
    assert told in caught.value.message


def test_a_terminal_is_no_audio() -> None:
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    with pytest.raises(AudioError, match="is a terminal") as caught:
        PipeSource(Terminal(), rate_hz=RATE_HZ, encoding="pcm_s16le")
    assert "sox" in caught.value.fix


def test_stopping_while_the_pipe_is_quiet_ends_it() -> None:
    reader, writer = os.pipe()
    os.write(writer, pcm(noise(0.1, 1)))
    with os.fdopen(reader, "rb") as stream, os.fdopen(writer, "wb"):
        source = PipeSource(stream, rate_hz=RATE_HZ, encoding="pcm_s16le")
        heard = 0
        for item in source.read(RATE_HZ):
            heard += 0 if isinstance(item, Notice) else len(item)
            source.stop()
    assert heard == RATE_HZ // 10
    assert source.ending == "stopped"
