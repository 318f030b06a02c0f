"""Sentences -> telephone speech with exact phone times -> shards of features and labels."""

import random
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

from models.asr.training import espeak
from models.asr.training.channel import Line, Samples
from models.asr.training.features import RATE_HZ, mfcc
from models.asr.training.phones import Segment, phone_index, tidy
from models.asr.training.text import Corpus

# Never trained on: the voices of the held-out figures.
HELDOUT_VARIANTS = ("m5", "f3", "klatt3", "Michael", "linda", "robert", "Alicia", "max")
TRAINING_VARIANTS: tuple[str, ...] = (
    "m1",
    "m2",
    "m3",
    "m4",
    "m6",
    "m7",
    "m8",
    "f1",
    "f2",
    "f4",
    "f5",
    "klatt",
    "klatt2",
    "klatt4",
    "klatt5",
    "klatt6",
    "Alex",
    "Andrea",
    "Andy",
    "Annie",
    "Denis",
    "Diogo",
    "Gene",
    "Gene2",
    "Hugo",
    "Jacky",
    "Lee",
    "Marco",
    "Mario",
    "Mike",
    "adam",
    "anika",
    "antonio",
    "belinda",
    "benjamin",
    "boris",
    "caleb",
    "david",
    "ed",
    "edward",
    "edward2",
    "gustave",
    "iven",
    "iven2",
    "iven3",
    "john",
    "marcelo",
    "michel",
    "miguel",
    "norbert",
    "pablo",
    "paul",
    "pedro",
    "quincy",
    "rob",
    "sandro",
    "shelby",
    "steph",
    "steph2",
    "steph3",
    "travis",
    "victor",
    "zac",
)
PLAIN_SHARE = 0.06  # espeak's plain German voice, without a variant
SHARD_SENTENCES = 500


@dataclass(frozen=True)
class Clip:
    """Clean speech at 8 kHz (int16 range) with tidy segments; ``None`` when not usable."""

    samples: Samples
    segments: list[Segment]


def variant_voice(variant: str) -> str:
    """Name of espeak's German voice with ``variant`` ("" for none)."""
    return f"de+{variant}" if variant else "de"


def render(
    sentence: str,
    voice: espeak.Voice,
    rng: np.random.RandomState,
    *,
    speed: float = 1.0,
    punctuation: str = "",
    commas: float = 0.0,
) -> Clip | None:
    """Speak ``sentence`` (lower-case words) and cut it to 8 kHz with silence before and after.

    ``speed`` > 1 plays faster and higher (a longer or shorter vocal tract). ``punctuation`` ends
    the sentence for espeak, ``commas`` is the chance of a comma after a word: both change the
    melody, not the words. Returns ``None`` for an empty or untypable result.
    """
    words = sentence.split()
    text, word_at = "", {}
    for index, word in enumerate(words):
        for offset in range(len(word)):
            word_at[len(text) + offset] = index
        comma = "," if index < len(words) - 1 and rng.rand() < commas else ""
        text += word + comma + (" " if index < len(words) - 1 else punctuation)
    speech = espeak.speak(text, voice)
    if len(speech.samples) < 2000:
        return None
    ratio = Fraction(RATE_HZ / (speech.rate_hz * speed)).limit_denominator(400)
    samples = resample_poly(speech.samples.astype(np.float64), ratio.numerator, ratio.denominator)
    lead, trail = rng.randint(400, 4800), rng.randint(800, 5600)
    samples = np.concatenate([np.zeros(lead), samples, np.zeros(trail)])
    scale = float(ratio)
    segments: list[Segment] = [(0, "_", -1)]
    for phoneme in speech.phonemes:
        start = int(phoneme.start * scale + lead)
        segments.append((start, phoneme.name, word_at.get(phoneme.character, -1)))
    tidied = tidy(segments)
    return None if tidied is None else Clip(samples, tidied)


def random_voice(rng: np.random.RandomState, *, angry: bool) -> espeak.Voice:
    """One of the training voices, speaking calmly to briskly, or angrily (fast, high, lively)."""
    variant = TRAINING_VARIANTS[rng.randint(len(TRAINING_VARIANTS))]
    if rng.rand() < PLAIN_SHARE:
        variant = ""
    if angry:
        rate, pitch, span = rng.randint(185, 261), rng.randint(55, 100), rng.randint(30, 100)
    else:
        rate, pitch, span = rng.randint(110, 220), rng.randint(0, 90), rng.randint(10, 100)
    gap = int(rng.choice([0, 0, 0, 0, 1, 2]))
    return espeak.Voice(variant_voice(variant), int(rate), int(pitch), int(span), gap)


