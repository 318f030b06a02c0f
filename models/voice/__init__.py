"""Agitation from the customer's voice: pitch, loudness and tempo against the caller's own start.

There is no code path for the agent's voice, by law and by design (docs/privacy.md).
"""
