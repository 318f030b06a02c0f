"""Words in, events out: turns, partials taken back, commands, suspended cues."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from models.text.score import Channel, Span, TextScore
from monitor.conversation import CommandRefused, Conversation, TurnCounter, Utterance
from monitor.events import (
    Command,
    ConsentChanged,
    CueCleared,
    CueFeedback,
    CueShown,
    Event,
    SpeechFinal,
    SpeechPartial,
    StepSaid,
    Tone,
    ToneFinal,
)
from monitor.phrases import PhraseBook
from monitor.policy import load_policy


class ScriptedText:
    """A text model that knows a few words."""

    name = "scripted"

    def score(
        self, text: str, channel: Channel, context: Sequence[tuple[Channel, str]] = ()
    ) -> TextScore:
        del context
        if "trottel" in text and channel == "customer":
            at = text.index("trottel")
            span = Span("insult", at, at + 7, "trottel")
            return TextScore({"insult": 0.97}, ("insult",), 2, "agent", (span,))
        if "verstehe" in text and channel == "agent":
            return TextScore({"empathy": 0.9}, ("empathy",))
        if "reicht" in text:
            return TextScore({"frustration": 0.8}, ("frustration",))
        return TextScore()


@pytest.fixture
def talk() -> Conversation:
    return Conversation(
        "c",
        text_model=ScriptedText(),
        policy=load_policy("standard"),
        phrases=PhraseBook.load("de"),
    )


def say(talk: Conversation, number: int, channel: Channel, text: str) -> list[Event]:
    return talk.heard(Utterance(channel, number, float(number), text))


def of(events: list[Event], kind: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def test_a_turn_is_all_finals_of_one_channel_and_backchannels_end_none() -> None:
    turns = TurnCounter()
    said: list[tuple[Channel, str]] = [
        ("agent", "guten tag"),
        ("customer", "mein router ist kaputt"),
        ("agent", "mhm"),
        ("customer", "seit montag"),
        ("agent", "ja okay"),
        ("agent", "ich sehe nach"),
        ("customer", "ja"),
        ("customer", "gut danke"),
    ]
    assert [turns.next(*one) for one in said] == [0, 1, 1, 1, 1, 2, 2, 3]


def test_a_final_is_stored_with_its_tone_before_the_ladder_moves(talk: Conversation) -> None:
    events = say(talk, 1, "customer", "mir reicht es jetzt")
    assert [event.type for event in events] == [
        "speech.final", "tone.final", "stage.changed", "cue.shown",
    ]  # fmt: skip
    cue = of(events, CueShown)[0]
    assert isinstance(cue, CueShown)
    assert (cue.name, cue.policy_version) == ("understanding", "standard-1")
    assert talk.stage == "understanding"
    assert talk.visible_cues == ("understanding",)


def test_saying_the_step_clears_the_cue(talk: Conversation) -> None:
    say(talk, 1, "customer", "mir reicht es jetzt")
    events = say(talk, 2, "agent", "das verstehe ich")
    step, cleared = of(events, StepSaid)[0], of(events, CueCleared)[0]
    assert isinstance(step, StepSaid)
    assert isinstance(cleared, CueCleared)
    assert (step.rung, step.by, step.utterance) == ("understanding", "text", 2)
    assert (cleared.cue, cleared.why) == (1, "said")
    assert talk.visible_cues == ()


def test_a_partial_is_scored_at_once_and_a_retracted_one_takes_its_label_back(
    talk: Conversation,
) -> None:
    first = talk.partial("customer", 1, 1, "sie", 1.0)
    second = talk.partial("customer", 1, 2, "sie trottel", 1.2)
    third = talk.partial("customer", 1, 3, "sie trotten", 1.4)
    fourth = talk.partial("customer", 1, 4, "sie trotten weiter", 1.6)
    assert [event.type for event in first] == ["speech.partial"]
    tone, back = of(second, Tone)[0], of(third, Tone)[0]
    assert isinstance(tone, Tone)
    assert isinstance(back, Tone)
    assert (tone.labels, tone.severity, tone.rev) == ({"insult": 0.97}, 2, 2)
    assert tone.evidence[0].text == "trottel"
    assert (back.labels, back.rev) == ({}, 3)
    assert not of(fourth, Tone)


def test_agent_partials_are_shown_and_not_scored(talk: Conversation) -> None:
    events = talk.partial("agent", 1, 1, "das verstehe ich", 1.0)
    assert [type(event) for event in events] == [SpeechPartial]


def test_a_backchannel_is_stored_and_moves_nothing(talk: Conversation) -> None:
    say(talk, 1, "customer", "mir reicht es jetzt")
    events = say(talk, 2, "agent", "mhm")
    assert [type(event) for event in events] == [SpeechFinal, ToneFinal]


def test_the_button_counts_like_the_words(talk: Conversation) -> None:
    say(talk, 1, "customer", "mir reicht es jetzt")
    events = talk.command(Command(id="a", command="said", cue=1), 2.0)
    assert [event.type for event in events] == ["step.said", "cue.cleared"]
    attack = say(talk, 3, "customer", "sie trottel")
    assert [e.name for e in attack if isinstance(e, CueShown)] == ["mirror"]


def test_another_wording_keeps_the_cue_and_never_repeats_a_sentence(talk: Conversation) -> None:
    (cue,) = of(say(talk, 1, "customer", "mir reicht es jetzt"), CueShown)
    assert isinstance(cue, CueShown)
    seen = [cue.phrase_id]
    for number in range(30):
        feedback, *again = talk.command(Command(id=str(number), command="reword", cue=1), 2.0)
        assert isinstance(feedback, CueFeedback)
        if not again:
            break
        assert isinstance(again[0], CueShown)
        assert again[0].cue == 1
        seen.append(again[0].phrase_id)
    assert len(seen) >= 6
    assert len(set(seen)) == len(seen)


def test_commands_about_the_call(talk: Conversation) -> None:
    def sent(**given: object) -> list[str]:
        return [e.type for e in talk.command(Command.model_validate(given), 1.0)]

    assert sent(id="1", command="help") == ["help.requested"]
    assert sent(id="2", command="note", text="Ich höre mit.") == ["note.sent"]
    assert sent(id="3", command="approve", granted=True) == ["end.approval"]
    (revoked,) = talk.command(Command(id="4", command="revoke"), 1.0)
    assert isinstance(revoked, ConsentChanged)
    assert (revoked.voice, revoked.recording) == (False, False)
    with pytest.raises(CommandRefused):
        sent(id="5", command="wrong", cue=3)
    with pytest.raises(CommandRefused):
        sent(id="5", command="wrong", cue=3)
    say(talk, 1, "customer", "mir reicht es jetzt")
    assert sent(id="5", command="wrong", cue=1) == ["cue.feedback"], "a refused id may come again"
    assert sent(id="5", command="wrong", cue=1) == [], "a carried out one does nothing twice"
    assert sent(id="6", command="undo", cue=1) == ["cue.feedback"]


def test_while_recognition_is_unreliable_cues_are_down_and_the_ladder_rests(
    talk: Conversation,
) -> None:
    say(talk, 1, "customer", "mir reicht es jetzt")
    (cleared,) = talk.suspend(2.0)
    assert isinstance(cleared, CueCleared)
    assert cleared.why == "expired"
    events = say(talk, 3, "customer", "sie trottel")
    assert [type(event) for event in events] == [SpeechFinal, ToneFinal]
    talk.resume()
    say(talk, 4, "agent", "einen moment")
    (cue,) = of(say(talk, 5, "customer", "sie trottel"), CueShown)
    assert isinstance(cue, CueShown)
    assert cue.name == "understanding", (
        "nothing heard meanwhile counts, not the agent's step either"
    )
