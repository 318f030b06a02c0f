"""Audio of a call in, over a websocket of our own: `WS /v1/ingest/stream`.

1. The source sends `{"type":"start","rate_hz":8000,"encoding":"pcm_s16le","channels":["customer",
   "agent"],"source":"phone","consent":{"voice":true,"recording":false}}`, the server answers
   `{"type":"started","call":ID}`.
2. Binary messages carry interleaved audio of any length. `{"type":"consent","consent":{…}}` may
   come at any time. A source that sends faster than the server works is slowed down by TCP.
3. `{"type":"stop"}` ends the call; the server answers `{"type":"ended","call":ID}` when everything
   is analysed and stored, and closes with 1000.

What goes wrong is told as `{"type":"error","message":…,"fix":…}` before the close: 1003 not
understood, 1008 refused, 1011 failed here, 1013 the site is full. A source that just vanishes
leaves a call of which everything received is analysed and stored, with reason `source_lost`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, TypeVar

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ValidationError
from starlette.websockets import WebSocketState

from api.deps import hub_of
from api.schemas import IngestControl, IngestStart
from models.errors import ContenanceError, ModelError, PoolExhausted
from monitor.analyzer import CallInfo
from monitor.framing import FrameDecoder
from monitor.hub import Hub, new_call_id
from monitor.session import CallFailed, CallSession

log = logging.getLogger(__name__)
router = APIRouter()
Message = TypeVar("Message", bound=BaseModel)

NOT_UNDERSTOOD, REFUSED, FAILED, FULL = 1003, 1008, 1011, 1013
SERVER_STOPS = 1012
SILENT_SOURCE_SECS = 30.0
"""A source that sends nothing at all for so long is taken for dead."""
EXAMPLE = '{"type":"start","rate_hz":8000,"channels":["customer","agent"]}'


class _Problem(Exception):  # noqa: N818 - becomes an error message to the source
    def __init__(self, code: int, message: str, fix: str) -> None:
        super().__init__(message)
        self.code, self.message, self.fix = code, message, fix


@router.websocket("/v1/ingest/stream")
async def ingest(socket: WebSocket) -> None:
    """See the module."""
    hub = hub_of(socket)
    await socket.accept()
    session: CallSession | None = None
    try:
        start = await _first_message(socket)
        decoder = FrameDecoder(
            rate_hz=start.rate_hz,
            encoding=start.encoding,
            channels=len(start.channels),
            out_rate_hz=hub.parts.asr.info.rate_hz,
        )
        session = await _open(hub, start)
        await _tell(socket, {"type": "started", "call": session.call})
        await _receive(socket, session, decoder)
        await hub.end(session, "hangup")
        session.check()
        await _tell(socket, {"type": "ended", "call": session.call})
        await socket.close()
    except WebSocketDisconnect as gone:
        if session and gone.code == SERVER_STOPS:
            await hub.end(session, "server_stopped")
        elif session:
            await hub.end(session, "source_lost", interrupted=True)
    except CallFailed as error:
        await _refuse(socket, hub, session, _Problem(FAILED, error.message, error.fix))
    except _Problem as problem:
        await _refuse(socket, hub, session, problem)
    except PoolExhausted as error:
        await _refuse(socket, hub, session, _Problem(FULL, error.message, error.fix))
    except ContenanceError as error:
        await _refuse(socket, hub, session, _Problem(REFUSED, error.message, error.fix))
    finally:
        # Cancelled at shutdown, or failed: still nothing is lost.
        if session and hub.get(session.call):
            await asyncio.shield(hub.end(session, "source_lost", interrupted=True))


async def _first_message(socket: WebSocket) -> IngestStart:
    try:
        message = await asyncio.wait_for(socket.receive(), SILENT_SOURCE_SECS)
    except TimeoutError as error:
        raise _Problem(REFUSED, "no start message came", f"send {EXAMPLE} first") from error
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    if message.get("text") is None:
        raise _Problem(
            NOT_UNDERSTOOD, "audio came before the start message", f"send {EXAMPLE} first"
        )
    return _parse(IngestStart, message["text"])


async def _open(hub: Hub, start: IngestStart) -> CallSession:
    asr = hub.parts.asr.info
    if start.source in {"phone", "mic"} and not asr.for_humans and not hub.allow_demo_model:
        raise ModelError(
            f"the speech model {asr.name} understands synthetic speech only, no people",
            "contenance models fetch vosk-model-small-de-0.15, then start the server with "
            "--asr-model vosk-model-small-de-0.15 (or --allow-demo-model to try anyway)",
        )
    info = CallInfo(
        call=start.call or new_call_id(),
        source=start.source,
        layout=tuple(start.channels),
        team=start.team,
        queue=start.queue,
        agent_ref=start.agent_ref,
        policy=start.policy,
        voice_consent=start.consent.voice,
        recording_consent=start.consent.recording,
    )
    return await hub.open(info)


async def _receive(socket: WebSocket, session: CallSession, decoder: FrameDecoder) -> None:
    while True:
        try:
            message = await asyncio.wait_for(socket.receive(), SILENT_SOURCE_SECS)
        except TimeoutError as error:
            fix = "send audio all the time, silence too, or stop the call"
            raise _Problem(REFUSED, f"nothing came for {SILENT_SOURCE_SECS:.0f} s", fix) from error
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006))
        if (data := message.get("bytes")) is not None:
            if len(samples := decoder.push(data)):
                await session.push(samples)
            continue
        control = _parse(IngestControl, message["text"])
        if control.type == "stop":
            if len(samples := decoder.flush()):
                await session.push(samples)
            return
        if control.consent is None:
            raise _Problem(
                NOT_UNDERSTOOD,
                "a consent message without consent",
                "add consent: {voice, recording}",
            )
        await session.consent(
            recording=control.consent.recording, voice=control.consent.voice, by="source"
        )


def _parse(kind: type[Message], text: str) -> Message:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise _Problem(
            NOT_UNDERSTOOD, f"{where or 'message'}: {first['msg']}", f"for example {EXAMPLE}"
        ) from error


async def _refuse(
    socket: WebSocket, hub: Hub, session: CallSession | None, problem: _Problem
) -> None:
    if session:
        await hub.end(session, "source_lost", interrupted=True)
    log.warning("audio source refused: %s", problem.message)
    if socket.client_state is WebSocketState.CONNECTED:
        await _tell(socket, {"type": "error", "message": problem.message, "fix": problem.fix})
        await socket.close(problem.code, problem.message[:100])


async def _tell(socket: WebSocket, message: dict[str, Any]) -> None:
    await socket.send_text(json.dumps(message))
