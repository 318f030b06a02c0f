"""The cues beside the ladder that standard has off, what clears each cue, and `listen`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.text.score import TextScore
from monitor.beside import BESIDE
from monitor.policy import SIDE_CUES, Policy, load_policy
from monitor.stages import (
    ApprovalRefused,
    CueDropped,
    CueRaised,
    Elapsed,
    Heard,
    LadderState,
    Noticed,
    Outcome,
    StepConfirmed,
    advance,
    initial,
)

STANDARD, COACH = load_policy("standard"), load_policy("coach")
COACHING = ("win_back", "save_face", "expectation_gap", "callback")
TRIGGERS = {
    "win_back": ["C cancellation"],
    "save_face": ["C +own_mistake"],
    "expectation_gap": ["C +expectation"],
    "callback": ["C +no_time", "C impatience\nA solution_offer\nC impatience"],
}


class Call:
    """A call on the ladder; every line a turn of its own, ten seconds apart."""

    def __init__(self, policy: Policy = STANDARD) -> None:
        self.policy = policy
        self.state: LadderState = initial()
        self.turn = 0
        self.utterance = 0
        self.now_secs = 0.0

    def tell(self, event: object, now_secs: float | None = None) -> tuple[Outcome, ...]:
        self.now_secs = self.now_secs if now_secs is None else now_secs
        self.state, outcomes = advance(self.state, event, self.now_secs, self.policy)  # type: ignore[arg-type]
        return outcomes

    def line(
        self, line: str, *, secs: float = 10.0, same_turn: bool = False, began: float | None = None
    ) -> tuple[Outcome, ...]:
        who, *tokens = line.split()
        severity = sum(int(token) for token in tokens if token.isdigit())
        hints = tuple(token[1:] for token in tokens if token.startswith("+"))
        labels = tuple(t for t in tokens if not t.isdigit() and not t.startswith("+"))
        score = TextScore(dict.fromkeys(labels, 1.0), labels, severity, "none", (), hints)
        self.turn += 0 if same_turn else 1
        self.utterance += 1
        self.now_secs += secs
        channel = "customer" if who == "C" else "agent"
        word_secs = () if began is None else (began,)
        return self.tell(
            Heard(
                channel, self.turn, self.utterance, self.now_secs, f"satz {self.utterance}",
                score, None, word_secs,
            )
        )  # fmt: skip

    def lines(self, script: str) -> tuple[Outcome, ...]:
        outcomes: tuple[Outcome, ...] = ()
        for line in script.splitlines():
            outcomes = self.line(line)
        return outcomes

    @property
    def beside(self) -> tuple[str, ...]:
        return tuple(cue.name for cue in self.state.side_cues)


def raised(outcomes: tuple[Outcome, ...]) -> list[str]:
    return [one.name for one in outcomes if isinstance(one, CueRaised)]


def dropped(outcomes: tuple[Outcome, ...]) -> list[tuple[str, str]]:
    return [(one.name, one.why) for one in outcomes if isinstance(one, CueDropped)]


# Off in standard, on in coach --------------------------------------------------------------------

EVERY_TRIGGER = [(name, script) for name, scripts in TRIGGERS.items() for script in scripts]


@pytest.mark.parametrize(("name", "script"), EVERY_TRIGGER)
def test_with_coach_it_comes_on_its_trigger_and_leaves_the_stage_alone(
    name: str, script: str
) -> None:
    call = Call(COACH)
    assert name in raised(call.lines(script))
    assert call.state.stage == "calm"
    cue = next(cue for cue in call.state.side_cues if cue.name == name)
    assert cue.evidence
    assert cue.rung is None


@pytest.mark.parametrize("policy", ["standard", "patient", "strict"])
@pytest.mark.parametrize(("name", "script"), EVERY_TRIGGER)
def test_with_the_others_it_never_comes(policy: str, name: str, script: str) -> None:
    call = Call(load_policy(policy))
    for _ in range(3):
        assert name not in raised(call.lines(script))
    assert not {*COACHING} & load_policy(policy).side_cues


def test_callback_comes_with_the_second_impatient_turn_and_not_with_each_one() -> None:
    call = Call(COACH)
    assert raised(call.line("C impatience")) == ["explain_wait"]
    assert raised(call.line("A hold_explanation")) == []
    outcomes = call.line("C impatience")
    assert raised(outcomes) == ["explain_wait", "callback"]
    cue = next(one for one in outcomes if isinstance(one, CueRaised) and one.name == "callback")
    assert (cue.rule, cue.evidence[-1].kind, cue.evidence[-1].value) == (
        "impatient_again", "count", 2.0,
    )  # fmt: skip
    call.line("A hold_explanation")
    assert raised(call.line("C impatience")) == ["explain_wait"]


def test_no_time_asks_for_a_callback_at_once_and_says_why() -> None:
    call = Call(COACH)
    call.line("C impatience +no_time")
    cue = next(cue for cue in call.state.side_cues if cue.name == "callback")
    assert (cue.rule, cue.slots["no_time"]) == ("no_time", "1")


def test_impatience_twice_in_one_turn_counts_once() -> None:
    call = Call(COACH)
    call.line("C impatience")
    assert raised(call.line("C impatience", same_turn=True)) == []
    assert call.state.impatient_turns == 1


@pytest.mark.parametrize(
    ("name", "answer"), [(cue.name, label) for cue in BESIDE for label in cue.answered_by]
)
def test_every_answer_of_the_table_clears_its_cue(name: str, answer: str) -> None:
    call = Call(COACH)
    triggers = {
        "check_claim": "C price_claim",
        "confirm_understanding": "C +correction",
        "open_question": "C frustration\nA\nC frustration",
        "explain_wait": "C impatience",
        **{cue: scripts[0] for cue, scripts in TRIGGERS.items()},
    }
    call.line("C thanks")  # what the agent says before that is a greeting
    assert name in raised(call.lines(triggers[name]))
    assert (name, "said") in dropped(call.line(f"A {answer}"))
    assert name not in call.beside


@pytest.mark.parametrize("name", [name for name in SIDE_CUES if name != "aftercare"])
def test_what_is_no_answer_clears_nothing(name: str) -> None:
    call = Call(COACH)
    call.line("C thanks")
    script = {
        "involve_supervisor": "C supervisor_request",
        "keep_formal_sie": "C +du_form",
        "check_claim": "C price_claim",
        "confirm_understanding": "C +correction",
        "open_question": "C frustration\nA\nC frustration",
        "explain_wait": "C impatience",
        "stay_factual": "C generalisation",
        **{cue: scripts[0] for cue, scripts in TRIGGERS.items()},
    }
    if name == "listen":
        call.tell(Noticed("talk_over", 10.0, 12.5, 2.5))
    else:
        call.lines(script[name])
    assert name in call.beside
    call.line("A farewell")
    assert name in call.beside
    for at_secs, there in ((44.0, True), (45.0, False)):
        raised_secs = next(
            (cue.raised_secs for cue in call.state.side_cues if cue.name == name), None
        )
        if raised_secs is not None:
            call.tell(Elapsed(), raised_secs + at_secs)
        assert (name in call.beside) is there


def test_time_alone_takes_a_side_cue_away_and_does_nothing_else() -> None:
    call = Call()
    call.line("C frustration impatience")
    before = call.state
    assert call.tell(Elapsed(), call.now_secs + 44.9) == ()
    assert call.state == before
    assert call.tell(Elapsed(), call.now_secs + 0.1) == (CueDropped("explain_wait", "expired"),)
    assert (call.state.stage, call.state.cue) == (before.stage, before.cue)


# Mild attacks long ago ---------------------------------------------------------------------------


@pytest.mark.parametrize(("later_secs", "cue"), [(299.0, ["mirror"]), (300.0, [])])
def test_mild_attacks_are_forgotten_after_a_time(later_secs: float, cue: list[str]) -> None:
    policy = replace(STANDARD, mild_forgotten_after_secs=300.0)
    call = Call(policy)
    call.lines("A empathy\nC insult 1")
    assert raised(call.line("C insult 1", secs=later_secs)) == cue


def test_with_standard_mild_attacks_are_never_forgotten() -> None:
    call = Call()
    call.lines("A empathy\nC insult 1")
    assert raised(call.line("C insult 1", secs=3600.0)) == ["mirror"]


# Approval refused --------------------------------------------------------------------------------


def test_a_refused_approval_calls_for_the_supervisor_and_changes_no_stage() -> None:
    call = Call(COACH)
    call.lines("C insult 2\nA consequence_announcement\nC insult 2")
    stage, cue = call.state.stage, call.state.cue
    (out,) = call.tell(ApprovalRefused())
    assert isinstance(out, CueRaised)
    assert (out.name, out.rule, out.slots["approval_refused"]) == (
        "involve_supervisor", "approval_refused", "1",
    )  # fmt: skip
    assert (call.state.stage, call.state.cue) == (stage, cue)


def test_a_refused_approval_outlasts_the_turn_that_asked_for_the_supervisor_before() -> None:
    call = Call(COACH)
    call.lines("C insult 2\nA consequence_announcement\nC insult supervisor_request 2")
    assert raised(call.tell(ApprovalRefused())) == ["involve_supervisor"]
    assert call.line("C", same_turn=True) == ()
    (cue,) = call.state.side_cues
    assert (cue.name, cue.rule) == ("involve_supervisor", "approval_refused")
    assert raised(call.line("C supervisor_request")) == ["involve_supervisor"]


# Listen ------------------------------------------------------------------------------------------

TALK_OVER = Noticed("talk_over", 30.0, 32.5, 2.5)
SHARE = Noticed("agent_share", 0.0, 60.0, 52.0)


def cut_short(at_secs: float) -> Noticed:
    return Noticed("interruption", at_secs - 1, at_secs, 0.8)


def silence(since_secs: float, secs: float) -> Noticed:
    return Noticed("dead_air", since_secs, since_secs + secs, secs)


@pytest.mark.parametrize("noticed", [TALK_OVER, SHARE, silence(20, 10)])
def test_listen_names_the_measured_seconds(noticed: Noticed) -> None:
    call = Call()
    call.line("C complaint")
    (out,) = call.tell(noticed, 60.0)
    assert isinstance(out, CueRaised)
    assert (out.name, out.rule) == ("listen", noticed.kind)
    (evidence,) = out.evidence
    assert (evidence.kind, evidence.label, evidence.value, evidence.t_secs) == (
        "timing", noticed.kind, noticed.secs, noticed.start_secs,
    )  # fmt: skip
    assert out.slots[noticed.kind] == "1"
    assert call.state.stage == "calm"


def test_one_interruption_is_none_two_within_a_minute_are() -> None:
    call = Call()
    call.line("C complaint")
    assert call.tell(cut_short(20.0), 20.0) == ()
    (out,) = call.tell(cut_short(79.0), 79.0)
    assert isinstance(out, CueRaised)
    measured, often = out.evidence
    assert (measured.value, often.label, often.value) == (0.8, "interruption", 2.0)


def test_two_interruptions_a_minute_apart_are_two_single_ones() -> None:
    call = Call()
    assert call.tell(cut_short(20.0), 20.0) == ()
    assert call.tell(cut_short(80.0), 80.0) == ()
    assert raised(call.tell(cut_short(100.0), 100.0)) == ["listen"], "the second and the third"


def test_with_coach_one_interruption_is_enough() -> None:
    call = Call(COACH)
    assert raised(call.tell(cut_short(20.0), 20.0)) == ["listen"]


def test_interruptions_are_counted_across_turns_and_what_follows_in_them() -> None:
    call = Call()
    call.line("C complaint")
    call.tell(cut_short(12.0), 12.0)
    call.line("C", same_turn=True)
    call.line("A")
    assert raised(call.tell(cut_short(40.0), 40.0)) == ["listen"]


def test_a_silence_asks_once_however_long_it_lasts() -> None:
    call = Call()
    call.line("C complaint")
    assert raised(call.tell(silence(20, 10), 30.0)) == ["listen"]
    assert call.tell(silence(20, 20), 40.0) == ()
    assert dropped(call.tell(silence(20, 60), 80.0)) == [("listen", "expired")]
    assert raised(call.tell(silence(100, 10), 110.0)) == ["listen"], "the next silence does"


def test_an_explained_hold_may_be_silent_longer() -> None:
    call = Call()
    call.lines("C impatience\nA hold_explanation")
    assert call.state.hold_explained
    for secs in (10, 20, 30, 40):
        assert raised(call.tell(silence(20, secs), 20.0 + secs)) == []
    assert raised(call.tell(silence(20, 50), 70.0)) == ["listen"]
    assert raised(call.tell(silence(20, 60), 80.0)) == []


def test_only_the_agents_last_turn_explains_a_hold() -> None:
    call = Call()
    call.lines("C impatience\nA hold_explanation\nC")
    assert raised(call.tell(silence(30, 10), 40.0)) == [], "the customer's yes changes nothing"
    call.line("A")
    assert raised(call.tell(silence(60, 10), 70.0)) == ["listen"]


@pytest.mark.parametrize("noticed", [TALK_OVER, SHARE, silence(20, 10)])
def test_listen_is_answered_when_the_customer_speaks_again(noticed: Noticed) -> None:
    call = Call()
    call.line("A")
    call.tell(noticed, 60.0)
    assert dropped(call.line("C complaint", began=60.5)) == [("listen", "expired")]


@pytest.mark.parametrize("same_turn", [True, False])
def test_the_words_that_were_cut_short_do_not_answer_it(same_turn: bool) -> None:
    """A final comes later than the pause that the interruption was told at."""
    call = Call(COACH)
    call.line("C complaint" if same_turn else "A")
    call.tell(cut_short(20.0), 20.3)
    assert dropped(call.line("C complaint", began=15.0, same_turn=same_turn)) == []
    assert call.beside == ("listen",)
    assert dropped(call.line("C", began=24.0, same_turn=True)) == [("listen", "expired")]


def test_a_silence_is_over_when_the_agent_breaks_it() -> None:
    call = Call()
    call.line("C complaint")
    call.tell(silence(20, 10), 30.0)
    assert dropped(call.line("A")) == [("listen", "said")]


@pytest.mark.parametrize("noticed", [TALK_OVER, SHARE])
def test_more_talk_of_the_agents_answers_nothing_else(noticed: Noticed) -> None:
    call = Call()
    call.line("C complaint")
    call.tell(noticed, 60.0)
    call.line("A empathy")
    assert call.beside == ("listen",)


def test_listen_outlasts_a_running_turn_that_is_decided_anew() -> None:
    call = Call()
    call.lines("C insult 2\nA")
    call.tell(TALK_OVER, 32.5)
    assert raised(call.line("A empathy", same_turn=True)) == []
    outcomes = call.line("A agent_impolite", same_turn=True)
    assert raised(outcomes) == ["understanding", "stay_factual"]
    assert call.beside == ("listen", "stay_factual")
    call.tell(StepConfirmed("understanding"))
    call.line("A", same_turn=True)
    assert call.beside == ("listen", "stay_factual")


def test_listen_that_has_expired_does_not_return_in_its_turn() -> None:
    call = Call()
    call.line("A")
    call.tell(TALK_OVER, 32.5)
    assert dropped(call.line("A", same_turn=True, secs=45.0)) == [("listen", "expired")]
    assert call.line("A", same_turn=True) == ()


def test_listen_raised_again_replaces_itself() -> None:
    call = Call()
    call.line("A")
    call.tell(TALK_OVER, 32.5)
    outcomes = call.tell(SHARE, 60.0)
    assert dropped(outcomes) == [("listen", "replaced")]
    assert raised(outcomes) == ["listen"]
    assert call.beside == ("listen",)


def test_listen_can_be_switched_off_and_the_silence_is_still_none_of_its_own() -> None:
    call = Call(replace(STANDARD, side_cues=STANDARD.side_cues - {"listen"}))
    call.line("C complaint")
    for noticed in (TALK_OVER, SHARE, silence(20, 10), cut_short(70), cut_short(71)):
        assert call.tell(noticed, max(60.0, noticed.end_secs)) == ()


def test_timing_moves_no_stage_and_takes_no_rung() -> None:
    call = Call()
    call.lines("C insult 2\nA empathy\nC insult 2")
    stage, said = call.state.stage, call.state.said_since_step_down
    for at_secs in range(40, 100, 5):
        call.tell(cut_short(float(at_secs)), float(at_secs))
        call.tell(TALK_OVER)
        call.tell(silence(at_secs, 10.0))
    assert (call.state.stage, call.state.said_since_step_down) == (stage, said)
    assert call.state.cue is not None
    assert call.state.cue.name == "mirror"


def test_a_side_cue_needs_to_be_sure() -> None:
    """Policy `side_cues.sure_from`: 0.6. The ladder itself takes every label that was given."""
    for chance, cues in ((0.59, []), (0.6, ["explain_wait"])):
        score = TextScore({"impatience": chance}, ("impatience",))
        heard = Heard("customer", 0, 1, 1.0, "wird das heute noch was", score, None)
        _, outcomes = advance(initial(), heard, 1.0, STANDARD)
        assert [one.name for one in outcomes if isinstance(one, CueRaised)] == cues
