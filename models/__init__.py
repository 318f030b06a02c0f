"""Numbers from audio and text: recognition, voice, words. No event loop, no sockets, no SQL."""
