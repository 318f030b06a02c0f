"""A server for the browser tests: the real pages and headers, calls played from recordings.

It speaks the wire of docs/architecture.md (`/v1/calls`, `/v1/phrases`, the event socket), but time
only passes when a test says so: `/control/…` plays a call up to a given line, adds events, drops
connections, and refuses or repeats things as a bad network would. Run as a process of its own
(Playwright keeps an event loop in the test's process); prints its port.
"""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from api import pages
from api.guard import Guard
from monitor.events import VERSION
from monitor.phrases import PhraseBook

RECORDINGS = Path(__file__).parent / "recordings"


@dataclass
class Call:
    """A recorded call of which the first `shown` lines have happened."""

    lines: list[dict[str, Any]]
    started_at: str
    shown: int = 0
    over: bool = False
    sockets: dict[WebSocket, asyncio.Queue[dict[str, Any] | int]] = field(default_factory=dict)

    @property
    def past(self) -> list[dict[str, Any]]:
        return self.lines[: self.shown]

    def publish(self, message: dict[str, Any] | int) -> None:
        for queue in self.sockets.values():
            queue.put_nowait(message)


@dataclass
class World:
    """What the tests have set up."""

    calls: dict[str, Call] = field(default_factory=dict)
    commands: list[dict[str, Any]] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)
    refusing: bool = False
    repeat: int = 0
    holding_acks: bool = False
    held: list[tuple[WebSocket, dict[str, Any]]] = field(default_factory=list)
    refuse_commands: bool = False
    command_came: asyncio.Event = field(default_factory=asyncio.Event)


app = FastAPI()
app.include_router(pages.router)
app.mount("/assets", pages.assets())
app.add_middleware(Guard, hosts=["127.0.0.1"], origins=[])
world = World()


def summary(call: str, played: Call) -> dict[str, Any]:
    stages = [line["to"] for line in played.past if line["type"] == "stage.changed"]
    return {
        "call": call,
        "state": "ended" if played.over else "live",
        "started_at": played.started_at,
        "stage": stages[-1] if stages else "calm",
        "source": played.lines[0]["source"],
        "duration_secs": played.past[-1]["t_secs"] if played.past else 0.0,
        "last_seq": max((line["seq"] or 0 for line in played.past), default=0),
    }


@app.get("/v1/calls")
async def calls() -> dict[str, Any]:
    return {"calls": [summary(call, played) for call, played in world.calls.items()]}


@app.get("/v1/phrases")
async def phrases(lang: str = "de") -> dict[str, Any]:
    return PhraseBook.load(lang).to_json()


@app.websocket("/v1/calls/{call}/events")
async def events(ws: WebSocket, call: str, after_seq: int = 0) -> None:
    if world.refusing:
        await ws.close()
        return
    await ws.accept()
    world.connections.append(after_seq)
    played = world.calls.get(call)
    if played is None:
        await ws.close(4404)
        return
    queue: asyncio.Queue[dict[str, Any] | int] = asyncio.Queue()
    for line in played.past:
        if line["seq"] is not None and line["seq"] > after_seq - world.repeat:
            queue.put_nowait(line)
    if played.over:
        queue.put_nowait(1000)
    played.sockets[ws] = queue
    commands = asyncio.create_task(take_commands(ws, queue))
    try:
        while not isinstance(message := await queue.get(), int):
            await ws.send_text(json.dumps(message))
        await ws.close(message)
    except (WebSocketDisconnect, RuntimeError):
        pass  # the page has gone
    finally:
        commands.cancel()
        played.sockets.pop(ws, None)


async def take_commands(ws: WebSocket, queue: asyncio.Queue[dict[str, Any] | int]) -> None:
    try:
        while True:
            command = json.loads(await ws.receive_text())
            world.commands.append(command)
            world.command_came.set()
            ack = {"type": "ack", "id": command["id"], "ok": not world.refuse_commands}
            if world.holding_acks:
                world.held.append((ws, ack))
            else:
                await ws.send_text(json.dumps(ack))
    except WebSocketDisconnect:
        queue.put_nowait(1000)


@app.post("/control/reset")
async def reset() -> None:
    global world  # noqa: PLW0603
    for played in world.calls.values():
        played.publish(1000)
    world = World()


@app.post("/control/load")
async def load(body: dict[str, Any]) -> None:
    text = (RECORDINGS / f"{body['recording']}.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        line["call"] = body["call"]
    world.calls[body["call"]] = Call(lines, body["started_at"])


@app.post("/control/play")
async def play(body: dict[str, Any]) -> None:
    played = world.calls[body["call"]]
    for line in played.lines[played.shown : body["until"]]:
        played.shown += 1
        played.publish(line)
        if line["type"] == "call.ended":
            played.over = True
            played.publish(1000)


@app.post("/control/add")
async def add(body: dict[str, Any]) -> None:
    """Add an event to a call; what the recording still holds comes after it no more."""
    played = world.calls[body["call"]]
    played.lines = played.past
    last = max((line["seq"] or 0 for line in played.lines), default=0)
    t_secs = played.lines[-1]["t_secs"] if played.lines else 0.0
    event = {"v": VERSION, "call": body["call"], "t_secs": t_secs, "seq": last + 1, **body["event"]}
    played.lines.append(event)
    played.shown += 1
    played.publish(event)


@app.post("/control/drop")
async def drop(body: dict[str, Any]) -> None:
    """Close every event socket of a call with this code."""
    world.calls[body["call"]].publish(body["code"])


@app.post("/control/set")
async def set_behaviour(body: dict[str, Any]) -> None:
    for name, value in body.items():
        setattr(world, name, value)
    if not world.holding_acks:
        held, world.held = world.held, []
        for ws, ack in held:
            await ws.send_text(json.dumps(ack))


@app.get("/control/commands")
async def commands(count: int) -> list[dict[str, Any]]:
    """The commands so far, as soon as there are `count`."""
    while len(world.commands) < count:
        world.command_came.clear()
        await world.command_came.wait()
    return world.commands


@app.get("/control/connections")
async def connections() -> list[int]:
    return world.connections


def main() -> None:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    print(sock.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2)).run(
        sockets=[sock]
    )


if __name__ == "__main__":
    main()
