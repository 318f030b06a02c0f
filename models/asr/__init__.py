"""Streaming speech recognition: the protocol, voice activity, the Vosk engine, the models."""
