"""The corpus: labelled utterances in JSON lines, and how they are dealt into folds."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.text.score import Channel, Target

Evidence = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Utterance:
    """One labelled utterance; `source` names the file it comes from."""

    id: str
    channel: Channel
    text: str
    labels: tuple[str, ...]
    severity: int
    target: Target
    source: str
    evidence: Evidence = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    context: tuple[tuple[Channel, str], ...] = ()
    heard_from: str | None = None  # the utterance that a recogniser made this text of

    @property
    def hard(self) -> bool:
        """Whether a keyword spotter would give a false alarm here."""
        return any(tag.startswith("hard") for tag in self.tags)


def read(folder_or_files: Iterable[Path]) -> list[Utterance]:
    """Every utterance of the files (of a folder: its `*.jsonl`), in order of name and line."""
    rows = []
    for path in folder_or_files:
        for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
            for line in file.read_text(encoding="utf-8").splitlines():
                if line.strip():
                    rows.append(parse(json.loads(line), file.stem))
    return rows


def parse(row: dict[str, Any], source: str) -> Utterance:
    """One JSON object as an utterance; nothing is checked here (see `check`)."""
    tags = [str(tag) for tag in row.get("tags", ())]
    if row.get("hard"):
        tags.append(f"hard:{row['hard']}")
    return Utterance(
        id=str(row["id"]),
        channel=row["channel"],
        text=str(row["text"]),
        labels=tuple(row["labels"]),
        severity=int(row["severity"]),
        target=row["target"],
        source=source,
        evidence={name: tuple(found) for name, found in row.get("evidence", {}).items()},
        tags=tuple(tags),
        context=tuple((speaker, said) for speaker, said in row.get("context", ())),
        heard_from=row.get("heard_from"),
    )


def grams(text: str, length: int = 4) -> frozenset[str]:
    """The character n-grams of a text, with a blank at both ends."""
    padded = f" {' '.join(text.lower().split())} "
    return frozenset(padded[at : at + length] for at in range(max(1, len(padded) - length + 1)))


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of n-grams in common (Jaccard), 0..1."""
    return len(one & other) / max(1, len(one | other))


def alike(texts: Sequence[str], at_least: float) -> list[tuple[int, int, float]]:
    """Pairs (i < j, likeness) of texts that are at least so alike."""
    all_grams = [grams(text) for text in texts]
    holders: dict[str, list[int]] = defaultdict(list)
    for index, own in enumerate(all_grams):
        for gram in own:
            holders[gram].append(index)
    pairs = []
    for index, own in enumerate(all_grams):
        # Two texts that are alike share one of these: the rarest grams, more than may differ.
        rare = sorted(own, key=lambda gram: (len(holders[gram]), gram))
        for other in {
            other
            for gram in rare[: int(len(own) * (1 - at_least)) + 1]
            for other in holders[gram]
            if other != index
        }:
            value = likeness(own, all_grams[other])
            if value >= at_least:
                pairs.append((min(index, other), max(index, other), value))
    return sorted(set(pairs))


def folds(rows: Sequence[Utterance], count: int, seed: int) -> list[int]:
    """A fold number for each row; utterances that are much alike get the same one."""
    import random

    parent = list(range(len(rows)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for one, other, _ in alike([row.text for row in rows], 0.45):
        parent[root(one)] = root(other)
    place = {row.id: index for index, row in enumerate(rows)}
    for index, row in enumerate(rows):
        if row.heard_from is not None and row.heard_from in place:
            parent[root(index)] = root(place[row.heard_from])
    groups: dict[int, list[int]] = defaultdict(list)
    for index in range(len(rows)):
        groups[root(index)].append(index)
    order = sorted(groups.values())
    random.Random(seed).shuffle(order)
    # Groups of the same first label are dealt in turn, so that rare labels reach every fold.
    order.sort(key=lambda group: (rows[group[0]].channel, rows[group[0]].labels[:1]))
    result = [0] * len(rows)
    for number, group in enumerate(order):
        for index in group:
            result[index] = number % count
    return result
