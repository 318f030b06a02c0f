"""What routes and sockets share."""

from __future__ import annotations

from fastapi.requests import HTTPConnection

from monitor.hub import Hub


def hub_of(connection: HTTPConnection) -> Hub:
    """The hub of the running application."""
    hub = connection.app.state.hub
    assert isinstance(hub, Hub)
    return hub
