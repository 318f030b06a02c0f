"""The pages: static files built by Vite, shipped with the package. No node at run time."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
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


def assets() -> StaticFiles:
    """Scripts and styles; their names carry a hash of their content."""
    return StaticFiles(directory=DIST / "assets")
