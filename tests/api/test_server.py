"""The server over the wire: a real one, with a client in another process that shares no code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

Wire = Callable[..., dict[str, Any]]
ROOT = Path(__file__).resolve().parents[2]
START: dict[str, Any] = {
    "type": "start",
    "rate_hz": 8000,
    "channels": ["customer", "agent"],
    "source": "file",
    "consent": {"voice": True},
}


def start(**changes: Any) -> str:
    return json.dumps(START | changes)


def of_type(result: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [event for event in result["events"] if event["type"] == kind]


@pytest.fixture(scope="module")
def demo_call(server: str, wire: Wire, demo_wav: Path) -> dict[str, Any]:
    """The demo call, sent as fast as the server takes it."""
    return wire("call", f"ws://{server}", str(demo_wav), start(source="demo"))


def test_a_call_comes_out_as_events_with_the_whole_ladder(demo_call: dict[str, Any]) -> None:
    assert demo_call["answers"][-1] == {"type": "ended", "call": demo_call["call"]}
    assert demo_call["close"] == 1000
    stages = [event["to"] for event in of_type(demo_call, "stage.changed")]
    assert stages == ["understanding", "mirror", "respect_request", "consequence", "end_call"]
    for cue in of_type(demo_call, "cue.shown"):
        assert cue["policy_version"]
        assert cue["evidence"] or cue["name"] == "aftercare", cue
    assert {event["channel"] for event in of_type(demo_call, "speech.final")} == {
        "customer",
        "agent",
    }
    assert of_type(demo_call, "speech.partial")
    assert of_type(demo_call, "tone")
    assert any(event["agitation"] is not None for event in of_type(demo_call, "voice"))
    assert of_type(demo_call, "call.ended")[0]["reason"] == "hangup"


def test_durable_events_are_numbered_without_holes_and_ephemeral_ones_are_not(
    demo_call: dict[str, Any],
) -> None:
    seqs = [event["seq"] for event in demo_call["events"] if event["seq"] is not None]
    assert seqs == list(range(1, len(seqs) + 1))
    ephemeral = {event["type"] for event in demo_call["events"] if event["seq"] is None}
    assert ephemeral == {"speech.partial", "tone", "voice"}


def test_a_screen_resumes_by_sequence_number(
    server: str, wire: Wire, demo_call: dict[str, Any]
) -> None:
    durable = [event for event in demo_call["events"] if event["seq"] is not None]
    again = wire("events", f"ws://{server}", demo_call["call"], "5")
    assert again["events"] == durable[5:]
    assert again["close"] == 1000
    over_http = httpx.get(f"http://{server}/v1/calls/{demo_call['call']}/events?after_seq=5")
    assert over_http.json()["events"] == durable[5:]


def test_the_lists_show_the_call(server: str, demo_call: dict[str, Any]) -> None:
    row = httpx.get(f"http://{server}/v1/calls/{demo_call['call']}").json()
    assert (row["state"], row["stage"], row["source"]) == ("ended", "end_call", "demo")
    assert row["call"] in [
        r["call"] for r in httpx.get(f"http://{server}/v1/calls").json()["calls"]
    ]
    assert httpx.get(f"http://{server}/v1/calls/nobody").status_code == 404
    assert httpx.get(f"http://{server}/v1/calls/nobody/events").status_code == 404


def test_without_consent_there_is_no_voice_analysis(
    server: str, wire: Wire, demo_wav: Path
) -> None:
    result = wire(
        "call",
        f"ws://{server}",
        str(demo_wav),
        start(consent={"voice": False}),
        "--stop-after",
        "20",
    )
    assert not of_type(result, "voice")
    assert not of_type(result, "voice.summary")
    assert of_type(result, "consent.changed")[0]["voice"] is False
    assert of_type(result, "tone.final"), "words need no such consent"


def test_consent_withdrawn_mid_call_takes_effect_at_once(
    server: str, wire: Wire, demo_wav: Path
) -> None:
    revoke = {"type": "consent", "consent": {"voice": False, "recording": False}}
    result = wire(
        "call", f"ws://{server}", str(demo_wav), start(), "--stop-after", "12",
        "--controls", json.dumps([revoke]),
    )  # fmt: skip
    kinds = [event["type"] for event in result["events"]]
    revoked = len(kinds) - 1 - kinds[::-1].index("consent.changed")
    assert result["events"][revoked]["voice"] is False
    assert "voice" in kinds[:revoked]
    assert "voice" not in kinds[revoked:]


def test_a_source_that_vanishes_loses_nothing_that_was_sent(
    server: str, wire: Wire, demo_wav: Path
) -> None:
    result = wire("call", f"ws://{server}", str(demo_wav), start(), "--stop-after", "9", "--vanish")
    ended = of_type(result, "call.ended")[0]
    assert ended["reason"] == "source_lost"
    assert ended["duration_secs"] == pytest.approx(9.0, abs=0.2)
    assert of_type(result, "call.interrupted")
    assert of_type(result, "speech.final"), "what had been said by then was heard and stored"


@pytest.mark.parametrize(
    ("messages", "code", "says"),
    [
        (["hello"], 1003, "JSON"),
        (["hex:0000"], 1003, "start message"),
        ([start(rate_hz=0)], 1008, "sample rate"),
        ([start(rate_hz=-8000)], 1008, "sample rate"),
        ([start(rate_hz=1_000_000)], 1008, "sample rate"),
        ([start(rate_hz="fast")], 1003, "rate_hz"),
        ([start(channels=[])], 1003, "channels"),
        ([start(channels=["agent", "agent"])], 1008, "layout"),
        ([start(channels=["boss"])], 1003, "channels"),
        ([start(encoding="mp3")], 1003, "encoding"),
        ([start(call="../../etc")], 1008, "call id"),
        ([start(surprise=1)], 1003, "surprise"),
        ([start(source="phone")], 1008, "synthetic speech"),
        ([start(), '{"type":"dance"}'], 1003, "type"),
        ([start(), '{"type":"consent"}'], 1003, "consent"),
    ],
)
def test_a_wrong_source_is_told_what_is_wrong_and_how_to_mend_it(
    server: str, wire: Wire, messages: list[str], code: int, says: str
) -> None:
    result = wire("raw", f"ws://{server}", *messages)
    error = result["answers"][-1]
    assert error["type"] == "error"
    assert says in error["message"]
    assert error["fix"]
    assert result["close"] == code


def test_an_oversized_message_is_refused(server: str, wire: Wire) -> None:
    result = wire("raw", f"ws://{server}", start(), f"zeros:{(1 << 20) + 1}")
    assert result["close"] == 1009


def test_one_call_more_than_there_are_places_is_refused_and_the_others_go_on(
    another_server: Callable[..., str], wire: Wire, demo_wav: Path
) -> None:
    address = another_server(CONTENANCE_SERVER__MAX_CALLS="1")
    client = [sys.executable, str(ROOT / "tests/api/wire_client.py"), "hold"]
    with subprocess.Popen(
        [*client, f"ws://{address}", start()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert json.loads(holder.stdout.readline())["type"] == "started"
        assert httpx.get(f"http://{address}/readyz").status_code == 503
        refused = wire("raw", f"ws://{address}", start())
        assert refused["close"] == 1013
        assert "taken" in refused["answers"][0]["message"]
        holder.communicate("end\n", timeout=30)
    assert httpx.get(f"http://{address}/readyz").status_code == 200
    later = wire("call", f"ws://{address}", str(demo_wav), start(), "--stop-after", "3")
    assert later["close"] == 1000


def test_commands_are_answered_and_a_repeated_one_is_harmless(
    server: str, wire: Wire, demo_wav: Path
) -> None:
    commands = [
        {"id": "a", "command": "help"},
        {"id": "a", "command": "help"},
        {"id": "b", "command": "reword", "cue": 99},
        {"id": "c", "command": "dance"},
        "no json",
        {"id": "d", "command": "said", "rung": "understanding"},
    ]
    result = wire(
        "call", f"ws://{server}", str(demo_wav), start(), "--stop-after", "2",
        "--commands", json.dumps(commands),
    )  # fmt: skip
    acks = of_type(result, "ack")
    assert [(ack["id"], ack["ok"]) for ack in acks] == [
        ("a", True), ("a", True), ("b", False), (None, False), (None, False), ("d", True),
    ]  # fmt: skip
    assert all(ack["error"] for ack in acks if not ack["ok"])
    assert len(of_type(result, "help.requested")) == 1
    assert [(e["rung"], e["by"]) for e in of_type(result, "step.said")] == [
        ("understanding", "button")
    ]


def test_an_unknown_call_has_a_close_code_of_its_own(server: str, wire: Wire) -> None:
    assert wire("events", f"ws://{server}", "nobody", "0")["close"] == 4404


def test_other_sites_pages_are_kept_out(server: str) -> None:
    base = f"http://{server}"
    assert httpx.get(base + "/healthz", headers={"Host": "evil.example"}).status_code == 403
    foreign = httpx.get(base + "/v1/calls", headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert httpx.get(base + "/v1/calls", headers={"Origin": base}).status_code == 200
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Origin": "https://evil.example",
    }
    assert httpx.get(base + "/v1/calls/x/events", headers=upgrade).status_code == 403


def test_health_says_what_is_in_force(server: str) -> None:
    health = httpx.get(f"http://{server}/healthz").json()
    assert health["status"] == "ok"
    assert health["asr_model"] == "de_demo"
    assert health["asr_for_humans"] is False
    assert health["policy"].startswith("standard")
    assert httpx.get(f"http://{server}/readyz").json() == {"status": "ready"}


def test_the_schema_is_served_and_pages_carry_a_content_security_policy(server: str) -> None:
    assert "/v1/calls" in httpx.get(f"http://{server}/openapi.json").json()["paths"]
    page = httpx.get(f"http://{server}/overlay")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]


def test_a_taken_port_is_said_with_the_fix(server: str, tmp_path: Path) -> None:
    port = server.rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "serve", "--port", port],
        cwd=ROOT,
        env={**os.environ, "CONTENANCE_STORE__PATH": str(tmp_path / "calls.sqlite3")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 7
    assert "in use" in done.stderr
    assert "--port" in done.stderr
