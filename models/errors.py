"""Errors that people meet. Each says what is wrong and what to do about it."""

from __future__ import annotations


class ContenanceError(Exception):
    """Base of all expected errors: a message, and the remedy that mends it.

    Never put transcript text into either: both end up in logs.
    """

    exit_code = 1

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}\n  fix: {self.fix}" if self.fix else self.message


class ModelError(ContenanceError):
    """A model is missing, damaged or not fit for what was asked."""

    exit_code = 3


class PoolExhausted(ContenanceError):  # noqa: N818 - a condition, not a failure of the program
    """Every recogniser is in use: the new call is refused in time instead of slowing all others."""

    exit_code = 4


class AudioError(ContenanceError):
    """Audio that cannot be used: wrong rate, not audio at all, no samples, device lost."""

    exit_code = 5


class ConfigError(ContenanceError):
    """A settings, policy, phrase or lexicon file is wrong: file, line, what, the nearest fix."""

    exit_code = 2
