"""The call scripts and the fresh calls keep to the annotation guideline.

The check works on labels alone and knows nothing of the product: it says which entries a script
must have and which it must not. It is proven on spoilt scripts.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from benchmarks.synthesis.fresh import fresh_call, repository_text
from benchmarks.synthesis.grammar import load_grammar
from benchmarks.synthesis.scripts import Call, Expected, ScriptError, Turn, load_calls, parse_call

CALLS = load_calls()
FRESH = {seed: fresh_call(seed) for seed in range(300)}

STAGES = ("calm", "understanding", "mirror", "respect_request", "consequence", "end_call")
LADDER_CUES = {*STAGES[1:], "quote_disclaimer", "none"}
CUSTOMER_LABELS = {
    *("complaint", "frustration", "generalisation", "competence_attack", "insult", "profanity"),
    *("threat", "legal_threat", "cancellation", "supervisor_request", "impatience", "disclaimer"),
    *("apology", "price_claim", "boundary_crossing", "thanks"),
}
AGENT_LABELS = {
    *("empathy", "solution_offer", "open_question", "paraphrase", "quote_disclaimer"),
    *("respect_request", "consequence_announcement", "call_termination", "hold_explanation"),
    *("confirm_understanding", "agent_impolite", "greeting", "farewell"),
}
SIDE_CUE_OF_LABEL = {
    "generalisation": "stay_factual",
    "impatience": "explain_wait",
    "price_claim": "check_claim",
    "supervisor_request": "involve_supervisor",
    "threat": "involve_supervisor",
    "boundary_crossing": "keep_formal_sie",
}
RUNG_OF_LABEL = {
    "empathy": 1,
    "paraphrase": 2,
    "quote_disclaimer": 2,
    "respect_request": 3,
    "consequence_announcement": 4,
    "call_termination": 5,
}
DU = {"du", "dir", "dich", "dein", "deine", "deinen", "deiner"}


@dataclass
class Ladder:
    """What the labels so far amount to."""

    stage: int = 0
    said: int = 0  # highest rung since the last step down
    said_in_call: int = 0
    mild: int = 0
    calm_turns: int = 0
    disclaimer: bool = False


def hear_customer(state: Ladder, turn: Turn) -> list[tuple[str, str, set[str]]]:
    """Move the ladder by one customer turn; return its entries: stage, cue, other cues accepted."""
    labels = set(turn.labels)
    attack = {"insult", "competence_attack", "threat"} & labels
    angry = "frustration" in labels or bool(attack)
    calm = turn.severity == 0 and not labels & {"frustration", "apology"} and turn.agitation <= 0.35
    state.calm_turns = state.calm_turns + 1 if calm else 0
    state.disclaimer |= "disclaimer" in labels
    state.mild += bool(attack) and turn.severity == 1
    if "apology" in labels:
        return step_down(state, 1 if state.stage > 1 else 0)
    if state.calm_turns >= 3:
        return step_down(state, 0)
    also_ok: set[str] = set()
    if turn.severity == 3 and attack:
        cued = 5 if state.said >= 3 else 4 if "threat" in labels else 3
        also_ok = {3: {"consequence"}, 4: {"respect_request"}, 5: set()}[cued]
    elif attack and (turn.severity >= 2 or state.mild >= 2):
        cued = min(state.said + 1, 5)
        if cued == 2 and state.said_in_call >= 3:
            also_ok = {"respect_request"}
    elif state.stage == 0 and (angry or ("complaint" in labels and turn.agitation >= 0.5)):
        cued = 1
    else:
        return []
    state.stage = max(state.stage, cued)
    quoted = state.disclaimer and cued <= 2 and (cued == 2 or "disclaimer" in labels)
    return [(STAGES[state.stage], "quote_disclaimer" if quoted else STAGES[cued], also_ok)]


def step_down(state: Ladder, target: int) -> list[tuple[str, str, set[str]]]:
    """Leave the rungs above ``target``; an end_call stays."""
    if state.stage == 5 or state.stage <= target:
        return []
    state.stage, state.mild, state.disclaimer = target, 0, False
    state.said = min(state.said, target)
    return [(STAGES[target], "none", set())]


def hear_agent(state: Ladder, turn: Turn) -> None:
    """Count the highest rung the agent said."""
    rungs = [RUNG_OF_LABEL[label] for label in turn.labels if label in RUNG_OF_LABEL]
    if state.stage == 1 and "quote_disclaimer" in turn.labels:
        rungs = [min(rung, 1) for rung in rungs]  # it answers the understanding cue only
    state.said = max([state.said, *rungs])
    state.said_in_call = max(state.said_in_call, state.said)


def side_cues(turn: Turn) -> set[str]:
    """The side cues that a customer turn's labels and words call for."""
    cues = {SIDE_CUE_OF_LABEL[label] for label in turn.labels if label in SIDE_CUE_OF_LABEL}
    words = set(turn.text.split())
    if DU & words:
        cues.add("keep_formal_sie")
    if "meinte" in words:
        cues.add("confirm_understanding")
    return cues


