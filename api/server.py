"""The application on uvicorn, on a socket that we bind ourselves to say clearly what is wrong."""

from __future__ import annotations

import errno
import socket

import uvicorn

from api.app import create_app
from models.errors import ContenanceError
from monitor.settings import Settings
from monitor.store.sqlite import SqliteStore
from monitor.wiring import build_parts

MAX_MESSAGE_BYTES = 1 << 20
"""Longest websocket message taken: half a minute of telephone audio, or any command."""


class PortError(ContenanceError):
    """The address cannot be bound."""

    exit_code = 7


def bind(settings: Settings) -> socket.socket:
    """Listen on the configured address. Raises `PortError` if that cannot be."""
    host, port = settings.server.host, settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)  # who connects before the server runs waits instead of being refused
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        raise PortError(
            f"port {port} on {host} is in use"
            if taken
            else f"cannot serve on {host}:{port}: {error.strerror}",
            "stop the other program or choose another port: --port N or CONTENANCE_SERVER__PORT=N",
        ) from error
    return listener


def make_server(settings: Settings) -> uvicorn.Server:
    """A uvicorn server as it suits us: sans-io websockets, no compression, our log settings.

    Loads the models and opens the store first, so that what is wrong is told before anything
    is served. Raises `ModelError`, `ConfigError`, `StoreError`.
    """
    parts = build_parts(settings)
    config = uvicorn.Config(
        create_app(settings, parts, SqliteStore(settings.store.path)),
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=MAX_MESSAGE_BYTES,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    return uvicorn.Server(config)


def address_of(listener: socket.socket) -> str:
    """host:port as it stands in a URL."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
