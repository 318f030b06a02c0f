"""Our phone set, and how espeak-ng's German phonemes become it.

A *segment* is ``(start, phone, word)``: start in samples at 8 kHz, a phone of :data:`PHONES`, index
of the word in the sentence (-1: none).
"""

from dataclasses import dataclass, field

SILENCE = "SIL"
PHONES: tuple[str, ...] = (
    "SIL",
    "n",
    "t",
    "@",
    "r",
    "I",
    "s",
    "d",
    "a",
    "m",
    "E",
    "l",
    "aI",
    "f",
    "i:",
    "k",
    "g",
    "C",
    "U",
    "v",
    "z",
    "b",
    "A:",
    "e:",
    "3",
    "ts",
    "S",
    "O",
    "u:",
    "h",
    "o:",
    "p",
    "x",
    "aU",
    "N",
    "y",
    "OY",
    "y:",
    "j",
    "Y",
    "E:",
    "pF",
    "tS",
)
POSITIONS = (("B", "begin"), ("E", "end"), ("I", "internal"), ("S", "singleton"))

# espeak-ng name -> ours; None: no sound of its own (a language switch mark).
_ALIASES: dict[str, str | None] = {
    "_": SILENCE, "_:": SILENCE, "_!": SILENCE, "_|": SILENCE, ";": "j", "(en)": None, "(de)": None,
    "i": "i:", "@-": "@", "w": "v", "0": "O", "oU": "o:", "I2": "I", "e@": "E:", "A@": "A:",
    "A": "a", "E2": "E", "UR": "3", "Y:": "Y", "W": "Y", "dZ": "tS", "e": "e:", "o": "o:",
    "u": "u:", "3:": "3", "V": "a", "O2": "O", "aI@": "aI", "i@": "i:", "U@": "U", "D": "z",
    "T": "s", "Z": "S", "R": "r", "*": "r", "a#": "a", "I#": "I", "i#": "i:", "@2": "@", "@L": "l",
    "@5": "@", "n-": "n", "l-": "l", "m-": "m", "3`": "3", "O:": "o:", "eI": "e:", "oI": "OY",
    "OI": "OY", "@U": "o:", "a:": "A:", "l#": "l", "Q": "r", "g2": "g", "t2": "t", "s2": "s",
}  # fmt: skip

Segment = tuple[int, str, int]
_PAUSE_SAMPLES = 560  # 70 ms: a shorter gap is the closure of the next stop
_SHORTEST_SAMPLES = 256  # 32 ms: one frame of the network is 30 ms


def tidy(segments: list[Segment]) -> list[Segment] | None:
    """Segments in our phone set, short gaps merged into the next phone, every phone >= 32 ms.

    ``None`` when espeak used a phoneme that we do not model (a foreign word).
    """
    named: list[list[int | str]] = []
    for start, name, word in segments:
        phone = _ALIASES.get(name, name)
        if phone is None:
            continue
        if phone not in _INDEX:
            return None
        named.append([start, phone, word])
    merged: list[list[int | str]] = []
    for position, (start_, phone_, word_) in enumerate(named):
        start = int(start_)
        after_silence = bool(merged) and merged[-1][1] == SILENCE
        if phone_ == SILENCE:
            following = named[position + 1] if position + 1 < len(named) else None
            if (
                position > 0
                and position < len(named) - 1
                and following is not None
                and following[1] != SILENCE
                and int(following[0]) - start < _PAUSE_SAMPLES
                and not after_silence
            ):
                following[0] = start
                continue
            if after_silence:
                continue
        if merged and int(merged[-1][0]) >= start:
            start = int(merged[-1][0]) + 1
        merged.append([start, phone_, word_])
    for i in range(1, len(merged) - 1):
        missing = _SHORTEST_SAMPLES - (int(merged[i + 1][0]) - int(merged[i][0]))
        if missing > 0:
            room = int(merged[i][0]) - int(merged[i - 1][0]) - _SHORTEST_SAMPLES
            taken = min(max(room, 0), missing)
            merged[i][0] = int(merged[i][0]) - taken
            merged[i + 1][0] = int(merged[i + 1][0]) + missing - taken
    return [(int(start), str(phone), int(word)) for start, phone, word in merged]


_INDEX = {phone: index for index, phone in enumerate(PHONES)}


def phone_index(phone: str) -> int:
    """Position of ``phone`` in :data:`PHONES`, the network's output for it."""
    return _INDEX[phone]


@dataclass
class PhoneTable:
    """Kaldi's position-dependent phones: id 1 is silence, then four variants of each phone.

    The variants share one network output; ``_B/_E/_I/_S`` only mark the word boundaries that word
    times are read from.
    """

    names: list[str] = field(default_factory=lambda: [SILENCE])
    outputs: list[int] = field(default_factory=lambda: [0])
    boundaries: list[str] = field(default_factory=lambda: ["nonword"])

    def __post_init__(self) -> None:
        """Fill the table from :data:`PHONES`."""
        for index, phone in enumerate(PHONES):
            if phone == SILENCE:
                continue
            for suffix, boundary in POSITIONS:
                self.names.append(f"{phone}_{suffix}")
                self.outputs.append(index)
                self.boundaries.append(boundary)
        self._ids = {name: number for number, name in enumerate(self.names, 1)}

    def __len__(self) -> int:
        return len(self.names)

    def ids(self, pronunciation: tuple[str, ...]) -> list[int]:
        """Phone ids of one word's pronunciation (at least one phone)."""
        if len(pronunciation) == 1:
            return [self._ids[f"{pronunciation[0]}_S"]]
        return [
            self._ids[f"{pronunciation[0]}_B"],
            *(self._ids[f"{phone}_I"] for phone in pronunciation[1:-1]),
            self._ids[f"{pronunciation[-1]}_E"],
        ]
