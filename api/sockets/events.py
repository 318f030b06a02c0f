"""The events of one call to a screen, and the screen's commands back.

`WS /v1/calls/{call}/events?after_seq=N` sends the stored events after N, then live ones, one JSON
text message each. A command is answered by `{"type":"ack","id":…,"ok":…}`.
Close codes: 1000 the call is over and everything was sent; 4404 no such call; 4409 the screen was
too slow (reconnect with the last seq, nothing is lost).
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from api.deps import hub_of
from monitor.bus import Subscription, TooSlow
from monitor.conversation import CommandRefused
from monitor.events import Command
from monitor.session import CallSession

router = APIRouter()

NO_SUCH_CALL = 4404
TOO_SLOW = 4409


@router.websocket("/v1/calls/{call}/events")
async def call_events(
    socket: WebSocket, call: str, after_seq: Annotated[int, Query(ge=0)] = 0
) -> None:
    """See the module."""
    hub = hub_of(socket)
    await socket.accept()
    with suppress(WebSocketDisconnect):
        session = hub.get(call)
        if session is None:
            if await hub.store.call(call) is None:
                await socket.close(NO_SUCH_CALL, "no such call")
                return
            await _send_stored(socket, call, after_seq)
            await socket.close()
            return
        with (
            session.bus.subscribe() as events
        ):  # before the store is read, so that nothing is missed
            commands = asyncio.create_task(_take_commands(socket, session), name=f"commands-{call}")
            try:
                await _send_all(socket, call, after_seq, events)
            except TooSlow:
                await socket.close(TOO_SLOW, "too slow; resume with the last seq")
            finally:
                commands.cancel()
                with suppress(asyncio.CancelledError, WebSocketDisconnect):
                    await commands


async def _send_all(socket: WebSocket, call: str, after_seq: int, events: Subscription) -> None:
    last = await _send_stored(socket, call, after_seq)
    async for event in events:
        if event.seq is None or event.seq > last:
            await socket.send_text(event.to_wire())
    await socket.close()


async def _send_stored(socket: WebSocket, call: str, after_seq: int) -> int:
    last = after_seq
    for event in await hub_of(socket).store.read(call, after_seq):
        await socket.send_text(event.to_wire())
        last = event.seq or last
    return last


async def _take_commands(socket: WebSocket, session: CallSession) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        ack: dict[str, Any] = {"type": "ack", "id": None, "ok": True}
        try:
            command = Command.model_validate_json(message.get("text") or message["bytes"])
            ack["id"] = command.id
            await session.command(command)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            ack |= {
                "ok": False,
                "error": f"no valid command: {'.'.join(map(str, first['loc']))}: {first['msg']}",
            }
        except CommandRefused as error:
            ack |= {"ok": False, "error": error.message}
        await socket.send_text(json.dumps(ack))
