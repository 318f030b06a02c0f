"""Utterances as the recogniser hears them: `python -m models.text.training.recognise FILE … --out`.

Each utterance is spoken by espeak-ng, sent over a telephone line and recognised by the embedded
model on the way that a call's audio takes. Labels, severity and target stay, evidence is carried
over to the heard words, `heard_from` names the utterance that was said and `wer` its word error
rate. Utterances of which nothing was heard are left out and counted. Context is left as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.asr.channel import ChannelTranscriber, Final
from models.asr.registry import EMBEDDED_PATH
from models.asr.vosk_engine import VoskPool
from models.errors import ContenanceError
from models.signals import Samples
from models.text.training.metrics import ATTACKS
from models.text.training.realign import Pair, align, errors, places, realigned
from models.text.training.spoken import HELD_OUT_VOICES, RATE_HZ, VOICES, manner, over_the_line

_TELL_EVERY = 200


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of one utterance; `said`, `words`: in order; `attack`: places of attack words."""

    said: tuple[str, ...]
    words: tuple[str, ...]
    pairs: tuple[Pair, ...]
    attack: frozenset[int]

    @property
    def text(self) -> str:
        """The heard words; empty: nothing was heard."""
        return " ".join(self.words)

    @property
    def errors(self) -> int:
        """Words substituted, lost and inserted."""
        return errors(self.said, self.words, self.pairs)

    @property
    def attack_errors(self) -> int:
        """Attack words substituted or lost."""
        return sum(
            i in self.attack and (j is None or self.said[i] != self.words[j])
            for i, j in self.pairs
            if i is not None
        )


class Listener:
    """Hears utterances with the embedded model. One at a time."""

    def __init__(self, voices: tuple[str, ...] = VOICES) -> None:
        """Raises `ModelError` if the embedded model cannot be loaded."""
        self._voices = voices
        self._pool = VoskPool(EMBEDDED_PATH, 1, RATE_HZ)

    def hear(self, row: Mapping[str, Any]) -> Heard:
        """Speak and recognise an utterance (a row of the corpus), in the manner of its id."""
        text = str(row["text"])
        audio = over_the_line(text, manner(str(row["id"]), self._voices))
        return compared(row, self._recognise(audio))

    def _recognise(self, audio: Samples) -> str:
        recogniser = self._pool.acquire()
        try:
            channel = ChannelTranscriber(recogniser, RATE_HZ)
            outputs = [*channel.push(audio), *channel.flush()]
        finally:
            self._pool.release(recogniser)
        return " ".join(output.text for output in outputs if isinstance(output, Final))


def compared(row: Mapping[str, Any], heard: str) -> Heard:
    """A row beside what was heard of it."""
    text = str(row["text"])
    said, words = text.split(), heard.split()
    attack = {
        at
        for label, phrases in row.get("evidence", {}).items()
        for phrase in (phrases if label in ATTACKS else ())
        for at in places(text, phrase)
    }
    return Heard(tuple(said), tuple(words), tuple(align(said, words)), frozenset(attack))


def as_row(row: Mapping[str, Any], heard: Heard) -> dict[str, Any]:
    """The row with the heard text."""
    return {
        **row,
        "id": f"{row['id']}-heard",
        "text": heard.text,
        "evidence": realigned(row.get("evidence", {}), row["text"], heard.words, heard.pairs),
        "heard_from": row["id"],
        "wer": round(heard.errors / max(1, len(heard.said)), 3),
    }


def vocabulary(model_dir: Path = EMBEDDED_PATH) -> frozenset[str]:
    """Every word that the model can hear."""
    lines = (model_dir / "graph" / "words.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for word, _ in map(str.split, lines) if word[0] not in "<[#")


def rates(heard: Sequence[Heard], known: frozenset[str]) -> dict[str, float]:
    """Error and out-of-vocabulary rates, shares of the words said; and how many there were.

    Attack words are those in evidence of an attack; their error rate knows no insertions.
    """
    words = [word for one in heard for word in one.said]
    attack = [one.said[at] for one in heard for at in one.attack]
    return {
        "words": len(words),
        "error_rate": sum(one.errors for one in heard) / max(1, len(words)),
        "out_of_vocabulary": sum(word not in known for word in words) / max(1, len(words)),
        "attack_words": len(attack),
        "attack_error_rate": sum(one.attack_errors for one in heard) / max(1, len(attack)),
        "attack_out_of_vocabulary": sum(word not in known for word in attack) / max(1, len(attack)),
    }


def _rows(files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.strip():
                yield json.loads(line)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the heard utterances, print the rates; status 1 with a message when it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m models.text.training.recognise")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--held-out-voices", action="store_true",
                        help="the voices for figures, kept out of training material")  # fmt: skip
    options = parser.parse_args(arguments)
    voices = HELD_OUT_VOICES if options.held_out_voices else VOICES
    partial = options.out.with_name(options.out.name + ".part")
    heard: list[Heard] = []
    try:
        listener = Listener(voices)
        with partial.open("w", encoding="utf-8") as out:
            for row in _rows(options.files):
                heard.append(listener.hear(row))
                if heard[-1].words:
                    out.write(json.dumps(as_row(row, heard[-1]), ensure_ascii=False) + "\n")
                if len(heard) % _TELL_EVERY == 0:
                    out.flush()
                    print(f"{len(heard)} utterances", file=sys.stderr, flush=True)
    except ContenanceError as error:
        print(error, file=sys.stderr)
        return 1
    partial.rename(options.out)
    exact = sum(one.errors == 0 for one in heard)
    nothing = sum(not one.words for one in heard)
    print(f"utterances: {len(heard)}, without an error: {exact}, nothing heard: {nothing}")
    for name, value in rates(heard, vocabulary()).items():
        print(f"{name}: {value if isinstance(value, int) else format(100 * value, '.1f') + ' %'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
