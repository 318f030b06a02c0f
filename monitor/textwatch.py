"""Notices that the lexicon's files have changed, and loads the text model anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from models.text.score import TextModel


class TextWatch:
    """Looks after one lexicon folder. Not thread-safe; loading may take a second."""

    def __init__(self, folder: Path, load: Callable[[], TextModel]) -> None:
        """`load`: makes the text model from the files as they are now."""
        self._folder = folder
        self._load = load
        self._seen = self._stamp()

    def changed(self) -> TextModel | None:
        """The new model if a file was changed, added or removed since the last look.

        Raises `ConfigError` if the files are wrong now: once, until they are changed again.
        """
        stamp = self._stamp()
        if stamp == self._seen:
            return None
        self._seen = stamp
        return self._load()

    def _stamp(self) -> tuple[tuple[str, int, int], ...]:
        stats = ((path.name, path.stat()) for path in sorted(self._folder.glob("*.yaml")))
        return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
