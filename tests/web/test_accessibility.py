"""Narrow, dark, keyboard only, without motion: the overlay for everyone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.real

CALL = "service-4711"
STATES = {
    "calm": ("escalation", "speech.final", 1),
    "understanding": ("escalation", "cue.shown", 1),
    "said": ("escalation", "cue.cleared", 1),
    "mirror": ("escalation", "cue.shown", 2),
    "respect with side line": ("escalation", "cue.shown", 4),
    "consequence": ("escalation", "cue.shown", 5),
    "end_call": ("escalation", "cue.shown", 6),
    "over": ("escalation", "call.ended", 1),
    "step down": ("stepdown", "stage.changed", 3),
    "side with timing": ("coach", "cue.shown", 5),
    "approval asked": ("coach", "end.approval", 1),
    "approval timeout": ("coach", "cue.shown", 13),
}


def show(visit, wire, state: str, path: str = f"/overlay?call={CALL}", **page) -> Page:
    recording, *event = STATES[state]
    wire.load(CALL, recording)
    wire.play(CALL, *event)
    opened = visit(path, **page)
    expect(opened.locator("#transcript > li").first).to_be_visible()
    expect(opened.locator("body")).to_have_attribute("data-phase", re.compile("live|over"))
    return opened


def unfold(page: Page) -> None:
    """Open every reason that is on the screen."""
    page.evaluate("document.querySelectorAll('.why').forEach(one => { one.open = true; })")


@pytest.mark.parametrize("lang", ["de", "en"])
def test_320_px_strip_never_scrolls_sideways(visit, wire, lang):
    page = show(visit, wire, "calm", f"/overlay?call={CALL}&lang={lang}", width=320, height=720)
    wire.add(CALL, type="degraded", part="asr", reason="low confidence")
    expect(page.locator("#notices .warn")).to_have_count(1)
    for state, (recording, *event) in STATES.items():
        wire.load(CALL, recording)
        wire.play(CALL, *event)
        page.reload()
        expect(page.locator("#transcript > li").first).to_be_visible()
        unfold(page)
        widths = page.evaluate(
            "[document.documentElement.scrollWidth, "
            " ...[...document.querySelectorAll('#card *, #side *, #approval *, .ladder-panel *')]"
            "   .map(one => Math.ceil(one.getBoundingClientRect().right))]"
        )
        assert max(widths) <= 320, state


def test_the_whole_cue_is_in_view_in_a_strip(visit, wire):
    page = show(visit, wire, "end_call", width=320, height=600)
    for part in ("#link", "#card-heading", "#card-text", "#card-reason", "#card .said"):
        expect(page.locator(part)).to_be_in_viewport(ratio=1)


def test_everything_can_be_reached_and_used_by_keyboard(visit, wire):
    page = show(visit, wire, "respect with side line")
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => {
              const one = document.activeElement;
              const style = getComputedStyle(one);
              return { name: one.getAttribute("aria-label")
                           || (one.getAttribute("role") === "region" ? one.id : one.innerText),
                       ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
                       page: one === document.body };
            }"""
        )
        if focused["page"]:
            break
        assert focused["ring"], f"no visible focus on {focused['name']}"
        reached.append(re.split("[?\n]", focused["name"])[0])
    header = ["Zum Hinweis springen", "Contenance", "DE, Deutsch", "EN, English"]
    card = ["Warum", "Gesagt", "Anders sagen", "Passt nicht"]
    side = ["Warum", "Gesagt", "Passt nicht"]
    assert reached == [*header, *card, *side, "transcript-box"]

    page.locator("#card .said").focus()
    page.keyboard.press("Enter")
    assert [(one["command"], one["cue"]) for one in wire.commands(1)] == [("said", 3)]


def test_focus_is_not_lost_with_the_button_it_was_on(visit, wire):
    page = show(visit, wire, "mirror")
    page.locator("#card .said").focus()
    wire.play(CALL, "cue.cleared", 2)
    expect(page.locator("#card-heading")).to_have_text("Gesagt")
    expect(page.locator("#card")).to_be_focused()


def test_screen_readers_hear_the_cue_once_and_politely(visit, wire):
    page = show(visit, wire, "mirror")
    live = page.locator("#card .live")
    expect(live).to_have_attribute("aria-live", "polite")
    expect(live).to_have_attribute("aria-atomic", "true")
    expect(live).to_contain_text("Ich habe eben")
    # The transcript changes all the time: reading it aloud would talk over the call.
    assert page.locator("#transcript-box").evaluate(
        "one => one.closest('[aria-live]:not([aria-live=off]), [role=log], [role=status]')"
    ) is None  # fmt: skip
    expect(page.locator("#link")).to_have_attribute("role", "status")


@pytest.mark.parametrize("width", [320, 1280])
def test_buttons_are_large_enough(visit, wire, width):
    page = show(visit, wire, "respect with side line", width=width)
    for control in page.locator("button:visible").all():
        box = control.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 24, control.inner_text()


@pytest.mark.parametrize(
    ("motion", "expected"), [("reduce", "none 0s"), ("no-preference", "moves")]
)
def test_motion_only_for_those_who_like_it(visit, wire, motion, expected):
    page = show(visit, wire, "mirror", reduced_motion=motion)
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((one) => {
          const style = getComputedStyle(one);
          return style.transitionDuration.split(",").some((secs) => parseFloat(secs) > 0)
              || style.animationName !== "none";
        }).length"""
    )
    assert (moving > 0) == (expected == "moves")


CONTRAST = """() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const ratio = (a, b) => {
    const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  // Every colour that may lie behind: a plain one, or all colours of a gradient.
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const style = getComputedStyle(one);
      const gradient = style.backgroundImage.match(/rgba?\\([^)]*\\)/g);
      if (gradient) return gradient.map(rgb);
      const plain = rgb(style.backgroundColor);
      if (plain.length === 3 || plain[3] === 1) return [plain];
    }
    return [[255, 255, 255]];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    const color = rgb(getComputedStyle(element).color);
    const worst = Math.min(...behind(element).map((back) => ratio(color, back)));
    found.push({ text: walker.currentNode.textContent.trim(), worst });
  }
  return found;
}"""


@pytest.mark.parametrize("state", STATES)
def test_contrast_of_every_text_is_at_least_4_5_in_light_and_dark(visit, wire, state):
    page = show(visit, wire, state, reduced_motion="reduce")
    unfold(page)
    grounds = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        grounds.add(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
        texts = page.evaluate(CONTRAST)
        assert len(texts) > 15
        assert [one for one in texts if one["worst"] < 4.5] == [], scheme
    assert len(grounds) == 2


@pytest.mark.parametrize(("width", "dark"), [(320, False), (1280, True)])
def test_axe_finds_nothing(visit, wire, node_project: Path, width, dark):
    axe = (node_project / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
    states = (
        "calm", "respect with side line", "over", "step down", "approval asked", "approval timeout",
    )  # fmt: skip
    pages = dict.fromkeys(states, f"/overlay?call={CALL}") | {"start": "/"}
    found = {}
    for state, path in pages.items():
        if state == "start":
            page = visit(path, width=width, dark=dark, reduced_motion="reduce")
            expect(page.locator(".call").first).to_be_visible()
        else:
            page = show(visit, wire, state, path, width=width, dark=dark, reduced_motion="reduce")
        unfold(page)
        page.evaluate(axe)
        found[state] = page.evaluate(
            """async () => {
              const { violations } = await axe.run({
                runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
              });
              return violations.map((one) => [one.id, one.nodes.map((node) => node.html)]);
            }"""
        )
        page.context.close()
    assert {state: violations for state, violations in found.items() if violations} == {}
