"""The application: routes, sockets and pages over one hub of calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI
from fastapi.requests import Request
from fastapi.responses import JSONResponse

from api import pages
from api.guard import Guard
from api.routes import calls
from api.sockets import events, ingest
from models.errors import ContenanceError
from models.text.lexicon import SHIPPED
from models.text.load import load_text_model
from monitor import __version__
from monitor.analyzer import Parts
from monitor.hub import Hub
from monitor.settings import Settings
from monitor.store import Store, StoreError
from monitor.textwatch import TextWatch

log = logging.getLogger(__name__)

PURGE_EVERY_SECS = 3600.0
WATCH_EVERY_SECS = 2.0
AGENT_KEPT = timedelta(hours=24)
"""Who took a call is forgotten this long after it began."""


def create_app(settings: Settings, parts: Parts, store: Store) -> FastAPI:
    """An application over loaded parts and an open store, which it closes at shutdown."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.hub = hub = Hub(
            parts,
            store,
            max_calls=settings.server.max_calls,
            allow_demo_model=settings.asr.allow_demo_model,
        )
        keeping = [
            asyncio.create_task(_purge(store, settings.privacy.keep_days), name="purge"),
            asyncio.create_task(_watch_words(settings, hub), name="watch-words"),
        ]
        try:
            yield
        finally:
            for task in keeping:
                task.cancel()
            await hub.close()
            await store.close()

    app = FastAPI(
        title="Contenance",
        version=__version__,
        summary="Tone monitor for phone support: calls, events and cues.",
        lifespan=lifespan,
        docs_url=None,  # their scripts would come from a public CDN; the schema is at /openapi.json
        redoc_url=None,
    )
    app.include_router(calls.router)
    app.include_router(events.router)
    app.include_router(ingest.router)
    app.include_router(pages.router)
    app.mount("/assets", pages.assets(), name="assets")
    app.add_middleware(
        Guard,
        hosts=[*settings.server.allowed_hosts, settings.server.host],
        origins=settings.server.allowed_origins,
    )

    @app.exception_handler(StoreError)
    async def store_failed(_: Request, error: StoreError) -> JSONResponse:
        return JSONResponse({"error": error.message, "fix": error.fix}, status_code=503)

    return app


async def _watch_words(settings: Settings, hub: Hub) -> None:
    """Take up changes to the lexicon. With a mistake in them, what was in force stays."""
    folder = settings.text.lexicon or SHIPPED
    watch = TextWatch(folder, lambda: load_text_model(settings.text.model, folder))
    while True:
        await asyncio.sleep(WATCH_EVERY_SECS)
        try:
            changed = await asyncio.to_thread(watch.changed)
        except ContenanceError as error:
            log.error("lexicon not taken up: %s (%s)", error.message, error.fix)  # noqa: TRY400
            continue
        if changed is not None:
            hub.use_text(changed)
            log.info("lexicon changed: calls from now on use %s", changed.name)


async def _purge(store: Store, keep_days: int) -> None:
    """Keep nothing longer than agreed: at start, then every hour."""
    while True:
        now = datetime.now(UTC)
        try:
            await store.purge(
                calls_before=now - timedelta(days=keep_days), agents_before=now - AGENT_KEPT
            )
        except StoreError as error:
            log.error("old calls could not be deleted: %s", error)  # noqa: TRY400 - no traceback
        await asyncio.sleep(PURGE_EVERY_SECS)
