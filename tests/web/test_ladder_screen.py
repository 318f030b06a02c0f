"""Approval to end a call, reasons in full, the policy in force: a paced call under `coach`."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.real

CALL = "coach-1"
POLICY = "coach-1"
GOODBYE_CUE = 13  # of the cue.shown


def open_at(visit, wire, *event, lang: str = "de", **page) -> Page:
    wire.load(CALL, "coach")
    wire.play(CALL, *event)
    opened = visit(f"/overlay?call={CALL}&lang={lang}", **page)
    expect(opened.locator("#link")).to_have_text(re.compile("Verbunden|Connected|beendet"))
    return opened


# Approval


def test_while_approval_is_asked_there_is_no_cue_and_the_wait_counts_down(visit, wire):
    page = open_at(visit, wire, "cue.cleared", 12)
    expect(page.locator("#approval")).to_be_hidden()
    wire.play(CALL, "end.approval", 1)
    expect(page.locator('#ladder [data-stage="end_call"]')).to_have_attribute(
        "aria-current", "step"
    )
    expect(page.locator("#card-heading")).to_have_text("Einen Augenblick noch")
    expect(page.locator("#card button:visible")).to_have_count(0)
    expect(page.locator("#approval-text")).to_have_text("Freigabe zum Beenden angefragt.")
    left = page.locator("#approval-wait")
    expect(left).to_have_text(
        re.compile(r"^Ohne Antwort entscheiden Sie spätestens in \d+\ss selbst")
    )

    def seconds() -> int:
        return int(re.findall(r"\d+", left.inner_text())[0])

    first = seconds()
    assert first <= 20
    page.wait_for_function(
        "first => parseInt(document.getElementById('approval-wait').textContent.match(/\\d+/)[0])"
        " < first",
        arg=first,
    )


def test_screen_readers_hear_about_approval_once_and_not_every_second(visit, wire):
    page = open_at(visit, wire, "cue.cleared", 12)
    spoken = page.locator("#approval-spoken")
    expect(spoken).to_have_attribute("role", "status")
    expect(page.locator("#approval")).to_have_attribute("aria-hidden", "true")
    assert spoken.evaluate("one => getComputedStyle(one).display") != "none"
    page.evaluate(
        """() => {
          window.spoken = [];
          const target = document.getElementById("approval-spoken");
          new MutationObserver(() => window.spoken.push(target.textContent))
            .observe(target, { childList: true, characterData: true, subtree: true });
        }"""
    )
    wire.play(CALL, "end.approval", 1)
    left = page.locator("#approval-wait")
    expect(left).to_contain_text("spätestens in")
    begun = left.inner_text()
    page.wait_for_function(
        "begun => document.getElementById('approval-wait').innerText !== begun", arg=begun
    )
    wire.play(CALL, "end.approval", 2)
    expect(spoken).to_have_text("Keine Antwort: Sie entscheiden selbst.")
    assert [said.replace("\u00a0", " ") for said in page.evaluate("window.spoken")] == [
        "Freigabe zum Beenden angefragt. Ohne Antwort entscheiden Sie nach höchstens 20 s selbst.",
        "Keine Antwort: Sie entscheiden selbst.",
    ]


def test_without_an_answer_the_cue_comes_and_the_line_says_why(visit, wire):
    page = open_at(visit, wire, "cue.shown", GOODBYE_CUE)
    expect(page.locator("#card-heading")).to_have_text("Gespräch beenden")
    expect(page.locator("#card .said")).to_be_visible()
    expect(page.locator("#approval")).to_have_text("Keine Antwort: Sie entscheiden selbst.")
    wire.play(CALL, "call.ended")
    expect(page.locator("#card-heading")).to_have_text("Gespräch beendet")
    expect(page.locator("#approval")).to_be_hidden()


@pytest.mark.parametrize(
    ("lang", "state", "line"),
    [
        ("de", "granted", "Freigegeben: Sie dürfen das Gespräch beenden."),
        ("de", "refused", "Die Teamleitung möchte das Gespräch fortsetzen und kommt dazu."),
        ("en", "granted", "Approved: you may end the call."),
        ("en", "refused", "Your supervisor wants the call to go on and joins you."),
    ],
)
def test_the_answer_is_told(visit, wire, lang, state, line):
    page = open_at(visit, wire, "end.approval", 1, lang=lang)
    wire.add(CALL, type="end.approval", state=state)
    expect(page.locator("#approval")).to_have_text(line)
    expect(page.locator("#approval-spoken")).to_have_text(line)


def test_refused_brings_the_supervisor_in_with_the_rule_as_reason(visit, wire):
    page = open_at(visit, wire, "end.approval", 1)
    wire.add(CALL, type="end.approval", state="refused")
    wire.add(
        CALL, type="cue.shown", cue=40, name="involve_supervisor",
        phrase_id="involve_supervisor.hole", slots={}, evidence=[], rule="approval_refused",
        policy_version=POLICY,
    )  # fmt: skip
    expect(page.locator("#side-heading")).to_have_text("Führungskraft einbeziehen")
    expect(page.locator("#side-reason")).to_have_text(
        "Warum? die Teamleitung möchte das Gespräch fortsetzen"
    )
    expect(page.locator("#card-text")).not_to_contain_text("auflegen")


def test_a_lost_connection_stops_the_countdown_and_keeps_the_promise(visit, wire):
    page = open_at(visit, wire, "end.approval", 1)
    wire.set(refusing=True)
    wire.drop(CALL, 1012)
    expect(page.locator("#approval-wait")).to_have_text(
        "Ohne Antwort entscheiden Sie nach höchstens 20 s selbst."
    )


# Side cues


@pytest.mark.parametrize(
    ("nth", "heading", "reason"),
    [
        (1, "Erwartung klären", "„ich hatte damit gerechnet dass der techniker ges …“"),
        (2, "Gesicht wahren lassen", "eigenes Versehen"),
        (3, "Zuhören", "2,6 s gleichzeitig gesprochen"),
        (4, "Zuhören", "12 s Stille"),
        (5, "Zuhören", "Sie sprachen 48 der letzten 60 s"),
        (7, "Halten, ohne zu drängen", "„kündige ich“, Kündigung"),
        (8, "Rückruf anbieten", "„ich habe jetzt keine zeit“, keine Zeit"),
        (9, "Zuhören", "0,8 s ins Wort gefallen"),
    ],
)
def test_side_cues_with_heading_sentence_and_reason(visit, wire, nth, heading, reason):
    page = open_at(visit, wire, "cue.shown", nth)
    expect(page.locator("#side-heading")).to_have_text(heading)
    expect(page.locator("#side-text")).not_to_be_empty()
    expect(page.locator("#side-reason")).to_contain_text(reason)


def test_another_wording_when_none_is_left_says_what_to_do(visit, wire):
    page = open_at(visit, wire, "cue.shown", 6)
    wire.add(
        CALL, type="cue.shown", cue=50, name="mirror", phrase_id="", slots={}, evidence=[],
        rule="attack", policy_version=POLICY,
    )  # fmt: skip
    expect(page.locator("#card-how")).to_be_visible()
    expect(page.locator("#card-text")).not_to_contain_text("nicht geladen")


# Reasons and policy


def test_the_policy_in_force_is_named(visit, wire):
    page = open_at(visit, wire, "cue.shown", 1)
    expect(page.locator("#policy")).to_have_text("Regelwerk: coach-1")
    page.get_by_role("button", name="English").click()
    expect(page.locator("#policy")).to_have_text("Policy: coach-1")


def rows(page: Page) -> dict[str, list[str]]:
    found = page.locator("#card-evidence > div").evaluate_all(
        "all => all.map(one => [one.querySelector('dt').innerText,"
        " [...one.querySelectorAll('dd')].map(dd => dd.innerText)])"
    )
    return {term: [value.replace("\u00a0", " ") for value in values] for term, values in found}


@pytest.mark.parametrize("by", ["keyboard", "click"])
def test_why_unfolds_all_the_evidence(visit, wire, by):
    page = open_at(visit, wire, "cue.shown", 10)
    why = page.locator("#card-why > summary")
    expect(page.locator("#card-evidence")).to_be_hidden()
    expect(why).to_contain_text(
        "Warum? „sie sind ein trottel“, 1. Angriff · "
        "+4 st höher, +6 dB lauter, 1,3× schneller als zu Beginn"
    )
    if by == "keyboard":
        why.focus()
        page.keyboard.press("Enter")
    else:
        why.click()
    expect(page.locator("#card-evidence")).to_be_visible()
    assert rows(page) == {
        "Worte": ["„sie sind ein trottel“ (Beleidigung), Kunde 1:56"],
        "Zählung": ["1. Angriff"],
        "Stimme": ["+4 st höher, +6 dB lauter, 1,3× schneller als zu Beginn"],
        "Regel": ["Angriff auf Sie oder Ihr Team (attack)"],
        "Regelwerk": ["coach-1"],
    }
    if by == "keyboard":
        page.keyboard.press("Space")
        expect(page.locator("#card-evidence")).to_be_hidden()


def test_a_new_cue_comes_with_its_reason_folded_and_focus_stays_in_the_card(visit, wire):
    page = open_at(visit, wire, "cue.shown", 10)
    page.locator("#card-why > summary").click()
    expect(page.locator("#card-evidence")).to_be_visible()
    wire.play(CALL, "cue.cleared", 10)
    expect(page.locator("#card-why")).to_be_hidden()
    expect(page.locator("#card")).to_be_focused()
    wire.play(CALL, "cue.shown", 11)
    expect(page.locator("#card-why")).to_be_visible()
    expect(page.locator("#card-evidence")).to_be_hidden()


def test_the_side_line_tells_its_timing_in_full(visit, wire):
    page = open_at(visit, wire, "cue.shown", 5, lang="en")
    page.locator("#side-why > summary").click()
    expect(page.locator("#side-evidence")).to_contain_text(
        "You spoke for 48 of the last 60 s, from 0:10"
    )
    expect(page.locator("#side-evidence")).to_contain_text("agent_share")
