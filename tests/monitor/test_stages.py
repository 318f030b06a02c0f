"""The ladder, rule by rule of the annotation guideline (docs/ladder.md numbers them alike).

A scenario is a table, a turn a line: who speaks (C customer, A agent), labels, severity, agitation
(@0.6), hints (+du_form), a target other than the default (!third); behind the bar the stage in
force afterwards and the cues raised by the turn. BUTTON is the agent's "gesagt", OVER the end.

Clause by clause, with the test that holds it (all begin with test_; … stands for the clause's own
prefix, rule_N_ or clarification_; what the words must be to carry a label is not the ladder's
business and is tested with the text model):

the ladder and its cues | the_ladder_has_the_stages_of_the_guideline
a turn without reason: no cue | a_calm_call_gets_no_cue_at_all
happy shouting is no anger | rule_1_voice_alone_changes_no_stage

1 frustration | …frustration_leads_to_understanding
1 complaint with agitation >= 0.5 | …complaint_needs_an_agitated_voice
1 or one mild attack | …one_mild_attack_leads_to_understanding
1 heat that leads no higher | …heat_without_frustration_never_leads_higher
1 … and never above understanding | …factual_fury_never_leads_above_understanding
1 once empathy was said: not repeated | …once_empathy_was_said_the_cue_is_not_repeated
2 severity >= 2 on agent or staff | …an_attack_is_one_on_the_agent_or_on_staff
2 or the second mild | …the_first_mild_attack_is_overlooked_the_second_is_an_attack
2 cues the rung above the highest said | …an_attack_cues_the_rung_above_the_highest_said
2 empathy said: mirror | …empathy_said_at_calm_leads_to_mirror
2 nothing said: understanding | …nothing_said_leads_to_understanding
3 what says a rung | …what_says_a_rung
3 a higher rung covers the lower ones | …a_higher_rung_covers_the_lower_ones
3 what covers nothing | …a_solution_offer_alone_or_an_impolite_turn_covers_nothing
3 skipped: it stays | …a_skipped_rung_stays_and_comes_again_at_the_next_attack
4 disclaimer with anger | …disclaimer_with_anger_is_quoted_in_place_of_understanding
4 an attack after one | …an_attack_after_a_disclaimer_quotes_it_in_place_of_the_mirror
5 severity 3: respect_request at once | …severity_3_asks_for_respect_at_once
5 threat: consequence at once | …a_threat_announces_the_consequence_at_once
5 asked or announced: the end | …respect_requested_or_consequence_announced_leads_to_the_end
6 severity 1: only keep_formal_sie | …a_mild_advance_only_asks_for_the_formal_sie
6 severity >= 2: no mirror | …from_severity_2_no_mirror_start_at_respect_request
7 apology: mirror or higher to understanding | …an_apology_takes_mirror_or_higher_to_understanding
7 apology: understanding to calm | …an_apology_takes_understanding_to_calm
7 the mild count restarts | …after_an_apology_the_mild_count_restarts
7 the next attack is mirrored again | …after_an_apology_the_next_attack_is_mirrored_again
7 three calm turns: calm | …three_calm_turns_in_a_row_lead_to_calm_and_reset_the_ladder
7 … what a calm turn is | …anything_else_breaks_the_row
7 … ladder reset | …three_calm_turns_begin_everything_anew
7 end_call never steps down | …end_call_never_steps_down

side cues leave the stage alone | side_cues_come_with_every_trigger_and_leave_the_stage_alone
next to a ladder cue too | side_cues_come_next_to_a_ladder_cue
open_question | open_question_at_the_second_frustrated_turn_without_a_concern
… no concern named, none asked | no_open_question_when_a_concern_was_named_or_asked_for
… greeting formula ignored | the_offer_of_help_in_a_greeting_is_no_open_question
stay_factual after an impolite turn, at that turn | stay_factual_comes_at_the_impolite_agent_turn
keep_formal_sie: also a sudden du, which is no more | a_sudden_du_raises_that_cue_and_nothing_else
involve_supervisor: both reasons | one_entry_per_side_cue_whatever_triggered_it
aftercare once, after the last turn | aftercare_once_and_only_when_the_call_ended_in_end_call

clarified: a quoted disclaimer | …quoting_answers_an_understanding_cue_only
clarified: after it: same turn | rule_4_same_turn_a_sham_disclaimer_counts_when_an_attack_follows
clarified: … or since the last step-down | rule_4_a_disclaimer_counts_until_the_next_step_down
clarified: first mild attack | …the_first_mild_attack_cues_understanding_at_most
clarified: understanding again | …the_understanding_cue_comes_again_only_at_an_attack
clarified: frustration in the same turn counts | …frustration_in_the_same_turn_still_counts
clarified: an apology forgets | rule_7_an_apology_forgets_all_that_was_said_above_empathy
clarified: one entry per side cue | one_entry_per_side_cue_whatever_triggered_it
clarified: a threat is severity 3 | rule_5_a_threat_is_grave_whatever_severity_it_was_given
clarified: a sham one counts | rule_4_same_turn_a_sham_disclaimer_counts_when_an_attack_follows
clarified: farewell after a termination | an_agent_who_ends_an_abusive_call_early_is_at_end_call
clarified: thanks counts as a calm turn | …thanks_counts_as_a_calm_turn
clarified: a correction, not a dispute | …a_correction_and_no_dispute_asks_to_confirm
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from models.text.score import Span, TextScore
from monitor import stages
from monitor.policy import Policy, load_policy
from monitor.stages import (
    LADDER,
    CallOver,
    CueDropped,
    CueRaised,
    Heard,
    LadderState,
    Moved,
    Outcome,
    Signal,
    StepConfirmed,
    StepTaken,
    UnlistedTransitionError,
    advance,
    initial,
)

STANDARD = load_policy("standard")
SECS_A_TURN = 6.0


def parse(line: str, turn: int) -> stages.Input:
    who, *tokens = line.split()
    if who == "OVER":
        return CallOver()
    if who == "BUTTON":
        return StepConfirmed(tokens[0])
    labels, hints, severity, agitation, target = [], [], 0, None, "none"
    for token in tokens:
        if token.isdigit():
            severity = int(token)
        elif token.startswith("@"):
            agitation = float(token[1:])
        elif token.startswith("+"):
            hints.append(token[1:])
        elif token.startswith("!"):
            target = token[1:]
        else:
            labels.append(token)
    score = TextScore(
        labels=dict.fromkeys(labels, 1.0), assigned=tuple(labels), severity=severity,
        target=target, hints=tuple(hints),
    )  # fmt: skip
    channel = "customer" if who == "C" else "agent"
    return Heard(channel, turn, turn, turn * SECS_A_TURN, f"turn {turn}", score, agitation)


def play(
    script: str, policy: Policy = STANDARD, state: LadderState | None = None
) -> tuple[LadderState, list[tuple[Outcome, ...]]]:
    """Play a table without looking at what it expects: the last state, the outcomes by line."""
    state = state or initial()
    outcomes: list[tuple[Outcome, ...]] = []
    for turn, line in enumerate(script.strip().splitlines()):
        event = parse(line.partition("|")[0], turn)
        state, out = advance(state, event, turn * SECS_A_TURN, policy)
        outcomes.append(out)
    return state, outcomes


def walk(script: str, policy: Policy = STANDARD) -> LadderState:
    """Play a table and hold every line against what stands behind its bar."""
    state = initial()
    for turn, line in enumerate(script.strip().splitlines()):
        said, _, expected = line.partition("|")
        state, outcomes = advance(state, parse(said, turn), turn * SECS_A_TURN, policy)
        raised = [out.name for out in outcomes if isinstance(out, CueRaised)]
        assert [state.stage, *raised] == expected.split(), f"line {turn}: {line.strip()}"
    return state


def only(kind: type[Outcome], outcomes: tuple[Outcome, ...]) -> list[Outcome]:
    return [out for out in outcomes if isinstance(out, kind)]


# The guideline as a whole ------------------------------------------------------------------------


def test_every_clause_of_the_guideline_has_its_test() -> None:
    assert __doc__ is not None
    held = set()
    for line in __doc__.splitlines():
        clause, bar, test = line.partition(" | ")
        if bar:
            number = clause.split()[0]
            prefix = f"rule_{number}_" if number.isdigit() else "clarification_"
            name = "test_" + test.replace("…", prefix)
            assert name in globals(), line
            held.add(name)
    assert {f"rule_{number}" for number in range(1, 8)} == {
        match[0] for name in held if (match := re.match(r"rule_\d", name[5:]))
    }


def test_the_ladder_has_the_stages_of_the_guideline() -> None:
    assert stages.STAGES == (
        "calm", "understanding", "mirror", "respect_request", "consequence", "end_call",
    )  # fmt: skip


def test_a_calm_call_gets_no_cue_at_all() -> None:
    walk("""
        A greeting open_question       | calm
        C complaint @0.3               | calm
        A empathy                      | calm
        C @0.2                         | calm
        A solution_offer               | calm
        C thanks @0.9                  | calm
        A farewell                     | calm
        OVER                           | calm""")


# Rule 1: calm -> understanding -------------------------------------------------------------------


def test_rule_1_frustration_leads_to_understanding() -> None:
    walk("C frustration | understanding understanding")


def test_rule_1_complaint_needs_an_agitated_voice() -> None:
    walk("C complaint @0.5 | understanding understanding")
    walk("C complaint @0.49 | calm")


def test_rule_1_complaint_with_unknown_agitation_stays_calm() -> None:
    walk("C complaint | calm")


def test_rule_1_voice_alone_changes_no_stage() -> None:
    walk("""
        C @1.0        | calm
        C thanks @1.0 | calm""")


@pytest.mark.parametrize("label", ["insult", "competence_attack"])
def test_rule_1_one_mild_attack_leads_to_understanding(label: str) -> None:
    walk(f"C {label} 1 | understanding understanding")


@pytest.mark.parametrize(
    "turn",
    [
        "C profanity @0.9",
        "C legal_threat complaint @0.4",
        "C cancellation @0.9",
        "C supervisor_request @0.2 +nothing",
        "C !third 0 @0.8",
        "C insult 2 !third @0.8",
        "C insult 2 !product",
    ],
)
def test_rule_1_heat_without_frustration_never_leads_higher(turn: str) -> None:
    state, _ = play(turn)
    assert state.stage == "calm"


def test_rule_1_factual_fury_never_leads_above_understanding() -> None:
    walk("""
        C complaint frustration profanity @0.9   | understanding understanding
        C complaint frustration legal_threat @1  | understanding
        C cancellation frustration profanity @1  | understanding""")


@pytest.mark.parametrize(
    "turn", ["profanity", "legal_threat complaint", "cancellation", "supervisor_request", "!third"]
)
def test_clarification_frustration_in_the_same_turn_still_counts(turn: str) -> None:
    state, outcomes = play(f"C frustration {turn}")
    assert state.stage == "understanding"
    assert only(CueRaised, outcomes[0])[0].name == "understanding"


def test_rule_1_once_empathy_was_said_the_cue_is_not_repeated() -> None:
    walk("""
        A empathy               | calm
        C frustration complaint | understanding
        C frustration           | understanding""")


def test_clarification_the_understanding_cue_comes_again_only_at_an_attack() -> None:
    walk("""
        C frustration complaint | understanding understanding
        A solution_offer        | understanding
        C frustration @0.9      | understanding
        C complaint @0.9        | understanding
        C insult 2              | understanding understanding""")


# Rule 2: what an attack is -----------------------------------------------------------------------


def test_rule_2_an_attack_cues_the_rung_above_the_highest_said() -> None:
    walk("""
        C frustration              | understanding understanding
        A empathy                  | understanding
        C insult 2                 | mirror mirror
        A paraphrase               | mirror
        C competence_attack 2      | respect_request respect_request
        A respect_request          | respect_request
        C insult 2                 | consequence consequence
        A consequence_announcement | consequence
        C insult 2                 | end_call end_call
        A call_termination         | end_call
        OVER                       | end_call aftercare""")


@pytest.mark.parametrize(
    ("turn", "stage"),
    [
        ("C insult 2 !agent", "mirror"),
        ("C competence_attack 2 !agent", "mirror"),
        ("C insult 2 !company", "mirror"),
        ("C competence_attack 3 !company", "respect_request"),
        ("C insult 2 !third", "calm"),
        ("C insult 2 !product", "calm"),
        ("C frustration 2", "understanding"),
        ("C generalisation 2", "calm"),
    ],
)
def test_rule_2_an_attack_is_one_on_the_agent_or_on_staff(turn: str, stage: str) -> None:
    state, _ = play(f"A empathy\n{turn}")
    assert state.stage == stage


def test_rule_2_nothing_said_leads_to_understanding() -> None:
    walk("C insult 2 | understanding understanding")


def test_rule_2_empathy_said_at_calm_leads_to_mirror() -> None:
    walk("""
        A empathy  | calm
        C insult 2 | mirror mirror""")


def test_rule_2_the_first_mild_attack_is_overlooked_the_second_is_an_attack() -> None:
    walk("""
        C insult 1            | understanding understanding
        A empathy             | understanding
        C competence_attack 1 | mirror mirror
        A paraphrase          | mirror
        C insult 1            | respect_request respect_request""")


def test_rule_2_a_mild_attack_after_a_clear_one_is_still_the_first_mild_one() -> None:
    walk("""
        A empathy  | calm
        C insult 2 | mirror mirror
        C insult 1 | mirror
        C insult 1 | mirror mirror""")


def test_clarification_the_first_mild_attack_cues_understanding_at_most() -> None:
    walk("""
        A empathy             | calm
        C competence_attack 1 | understanding
        C competence_attack 1 | mirror mirror""")


def test_rule_2_a_generalisation_or_stalling_accusation_is_no_mild_attack() -> None:
    walk("""
        A empathy          | calm
        C generalisation 1 | calm stay_factual
        C impatience 1     | calm explain_wait
        C generalisation 1 | calm stay_factual""")


# Rule 3: what the agent has said -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "rung"),
    [
        ("empathy", "understanding"),
        ("paraphrase", "mirror"),
        ("quote_disclaimer", "mirror"),
        ("respect_request", "respect_request"),
        ("consequence_announcement", "consequence"),
        ("call_termination", "end_call"),
    ],
)
def test_rule_3_what_says_a_rung(label: str, rung: str) -> None:
    state, outcomes = play(f"A empathy\nC insult 2\nA {label}")
    assert only(StepTaken, outcomes[2]) == [StepTaken(rung, "text", 2)]
    assert state.said_since_step_down == rung


@pytest.mark.parametrize(
    ("label", "next_cue"),
    [
        ("empathy", "mirror"),
        ("paraphrase", "respect_request"),
        ("respect_request", "consequence"),
        ("consequence_announcement", "end_call"),
    ],
)
def test_rule_3_a_higher_rung_covers_the_lower_ones(label: str, next_cue: str) -> None:
    walk(f"""
        C insult 2 | understanding understanding
        A {label}  | understanding
        C insult 2 | {next_cue} {next_cue}""")


def test_rule_3_the_agents_words_alone_do_not_move_the_stage() -> None:
    walk("""
        A consequence_announcement | calm
        C complaint                | calm""")


@pytest.mark.parametrize(
    "turn", ["A solution_offer", "A", "A agent_impolite 1", "A empathy agent_impolite 1"]
)
def test_rule_3_a_solution_offer_alone_or_an_impolite_turn_covers_nothing(turn: str) -> None:
    state, _ = play(f"""
        C insult 2
        {turn}
        C insult 2""")
    assert state.stage == "understanding"
    assert state.said_since_step_down == "calm"


def test_rule_3_a_skipped_rung_stays_and_comes_again_at_the_next_attack() -> None:
    script = """
        A empathy        | calm
        C insult 2       | mirror mirror
        A solution_offer | mirror
        C frustration    | mirror
        A                | mirror
        C insult 2       | mirror mirror"""
    state = walk(script)
    assert state.cue is not None
    assert state.cue.turn == 5
    _, outcomes = play(script)
    assert only(CueDropped, outcomes[5]) == [CueDropped("mirror", "replaced")]


def test_rule_3_after_a_short_cut_a_lower_rung_does_not_answer_the_cue() -> None:
    walk("""
        C insult 3 | respect_request respect_request
        A empathy  | respect_request
        C insult 2 | respect_request respect_request
        A          | respect_request
        C insult 2 | respect_request respect_request""")


def test_rule_3_a_rung_is_taken_once_a_turn_and_said_in_call_counts_turns() -> None:
    state, outcomes = play("""
        C insult 3
        A respect_request
        C
        A empathy respect_request""")
    assert outcomes[1][0] == StepTaken("respect_request", "text", 1)
    assert only(StepTaken, outcomes[3]) == [
        StepTaken("understanding", "text", 3),
        StepTaken("respect_request", "text", 3),
    ]
    assert state.times_said("respect_request") == 2
    assert state.times_said("mirror") == 0, "covered is not said"


def test_the_button_takes_a_rung_like_the_words() -> None:
    script = """
        C insult 2           | understanding understanding
        BUTTON understanding | understanding
        C insult 2           | mirror mirror
        BUTTON consequence   | mirror
        C insult 2           | end_call end_call"""
    walk(script)
    _, outcomes = play(script)
    assert outcomes[1] == (
        StepTaken("understanding", "button", None),
        CueDropped("understanding", "said"),
    )


def test_the_button_and_the_same_words_in_one_turn_count_once() -> None:
    for order in (
        "BUTTON respect_request\nA respect_request",
        "A respect_request\nBUTTON respect_request",
    ):
        state, outcomes = play(f"C insult 3\n{order}")
        assert state.times_said("respect_request") == 1
        assert len(only(StepTaken, outcomes[1] + outcomes[2])) == 1


def test_the_customers_last_words_do_not_part_the_button_from_the_agents_words() -> None:
    state, _ = turns((0, "C insult 3"))
    state, _ = advance(state, StepConfirmed("respect_request"), 2.0, STANDARD)
    state, _ = advance(state, utterance(1, 0, "C"), 3.0, STANDARD)
    state, outcomes = advance(state, utterance(2, 1, "A respect_request"), 4.0, STANDARD)
    assert outcomes == ()
    assert state.times_said("respect_request") == 1


# Rule 4: the disclaimer --------------------------------------------------------------------------


def test_rule_4_disclaimer_with_anger_is_quoted_in_place_of_understanding() -> None:
    walk("C disclaimer frustration | understanding quote_disclaimer")
    walk("C disclaimer complaint @0.6 | understanding quote_disclaimer")
    walk("C disclaimer complaint @0.2 | calm")


def test_rule_4_an_attack_after_a_disclaimer_quotes_it_in_place_of_the_mirror() -> None:
    walk("""
        C disclaimer frustration | understanding quote_disclaimer
        A empathy                | understanding
        C complaint              | understanding
        C insult 2               | mirror quote_disclaimer""")


def test_rule_4_same_turn_a_sham_disclaimer_counts_when_an_attack_follows() -> None:
    walk("""
        A empathy             | calm
        C disclaimer insult 2 | mirror quote_disclaimer""")


def test_rule_4_frustration_after_a_disclaimer_of_an_earlier_turn_is_not_disclaimed() -> None:
    walk("""
        C disclaimer  | calm
        C frustration | understanding understanding""")


def test_rule_4_a_disclaimer_counts_until_the_next_step_down() -> None:
    walk("""
        C disclaimer frustration | understanding quote_disclaimer
        A empathy                | understanding
        C apology                | calm
        C insult 2               | mirror mirror""")


def test_rule_4_above_the_mirror_a_disclaimer_changes_nothing() -> None:
    walk("""
        A paraphrase          | calm
        C disclaimer insult 2 | respect_request respect_request""")


def test_clarification_quoting_answers_an_understanding_cue_only() -> None:
    walk("""
        C disclaimer frustration | understanding quote_disclaimer
        A quote_disclaimer       | understanding
        C insult 2               | mirror quote_disclaimer
        A quote_disclaimer       | mirror
        C insult 2               | respect_request respect_request""")


def test_clarification_quoting_together_with_empathy_still_answers_understanding_only() -> None:
    walk("""
        C disclaimer frustration   | understanding quote_disclaimer
        A empathy quote_disclaimer | understanding
        C insult 2                 | mirror quote_disclaimer""")


def test_clarification_quoting_after_a_short_cut_is_no_answer_to_understanding() -> None:
    _, outcomes = play("C disclaimer insult 3\nA quote_disclaimer")
    assert only(StepTaken, outcomes[1]) == [StepTaken("mirror", "text", 1)]


def test_the_button_on_a_quoted_disclaimer_takes_the_rung_it_stands_in_for() -> None:
    state, _ = play("C disclaimer frustration")
    assert stages.rung_of("quote_disclaimer", state) == "understanding"
    state, _ = play("A empathy\nC disclaimer insult 2")
    assert stages.rung_of("quote_disclaimer", state) == "mirror"
    assert stages.rung_of("consequence", state) == "consequence"
    assert stages.rung_of("explain_wait", state) is None


def test_the_words_that_follow_the_button_do_not_take_a_second_rung() -> None:
    walk("""
        C disclaimer frustration | understanding quote_disclaimer
        BUTTON understanding     | understanding
        A quote_disclaimer       | understanding
        C insult 2               | mirror quote_disclaimer""")


# Rule 5: severity 3 ------------------------------------------------------------------------------


def test_rule_5_severity_3_asks_for_respect_at_once() -> None:
    walk("C insult 3 | respect_request respect_request")


def test_rule_5_a_threat_announces_the_consequence_at_once() -> None:
    walk("C threat 3 | consequence consequence involve_supervisor")


def test_rule_5_a_threat_is_grave_whatever_severity_it_was_given() -> None:
    state, _ = play("C threat 0")
    assert (state.stage, state.attacks_in_call) == ("consequence", 1)


@pytest.mark.parametrize("said", ["respect_request", "consequence_announcement"])
@pytest.mark.parametrize("attack", ["insult 3", "threat 3"])
def test_rule_5_respect_requested_or_consequence_announced_leads_to_the_end(
    said: str, attack: str
) -> None:
    state, _ = play(f"C insult 2\nA {said}\nC {attack}")
    assert state.stage == "end_call"
    assert state.cue is not None
    assert state.cue.name == "end_call"


def test_rule_5_a_covered_but_not_requested_respect_does_not_lead_to_the_end() -> None:
    walk("""
        C insult 3   | respect_request respect_request
        A paraphrase | respect_request
        C insult 3   | respect_request respect_request""")


def test_rule_5_never_leads_below_the_stage_in_force() -> None:
    state, outcomes = play("C threat 3\nA empathy\nC insult 3")
    assert state.stage == "consequence"
    assert [out.name for out in only(CueRaised, outcomes[2])] == ["consequence"]


# Rule 6: boundary crossing -----------------------------------------------------------------------


def test_rule_6_a_mild_advance_only_asks_for_the_formal_sie() -> None:
    walk("""
        C boundary_crossing 1 | calm keep_formal_sie
        C boundary_crossing 1 | calm keep_formal_sie""")


def test_rule_6_from_severity_2_no_mirror_start_at_respect_request() -> None:
    walk("""
        C boundary_crossing 2 | respect_request respect_request keep_formal_sie
        A respect_request     | respect_request
        C boundary_crossing 2 | consequence consequence keep_formal_sie""")
    walk("""
        A empathy                    | calm
        C boundary_crossing insult 2 | respect_request respect_request keep_formal_sie""")


def test_rule_6_gross_sexual_remarks_are_severity_3() -> None:
    walk("""
        A respect_request     | calm
        C boundary_crossing 3 | end_call end_call keep_formal_sie""")


# Rule 7: step down -------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["mirror", "respect_request", "consequence"])
def test_rule_7_an_apology_takes_mirror_or_higher_to_understanding(stage: str) -> None:
    said = {"mirror": "empathy", "respect_request": "paraphrase", "consequence": "respect_request"}
    state, outcomes = play(f"C insult 2\nA {said[stage]}\nC insult 2\nC apology")
    assert state.stage == "understanding"
    moved = only(Moved, outcomes[3])[0]
    assert (moved.from_, moved.to, moved.rule) == (stage, "understanding", "apology")
    assert only(CueDropped, outcomes[3]) == [CueDropped(stage, "stepped_down")]
    assert state.cue is None


def test_rule_7_an_apology_takes_understanding_to_calm() -> None:
    walk("""
        C frustration | understanding understanding
        A empathy     | understanding
        C apology     | calm""")


def test_rule_7_after_an_apology_the_next_attack_is_mirrored_again() -> None:
    walk("""
        C insult 2        | understanding understanding
        A empathy         | understanding
        C insult 2        | mirror mirror
        A respect_request | mirror
        C apology         | understanding
        C insult 2        | mirror mirror""")


def test_rule_7_after_an_apology_the_mild_count_restarts() -> None:
    walk("""
        A empathy  | calm
        C insult 1 | understanding
        C insult 1 | mirror mirror
        C apology  | understanding
        C insult 1 | understanding
        C insult 1 | mirror mirror""")


def test_rule_7_an_apology_forgets_all_that_was_said_above_empathy() -> None:
    walk("""
        C frustration     | understanding understanding
        A respect_request | understanding
        C apology         | calm
        C insult 2        | mirror mirror""")


def test_rule_7_what_was_said_in_the_call_is_never_forgotten() -> None:
    state, _ = play("C insult 2\nA respect_request\nC insult 2\nC apology\nC\nC\nC\nC insult 2")
    assert state.times_said("respect_request") == 1


def test_rule_7_an_apology_with_frustration_still_steps_down() -> None:
    walk("""
        C frustration complaint | understanding understanding
        A empathy               | understanding
        C apology frustration   | calm""")


def test_rule_7_an_apology_at_calm_does_not_hide_frustration() -> None:
    walk("C apology frustration | understanding understanding")


def test_rule_7_an_attack_in_the_same_turn_outweighs_an_apology() -> None:
    walk("""
        A empathy          | calm
        C insult 2         | mirror mirror
        C apology insult 2 | mirror mirror""")


def test_rule_7_three_calm_turns_in_a_row_lead_to_calm_and_reset_the_ladder() -> None:
    state = walk("""
        C insult 2        | understanding understanding
        A respect_request | understanding
        C insult 2        | consequence consequence
        C @0.35           | consequence
        A                 | consequence
        C thanks @0.1     | consequence
        A                 | consequence
        C complaint @0.3  | calm
        C insult 2        | understanding understanding""")
    assert state.said_since_step_down == "calm"


def test_rule_7_three_calm_turns_begin_everything_anew() -> None:
    walk("""
        C disclaimer insult 1 | understanding quote_disclaimer
        A quote_disclaimer    | understanding
        C                     | understanding
        C                     | understanding
        C                     | calm
        C insult 1            | understanding understanding
        A empathy             | understanding
        C insult 1            | mirror mirror""")


def test_clarification_thanks_counts_as_a_calm_turn() -> None:
    walk("""
        C frustration | understanding understanding
        C thanks      | understanding
        C thanks @0.3 | understanding
        C thanks      | calm""")


@pytest.mark.parametrize(
    "breaks", ["C frustration", "C apology", "C @0.36", "C impatience 1", "C insult 1"]
)
def test_rule_7_anything_else_breaks_the_row(breaks: str) -> None:
    state, _ = play(f"""
        C insult 3
        C
        C
        {breaks}
        C
        C""")
    assert state.stage != "calm"


def test_rule_7_unknown_agitation_does_not_block() -> None:
    walk("""
        C frustration @0.8 | understanding understanding
        C                  | understanding
        C @0.2             | understanding
        C                  | calm""")


def test_rule_7_end_call_never_steps_down() -> None:
    walk("""
        C threat 3                 | consequence consequence involve_supervisor
        A consequence_announcement | consequence
        C insult 2                 | end_call end_call
        C apology                  | end_call
        C                          | end_call
        C                          | end_call
        C thanks                   | end_call
        C                          | end_call""")


def test_end_call_is_cued_again_only_while_it_is_not_said() -> None:
    walk("""
        A consequence_announcement | calm
        C insult 2                 | end_call end_call
        A                          | end_call
        C insult 2                 | end_call end_call
        A call_termination         | end_call
        C insult 3                 | end_call""")


# The agent ends the call -------------------------------------------------------------------------


def test_an_agent_who_ends_an_abusive_call_early_is_at_end_call() -> None:
    script = """
        C insult 3                  | respect_request respect_request
        A call_termination farewell | end_call
        OVER                        | end_call aftercare"""
    walk(script)
    _, outcomes = play(script)
    assert only(Moved, outcomes[1])[0].rule == "agent_ended_call"
    walk(
        script.replace("| end_call aftercare", "| respect_request").replace(
            "farewell | end_call", "farewell | respect_request"
        ),
        replace(STANDARD, agent_may_end_early=False),
    )


def test_without_any_attack_a_goodbye_ends_nothing() -> None:
    walk("""
        C frustration      | understanding understanding
        A call_termination | understanding
        OVER               | understanding""")


def test_nothing_comes_after_the_end_of_the_call() -> None:
    state, _ = play("C\nOVER")
    for line in ("C insult 2", "A empathy", "BUTTON mirror", "OVER"):
        with pytest.raises(UnlistedTransitionError):
            advance(state, parse(line, 9), 60.0, STANDARD)


def test_the_table_lists_every_stage_and_signal_and_nothing_else_passes() -> None:
    assert [signal for stage, signal in LADDER if stage == "calm"] == list(Signal)
    assert set(LADDER) == {(stage, signal) for stage in stages.STAGES for signal in Signal}
    with pytest.raises(UnlistedTransitionError):
        stages._step("over", Signal.QUIET)


# Side cues ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turn", "cue"),
    [
        ("C +correction", "confirm_understanding"),
        ("C generalisation 1", "stay_factual"),
        ("C impatience", "explain_wait"),
        ("C boundary_crossing 1", "keep_formal_sie"),
        ("C +du_form", "keep_formal_sie"),
        ("C price_claim", "check_claim"),
        ("C supervisor_request", "involve_supervisor"),
    ],
)
def test_side_cues_come_with_every_trigger_and_leave_the_stage_alone(turn: str, cue: str) -> None:
    walk(f"""
        {turn} | calm {cue}
        A      | calm
        {turn} | calm {cue}""")


def test_side_cues_come_next_to_a_ladder_cue() -> None:
    walk("""
        C frustration impatience 1 | understanding understanding explain_wait
        A                          | understanding
        C insult price_claim 2     | understanding understanding check_claim""")


def test_one_entry_per_side_cue_whatever_triggered_it() -> None:
    walk("""
        C supervisor_request                                    | calm involve_supervisor
        C boundary_crossing 1 +du_form                          | calm keep_formal_sie
        C impatience generalisation price_claim                 | calm check_claim explain_wait stay_factual
        C threat 3 supervisor_request                           | consequence consequence involve_supervisor""")  # noqa: E501


def test_a_sudden_du_raises_that_cue_and_nothing_else() -> None:
    walk("""
        A empathy           | calm
        C +du_form          | calm keep_formal_sie
        C +du_form insult 1 | understanding keep_formal_sie""")


def test_clarification_a_correction_and_no_dispute_asks_to_confirm() -> None:
    walk("""
        C +correction             | calm confirm_understanding
        A confirm_understanding   | calm
        C +affirms                | calm
        C complaint               | calm
        A confirm_understanding   | calm
        C complaint frustration   | understanding understanding""")


def test_stay_factual_comes_at_the_impolite_agent_turn() -> None:
    walk("""
        C complaint        | calm
        A agent_impolite 1 | calm stay_factual""")


def test_open_question_at_the_second_frustrated_turn_without_a_concern() -> None:
    walk("""
        A greeting open_question | calm
        C frustration            | understanding understanding
        A empathy                | understanding
        C frustration            | understanding open_question
        A                        | understanding
        C frustration            | understanding""")


@pytest.mark.parametrize("between", ["C complaint", "A open_question", "C price_claim"])
def test_no_open_question_when_a_concern_was_named_or_asked_for(between: str) -> None:
    _, outcomes = play(f"C frustration\n{between}\nC frustration")
    assert only(CueRaised, outcomes[2]) == []


@pytest.mark.parametrize(
    "greeting", ["A open_question", "C\nA greeting open_question", "A greeting\nA open_question"]
)
def test_the_offer_of_help_in_a_greeting_is_no_open_question(greeting: str) -> None:
    _, outcomes = play(f"{greeting}\nC frustration\nC frustration")
    assert [out.name for out in only(CueRaised, outcomes[-1])] == ["open_question"]


def test_no_open_question_when_the_second_frustrated_turn_names_the_concern() -> None:
    walk("""
        C frustration           | understanding understanding
        C frustration complaint | understanding""")


def test_an_open_question_comes_once_in_its_turn_even_after_the_button() -> None:
    state, _ = turns((0, "C frustration"), (2, "C frustration"))
    assert [cue.name for cue in state.side_cues] == ["open_question"]
    state, _ = advance(state, StepConfirmed("understanding"), 8.0, STANDARD)
    later = 10.0 + STANDARD.side_cue_stays_secs
    state, outcomes = advance(state, utterance(3, 2, "C frustration"), later, STANDARD)
    assert outcomes == (CueDropped("open_question", "expired"),)


def test_aftercare_once_and_only_when_the_call_ended_in_end_call() -> None:
    walk("""
        C insult 2 | understanding understanding
        OVER       | understanding""")


def test_a_side_cue_can_be_switched_off() -> None:
    walk("C impatience | calm", replace(STANDARD, side_cues=frozenset({"check_claim"})))


@pytest.mark.parametrize(
    ("turn", "answer"),
    [
        ("C impatience", "A hold_explanation"),
        ("C +correction", "A confirm_understanding"),
    ],
)
def test_a_side_cue_is_cleared_when_the_agent_answers_it(turn: str, answer: str) -> None:
    state, outcomes = play(f"{turn}\n{answer}")
    assert [out.why for out in outcomes[1]] == ["said"]
    assert state.side_cues == ()


def test_a_side_cue_expires() -> None:
    state, _ = play("C impatience")
    stays = STANDARD.side_cue_stays_secs
    state, outcomes = advance(state, parse("A", 1), stays - 0.1, STANDARD)
    assert outcomes == ()
    state, outcomes = advance(state, parse("A", 1), stays, STANDARD)
    assert outcomes == (CueDropped("explain_wait", "expired"),)


def test_an_expired_side_cue_does_not_return_within_its_turn() -> None:
    state, _ = advance(initial(), parse("C impatience", 0), 0.0, STANDARD)
    later = STANDARD.side_cue_stays_secs + 1
    state, outcomes = advance(state, parse("C", 0), later, STANDARD)
    assert outcomes == (CueDropped("explain_wait", "expired"),)
    state, outcomes = advance(state, parse("C impatience", 0), later + 1, STANDARD)
    assert outcomes == ()


def test_a_side_cue_expires_by_the_time_it_was_raised_at() -> None:
    state, _ = advance(initial(), parse("C impatience", 0), 0.0, STANDARD)
    state, _ = advance(state, parse("C", 0), STANDARD.side_cue_stays_secs - 1, STANDARD)
    _, outcomes = advance(state, parse("C", 0), STANDARD.side_cue_stays_secs, STANDARD)
    assert outcomes == (CueDropped("explain_wait", "expired"),)


def test_a_side_cue_raised_again_replaces_itself() -> None:
    _, outcomes = play("C impatience\nC impatience")
    assert [type(out) for out in outcomes[1]] == [CueDropped, CueRaised]
    assert outcomes[1][0] == CueDropped("explain_wait", "replaced")


def test_the_most_urgent_side_cue_comes_first() -> None:
    state, _ = play("C impatience generalisation\nC supervisor_request")
    assert [cue.name for cue in state.side_cues] == [
        "involve_supervisor", "explain_wait", "stay_factual",
    ]  # fmt: skip


def test_the_end_of_the_call_clears_what_is_open() -> None:
    state, outcomes = play("C frustration impatience\nOVER")
    assert outcomes[1] == (
        CueDropped("understanding", "expired"),
        CueDropped("explain_wait", "expired"),
    )
    assert (state.cue, state.side_cues) == (None, ())


# Several utterances of one turn ------------------------------------------------------------------


def utterance(number: int, turn: int, line: str) -> Heard:
    heard = parse(line, turn)
    assert isinstance(heard, Heard)
    return replace(heard, utterance=number)


def turns(*spoken: tuple[int, str]) -> tuple[LadderState, list[tuple[Outcome, ...]]]:
    state, out = initial(), []
    for number, (turn, line) in enumerate(spoken):
        state, outcomes = advance(state, utterance(number, turn, line), 3.0 * number, STANDARD)
        out.append(outcomes)
    return state, out


def test_an_attack_triggers_once_in_its_turn() -> None:
    state, out = turns((0, "A empathy"), (1, "C insult 2"), (1, "C insult 2"), (1, "C"))
    assert [len(one) for one in out] == [1, 2, 0, 0]
    assert (state.stage, state.attacks_in_call) == ("mirror", 1)


def test_a_graver_utterance_upgrades_the_turn() -> None:
    state, out = turns((0, "A empathy"), (1, "C insult 2"), (1, "C insult 3"))
    assert state.stage == "respect_request"
    assert [type(one) for one in out[2]] == [CueDropped, Moved, CueRaised]
    assert out[2][0] == CueDropped("mirror", "replaced")
    assert (out[2][1].from_, out[2][1].to) == ("mirror", "respect_request")


def test_mild_attacks_of_one_turn_count_as_one() -> None:
    state, _ = turns((0, "A empathy"), (1, "C insult 1"), (1, "C competence_attack 1"))
    assert (state.stage, state.mild_attacks) == ("understanding", 1)


def test_calm_utterances_of_one_turn_count_as_one() -> None:
    state, _ = turns((0, "C frustration"), (2, "C"), (2, "C"), (2, "C"))
    assert (state.stage, state.calm_turns) == ("understanding", 1)


def test_a_turn_that_heats_up_takes_its_step_down_back() -> None:
    state, out = turns((0, "C insult 3"), (2, "C"), (4, "C"), (6, "C"), (6, "C frustration"))
    assert only(Moved, out[3])[0].to == "calm"
    assert only(Moved, out[4])[0].to == "respect_request"
    assert [one.name for one in only(CueRaised, out[4])] == ["respect_request"]
    assert state.stage == "respect_request"


def test_an_attack_after_an_apology_in_the_same_turn_takes_the_apology_back() -> None:
    _, out = turns((0, "A empathy"), (1, "C insult 2"), (3, "C apology"), (3, "C insult 2"))
    assert only(Moved, out[2])[0].to == "understanding"
    assert only(Moved, out[3])[0].to == "mirror"
    assert [one.name for one in only(CueRaised, out[3])] == ["mirror"]


def test_a_disclaimer_said_after_the_anger_changes_the_cue() -> None:
    _, out = turns((0, "C frustration"), (0, "C disclaimer"))
    assert out[1][0] == CueDropped("understanding", "replaced")
    assert [one.name for one in only(CueRaised, out[1])] == ["quote_disclaimer"]


def test_an_impolite_end_of_the_agents_turn_spoils_its_beginning() -> None:
    state, out = turns((0, "C insult 2"), (1, "A empathy"), (1, "A agent_impolite"))
    assert out[1] == (StepTaken("understanding", "text", 1), CueDropped("understanding", "said"))
    assert [one.name for one in only(CueRaised, out[2])] == ["understanding", "stay_factual"]
    assert (state.said_since_step_down, state.times_said("understanding")) == ("calm", 0)


def test_what_the_customer_says_after_the_button_is_answered_by_the_next_rung() -> None:
    state, _ = turns((0, "C insult 2"))
    state, _ = advance(state, StepConfirmed("understanding"), 3.0, STANDARD)
    state, outcomes = advance(state, utterance(1, 0, "C"), 4.0, STANDARD)
    assert outcomes == ()
    state, outcomes = advance(state, utterance(2, 0, "C insult 2"), 5.0, STANDARD)
    assert (state.stage, state.attacks_in_call) == ("mirror", 1)


def test_the_button_does_not_make_two_turns_of_one() -> None:
    state, _ = turns((0, "C frustration insult 1"))
    state, _ = advance(state, StepConfirmed("understanding"), 3.0, STANDARD)
    state, outcomes = advance(state, utterance(1, 0, "C frustration insult 1"), 4.0, STANDARD)
    assert outcomes == ()
    assert (state.mild_attacks, state.frustrated_turns, state.attacks_in_call) == (1, 1, 1)
    state, _ = advance(state, StepConfirmed("understanding"), 5.0, STANDARD)
    state, _ = advance(state, utterance(2, 0, "C"), 6.0, STANDARD)
    assert state.calm_turns == 0


# Evidence and slots ------------------------------------------------------------------------------


def scored(turn: int, labels: dict[str, str], severity: int, text: str) -> Heard:
    spans = tuple(
        Span(label, text.index(words), text.index(words) + len(words), words)
        for label, words in labels.items()
    )
    score = TextScore(dict.fromkeys(labels, 0.9), tuple(labels), severity, "agent", spans)
    return Heard("customer", turn, 10 + turn, 2.5 * turn, text, score, None)


def raised_by(state: LadderState, heard: Heard) -> tuple[LadderState, CueRaised]:
    state, outcomes = advance(state, heard, heard.t_secs, STANDARD)
    (cue,) = only(CueRaised, outcomes)
    return state, cue


def test_evidence_names_the_words_who_said_them_when_and_how_often() -> None:
    state, _ = play("A empathy\nC insult 2")
    _, cue = raised_by(
        state, scored(4, {"competence_attack": "keine ahnung"}, 2, "sie haben ja keine ahnung")
    )
    words, count = cue.evidence
    assert (words.kind, words.label, words.text) == ("words", "competence_attack", "keine ahnung")
    assert (words.channel, words.utterance, words.t_secs) == ("customer", 14, 10.0)
    assert (count.kind, count.label, count.value) == ("count", "attack", 2.0)
    assert cue.rule == "attack"


def test_without_spans_the_evidence_is_the_whole_utterance() -> None:
    _, outcomes = play("C frustration")
    assert only(CueRaised, outcomes[0])[0].evidence[0].text == "turn 0"


def test_an_agitated_complaint_names_the_voice_too() -> None:
    _, outcomes = play("C complaint @0.7")
    words, voice = only(Moved, outcomes[0])[0].evidence
    assert (words.label, voice.kind, voice.value) == ("complaint", "voice", 0.7)


def test_every_change_carries_evidence() -> None:
    _, outcomes = play("""
        C frustration impatience price_claim supervisor_request
        A empathy agent_impolite
        C frustration boundary_crossing generalisation insult 2 +correction +du_form
        C threat 3
        C apology
        C
        C
        C
        A respect_request
        C insult 3
        A call_termination
        OVER""")
    changes = [out for line in outcomes for out in line if isinstance(out, Moved | CueRaised)]
    assert len(changes) > 15
    assert all(change.evidence and change.rule for change in changes)


@pytest.mark.parametrize(
    ("span", "word"),
    [
        ("sie versager", "versager"),
        ("sie sind doch ein versager", "versager"),
        ("überhaupt keine ahnung", "überhaupt keine ahnung"),
        ("sie haben doch noch nie etwas begriffen", None),
        ("sie", None),
    ],
)
def test_the_word_is_a_slot_without_what_leads_to_it(span: str, word: str | None) -> None:
    state, _ = play("A empathy")
    _, cue = raised_by(state, scored(1, {"insult": span}, 2, f"ach {span}"))
    assert cue.slots.get("wort") == word


def test_gravest_words_are_never_a_slot() -> None:
    state, _ = play("A empathy")
    _, cue = raised_by(state, scored(1, {"insult": "stück dreck"}, 3, "sie stück dreck"))
    assert "wort" not in cue.slots


def test_what_an_outsider_was_called_is_no_word() -> None:
    outsider = scored(1, {"insult": "esel"}, 2, "mein nachbar der esel")
    outsider = replace(outsider, score=replace(outsider.score, target="third"))
    state, _ = advance(initial(), outsider, 2.5, STANDARD)
    _, cue = raised_by(state, replace(parse("C insult 2", 1), utterance=12))
    assert "wort" not in cue.slots


def test_the_concern_named_before_is_a_slot() -> None:
    state, _ = advance(
        initial(),
        scored(0, {"complaint": "der anschluss ist tot"}, 0, "also der anschluss ist tot"),
        0.0, STANDARD,
    )  # fmt: skip
    state, _ = advance(
        state,
        scored(2, {"complaint": "und niemand hat angerufen"}, 0, "und niemand hat angerufen"),
        5.0, STANDARD,
    )  # fmt: skip
    _, cue = raised_by(state, scored(4, {"frustration": "mir reichts"}, 0, "mir reichts"))
    assert cue.slots["anliegen"] == "der anschluss ist tot"


@pytest.mark.parametrize(
    ("text", "span", "concern"),
    [
        ("hallo mein paket ist weg", "paket ist weg", "mein paket ist weg"),
        ("ja die rechnung ist falsch", "die rechnung ist falsch", "die rechnung ist falsch"),
        ("er war gestern nicht bei mir", "war gestern nicht bei mir", None),
        ("das gerät ist defekt und es brummt auch wieder so laut wie vorher",
         "gerät ist defekt und es brummt auch wieder so laut wie vorher", None),
        ("mein router spinnt", "spinnt", None),
    ],
)  # fmt: skip
def test_a_concern_is_a_slot_if_it_can_be_quoted_as_it_is(
    text: str, span: str, concern: str | None
) -> None:
    state, _ = advance(initial(), scored(0, {"complaint": span}, 0, text), 0.0, STANDARD)
    _, cue = raised_by(state, scored(2, {"frustration": "mir reichts"}, 0, "mir reichts"))
    assert cue.slots.get("anliegen") == concern


def test_a_threat_may_be_called_one() -> None:
    _, outcomes = play("C insult 3\nC threat 3")
    assert [cue.slots.get("threatened") for cue in only(CueRaised, outcomes[0])] == [None]
    assert {cue.slots.get("threatened") for cue in only(CueRaised, outcomes[1])} == {"1"}


def test_slots_claim_only_what_was_said_in_the_call() -> None:
    _, outcomes = play("""
        C insult 3
        A respect_request
        C insult 2
        A empathy respect_request
        C insult 2""")
    first = only(CueRaised, outcomes[0])[0].slots
    last = only(CueRaised, outcomes[4])[0].slots
    assert not [name for name in first if name.startswith("said_")]
    assert last["said_respect_request"] == last["anzahl"] == "2"
    assert last["said_understanding"] == "1"
    assert "said_consequence" not in last
