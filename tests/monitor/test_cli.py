from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from models.errors import ContenanceError
from monitor.cli.app import app, run
from monitor.cli.listen import Pacer
from monitor.events import CallEnded, Degraded, Event, SpeechFinal, StageChanged, from_wire
from monitor.settings import ENV_PREFIX

ROOT = Path(__file__).resolve().parents[2]
DEMO_CALL = ROOT / "configs" / "demo" / "demo.flac"

Invoke = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def a_home_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for variable in os.environ:
        if variable.startswith(ENV_PREFIX):
            monkeypatch.delenv(variable)


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Invoke:
    """Run a command in this process: (exit status, stdout, stderr)."""

    def call(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["contenance", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            run(app)
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return call


def command(*args: object, **more: Any) -> subprocess.Popen[bytes]:
    """Start a command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "monitor.cli", *map(str, args)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, **more,
    )  # fmt: skip


def finish(process: subprocess.Popen[bytes], data: bytes = b"") -> tuple[int, str, str]:
    out, err = process.communicate(data, timeout=120)
    return process.returncode, out.decode(), err.decode()


def events(lines: str) -> list[Event]:
    return [from_wire(line) for line in lines.splitlines()]


def texts(found: list[Event]) -> list[tuple[str, str]]:
    return [(event.channel, event.text) for event in found if isinstance(event, SpeechFinal)]


def demo_pcm(secs: float) -> bytes:
    frames, rate_hz = soundfile.read(DEMO_CALL, dtype="int16", frames=round(secs * 8000))
    assert rate_hz == 8000
    return frames.astype("<i2").tobytes()


@pytest.fixture(scope="module")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, str]:
    """The demo call through `monitor FILE --json`, once for all tests that look at it."""
    home = tmp_path_factory.mktemp("home")
    return finish(command("monitor", DEMO_CALL, "--json", cwd=home))


# One call


def test_a_call_becomes_events_one_a_line_and_nothing_else(
    demo_run: tuple[int, str, str],
) -> None:
    status, out, _ = demo_run
    assert status == 0
    found = events(out)  # every line is an event, or this raises
    numbers = [event.seq for event in found if event.durable]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(event.seq is None for event in found if not event.durable)
    assert {event.call for event in found} == {"demo"}
    last = found[-1]
    assert isinstance(last, CallEnded)
    assert last.reason == "hangup"
    assert last.duration_secs == pytest.approx(soundfile.info(DEMO_CALL).duration, abs=0.01)


def test_the_words_and_the_ladder_of_the_demo_call_are_in_the_events(
    demo_run: tuple[int, str, str],
) -> None:
    found = events(demo_run[1])
    said = texts(found)
    assert any(
        "internet geht schon wieder nicht" in text for who, text in said if who == "customer"
    )
    assert any("guten tag" in text for who, text in said if who == "agent")
    stages = [event.to for event in found if isinstance(event, StageChanged)]
    assert stages[0] == "understanding"
    assert stages[-1] == "end_call"


def test_without_consent_the_call_is_text_only_and_says_so(
    demo_run: tuple[int, str, str],
) -> None:
    _, out, err = demo_run
    assert "text only" in err
    assert "--consent voice" in err
    assert not any(event.type.startswith("voice") for event in events(out))


def test_with_consent_the_customers_voice_is_analysed(tmp_path: Path) -> None:
    frames, rate_hz = soundfile.read(DEMO_CALL, frames=25 * 8000)
    soundfile.write(tmp_path / "call.wav", frames, rate_hz)
    status, out, err = finish(
        command("monitor", "call.wav", "--consent", "voice,recording", "--json", cwd=tmp_path)
    )
    assert (status, "text only" in err) == (0, False)
    found = events(out)
    consent = next(event for event in found if event.type == "consent.changed")
    assert consent.model_dump()["voice"] is True
    assert consent.model_dump()["recording"] is True
    live = [event for event in found if event.type == "voice"]
    assert len(live) == pytest.approx(25 * 4, abs=2)


def test_a_mono_recording_is_degraded_and_still_done(tmp_path: Path) -> None:
    frames, rate_hz = soundfile.read(DEMO_CALL, frames=8 * 8000)
    soundfile.write(tmp_path / "mono.wav", frames.sum(axis=1), rate_hz)
    status, out, err = finish(
        command("monitor", "mono.wav", "--consent", "voice", "--json", cwd=tmp_path)
    )
    assert status == 0
    found = events(out)
    degraded = [event.part for event in found if isinstance(event, Degraded)]
    assert degraded == ["voice"]
    assert "mixed channels" in err
    assert not any(event.type == "voice" for event in found)
    assert any("internet" in text for _, text in texts(found))


def test_raw_samples_give_the_same_words_as_the_file(demo_run: tuple[int, str, str]) -> None:
    secs = 20
    status, out, _ = finish(
        command("monitor", "-", "--rate", 8000, "--channels", "customer,agent", "--json"),
        demo_pcm(secs),
    )
    assert status == 0
    heard = texts(events(out))
    assert len(heard) >= 3
    assert heard[:-1] == texts(events(demo_run[1]))[: len(heard) - 1]


def test_the_live_view_shows_transcript_stage_cue_and_reason(tmp_path: Path) -> None:
    frames, rate_hz = soundfile.read(DEMO_CALL, frames=14 * 8000)
    soundfile.write(tmp_path / "call.wav", frames, rate_hz)
    status, out, _ = finish(command("monitor", "call.wav", cwd=tmp_path))
    assert status == 0
    flat = " ".join(out.split())
    assert "Kunde mein internet geht schon wieder nicht" in flat
    assert "Agent guten tag" in flat
    assert "Stufe: Ruhig → Verständnis" in flat
    assert "Verständnis zeigen" in flat
    assert "Warum: „" in flat
    assert "Nur Text: keine Einwilligung zur Stimmanalyse" in flat
    assert "Gespräch beendet" in flat


# The end of a call that does not end by itself


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_call_is_finished_and_keeps_what_was_heard(
    number: signal.Signals, status: int
) -> None:
    process = command("monitor", "-", "--rate", 8000, "--channels", "customer,agent", "--json")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(demo_pcm(9))
    process.stdin.flush()
    lines: list[str] = []
    while not any('"speech.final"' in line for line in lines):  # ends at the latest with the pipe
        lines.append(process.stdout.readline().decode())
        assert lines[-1], process.stderr.read() if process.stderr else ""
    process.send_signal(number)
    rest = process.stdout.read().decode()
    process.stdin.close()
    assert process.wait(timeout=60) == status
    found = events("".join(lines) + rest)
    assert isinstance(found[-1], CallEnded)
    assert found[-1].reason == "stopped"
    process.stdout.close()
    if process.stderr:
        assert b"Traceback" not in process.stderr.read()
        process.stderr.close()


def test_a_damaged_file_ends_the_call_with_all_that_was_heard(tmp_path: Path) -> None:
    data = DEMO_CALL.read_bytes()
    (tmp_path / "cut.flac").write_bytes(data[: len(data) // 3])
    status, out, err = finish(command("monitor", "cut.flac", "--json", cwd=tmp_path))
    assert status == 5
    assert "damaged after" in err
    found = events(out)
    assert len(texts(found)) >= 3
    assert [event.part for event in found if isinstance(event, Degraded)] == ["audio"]
    assert isinstance(found[-1], CallEnded)
    assert found[-1].reason == "source_lost"


def test_a_reader_that_goes_away_ends_the_program_quietly(tmp_path: Path) -> None:
    process = command("monitor", DEMO_CALL, "--json", cwd=tmp_path)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.close()
    assert process.stdout.readline().startswith(b'{"v":2')
    process.stdout.close()
    err = process.stderr.read().decode()
    assert process.wait(timeout=60) == 1
    assert "Traceback" not in err
    assert "BrokenPipe" not in err
    process.stderr.close()


def test_pace_waits_until_the_audio_would_have_been_spoken() -> None:
    now, waits = [100.0], []

    def sleep(secs: float) -> None:
        waits.append(secs)
        now[0] += secs

    pace = Pacer(clock=lambda: now[0], sleep=sleep)
    pace(0.5)
    now[0] += 0.2  # analysis took this long
    pace(1.0)
    now[0] += 5.0  # too slow: no waiting, no catching up by force
    pace(1.5)
    assert waits == pytest.approx([0.5, 0.3, 0.0])


# Bad input: message and status


def mono_file(folder: Path) -> Path:
    path = folder / "mono.wav"
    soundfile.write(path, np.zeros(800), 8000)
    return path


@pytest.mark.parametrize(
    ("args", "status", "message", "fix"),
    [
        (["monitor", "gone.wav"], 5, "gone.wav: cannot be read", "check the path"),
        (["monitor", "empty.wav"], 5, "is empty (0 bytes)", "record or copy"),
        (["monitor", "notes.txt"], 5, "is text, not audio", "WAV or FLAC"),
        (["monitor", "mono.wav", "--rate", "16000"], 5, "8000 Hz, not 16000", "--rate out"),
        (["monitor", "mono.wav", "--rate", "0"], 5, "8000 Hz, not 0", "--rate out"),
        (["monitor", "mono.wav", "--channels", "customer,agent"], 5, "has 1 channel", "mixed"),
        (["monitor", "mono.wav", "--channels", "links"], 5, "who is on which", "customer,agent"),
        (["monitor", "mono.wav", "--consent", "voise"], 2, "nothing to agree to", '"voice"'),
        (["monitor", "mono.wav", "--call", "a b"], 2, "is no call id", "letters"),
        (["monitor", "mono.wav", "--asr-model", "nope"], 3, "nope is not installed", "models list"),
        (["monitor", "mono.wav", "--policy", "standart"], 2, "standart", "standard"),
        (["monitor", "mono.wav", "--config", "gone.yaml"], 2, "gone.yaml: cannot be read", "path"),
        (["monitor", "-"], 2, "do not say their rate", "--rate 8000"),
        (["monitor", "-", "--rate", "0"], 5, "sample rate of 0 Hz", "8000"),
        (["monitor", "-", "--rate", "8000", "--encoding", "mp3"], 5, '"mp3"', "alaw"),
        (["monitor", "mic"], 3, "synthetic speech only", "models fetch"),
        (["monitor", "mic", "--allow-demo-model"], 2, "no device is set", "--customer-device"),
        (["replay", "gone.jsonl"], 2, "gone.jsonl: cannot be read", "check the path"),
        (["replay", "mono.wav"], 2, "is not UTF-8 text", "JSON lines"),
        (["score", "text", "gone.txt"], 2, "gone.txt: cannot be read", "check the path"),
        (["config", "check", "bad.yaml"], 2, "bad.yaml:2: unknown key", 'mean "port"'),
        (["models", "where", "nope"], 3, "nope is not installed", "models list"),
        (["models", "verify", "nope"], 3, "nope is not installed", "models list"),
        (["models", "fetch", "de_demo"], 3, "can be fetched", "models list"),
    ],
)  # fmt: skip
def test_bad_input_gives_message_remedy_and_status(
    invoke: Invoke, tmp_path: Path, args: list[str], status: int, message: str, fix: str
) -> None:
    mono_file(tmp_path)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "notes.txt").write_text("nur Text\n", encoding="utf-8")
    (tmp_path / "bad.yaml").write_text("server:\n  prot: 1\n", encoding="utf-8")
    got, out, err = invoke(*args)
    assert got == status
    assert out == ""
    error, _, remedy = err.partition("  fix: ")
    assert error.startswith("error: ")
    assert message in error
    assert fix in remedy


@pytest.mark.parametrize(
    "args", [["monitr"], ["monitor"], ["monitor", "x.wav", "--jsn"], ["score"]]
)
def test_wrong_usage_is_status_2(invoke: Invoke, args: list[str]) -> None:
    status, out, err = invoke(*args)
    assert status == 2
    assert "Usage" in out + err


def test_a_pipe_that_brings_nothing_is_told(tmp_path: Path) -> None:
    status, out, err = finish(command("monitor", "-", "--rate", 8000, "--json", cwd=tmp_path))
    assert status == 5
    assert "no audio came through the pipe" in err
    assert events(out)[-1].type == "call.ended"


# Replay


CALLS = (
    '{"id":"a","turns":[{"t":0,"channel":"agent","text":"guten tag"},'
    '{"t":4.5,"channel":"customer","text":"sie idiot","labels":["insult"],"severity":2}]}\n'
)


def test_replay_gives_a_line_a_turn_and_one_a_call(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(CALLS + "\n", encoding="utf-8")
    status, out, _ = invoke("replay", "calls.jsonl", "--use-labels", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [row.get("turn") for row in rows] == [0, 1, None]
    assert set(rows[1]) == {
        "call", "turn", "t", "stage", "new_cues", "visible_cues", "reason"
    }  # fmt: skip
    assert rows[1]["t"] == 4.5
    assert rows[2] == {"call": "a", "final_stage": rows[1]["stage"], "cues_total": 1}
    status, out, _ = invoke("replay", "calls.jsonl")
    assert "a:" in out


def test_replay_stops_at_a_bad_line_or_skips_it(invoke: Invoke, tmp_path: Path) -> None:
    bad = '{"id":"b","turns":[{"t":0,"channel":"boss","text":"geheim"}]}\n'
    (tmp_path / "calls.jsonl").write_text(CALLS + bad + CALLS, encoding="utf-8")
    status, out, err = invoke("replay", "calls.jsonl", "--json")
    assert status == 2
    assert "line 2: turns.0.channel" in err
    assert "geheim" not in err, "no transcript text in messages"
    assert len(out.splitlines()) == 3, "what came before is done"
    status, out, err = invoke("replay", "calls.jsonl", "--json", "--skip-bad")
    assert status == 0
    assert len(out.splitlines()) == 6
    assert "1 bad lines skipped" in err


# Scores


def score(tmp_path: Path, invoke: Invoke, lines: str, *args: str) -> tuple[int, str, str]:
    (tmp_path / "lines").write_text(lines, encoding="utf-8")
    return invoke("score", "text", "lines", *args)


def test_score_text_gives_labels_severity_and_where_they_stand(
    invoke: Invoke, tmp_path: Path
) -> None:
    said = "was bilden sie sich ein sie idiot"
    lines = json.dumps({"id": "x", "channel": "customer", "text": said}) + "\n"
    lines += '{"id":2,"channel":"agent","text":"das kann ich gut verstehen"}\n'
    status, out, _ = score(tmp_path, invoke, lines, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [row["id"] for row in rows] == ["x", "2"]
    assert set(rows[0]) == {"id", "labels", "assigned", "severity", "target", "evidence"}
    assert "insult" in rows[0]["assigned"]
    assert rows[0]["severity"] >= 2
    for span in rows[0]["evidence"]:
        assert said[span["start"] : span["end"]] == span["text"]
    assert "empathy" in rows[1]["assigned"]


def test_score_text_takes_plain_lines(invoke: Invoke, tmp_path: Path) -> None:
    status, out, _ = score(tmp_path, invoke, "sie idiot\n\nguten tag\n", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [row["id"] for row in rows] == ["1", "3"]
    assert rows[0]["assigned"] == ["insult"]
    status, out, _ = score(tmp_path, invoke, "sie idiot\n")
    assert "insult" in out


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"id":"1"}', "line 2: text: Field required"),
        ('{"id":"1","channel":"boss","text":"a"}', "line 2: channel"),
        ("{kaputt", "line 2: Invalid JSON"),
    ],
)
def test_score_text_stops_at_a_bad_line_or_skips_it(
    invoke: Invoke, tmp_path: Path, line: str, told: str
) -> None:
    lines = f"sie idiot\n{line}\nguten tag\n"
    status, out, err = score(tmp_path, invoke, lines, "--json")
    assert (status, len(out.splitlines())) == (2, 1)
    assert told in err
    status, out, err = score(tmp_path, invoke, lines, "--json", "--skip-bad")
    assert (status, len(out.splitlines())) == (0, 2)
    assert told in err


def test_score_voice_gives_a_line_a_file(invoke: Invoke, tmp_path: Path) -> None:
    frames, rate_hz = soundfile.read(DEMO_CALL, start=4 * 8000, frames=3 * 8000)
    soundfile.write(tmp_path / "customer.wav", frames[:, 0], rate_hz)
    status, out, _ = invoke(
        "score", "voice", "customer.wav", "--baseline", "customer.wav", "--json"
    )
    row = json.loads(out)
    assert status == 0
    assert set(row) == {"file", "agitation", "agitation_p95", "reasons", "features", "speech_s"}
    assert row["file"] == "customer.wav"
    assert 1.0 < row["speech_s"] < 3.0


def test_score_voice_wants_one_speaker_and_permission(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, out, err = invoke("score", "voice", DEMO_CALL, "--json")
    assert (status, out) == (5, "")
    assert "2 channels" in err
    monkeypatch.setenv("CONTENANCE_PRIVACY__VOICE_ANALYSIS", "false")
    status, out, err = invoke("score", "voice", DEMO_CALL, "--json")
    assert (status, out) == (2, "")
    assert "switched off" in err


# Settings, models, doctor


def test_config_show_names_the_origin_of_every_value(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "contenance.yaml").write_text("server:\n  port: 4711\n", encoding="utf-8")
    monkeypatch.setenv("CONTENANCE_LANGUAGE", "en")
    status, out, _ = invoke("config", "show", "--json")
    rows = {row["setting"]: row for row in map(json.loads, out.splitlines())}
    assert status == 0
    assert (rows["server.port"]["value"], rows["server.port"]["origin"]) == (
        4711,
        "contenance.yaml:2",
    )
    assert rows["language"]["origin"] == "environment CONTENANCE_LANGUAGE"
    assert rows["asr.model"]["origin"] == "default"
    status, out, _ = invoke("config", "show")
    assert "4711" in out


def test_config_check_tells_what_is_all_right(invoke: Invoke) -> None:
    status, out, _ = invoke("config", "check")
    assert status == 0
    assert "all right" in out
    assert "standard-" in out


def test_models_list_and_where(invoke: Invoke, tmp_path: Path) -> None:
    status, out, _ = invoke("models", "list", "--json")
    rows = {row["name"]: row for row in map(json.loads, out.splitlines())}
    assert status == 0
    assert rows["de_demo"]["path"]
    assert rows["vosk-model-small-de-0.15"]["path"] is None
    assert "vosk-model-small-de-0.15" in invoke("models", "list")[1]
    assert invoke("models", "where")[1].strip() == str(tmp_path / ".cache/contenance/models")
    assert invoke("models", "where", "de_demo")[1].strip() == rows["de_demo"]["path"]


def test_models_verify_tells_good_from_bad(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "broken" / "am").mkdir(parents=True)
    status, out, _ = invoke("models", "verify", "broken", "--json")
    verdict = json.loads(out)
    assert (status, verdict["sound"]) == (3, False)
    assert verdict["problems"]
    status, out, _ = invoke("models", "verify", "de_demo")
    assert (status, "all right" in out) == (0, True)


def findings(out: str) -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in map(json.loads, out.splitlines())}


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_doctor_finds_everything_in_order(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setenv("CONTENANCE_SERVER__PORT", str(free_port))
    status, out, _ = invoke("doctor", "--json")
    rows = findings(out)
    assert status == 0
    assert list(rows) == [
        "python", "settings", "rules", "vosk", "speech model", "text model", "store", "disk",
        "port", "sound",
    ]  # fmt: skip
    assert rows["speech model"]["state"] == "note"
    assert "synthetic speech only" in rows["speech model"]["detail"]
    assert all(row["fix"] for row in rows.values() if row["state"] != "ok")


def test_doctor_names_what_is_wrong_and_how_to_mend_it(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken_port: int
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CONTENANCE_SERVER__PORT", str(taken_port))
    monkeypatch.setenv("CONTENANCE_STORE__PATH", str(tmp_path / "file" / "calls.sqlite3"))
    monkeypatch.setenv("CONTENANCE_ASR_MODEL", "nope")
    monkeypatch.setenv("CONTENANCE_POLICY__NAME", "nope")
    status, out, _ = invoke("doctor", "--json")
    bad = {name: row for name, row in findings(out).items() if row["state"] == "problem"}
    assert status == 1
    assert set(bad) == {"port", "store", "speech model", "rules"}
    assert all(row["fix"] for row in bad.values())
    status, out, _ = invoke("doctor")
    assert (status, out.count("PROBLEM")) == (1, 4)


def test_doctor_stops_at_wrong_settings(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "contenance.yaml").write_text("sever: {}\n", encoding="utf-8")
    status, out, _ = invoke("doctor", "--json")
    rows = findings(out)
    assert status == 1
    assert rows["settings"]["state"] == "problem"
    assert "contenance.yaml:1" in rows["settings"]["detail"]
    assert list(rows) == ["python", "settings"]


def test_every_exit_status_of_an_expected_error_is_documented(invoke: Invoke) -> None:
    import models.errors
    import monitor.store  # noqa: F401 - its error belongs to the family

    _, out, _ = invoke("--help")
    documented = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert "Exit status" in out
    for kind in _family(models.errors.ContenanceError):
        assert f"| {kind.exit_code} |" in documented, kind


def _family(kind: type[ContenanceError]) -> Iterator[type[ContenanceError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)
