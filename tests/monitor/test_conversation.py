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
    EndApproval,
    Event,
    Evidence,
    SpeechFinal,
    SpeechPartial,
    StageChanged,
    StepSaid,
    Timing,
    Tone,
    ToneFinal,
)
from monitor.phrases import PhraseBook
from monitor.policy import Policy, load_policy
from monitor.timing import Noticed


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

    score_partial = score

    def explain(self, text: str, channel: Channel, labels: Sequence[str]) -> TextScore:
        del text, channel
        return TextScore(dict.fromkeys(labels, 1.0), tuple(labels))


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
    assert (cue.name, cue.policy_version) == ("understanding", "standard-2")
    assert talk.stage == "understanding"
    assert talk.cues_in_force == ("understanding",)


def test_saying_the_step_clears_the_cue(talk: Conversation) -> None:
    say(talk, 1, "customer", "mir reicht es jetzt")
    events = say(talk, 2, "agent", "das verstehe ich")
    step, cleared = of(events, StepSaid)[0], of(events, CueCleared)[0]
    assert isinstance(step, StepSaid)
    assert isinstance(cleared, CueCleared)
    assert (step.rung, step.by, step.utterance) == ("understanding", "text", 2)
    assert (cleared.cue, cleared.why) == (1, "said")
    assert talk.cues_in_force == ()


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
    attack = say(talk, 9, "customer", "sie trottel")
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
    with pytest.raises(CommandRefused):
        sent(id="3", command="approve", granted=True)
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


# Side cues and time ------------------------------------------------------------------------------


def fresh(policy: str | Policy = "standard") -> Conversation:
    return Conversation(
        "c",
        text_model=ScriptedText(),
        policy=load_policy(policy) if isinstance(policy, str) else policy,
        phrases=PhraseBook.load("de"),
    )


class Call:
    """A conversation by given labels: every turn a new one, the number of the line its second."""

    def __init__(self, policy: str | Policy) -> None:
        self.talk = fresh(policy)
        self.utterances = 0
        self.last: list[Event] = []

    def turn(
        self, t_secs: float, channel: Channel, *labels: str, severity: int = 0, turn: int = -1
    ) -> list[Event]:
        self.utterances += 1
        number = self.utterances
        score = TextScore(dict.fromkeys(labels, 1.0), labels, severity, "agent")
        given = number if turn < 0 else turn
        return self.talk.heard(
            Utterance(channel, number, t_secs, f"satz {number}", turn=given, score=score)
        )

    def send(self, t_secs: float, **command: object) -> list[Event]:
        command.setdefault("id", f"{t_secs}-{command}")
        return self.talk.command(Command.model_validate(command), t_secs)


def shown(events: Sequence[Event]) -> list[str]:
    return [event.name for event in events if isinstance(event, CueShown)]


def cleared(events: Sequence[Event]) -> list[tuple[int, str]]:
    return [(event.cue, event.why) for event in events if isinstance(event, CueCleared)]


def approvals(events: Sequence[Event]) -> list[str]:
    return [event.state for event in events if isinstance(event, EndApproval)]


def test_a_side_cue_goes_after_its_time_without_a_word_being_said() -> None:
    call = Call("standard")
    assert shown(call.turn(1.0, "customer", "impatience")) == ["explain_wait"]
    assert call.talk.passed(45.9) == []
    assert cleared(call.talk.passed(46.0)) == [(1, "expired")]
    assert call.talk.cues_in_force == ()


def test_the_button_on_a_side_cue_takes_it_and_what_waits_under_its_name_away() -> None:
    call = Call("standard")
    call.turn(1.0, "customer", "impatience")
    call.turn(2.0, "agent")
    assert shown(call.turn(3.0, "customer", "impatience")) == [], "not so soon again"
    assert cleared(call.send(4.0, command="said", cue=1)) == [(1, "said")]
    assert [event for tick in range(40) for event in call.talk.passed(5.0 + tick)] == []


def test_what_the_talk_meter_notices_is_told_and_raises_listen() -> None:
    talk = fresh()
    noticed = Noticed("talk_over", 7.0, 9.5, 2.5)
    timing, cue = talk.noticed(noticed, 9.5)
    assert isinstance(timing, Timing)
    assert isinstance(cue, CueShown)
    assert (timing.kind, timing.start_secs, timing.end_secs, timing.secs) == (
        "talk_over", 7.0, 9.5, 2.5,
    )  # fmt: skip
    assert (cue.name, cue.rule, cue.policy_version) == ("listen", "talk_over", "standard-2")
    assert cue.evidence == (Evidence(kind="timing", label="talk_over", value=2.5, t_secs=7.0),)
    assert cue.phrase_id == "listen.zugleich"