def problems(call: Call) -> list[str]:
    """Every way in which ``call`` breaks the guideline."""
    found = [*_turn_problems(call), *_entry_problems(call)]
    state = Ladder()
    stage_at: list[str] = []
    required: set[tuple[int, str]] = set()
    for index, turn in enumerate(call.turns):
        here = [entry for entry in call.expected if entry.after_turn == index]
        ladder = [entry for entry in here if entry.cue in LADDER_CUES]
        wanted: list[tuple[str, str, set[str]]] = []
        if turn.channel == "customer":
            wanted = hear_customer(state, turn)
            required |= {(index, cue) for cue in side_cues(turn)}
        else:
            hear_agent(state, turn)
        stage_at.append(STAGES[state.stage])
        have = [(entry.stage, entry.cue, set(entry.also_ok)) for entry in ladder]
        if have != wanted:
            found.append(f"turn {index}: ladder entries {have}, the labels say {wanted}")
    if state.stage == 5:
        required.add((len(call.turns) - 1, "aftercare"))
    given = {(e.after_turn, e.cue) for e in call.expected if e.cue not in LADDER_CUES}
    found += [f"missing: {item}" for item in sorted(required - given)]
    found += [f"not called for: {item}" for item in sorted(given - required)]
    found += [
        f"turn {entry.after_turn}: stage {entry.stage} instead of {stage_at[entry.after_turn]}"
        for entry in call.expected
        if entry.after_turn < len(stage_at) and entry.stage != stage_at[entry.after_turn]
    ]
    return found


def _turn_problems(call: Call) -> list[str]:
    found = []
    for index, turn in enumerate(call.turns):
        known = CUSTOMER_LABELS if turn.channel == "customer" else AGENT_LABELS
        if turn.channel != ("agent", "customer")[index % 2]:
            found.append(f"turn {index}: speakers must alternate, the agent first")
        if unknown := set(turn.labels) - known:
            found.append(f"turn {index}: unknown labels {unknown}")
        if not re.fullmatch(r"[a-zäöüß]+( [a-zäöüß]+)*", turn.text):
            found.append(f"turn {index}: not transcript style")
        if not 4 <= len(turn.text.split()) <= 22:
            found.append(f"turn {index}: {len(turn.text.split())} words")
        if not (0 <= turn.agitation <= 1 and turn.severity in range(4)):
            found.append(f"turn {index}: agitation or severity out of range")
        if "threat" in turn.labels and turn.severity != 3:
            found.append(f"turn {index}: every threat has severity 3")
        blames = {"insult", "competence_attack", "threat", "generalisation", "impatience"}
        if turn.severity > 0 and not blames & set(turn.labels):
            found.append(f"turn {index}: severity without an unfair label")
        if {"insult", "competence_attack"} & set(turn.labels) and turn.severity == 0:
            found.append(f"turn {index}: an attack needs a severity")
    return found


def _entry_problems(call: Call) -> list[str]:
    found = []
    order = [entry.after_turn for entry in call.expected]
    if order != sorted(order):
        found.append("entries are not in order")
    for entry in call.expected:
        if not 0 <= entry.after_turn < len(call.turns):
            found.append(f"no turn {entry.after_turn}")
        if entry.stage not in STAGES or not entry.why:
            found.append(f"turn {entry.after_turn}: unknown stage or no reason")
    return found


@pytest.mark.parametrize("name", CALLS)
def test_script_keeps_to_the_guideline(name: str) -> None:
    assert problems(CALLS[name]) == []


def test_fresh_calls_keep_to_the_guideline() -> None:
    assert {seed: found for seed, call in FRESH.items() if (found := problems(call))} == {}


def test_the_calls_the_product_is_shown_with() -> None:
    assert {"calm", "apology_midway", "full_ladder", "severe_insult", "threat", "happy_shouter"} < {
        *CALLS
    }
    assert CALLS["calm"].expected == ()
    shouter = CALLS["happy_shouter"]
    assert shouter.expected == ()
    assert all(turn.agitation >= 0.8 for turn in shouter.turns if turn.channel == "customer")
    swearing = CALLS["product_swearing"]
    assert sum("profanity" in turn.labels for turn in swearing.turns) >= 3
    assert {entry.stage for entry in swearing.expected} == {"understanding"}
    walked = [entry.cue for entry in CALLS["full_ladder"].expected if entry.cue in STAGES]
    assert walked == list(STAGES[1:])


