"""Calls, their events, phrases, health."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Response

from api.deps import hub_of
from api.schemas import CallList, CallSummary, Health
from monitor import __version__
from monitor.hub import Hub
from monitor.phrases import LANGUAGES, PhraseBook

router = APIRouter()
TheHub = Annotated[Hub, Depends(hub_of)]


@router.get("/v1/calls", tags=["calls"])
async def calls(hub: TheHub, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> CallList:
    """The newest calls first."""
    return CallList(calls=[CallSummary.of(row) for row in await hub.store.calls(limit)])


@router.get("/v1/calls/{call}", tags=["calls"])
async def one_call(hub: TheHub, call: str) -> CallSummary:
    """One call."""
    row = await hub.store.call(call)
    if row is None:
        raise HTTPException(404, "no such call")
    return CallSummary.of(row)


@router.get("/v1/calls/{call}/events", tags=["calls"])
async def events(
    hub: TheHub, call: str, after_seq: Annotated[int, Query(ge=0)] = 0
) -> dict[str, Any]:
    """The stored events of a call after `after_seq`, in order."""
    if await hub.store.call(call) is None:
        raise HTTPException(404, "no such call")
    stored = await hub.store.read(call, after_seq)
    return {"events": [event.model_dump(mode="json") for event in stored]}


@router.get("/v1/phrases", tags=["screens"])
def phrases(hub: TheHub, lang: Annotated[str | None, Query()] = None) -> dict[str, Any]:
    """Headings and sentences of every cue, by phrase id; without `lang` as this site is set."""
    if lang is None:
        return hub.parts.phrases.to_json()
    if lang not in LANGUAGES:
        raise HTTPException(404, f"no phrases in {lang!r}; there are: {', '.join(LANGUAGES)}")
    return PhraseBook.load(lang).to_json()


@router.get("/healthz", tags=["operation"])
async def healthz(hub: TheHub) -> Health:
    """The server runs. Says which models and policy are in force."""
    asr = hub.parts.asr.info
    return Health(
        status="ok",
        version=__version__,
        live_calls=hub.live,
        max_calls=hub.max_calls,
        asr_model=asr.name,
        asr_for_humans=asr.for_humans,
        text_model=hub.parts.text.name,
        policy=hub.parts.policies.default.version,
        language=asr.language,
    )


@router.get("/readyz", tags=["operation"])
async def readyz(hub: TheHub, response: Response) -> dict[str, str]:
    """200 when another call would be taken, 503 when the site is full."""
    if hub.live >= hub.max_calls:
        response.status_code = 503
        return {"status": "full"}
    return {"status": "ready"}