def test_while_recognition_is_unreliable_timing_is_told_and_raises_nothing() -> None:
    talk = fresh()
    talk.suspend(1.0)
    assert [type(event) for event in talk.noticed(Noticed("talk_over", 7.0, 9.5, 2.5), 9.5)] == [
        Timing
    ]


def test_what_the_voice_did_is_told_with_what_the_words_decided() -> None:
    talk = fresh()
    voice = (Evidence(kind="voice", label="pitch_st", value=4.0, channel="customer"),)
    said = Utterance("customer", 1, 1.0, "mir reicht es jetzt", voice=voice)
    events = talk.heard(said)
    moved, cue = of(events, StageChanged)[0], of(events, CueShown)[0]
    assert isinstance(moved, StageChanged)
    assert isinstance(cue, CueShown)
    for evidence in (moved.evidence, cue.evidence):
        assert [one.kind for one in evidence] == ["words", "voice"]


def test_a_boundary_waits_for_the_pause_and_understanding_does_not() -> None:
    call = Call("standard")
    call.talk.passed(0.5, speaking=True, shouting=True)
    assert shown(call.turn(1.0, "customer", "frustration")) == ["understanding"]
    call.turn(2.0, "agent", "empathy")
    call.talk.passed(6.0, speaking=True, shouting=True)
    events = call.turn(6.5, "customer", "insult", severity=2)
    assert (call.talk.stage, call.talk.cues_in_force) == ("mirror", ("mirror",))
    assert shown(events) == []
    assert shown(call.talk.passed(7.0)) == []
    assert shown(call.talk.passed(7.4)) == ["mirror"]


# Approval to end the call ------------------------------------------------------------------------

COACH = load_policy("coach")


def at_the_end(policy: str | Policy = COACH, attack: str = "insult", severity: int = 2) -> Call:
    """Announced consequence, and the customer goes on at second 20."""
    call = Call(policy)
    call.turn(0.0, "customer", "insult", severity=2)
    call.turn(10.0, "agent", "consequence_announcement")
    call.last = call.turn(20.0, "customer", attack, severity=severity)
    return call


def test_the_supervisor_is_asked_before_the_last_cue_is_shown() -> None:
    call = at_the_end()
    last = call.last
    assert (call.talk.stage, call.talk.cues_in_force[0]) == ("end_call", "end_call")
    assert (approvals(last), shown(last)) == (["asked"], [])
    assert call.talk.passed(39.9) == []


def test_a_yes_shows_the_cue_at_once() -> None:
    call = at_the_end()
    events = call.send(25.0, command="approve", granted=True)
    assert (approvals(events), shown(events)) == (["granted"], ["end_call"])
    assert call.talk.passed(41.0) == []
    with pytest.raises(CommandRefused):
        call.send(42.0, command="approve", granted=True)


@pytest.mark.parametrize("asked_secs", [20.0, 20.1, 20.3, 1234.7])
def test_without_an_answer_for_approval_secs_the_agent_decides(asked_secs: float) -> None:
    call = Call(COACH)
    call.turn(0.0, "customer", "insult", severity=2)
    call.turn(10.0, "agent", "consequence_announcement")
    call.turn(asked_secs, "customer", "insult", severity=2)
    assert call.talk.passed(asked_secs + COACH.end_approval_secs - 0.001) == []
    events = call.talk.passed(asked_secs + COACH.end_approval_secs)
    assert (approvals(events), shown(events)) == (["timeout"], ["end_call"])
    with pytest.raises(CommandRefused):
        call.send(asked_secs + 30.0, command="approve", granted=False)


def test_a_no_brings_the_supervisor_in_and_no_last_cue() -> None:
    call = at_the_end()
    events = call.send(25.0, command="approve", granted=False)
    assert (approvals(events), shown(events)) == (["refused"], ["involve_supervisor"])
    (cue,) = of(events, CueShown)
    assert isinstance(cue, CueShown)
    assert cue.rule == "approval_refused"
    assert [event for tick in range(60) for event in call.talk.passed(26.0 + tick)] == (
        [CueCleared(call="c", t_secs=70.0, cue=cue.cue, why="expired")]
    )


