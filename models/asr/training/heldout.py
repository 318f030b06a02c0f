"""The held-out recordings that figures are measured on: unseen sentences in unseen voices.

``python -m models.asr.training.heldout FOLDER``: a process of its own, because espeak-ng carries
state from one sentence to the next, and the recordings should be the same every time.
"""

import itertools
import json
import sys
import wave
from pathlib import Path

import numpy as np

from models.asr.training import espeak
from models.asr.training.channel import Line, Samples
from models.asr.training.features import RATE_HZ
from models.asr.training.phones import Segment
from models.asr.training.synthesise import HELDOUT_VARIANTS, render, variant_voice
from models.asr.training.text import heldout_sentences

CONDITIONS = ("clean", "line", "angry")
RENDERINGS = 2  # of each sentence under each condition


def word_times(sentence: str, segments: list[Segment]) -> list[tuple[float, float] | None]:
    """(start, end) in seconds of each word; ``None`` where espeak merged it into another."""
    found: list[tuple[float, float] | None] = [None] * len(sentence.split())
    for (start, _, word), (end, _, _) in itertools.pairwise(segments):
        if word >= 0:
            span = found[word]
            begin = span[0] if span else start / RATE_HZ
            found[word] = (begin, end / RATE_HZ)
    return found


def _write(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())


def make(folder: Path, seed: int = 5) -> Path:
    """Write the recordings and ``index.json``; returns the index.

    ``clean``: everyday rate and pitch, no noise. ``line``: the same with echo, noise and codec.
    ``angry``: 200-260 words per minute, pitch 70-99, raised voice, over a line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.RandomState(seed)
    line, rows = Line(rng), []
    for number, sentence in enumerate(heldout_sentences()):
        for turn in range(RENDERINGS):
            variant = HELDOUT_VARIANTS[(number * RENDERINGS + turn) % len(HELDOUT_VARIANTS)]
            name = variant_voice(variant)
            calm = espeak.Voice(
                name, int(rng.randint(125, 211)), int(rng.randint(30, 75)), int(rng.randint(30, 80))
            )
            angry = espeak.Voice(
                name,
                int(rng.randint(200, 261)),
                int(rng.randint(70, 100)),
                int(rng.randint(40, 95)),
            )
            for condition in CONDITIONS:
                clip = render(sentence, angry if condition == "angry" else calm, rng)
                if clip is None:
                    raise RuntimeError("a held-out sentence cannot be spoken with our phones")
                hard = condition != "clean"
                samples = line.send(clip.samples, hard=hard, shout=condition == "angry")
                path = folder / f"{condition}_{number:03d}_{turn}.wav"
                _write(path, samples)
                rows.append(
                    {
                        "file": path.name,
                        "condition": condition,
                        "voice": name,
                        "text": sentence,
                        "words": word_times(sentence, clip.segments),
                    }
                )
    index = folder / "index.json"
    index.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    return index


if __name__ == "__main__":
    make(Path(sys.argv[1]))
