"""The recorded calls are what the program really says: a drifting contract fails here."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from models.text.score import CUSTOMER_LABELS
from monitor import signals
from monitor.beside import BESIDE
from monitor.events import CueShown, from_wire
from monitor.phrases import CUES, LANGUAGES, PhraseBook
from monitor.policy import RULE_CLAIMS, SIDE_CUES

RECORDINGS = ("escalation", "stepdown", "coach")  # the first two speak version 1


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_line_is_an_event_and_seqs_are_whole(recorded, name):
    events = [from_wire(line) for line in recorded(name)]
    assert [event.seq for event in events if event.durable] == list(
        range(1, 1 + sum(event.durable for event in events))
    )
    assert all(event.seq is None for event in events if not event.durable)
    assert [event.t_secs for event in events] == sorted(event.t_secs for event in events)
    assert (events[0].type, events[-1].type) == ("call.started", "call.ended")


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_cue_has_its_sentence_in_the_phrase_book(recorded, name):
    cues = PhraseBook.load("de").to_json()["cues"]
    for event in map(from_wire, recorded(name)):
        if isinstance(event, CueShown):
            sentence = cues[event.name]["phrases"][event.phrase_id]
            assert set(re.findall(r"\{(\w+)\}", sentence)) <= event.slots.keys()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_phrase_book_has_the_shape_the_pages_read(lang):
    book = PhraseBook.load(lang).to_json()
    assert {"lang", "version", "stages", "cues"} <= book.keys()
    assert book["lang"] == lang
    for texts in book["cues"].values():
        assert {"heading", "what", "next", "phrases"} == texts.keys()
        assert all(isinstance(sentence, str) for sentence in texts["phrases"].values())


SOURCES = Path(__file__).resolve().parents[2] / "api" / "web" / "src"
STRINGS = (SOURCES / "strings.ts").read_text(encoding="utf-8")


def test_the_pages_know_every_side_cue_and_its_urgency():
    screen = (SOURCES / "screen.ts").read_text(encoding="utf-8")
    table = re.search(r"const SIDE_CUES[^=]*= \[(.*?)\];", screen, re.DOTALL)
    assert table is not None
    assert tuple(re.findall(r'"(\w+)"', table[1])) == SIDE_CUES


def test_the_pages_have_words_for_every_label_rule_and_cue_that_evidence_can_name():
    raised = {label for cue in BESIDE for label in cue.raised_by}
    labels = {*CUSTOMER_LABELS, *raised, "concern", "agent_impolite", "call_termination"}
    signs = set(re.findall(r'Sign\(Signal\.\w+, "(\w+)"', inspect.getsource(signals)))
    assert {"attack", "severity_3", "calm_turns"} <= signs
    rules = {*signs, *RULE_CLAIMS, "agent_ended_call", "no_concern_named", "call_ended_in_end_call"}
    known = set(re.findall(r"^  (\w+):", STRINGS, re.MULTILINE))
    assert {f"label_{label}" for label in labels} <= known
    assert {rule for rule in rules if not {f"rule_{rule}", f"label_{rule}"} & known} == set()
    assert {cue for cue in CUES if not {f"cue_{cue}", f"stage_{cue}"} & known} == set()