def test_an_attack_while_the_supervisor_is_asked_prolongs_nothing() -> None:
    call = at_the_end()
    call.turn(25.0, "agent")
    events = call.turn(35.0, "customer", "insult", severity=2)
    assert (approvals(events), shown(events)) == ([], [])
    events = call.talk.passed(40.0)
    assert (approvals(events), shown(events)) == (["timeout"], ["end_call"])


def test_after_a_no_the_next_attack_asks_again() -> None:
    call = at_the_end()
    call.send(25.0, command="approve", granted=False)
    call.turn(30.0, "agent")
    events = call.turn(35.0, "customer", "insult", severity=2)
    assert (approvals(events), shown(events)) == (["asked"], [])


@pytest.mark.parametrize(("attack", "severity"), [("insult", 3), ("threat", 3)])
def test_after_gravest_words_nobody_is_asked(attack: str, severity: int) -> None:
    call = at_the_end(attack=attack, severity=severity)
    last = call.last
    assert approvals(last) == []
    assert "end_call" in shown(last)
    events = call.turn(30.0, "customer", "insult", severity=2)
    assert (approvals(events), shown(events)) == ([], ["end_call"]), "the agent may end it already"


def test_gravest_words_while_the_supervisor_is_asked_leave_it_to_the_agent() -> None:
    call = at_the_end()
    same_turn = call.utterances
    events = call.turn(22.0, "customer", "insult", severity=3, turn=same_turn)
    assert (approvals(events), shown(events)) == (["timeout"], ["end_call"])
    call = at_the_end()
    call.turn(22.0, "agent")
    events = call.turn(24.0, "customer", "insult", severity=3)
    assert (approvals(events), shown(events)) == (["timeout"], ["end_call"])
    with pytest.raises(CommandRefused):
        call.send(25.0, command="approve", granted=False)


@pytest.mark.parametrize("answer", ["granted", "timeout"])
def test_who_may_end_the_call_is_not_made_to_ask_again(answer: str) -> None:
    call = at_the_end()
    if answer == "granted":
        call.send(25.0, command="approve", granted=True)
    else:
        call.talk.passed(40.0)
    call.turn(50.0, "agent")
    events = call.turn(60.0, "customer", "insult", severity=2)
    assert (approvals(events), shown(events)) == ([], ["end_call"])


def test_the_agents_own_words_end_the_call_without_any_approval() -> None:
    call = at_the_end()
    events = call.turn(23.0, "agent", "call_termination", "farewell")
    assert [event.rung for event in events if isinstance(event, StepSaid)] == ["end_call"]
    assert (call.talk.stage, call.talk.cues_in_force, approvals(events)) == ("end_call", (), [])
    assert call.talk.passed(60.0) == [], "nobody is waiting for an answer any more"
    with pytest.raises(CommandRefused):
        call.send(61.0, command="approve", granted=True)


def test_the_button_ends_the_call_without_any_approval() -> None:
    call = at_the_end()
    events = call.send(23.0, command="said", rung="end_call")
    assert [event.type for event in events] == ["step.said"]
    assert call.talk.passed(60.0) == []


def test_the_end_of_the_call_while_the_supervisor_is_asked() -> None:
    call = at_the_end()
    events = call.talk.end(25.0)
    assert (approvals(events), shown(events)) == ([], ["aftercare"])
    with pytest.raises(CommandRefused):
        call.send(26.0, command="approve", granted=True)


def test_nobody_is_asked_where_the_policy_asks_nobody() -> None:
    last = at_the_end("standard").last
    assert (approvals(last), shown(last)) == ([], ["end_call"])


def test_approving_when_nobody_asked_is_refused() -> None:
    call = Call(COACH)
    call.turn(0.0, "customer", "insult", severity=2)
    for granted in (True, False):
        with pytest.raises(CommandRefused, match="nobody is waiting"):
            call.send(1.0, command="approve", granted=granted)


def test_unreliable_recognition_ends_the_waiting_for_an_answer() -> None:
    call = at_the_end()
    call.talk.suspend(22.0)
    assert call.talk.passed(60.0) == []
    with pytest.raises(CommandRefused):
        call.send(61.0, command="approve", granted=True)
