"""Timed transcripts through the conversation core: format, given labels, bad lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.synthesis.scripts import Call, load_calls
from models.text.load import load_text_model
from models.text.score import TextModel
from monitor.phrases import PhraseBook
from monitor.policy import load_policy
from monitor.replay import TranscriptError, parse_line, replay

CALLS = load_calls()


@pytest.fixture(scope="module")
def model() -> TextModel:
    return load_text_model("lexicon")


def line(call: Call, *, labelled: bool = True) -> str:
    turns = [
        {
            "t": 5.0 * index,
            "channel": turn.channel,
            "text": turn.text,
            "agitation": turn.agitation if turn.channel == "customer" else None,
            **({"labels": list(turn.labels), "severity": turn.severity} if labelled else {}),
        }
        for index, turn in enumerate(call.turns)
    ]
    return json.dumps({"id": call.id, "turns": turns})


def run(text: str, model: TextModel, *, use_labels: bool) -> list[dict[str, Any]]:
    return list(
        replay(
            [parse_line(text, 1)],
            text_model=model,
            policy=load_policy("standard"),
            phrases=PhraseBook.load("de"),
            use_labels=use_labels,
        )
    )


@pytest.mark.parametrize("use_labels", [True, False], ids=["given labels", "text model"])
@pytest.mark.parametrize("name", CALLS)
def test_the_scripted_calls_give_their_stages_and_cues(
    name: str, use_labels: bool, model: TextModel
) -> None:
    call = CALLS[name]
    *turns, last = run(line(call), model, use_labels=use_labels)
    assert [turn["turn"] for turn in turns] == list(range(len(call.turns)))
    due: dict[int, list[set[str]]] = {}
    for item in call.expected:
        turn = turns[item.after_turn]
        if not item.also_ok:
            assert turn["stage"] == item.stage, (item, turn)
        if item.cue != "none":
            names = {item.cue, *item.also_ok}
            assert names & {*turn["new_cues"], *turn["visible_cues"]}, (item, turn)
            due.setdefault(item.after_turn, []).append(names)
    for turn in turns:
        for cue in turn["new_cues"]:
            assert any(cue in names for names in due.get(turn["turn"], [])), ("false alarm", turn)
            assert turn["reason"], "every cue says why"
    assert last == {
        "call": call.id,
        "final_stage": turns[-1]["stage"],
        "cues_total": sum(len(turn["new_cues"]) for turn in turns),
    }


def test_missing_labels_mean_the_model_and_none_mean_neutral(model: TextModel) -> None:
    def stage(**labels: Any) -> str:
        turn = {"t": 0, "channel": "customer", "text": "ich habe die nase voll", **labels}
        text = json.dumps({"id": "c", "turns": [turn]})
        stage: str = run(text, model, use_labels=True)[-1]["final_stage"]
        return stage

    assert stage() == "understanding"
    assert stage(labels=[]) == "calm"
    assert stage(labels=["frustration"]) == "understanding"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hello", "line 7"),
        ('{"id":"c"}', "turns"),
        ('{"id":"c","turns":[{"t":-1,"channel":"customer","text":"x"}]}', "turns.0.t"),
        ('{"id":"c","turns":[{"t":1,"channel":"boss","text":"x"}]}', "channel"),
        ('{"id":"c","turns":[{"t":1,"channel":"agent","text":"x","severity":4}]}', "severity"),
        (
            '{"id":"c","turns":[{"t":1,"channel":"agent","text":"x","labels":["insullt"]}]}',
            'did you mean "insult"',
        ),
    ],
)
def test_a_wrong_line_is_named_with_its_place(text: str, says: str) -> None:
    with pytest.raises(TranscriptError, match="line 7") as caught:
        parse_line(text, 7)
    assert says in str(caught.value)
    assert caught.value.fix
