"""The recorded calls are what the program really says: a drifting contract fails here."""

from __future__ import annotations

import re

import pytest

from monitor.events import CueShown, from_wire
from monitor.phrases import LANGUAGES, PhraseBook

RECORDINGS = ("escalation", "stepdown")


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
