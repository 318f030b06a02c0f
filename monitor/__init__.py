"""One call, end to end: audio and time in, events out, and the thin shell round it."""

__version__ = "0.1.0"
