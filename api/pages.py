"""The pages: static files built by Vite, shipped with the package. No node at run time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

DIST = Path(__file__).parent / "web" / "dist"

router = APIRouter(include_in_schema=False)


@router.get("/")
def start_page() -> FileResponse:
    """The way to every page."""
    return FileResponse(DIST / "index.html", headers={"cache-control": "no-cache"})


@router.get("/overlay")
def overlay() -> FileResponse:
    """The agent's cue overlay."""
    return FileResponse(DIST / "overlay.html", headers={"cache-control": "no-cache"})


class _Assets(StaticFiles):
    """Files that never change: their names carry a hash of their content."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - as inherited
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def assets() -> StaticFiles:
    """Scripts and styles."""
    return _Assets(directory=DIST / "assets")
