"""Tries a Vosk model in a process of its own, because a damaged one hangs or aborts.

Run as a script: `python -P vosk_probe.py FOLDER RATE_HZ`. It loads the model, makes a recogniser
and lets it hear a second of noise. Exit status 0: the model works. Kaldi's messages go to stderr.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from vosk import KaldiRecognizer, Model, SetLogLevel


def main() -> None:
    """Load, listen, finish."""
    folder, rate_hz = sys.argv[1], int(sys.argv[2])
    SetLogLevel(-1)
    recogniser = KaldiRecognizer(Model(folder), rate_hz)
    recogniser.SetWords(True)
    noise = np.random.default_rng(0).normal(0.0, 1000.0, rate_hz).astype("<i2")
    for block in np.array_split(noise, 5):
        recogniser.AcceptWaveform(block.tobytes())
        json.loads(recogniser.PartialResult())
    json.loads(recogniser.FinalResult())


if __name__ == "__main__":
    main()
