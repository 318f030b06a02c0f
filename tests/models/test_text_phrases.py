"""The text model hears what the rest of the house says: shipped phrases, demo and test calls."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
import yaml

from models.text.load import load_text_model
from models.text.score import ATTACK_LABELS, TextModel

ROOT = Path(__file__).resolve().parents[2]
STEPS = {
    "understanding": "empathy",
    "quote_disclaimer": "quote_disclaimer",
    "mirror": "paraphrase",
    "respect_request": "respect_request",
    "consequence": "consequence_announcement",
    "end_call": "call_termination",
}
ANSWERS = {
    "open_question": "open_question",
    "confirm_understanding": "confirm_understanding",
    "explain_wait": "hold_explanation",
}
SLOTS = {"wort": "trottel", "anliegen": "das internet geht nicht", "anzahl": "drei"}


@pytest.fixture(scope="module")
def model() -> TextModel:
    return load_text_model("lexicon")


def phrases(file: str, cues: dict[str, str]) -> list[tuple[str, str]]:
    """(sentence in transcript style, label that an agent saying it must get)."""
    library = yaml.safe_load((ROOT / "configs" / "phrases" / "de" / file).read_text("utf-8"))
    found = []
    for cue, label in cues.items():
        for entry in library["cues"][cue]["say"].values():
            text = entry if isinstance(entry, str) else entry["text"]
            fields = {name for _, name, _, _ in string.Formatter().parse(text) if name}
            spoken = text.format(**{name: SLOTS.get(name, "weber") for name in fields}).lower()
            found.append(("".join(c if c.isalnum() else " " for c in spoken), label))
    return found


@pytest.mark.parametrize(
    ("text", "label"), [*phrases("stages.yaml", STEPS), *phrases("side.yaml", ANSWERS)]
)
def test_a_phrase_read_out_counts_as_its_step(model: TextModel, text: str, label: str) -> None:
    score = model.score(text, "agent", (("customer", "sie trottel"),))
    assert label in score.assigned
    assert "agent_impolite" not in score.assigned


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests" / "calls").glob("*.yaml")), ids=lambda path: path.stem
)
def test_attacks_and_steps_of_the_test_calls_are_heard(model: TextModel, path: Path) -> None:
    turns = yaml.safe_load(path.read_text("utf-8")).get("turns", [])
    counted = {*ATTACK_LABELS, "threat", *STEPS.values()}
    said = []
    for turn in turns:
        score = model.score(turn["text"], turn["channel"], tuple(said[-4:]))
        said.append((turn["channel"], turn["text"]))
        assert set(score.assigned) & counted == set(turn["labels"]) & counted, turn["text"]
        assert score.severity == turn["severity"], turn["text"]
