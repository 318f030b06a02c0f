"""Check the corpus: `python -m models.text.training.check DIR [--against DIR]`.

Every utterance is held against the guideline as far as a program can: names of labels, channel,
severity and target, evidence that is really in the text. Texts that occur twice, in the folder or
in the one it is compared with, are faults; texts that are much alike are listed as warnings.
Exit status 1 where there is a fault.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.text.score import AGENT_LABELS, CUSTOMER_LABELS
from models.text.training.corpus import Utterance, alike, parse

_LABELS = {"customer": frozenset(CUSTOMER_LABELS), "agent": frozenset(AGENT_LABELS)}
_TARGETS = frozenset({"agent", "company", "product", "third", "none"})
_NEEDED = frozenset({"id", "channel", "text", "labels", "severity", "target"})
_FIELDS = _NEEDED | {
    "evidence",
    "tags",
    "context",
    "hard",
    "hints",
    "note",
    "heard_from",
    "wer",
    "call",
}
_ON_PEOPLE = frozenset({"insult", "competence_attack", "threat", "boundary_crossing"})
_NEAR = 0.75
_SHOWN = 40


@dataclass(frozen=True)
class Finding:
    """Something about one utterance. `fault`: it has to be mended."""

    where: str
    what: str
    fault: bool = True


def read_checked(folder: Path) -> tuple[list[Utterance], list[Finding]]:
    """The utterances of a folder's `*.jsonl` that can be read, and what is wrong with any."""
    rows: list[Utterance] = []
    findings: list[Finding] = []
    for file in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            where = f"{file.name}:{number}"
            try:
                data = json.loads(line)
            except json.JSONDecodeError as error:
                findings.append(Finding(where, f"not JSON: {error.msg}"))
                continue
            if not isinstance(data, dict):
                findings.append(Finding(where, "not an object"))
                continue
            wrong = [Finding(where, what) for what in _of_form(data)]
            findings += wrong
            if not wrong:
                row = parse(data, file.stem)
                rows.append(row)
                findings += [Finding(f"{where} {row.id}", what) for what in _of_meaning(row)]
    return rows, findings


def _of_form(data: dict[str, Any]) -> Iterator[str]:
    if missing := _NEEDED - data.keys():
        yield f"without {', '.join(sorted(missing))}"
        return
    if strange := data.keys() - _FIELDS:
        yield f"unknown field {', '.join(sorted(strange))}"
    if data["channel"] not in _LABELS:
        yield f"channel {data['channel']!r}"
    if not isinstance(data["text"], str) or not data["text"].strip():
        yield "no text"
    if data["severity"] not in (0, 1, 2, 3):
        yield f"severity {data['severity']!r}"
    if data["target"] not in _TARGETS:
        yield f"target {data['target']!r}"
    evidence = data.get("evidence", {})
    if not isinstance(evidence, dict) or not all(isinstance(v, list) for v in evidence.values()):
        yield "evidence is not an object of lists"
    for turn in data.get("context", ()):
        if not (isinstance(turn, list) and len(turn) == 2 and turn[0] in _LABELS):
            yield "context is not a list of [channel, text]"


def _of_meaning(row: Utterance) -> Iterator[str]:
    labels = set(row.labels)
    if strange := labels - _LABELS[row.channel]:
        yield f"{', '.join(sorted(strange))} on channel {row.channel}"
    if len(labels) != len(row.labels):
        yield "a label twice"
    if row.text != " ".join(row.text.split()):
        yield "blanks at the edge, or two in a row"
    if any(letter.isupper() or letter in '.,;:!?"„“()' for letter in row.text):
        yield "capitals or punctuation: not transcript style"
    yield from _of_severity(row, labels)
    if strange := set(row.evidence) - labels:
        yield f"evidence for {', '.join(sorted(strange))}, which is not a label here"
    for label, found in row.evidence.items():
        if not found or not all(words.strip() and words in row.text for words in found):
            yield f"evidence for {label} that is not in the text"
    if row.evidence and (missing := labels - set(row.evidence)):
        yield f"no evidence for {', '.join(sorted(missing))}"


def _of_severity(row: Utterance, labels: set[str]) -> Iterator[str]:
    if row.channel == "agent":
        if row.target != "none":
            yield f"an agent's utterance with target {row.target}"
        if "agent_impolite" in labels and row.severity not in (1, 2):
            yield f"agent_impolite with severity {row.severity}"
        if "agent_impolite" not in labels and row.severity:
            yield f"severity {row.severity} without agent_impolite"
        return
    if "threat" in labels and row.severity != 3:
        yield f"a threat with severity {row.severity}"
    if labels & _ON_PEOPLE and not row.severity:
        yield f"{', '.join(sorted(labels & _ON_PEOPLE))} with severity 0"
    if row.severity >= 2 and not labels & _ON_PEOPLE:
        yield f"severity {row.severity} without a label that can have it"
    if labels & {"insult", "competence_attack"} and row.target in ("none", "product", "third"):
        yield f"an attack with target {row.target}"


def doubles(rows: Sequence[Utterance], others: Sequence[Utterance] = ()) -> Iterator[Finding]:
    """Texts of `rows` that occur twice or nearly so; with `others`: that occur there.

    What a recogniser made of an utterance may be like any other.
    """
    rows = [row for row in rows if row.heard_from is None]
    everything = [*rows, *others]
    for one, other, value in alike([row.text for row in everything], _NEAR):
        if others and not one < len(rows) <= other:
            continue
        same = everything[one].text == everything[other].text
        if same and everything[one].channel != everything[other].channel:
            continue
        if same and everything[one].context != everything[other].context:
            continue
        yield Finding(
            f"{everything[one].id} and {everything[other].id}",
            "the same text" if same else f"much alike ({value:.2f})",
            fault=same or bool(others),
        )


def counts(rows: Sequence[Utterance]) -> str:
    """A table of what the corpus holds."""
    lines = [f"{len(rows)} utterances"]
    for title, values in (
        ("source", Counter(row.source for row in rows)),
        ("channel", Counter(row.channel for row in rows)),
        ("label", Counter(label for row in rows for label in (row.labels or ("(none)",)))),
        ("severity", Counter(str(row.severity) for row in rows)),
        ("target", Counter(row.target for row in rows)),
        ("tag", Counter(tag for row in rows for tag in row.tags)),
    ):
        lines.append(f"{title}:")
        lines += [f"  {name:28}{number:6}" for name, number in values.most_common()]
    lines.append(f"with evidence: {sum(bool(row.evidence) for row in rows)}")
    lines.append(f"with context: {sum(bool(row.context) for row in rows)}")
    return "\n".join(lines)


def main() -> int:
    """Print counts and findings."""
    parser = argparse.ArgumentParser(prog="python -m models.text.training.check")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--against", type=Path, help="another part: nothing may be in both")
    options = parser.parse_args()
    rows, findings = read_checked(options.folder)
    ids = Counter(row.id for row in rows)
    findings += [Finding(name, "the same id twice") for name, times in ids.items() if times > 1]
    findings += doubles(rows)
    if options.against is not None:
        findings += doubles(rows, read_checked(options.against)[0])
    print(counts(rows))
    for faults in (True, False):
        chosen = [finding for finding in findings if finding.fault == faults]
        print(f"{len(chosen)} {'faults' if faults else 'warnings'}")
        for finding in chosen if faults else chosen[:_SHOWN]:
            print(f"  {finding.where}: {finding.what}")
    return 1 if any(finding.fault for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
