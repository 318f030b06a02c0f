"""The overlay page in a real browser, fed by recorded calls."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.real

CALL = "service-4711"
EMPATHY = "Das hat Sie Zeit und Nerven gekostet"
MIRROR = "Ich habe eben „trottel“ gehört."


def open_at(visit, wire, recording: str, *event, call: str = CALL, **page) -> Page:
    """The overlay of a call that has come as far as this event."""
    wire.load(call, recording)
    wire.play(call, *event)
    opened = visit(f"/overlay?call={call}", **page)
    expect(opened.locator("#link")).to_have_text(re.compile("Verbunden|Connected|beendet"))
    return opened


def rung(page: Page, stage: str):
    return page.locator(f'#ladder [data-stage="{stage}"]')


def button(page: Page, name: str):
    return page.locator("#card").get_by_role("button", name=name)


# What is shown


def test_cue_appears_with_sentence_and_reason_and_the_ladder_is_ticked(visit, wire):
    page = open_at(visit, wire, "escalation", "speech.final", 1)
    card = page.locator("#card")
    expect(card).to_contain_text("Alles ruhig")
    expect(rung(page, "calm")).to_have_attribute("aria-current", "step")

    wire.play(CALL, "cue.shown", 1)
    expect(page.locator("#card-heading")).to_have_text("Verständnis zeigen")
    expect(page.locator("#card-text")).to_contain_text(EMPATHY)
    expect(page.locator("#card-reason")).to_have_text("Warum? „mir reicht es jetzt“, Unmut")
    expect(page.locator("#card-next")).to_have_text("Wenn es weitergeht: Nachfragen")
    expect(rung(page, "understanding")).to_have_attribute("aria-current", "step")

    wire.play(CALL, "cue.cleared", 1)
    expect(card).to_contain_text("Lassen Sie Ihr Gegenüber jetzt antworten.")
    expect(rung(page, "understanding")).to_contain_text("gesagt")

    wire.play(CALL, "cue.shown", 2)
    expect(page.locator("#card-text")).to_contain_text(MIRROR)
    expect(page.locator("#card-reason")).to_have_text(
        "Warum? „Trottel“, 1. Angriff · +4 st höher, +6 dB lauter als zu Beginn"
    )
    expect(page.locator("#ladder [aria-current]")).to_have_count(1)
    expect(rung(page, "mirror")).to_contain_text("jetzt")
    expect(page.locator("#ladder > li")).to_have_count(6)


def test_one_side_line_beside_the_ladder_cue(visit, wire):
    page = open_at(visit, wire, "escalation", "cue.shown", 3)
    expect(page.locator("#side")).to_be_hidden()
    wire.play(CALL, "cue.shown", 4)
    expect(page.locator("#side-heading")).to_have_text("Bei der Sache bleiben")
    expect(page.locator("#side-reason")).to_have_text("Warum? „hierzulande“, Verallgemeinerung")
    expect(page.locator("#card-heading")).to_have_text("Um Respekt bitten")
    wire.play(CALL, "cue.shown", 5)
    expect(page.locator("#side")).to_be_hidden()


def test_step_down_is_a_success_and_the_end_a_summary(visit, wire):
    page = open_at(visit, wire, "stepdown", "stage.changed", 3)
    expect(page.locator("#card-heading")).to_have_text("Das hat gewirkt")
    expect(page.locator("#card-reason")).to_have_text(
        "Warum? „das war nicht so gemeint“, Entschuldigung"
    )
    expect(rung(page, "understanding")).to_have_attribute("aria-current", "step")
    wire.play(CALL, "call.ended")
    expect(page.locator("#card-heading")).to_have_text("Ruhig beendet")
    expect(page.locator("#card-facts")).to_contain_text("Beruhigungen2")
    expect(page.locator("#link")).to_have_text("Gespräch beendet")
    expect(page.locator("#clock")).to_have_text("0:44")


def test_aftercare_after_an_abusive_call(visit, wire):
    page = open_at(visit, wire, "escalation", "call.ended")
    expect(page.locator("#card")).to_contain_text("Durchatmen")
    expect(page.locator("#card-text")).to_contain_text("Das galt nicht Ihnen als Person.")


def test_attacks_are_marked_in_the_transcript(visit, wire):
    page = open_at(visit, wire, "escalation", "cue.shown", 2)
    expect(page.locator("#transcript mark")).to_have_text(["keine ahnung", "trottel"])
    expect(page.locator("#transcript .chip")).to_have_text(["Beleidigung"])
    expect(page.locator("#transcript > li")).to_have_count(4)


AT_THE_END = """box => box.scrollHeight > box.clientHeight + 30
  && box.scrollHeight - box.clientHeight - box.scrollTop < 1.5"""


def test_the_transcript_follows_the_call_unless_somebody_reads_back(visit, wire):
    page = open_at(visit, wire, "escalation", "cue.shown", 2, width=900, height=640)
    lines, box = page.locator("#transcript > li"), page.query_selector("#transcript-box")
    for nth in range(3, 7):  # the card and the side line grow and shrink above the transcript
        wire.play(CALL, "cue.shown", nth)
        page.wait_for_function(AT_THE_END, arg=box)
    page.locator("#transcript-box").hover()
    page.mouse.wheel(0, -5000)
    page.wait_for_function("box => box.scrollTop === 0", arg=box)
    wire.play(CALL, "speech.final", 11)
    expect(lines).to_have_count(11)
    assert box.evaluate("box => box.scrollTop") == 0


def test_what_is_being_said_is_shown_at_once_and_replaced_by_the_final(visit, wire):
    page = open_at(visit, wire, "escalation", "speech.final", 1)
    wire.play(CALL, "speech.partial", 4)
    expect(page.locator("#transcript .partial")).to_have_count(1)
    wire.play(CALL, "speech.final", 2)
    expect(page.locator("#transcript .partial")).to_have_count(0)
    expect(page.locator("#transcript > li")).to_have_count(2)


def test_voice_line_in_words_and_units_unknown_without_a_measure(visit, wire):
    page = open_at(visit, wire, "escalation", "speech.final", 1)
    expect(page.locator("#voice .word")).to_have_text(["unbekannt"] * 3)
    wire.play(CALL, "voice", 5)
    expect(page.locator("#voice .word")).to_have_text(["höher", "lauter", "schneller"])
    expect(page.locator("#voice .value")).to_have_text(["+4 st", "+6 dB", "1,2×"])


def test_without_consent_the_voice_line_says_text_only(visit, wire):
    page = open_at(visit, wire, "stepdown", "cue.shown", 1)
    expect(page.locator("#voice-message")).to_have_text(
        "Nur Text: keine Einwilligung zur Stimmanalyse"
    )
    expect(page.locator("#voice")).to_be_hidden()


def test_withdrawn_consent_takes_the_voice_away_at_once(visit, wire):
    page = open_at(visit, wire, "escalation", "speech.final", 1)
    wire.play(CALL, "voice", 5)
    expect(page.locator("#voice")).to_contain_text("höher")
    wire.add(CALL, type="consent.changed", recording=False, voice=False, by="source")
    expect(page.locator("#voice-message")).to_contain_text("Nur Text")
    expect(page.locator("#voice")).to_be_hidden()


def test_trouble_is_told_until_it_is_over(visit, wire):
    page = open_at(visit, wire, "escalation", "speech.final", 1)
    notices = page.locator("#notices")
    expect(notices).to_have_text("Demo-Modell: nur künstliche Sprache")
    wire.add(CALL, type="degraded", part="asr", reason="low confidence")
    expect(notices).to_contain_text("Erkennung unsicher – Hinweise ausgesetzt")
    wire.add(CALL, type="recovered", part="asr", reason="plausible again")
    expect(notices).not_to_contain_text("Erkennung unsicher")
    wire.add(CALL, type="call.interrupted", gap_secs=0)
    expect(notices).to_contain_text("Ton unterbrochen")


# Which call


def test_without_a_call_it_waits_and_follows_the_newest(visit, wire):
    page = visit("/overlay")
    expect(page.locator("#card-heading")).to_have_text("Warte auf einen Anruf")
    wire.load("first", "stepdown", "2026-01-05T09:00:00Z")
    wire.play("first", "cue.shown", 1)
    expect(page.locator("#card-heading")).to_have_text("Verständnis zeigen")

    wire.load("second", "escalation", "2026-01-05T09:05:00Z")
    wire.play("second", "cue.shown", 2)
    wire.play("first", "cue.cleared", 1)
    expect(page.locator("#card-heading")).to_have_text("Gesagt")  # stays with the first …

    wire.play("first", "call.ended")  # … until it is over
    expect(page.locator("#card-text")).to_contain_text(MIRROR)


def test_a_call_that_is_not_there_yet_appears_by_itself(visit, wire):
    page = visit("/overlay?call=later")
    expect(page.locator("#card-heading")).to_have_text("Diesen Anruf gibt es noch nicht")
    wire.load("later", "escalation")
    wire.play("later", "cue.shown", 1)
    expect(page.locator("#card-text")).to_contain_text(EMPATHY)


def test_start_page_lists_the_calls(visit, wire):
    page = visit("/")
    expect(page.locator("#live-none")).to_have_text("Gerade läuft kein Gespräch.")
    wire.load("ältere & neue", "stepdown", "2026-01-05T09:00:00Z")
    wire.load(CALL, "escalation", "2026-01-05T09:05:00Z")
    wire.play(CALL, "cue.shown", 2)
    expect(page.locator("#live .call-name")).to_have_text([CALL, "ältere & neue"])
    expect(page.locator("#live .call").first).to_contain_text("Stufe: Nachfragen")
    page.get_by_role("link", name=CALL).click()
    expect(page).to_have_url(re.compile(rf"/overlay\?call={CALL}$"))
    expect(page.locator("#card-text")).to_contain_text(MIRROR)


# Connections that fail

COUNT_WRITES = """() => {
  window.cues = [];
  const target = document.getElementById("card-text");
  new MutationObserver(() => window.cues.push(target.textContent))
    .observe(target, { childList: true, characterData: true, subtree: true });
}"""


@pytest.mark.parametrize("code", [1012, 4409])
def test_resumes_after_a_dropped_connection_without_losing_or_repeating(
    visit, wire, recorded, code
):
    page = open_at(visit, wire, "escalation", "cue.shown", 1)
    expect(page.locator("#card-text")).to_contain_text(EMPATHY)
    page.evaluate(COUNT_WRITES)
    wire.set(refusing=True)
    wire.drop(CALL, code)
    expect(page.locator("#link")).to_have_text("Getrennt, verbinde …")
    expect(page.locator("#card-status")).to_have_text("Stand vor der Unterbrechung")
    expect(page.locator("#card-text")).to_contain_text(EMPATHY)

    wire.play(CALL, "cue.shown", 2)  # happens while nobody is listening
    wire.set(refusing=False)
    expect(page.locator("#link")).to_have_text("Verbunden")
    expect(page.locator("#card-text")).to_contain_text(MIRROR)
    expect(page.locator("#transcript > li")).to_have_count(4)
    first_cue = next(event for event in recorded("escalation") if event["type"] == "cue.shown")
    assert wire.connections == [0, first_cue["seq"]]
    assert [said for said in page.evaluate("window.cues") if MIRROR in said] == [
        page.locator("#card-text").inner_text()
    ]


def test_a_server_that_repeats_itself_changes_nothing(visit, wire):
    page = open_at(visit, wire, "escalation", "cue.shown", 2)
    expect(page.locator("#card-text")).to_contain_text(MIRROR)
    page.evaluate(COUNT_WRITES)
    wire.set(repeat=1000)
    wire.drop(CALL, 1012)
    wire.play(CALL, "speech.final", 5)
    expect(page.locator("#transcript > li")).to_have_count(5)
    assert len(wire.connections) == 2
    assert page.evaluate("window.cues") == []


def test_focus_survives_a_reconnection_and_a_new_cue(visit, wire):
    page = open_at(visit, wire, "escalation", "cue.shown", 1)
    button(page, "Gesagt").focus()
    wire.drop(CALL, 1012)
    wire.play(CALL, "cue.shown", 2)
    expect(page.locator("#card-text")).to_contain_text(MIRROR)
    # Between the two cues the button was gone: focus stayed in the card.
    assert page.evaluate("document.activeElement.closest('#card') !== null")


# Commands


def test_said_is_sent_with_the_cue_and_shown_as_on_its_way(visit, wire):
    page = open_at(visit, wire, "escalation", "cue.shown", 2)
    wire.set(holding_acks=True)
    button(page, "Gesagt").click()
    expect(page.locator("#card-status")).to_have_text("Wird gesendet …")
    button(page, "Gesagt").click(force=True)  # an impatient second press
    wire.set(holding_acks=False)
    expect(page.locator("#card-status")).to_be_hidden()
    [command] = wire.commands(1)
    assert re.fullmatch("[0-9a-f]{24}", command.pop("id"))
    assert command == {"command": "said", "cue": 2}


def test_wrong_can_be_undone(visit, wire):
    page = open_at(visit, wire, "escalation", "cue.shown", 2)
    button(page, "Passt nicht").click()
    wire.add(CALL, type="cue.feedback", cue=2, kind="wrong")
    expect(page.locator("#card-heading")).to_have_text("Hinweis entfernt")
    button(page, "Rückgängig").click()
    wire.add(CALL, type="cue.feedback", cue=2, kind="undo")
    expect(page.locator("#card-text")).to_contain_text(MIRROR)
    assert [one["command"] for one in wire.commands(2)] == ["wrong", "undo"]


def test_another_wording_replaces_the_sentence(visit, wire):
    page = open_at(visit, wire, "escalation", "cue.shown", 2)
    button(page, "Anders sagen").click()
    wire.add(
        CALL, type="cue.shown", cue=2, name="mirror", phrase_id="mirror.so_gemeint", slots={},
        evidence=[], rule="attack", policy_version="standard-1",
    )  # fmt: skip
    expect(page.locator("#card-text")).to_contain_text("Das war gerade sehr persönlich.")
    expect(button(page, "Gesagt")).to_have_count(1)


def test_a_refused_command_is_told(visit, wire):
    page = open_at(visit, wire, "escalation", "cue.shown", 2)
    wire.set(refuse_commands=True)
    button(page, "Gesagt").click()
    expect(page.locator("#card-status")).to_contain_text("Nicht angekommen")


def test_a_command_given_while_disconnected_is_sent_after_it(visit, wire):
    page = open_at(visit, wire, "escalation", "cue.shown", 2)
    wire.set(refusing=True)
    wire.drop(CALL, 1012)
    expect(page.locator("#link")).to_have_text("Getrennt, verbinde …")
    button(page, "Gesagt").click()
    expect(page.locator("#card-status")).to_have_text("Wird gesendet …")
    wire.set(refusing=False)
    expect(page.locator("#card-status")).to_be_hidden()
    assert [(one["command"], one["cue"]) for one in wire.commands(1)] == [("said", 2)]


def test_a_cue_that_changes_under_the_finger_is_not_confirmed(visit, wire):
    page = open_at(visit, wire, "escalation", "cue.shown", 2)
    button(page, "Gesagt").hover()
    page.mouse.down()
    wire.play(CALL, "cue.shown", 3)
    expect(page.locator("#card-heading")).to_have_text("Um Respekt bitten")
    button(page, "Gesagt").hover()
    page.mouse.up()
    page.mouse.down()
    page.mouse.up()  # a press that is meant: its command is the first one
    assert [one["cue"] for one in wire.commands(1)] == [3]


# Language


def test_language_switch_changes_the_page_and_not_the_sentence_to_say(visit, wire):
    page = open_at(visit, wire, "escalation", "cue.shown", 2)
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#card-heading")).to_have_text("Ask back")
    expect(page.locator("#card-reason")).to_have_text(
        "Why? “Trottel”, attack no. 1 · +4 st higher, +6 dB louder than at the start"
    )
    expect(page.locator("#ladder")).to_contain_text("Ask for respect")
    # The agent still speaks German on the phone.
    expect(page.locator("#card-text")).to_contain_text(MIRROR)
    expect(page.locator("#card-text")).to_have_attribute("lang", "de")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#card-heading")).to_have_text("Ask back")
    page.get_by_role("button", name="Deutsch").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("#card-heading")).to_have_text("Nachfragen")


# Hostile text

NASTY = '<img src=x onerror="window.hacked = 1"><b>fett</b>'


def test_markup_in_texts_is_shown_as_text(visit, wire):
    page = open_at(visit, wire, "escalation", "cue.shown", 2)
    said = {"channel": "customer", "utterance": 90, "turn": 9, "text": NASTY, "words": []}
    wire.add(CALL, type="speech.final", **said)
    words = {"kind": "words", "label": "insult", "text": NASTY, "channel": "customer"}
    score = {"labels": {"insult": 1.0}, "severity": 2, "target": "agent", "model": "m"}
    wire.add(CALL, type="tone.final", utterance=90, evidence=[words], **score)
    wire.add(CALL, type="note.sent", text=NASTY)
    wire.add(CALL, type="degraded", part=NASTY, reason=NASTY)
    wire.add(
        CALL, type="cue.shown", cue=9, name="mirror", phrase_id="mirror.wort_gehoert",
        slots={"wort": NASTY}, evidence=[words], rule="attack", policy_version="standard-1",
    )  # fmt: skip
    expect(page.locator("#card-text")).to_contain_text(NASTY)
    expect(page.locator("#card-reason")).to_contain_text("<img src=x")
    expect(page.locator("#transcript mark").last).to_have_text(NASTY)
    expect(page.locator("#note")).to_have_text(NASTY)
    expect(page.locator("#notices")).to_contain_text(NASTY)
    expect(page.locator("img, b")).to_have_count(0)
    assert page.evaluate("window.hacked") is None


def test_markup_in_the_address_is_harmless(visit, wire):
    page = visit("/overlay?call=%3Cimg%20src%3Dx%20onerror%3Dhacked%3D1%3E&lang=%22%3E%3Cb%3E")
    expect(page.locator("#card-heading")).to_have_text("Diesen Anruf gibt es noch nicht")
    expect(page.locator("img, b")).to_have_count(0)


def test_the_content_security_policy_is_in_force(visit, wire):
    """So that "no violation" in every other test means something."""
    page = visit("/overlay")
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.inline = 1";
          document.body.append(script);
        }"""
    )
    assert page.evaluate("window.inline") is None
    assert len(visit.troubles) == 1
    assert "Content Security Policy" in visit.troubles.pop()