def spoil_entry(call: Call, index: int, **changes: object) -> Call:
    entries = list(call.expected)
    entries[index] = replace(entries[index], **changes)  # type: ignore[arg-type]
    return replace(call, expected=tuple(entries))


def spoil_turn(call: Call, index: int, **changes: object) -> Call:
    turns = list(call.turns)
    turns[index] = replace(turns[index], **changes)  # type: ignore[arg-type]
    return replace(call, turns=tuple(turns))


LADDER_CALL = CALLS["full_ladder"]


@pytest.mark.parametrize(
    "spoilt",
    [
        replace(LADDER_CALL, expected=LADDER_CALL.expected[1:]),
        replace(LADDER_CALL, expected=LADDER_CALL.expected[:-1]),
        replace(
            LADDER_CALL,
            expected=(
                *LADDER_CALL.expected,
                Expected(18, "end_call", "explain_wait", "none asked"),
            ),
        ),
        spoil_entry(LADDER_CALL, 1, cue="respect_request", stage="respect_request"),
        spoil_entry(LADDER_CALL, 1, after_turn=7),
        spoil_entry(LADDER_CALL, 4, stage="mirror"),
        spoil_entry(LADDER_CALL, 5, after_turn=99),
        spoil_turn(LADDER_CALL, 10, labels=("solution_offer",)),
        spoil_turn(LADDER_CALL, 9, severity=0),
        spoil_turn(LADDER_CALL, 9, labels=("competence", "frustration")),
        spoil_turn(LADDER_CALL, 9, text="Sie sind doch völlig unfähig!"),
        spoil_turn(CALLS["threat"], 3, severity=2),
        spoil_turn(CALLS["calm"], 3, agitation=0.6, labels=("complaint",)),
        spoil_turn(CALLS["apology_midway"], 9, labels=("frustration",)),
        spoil_turn(CALLS["mild_attacks"], 3, labels=(), severity=0),
        spoil_turn(CALLS["disclaimer"], 5, labels=("insult",), severity=3),
    ],
)
def test_the_check_notices_a_spoilt_script(spoilt: Call) -> None:
    assert problems(spoilt)


def test_fresh_calls_vary() -> None:
    texts = {turn.text for seed in range(1000) for turn in fresh_call(seed).turns}
    assert len(texts) > 4000
    assert len({call.voice("customer") for call in FRESH.values()}) >= 5
    ends = [call.expected[-1].cue for call in FRESH.values()]
    assert 0.1 < ends.count("aftercare") / len(ends) < 0.5
    lengths = {len(call.turns) for call in FRESH.values()}
    assert len(lengths) >= 8
    apologies = [any("apology" in t.labels for t in call.turns) for call in FRESH.values()]
    assert 0.2 < sum(apologies) / len(apologies) < 0.8


def test_a_fresh_call_follows_from_its_seed() -> None:
    assert fresh_call(77) == fresh_call(77)
    assert fresh_call(77).turns != fresh_call(78).turns


def test_fresh_sentences_stand_in_no_file() -> None:
    known = repository_text()
    assert all(turn.text in known for call in CALLS.values() for turn in call.turns)
    sentences = {turn.text for seed in range(40) for turn in fresh_call(seed, known).turns}
    assert len(sentences) > 400
    assert [sentence for sentence in sentences if sentence in known] == []


def test_new_sentences_change_no_course() -> None:
    known = repository_text()
    for seed in range(40):
        assert problems(fresh_call(seed, known)) == []


def every_sentence(rule: str) -> Iterator[str]:
    """Every expansion of a rule that names no word entries."""
    for line in load_grammar().rules[rule]:
        parts = re.split(r"\{(\w+)\}", line)
        choices = [every_sentence(part) if i % 2 else [part] for i, part in enumerate(parts)]
        yield from map("".join, itertools.product(*choices))


def test_a_grammar_with_nothing_new_is_refused() -> None:
    known = "\n".join(every_sentence("greeting"))
    with pytest.raises(ScriptError, match="greeting"):
        fresh_call(1, known)


def test_a_broken_script_is_refused_with_its_name() -> None:
    with pytest.raises(ScriptError, match=r"kaputt\.yaml: .*turns.*calm\.yaml"):
        parse_call(
            {"id": "x", "title": "x", "voices": {"customer": "de", "agent": "de"}, "expected": []},
            source="kaputt.yaml",
        )
