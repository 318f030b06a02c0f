"""Websockets: audio in, events out."""
