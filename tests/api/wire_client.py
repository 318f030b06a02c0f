"""A screen and a phone system for tests: a process of its own that shares no code with the project.

wire_client.py call URL FILE.wav START_JSON [--stop-after SECS] [--vanish] [--controls JSON]
    streams a 16-bit WAV unpaced, listens on the event websocket, prints one JSON object:
    {"call", "answers": [...], "events": [...], "close": code, "reason": text}
wire_client.py raw URL MESSAGE ...
    sends messages (text; "hex:…" or "zeros:COUNT" for binary) to the ingest websocket,
    prints answers and close
wire_client.py events URL CALL AFTER_SEQ [--take N] [--commands JSON]
    listens to a call; prints events, acks and the close code
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import wave
from contextlib import suppress

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

OPTIONS = {"proxy": None, "max_size": 1 << 24}


async def drain(socket: ClientConnection, into: list[dict]) -> None:
    with suppress(ConnectionClosed):
        async for message in socket:
            into.append(json.loads(message))


def decoded(message: str) -> str | bytes:
    kind, _, rest = message.partition(":")
    if kind == "hex":
        return bytes.fromhex(rest)
    return bytes(int(rest)) if kind == "zeros" else message


def closed(socket: ClientConnection) -> dict:
    return {"close": socket.close_code, "reason": socket.close_reason}


async def call(args: argparse.Namespace) -> dict:
    with wave.open(args.file) as wav:
        rate, channels = wav.getframerate(), wav.getnchannels()
        data = wav.readframes(wav.getnframes())
    answers: list[dict] = []
    events: list[dict] = []
    async with connect(f"{args.url}/v1/ingest/stream", **OPTIONS) as source:
        await source.send(args.start)
        started = json.loads(await source.recv())
        if started["type"] != "started":
            await source.wait_closed()
            return {"answers": [started], **closed(source)}
        async with connect(f"{args.url}/v1/calls/{started['call']}/events", **OPTIONS) as screen:
            for command in json.loads(args.commands):
                await screen.send(command if isinstance(command, str) else json.dumps(command))
                while not events or events[-1]["type"] != "ack":
                    events.append(json.loads(await screen.recv()))
                events.append({"type": "(next command)", "seq": None})
            listening = asyncio.create_task(drain(screen, events))
            answering = asyncio.create_task(drain(source, answers))
            step = rate // 10 * channels * 2
            end = (
                len(data) if args.stop_after is None else int(args.stop_after * rate) * channels * 2
            )
            with suppress(ConnectionClosed):
                for at in range(0, end, step):
                    await source.send(data[at : min(at + step, end)])
                for control in json.loads(args.controls):
                    await source.send(json.dumps(control))
            if args.vanish:
                source.transport.abort()  # no closing handshake: the process died
            else:
                with suppress(ConnectionClosed):
                    await source.send('{"type":"stop"}')
            await answering
            await listening
            return {
                "call": started["call"],
                "answers": [started, *answers],
                "events": events,
                **closed(source),
            }


async def raw(args: argparse.Namespace) -> dict:
    answers: list[dict] = []
    async with connect(f"{args.url}/v1/ingest/stream", **OPTIONS) as source:
        with suppress(ConnectionClosed):
            for message in args.messages:
                await source.send(decoded(message))
        await drain(source, answers)
        return {"answers": answers, **closed(source)}


async def hold(args: argparse.Namespace) -> dict:
    async with connect(f"{args.url}/v1/ingest/stream", **OPTIONS) as source:
        await source.send(args.start)
        print(await source.recv(), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await source.send('{"type":"stop"}')
        return {"answers": [json.loads(await source.recv())]}


async def events(args: argparse.Namespace) -> dict:
    got: list[dict] = []
    async with connect(
        f"{args.url}/v1/calls/{args.call}/events?after_seq={args.after}", **OPTIONS
    ) as screen:
        with suppress(ConnectionClosed):
            async for message in screen:
                got.append(json.loads(message))
                if args.take is not None and len(got) >= args.take:
                    break
        await screen.close()
        return {"events": got, **closed(screen)}


parser = argparse.ArgumentParser()
commands = parser.add_subparsers(required=True)
one = commands.add_parser("call")
one.add_argument("url")
one.add_argument("file")
one.add_argument("start")
one.add_argument("--stop-after", type=float)
one.add_argument("--vanish", action="store_true")
one.add_argument("--controls", default="[]")
one.add_argument("--commands", default="[]")
one.set_defaults(run=call)
four = commands.add_parser("hold")
four.add_argument("url")
four.add_argument("start")
four.set_defaults(run=hold)
two = commands.add_parser("raw")
two.add_argument("url")
two.add_argument("messages", nargs="*")
two.set_defaults(run=raw)
three = commands.add_parser("events")
three.add_argument("url")
three.add_argument("call")
three.add_argument("after", type=int)
three.add_argument("--take", type=int)
three.set_defaults(run=events)
arguments = parser.parse_args()
print(json.dumps(asyncio.run(arguments.run(arguments))))
