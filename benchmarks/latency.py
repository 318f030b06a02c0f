"""Word end → tone event on the websocket, in audio time, on a real server with paced audio.

The word ends are known from the synthesis. A source (in this process) sends each block when it
has been spoken; a screen receives the events. Latency is the call's clock at the moment the
event arrives, less the end of the last word that carries the label.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.server import running_server
from benchmarks.synthesis.render import Word, render
from benchmarks.synthesis.scripts import Call, load_calls

CALLS = ("full_ladder", "severe_insult", "side_cues", "apology_midway")
BLOCK_SECS = 0.1


def measure(seed: int) -> dict[str, Any]:
    """p50 and p95 over all labelled stretches of words of the calls, streamed at the same time."""
    lags = asyncio.run(_run(seed))
    return {
        "n": len(lags),
        "p50_secs": round(float(np.percentile(lags, 50)), 3),
        "p95_secs": round(float(np.percentile(lags, 95)), 3),
        "max_secs": round(max(lags), 3),
        "calls": list(CALLS),
    }


async def _run(seed: int) -> list[float]:
    scripts = load_calls()
    with tempfile.TemporaryDirectory() as folder:
        async with running_server(Path(folder)) as address, asyncio.TaskGroup() as group:
            tasks = [group.create_task(_one(address, scripts[name], seed)) for name in CALLS]
    return [lag for task in tasks for lag in task.result()]


async def _one(address: str, call: Call, seed: int) -> list[float]:
    samples, truth = render(call, seed)
    pcm = np.round(samples * 32767).astype("<i2")
    loop = asyncio.get_running_loop()
    async with connect(f"ws://{address}/v1/ingest/stream", proxy=None) as source:
        start = {"type": "start", "rate_hz": 8000, "channels": ["customer", "agent"],
                 "source": "file", "consent": {"voice": True}}  # fmt: skip
        await source.send(json.dumps(start))
        name = json.loads(await source.recv())["call"]
        async with connect(f"ws://{address}/v1/calls/{name}/events", proxy=None) as screen:
            began = loop.time()
            listening = asyncio.create_task(_listen(screen, truth, began))
            block = round(BLOCK_SECS * 8000)
            for at in range(0, len(pcm), block):
                piece = pcm[at : at + block]
                await asyncio.sleep(max(0.0, began + (at + len(piece)) / 8000 - loop.time()))
                await source.send(piece.tobytes())
            await source.send('{"type":"stop"}')
            return await listening


async def _listen(screen: ClientConnection, truth: list[Word], began: float) -> list[float]:
    """Latency of the first tone of each utterance and label."""
    loop = asyncio.get_running_loop()
    seen: set[tuple[int, str]] = set()
    channel: dict[int, str] = {}
    lags = []
    async for message in screen:
        now = loop.time() - began
        event = json.loads(message)
        if event["type"] in {"speech.partial", "speech.final"}:
            channel[event["utterance"]] = event["channel"]
        if event["type"] not in {"tone", "tone.final"}:
            continue
        if channel.get(event["utterance"]) != "customer":
            continue
        for item in event["evidence"]:
            key = (event["utterance"], item["label"])
            if key in seen or not item["text"]:
                continue
            seen.add(key)
            last = item["text"].split()[-1]
            ends = [
                word.end_secs
                for word in truth
                if word.channel == "customer" and word.text == last and word.end_secs < now
            ]
            if ends:  # a word that was misheard has no true end
                lags.append(now - max(ends))
    return lags