def frame_labels(segments: list[Segment], frames: int) -> npt.NDArray[np.int8]:
    """Phone index of each 10 ms frame, read at the frame's centre (12.5 ms after its start)."""
    starts = np.array([start / 80 for start, _, _ in segments])
    phones = np.array([phone_index(phone) for _, phone, _ in segments])
    at = np.searchsorted(starts, np.arange(frames) + 1.25, side="right") - 1
    return phones[np.maximum(at, 0)].astype(np.int8)


def pronunciations(sentence: str, segments: list[Segment]) -> list[tuple[str, tuple[str, ...]]]:
    """(word, phones) for each word of the sentence that espeak gave phones of its own."""
    phones: dict[int, list[str]] = {}
    for _, phone, word in segments:
        if word >= 0 and phone != "SIL":
            phones.setdefault(word, []).append(phone)
    return [(word, tuple(phones[i])) for i, word in enumerate(sentence.split()) if i in phones]


def training_clip(sentence: str, line: Line) -> tuple[Samples, list[Segment]] | None:
    """``sentence`` in a random training voice over a random line."""
    rng = line.rng
    angry = rng.rand() < 0.3
    clip = render(
        sentence,
        random_voice(rng, angry=angry),
        rng,
        speed=rng.uniform(0.88, 1.13),
        punctuation=str(rng.choice(["", "", ".", "!", "?"])),
        commas=float(rng.choice([0, 0, 0.1])),
    )
    if clip is None:
        return None
    line.remember(clip.samples)
    received = line.send(clip.samples, shout=angry and rng.rand() < 0.6)
    if rng.rand() < 0.8:  # the rest keeps digital silence: recordings have it
        received = received + rng.randn(len(received))
    return received, clip.segments


def write_shard(sentences: list[str], seed: int, path: Path) -> float:
    """Synthesise one shard; returns its length in hours.

    The file holds ``features`` float16 (frames, 40), ``labels`` int8 (frames,), ``lengths`` int32
    (clips,), ``sentences`` (clips,) and ``lexicon``: lines of word, tab, phones.
    """
    line = Line(np.random.RandomState(seed))
    features, labels, lengths, kept, lexicon = [], [], [], [], []
    for sentence in sentences:
        made = training_clip(sentence, line)
        if made is None:
            continue
        samples, segments = made
        frames = mfcc(samples).astype(np.float16)
        features.append(frames)
        labels.append(frame_labels(segments, len(frames)))
        lengths.append(len(frames))
        kept.append(sentence)
        lexicon += [f"{w}\t{' '.join(p)}" for w, p in pronunciations(sentence, segments)]
    partial = path.with_suffix(".part.npz")
    np.savez(
        partial,
        features=np.concatenate(features),
        labels=np.concatenate(labels),
        lengths=np.array(lengths, np.int32),
        sentences=np.array(kept),
        lexicon=np.array(lexicon),
    )
    partial.rename(path)
    return sum(lengths) / 100 / 3600


def synthesise(sentences: list[str], name: str, seed: int, folder: Path) -> list[Path]:
    """Shards ``name_000.npz`` ... of ``sentences``; those already in ``folder`` are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    hours = 0.0
    for number, start in enumerate(range(0, len(sentences), SHARD_SENTENCES)):
        path = folder / f"{name}_{number:03d}.npz"
        if not path.exists():
            part = sentences[start : start + SHARD_SENTENCES]
            hours += write_shard(part, seed * 1000 + number, path)
            print(f"synthesised {path.name}, {hours:.2f} h so far", flush=True)
        paths.append(path)
    return paths


def synthesise_corpus(corpus: Corpus, seed: int, folder: Path) -> list[Path]:
    """About 12 h: the hand-written sentences three times, templates and breadth text once."""
    rng = random.Random(seed)
    own = 3 * corpus.own
    breadth = list(corpus.breadth)
    rng.shuffle(own)
    rng.shuffle(breadth)
    return [
        *synthesise(own, "own", 10 * seed + 1, folder),
        *synthesise(corpus.templated, "templated", 10 * seed + 2, folder),
        *synthesise(breadth, "breadth", 10 * seed + 3, folder),
    ]


def isolated(word: str) -> tuple[str, ...] | None:
    """espeak's pronunciation of ``word`` alone; ``None`` if it needs sounds we do not model."""
    if not re.fullmatch(r"[a-zäöüß]+", word):
        return None
    speech = espeak.speak(word, espeak.Voice())
    scale = RATE_HZ / speech.rate_hz
    tidied = tidy([(int(p.start * scale), p.name, 0) for p in speech.phonemes])
    if tidied is None:
        return None
    return tuple(phone for _, phone, _ in tidied if phone != "SIL") or None
