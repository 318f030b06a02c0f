/** The card: one cue at a time, and the side line below it. */

import { attribute, byId, make, rewrite, show, write } from "../dom";
import { type Icon, icon } from "../icons";
import type { Action, Card, Side, Why } from "../screen";
import { type Key, type Lang, text } from "../strings";

export type Pressed = (action: Action, cue: number) => void;

const CARD_ICONS: Record<Card["kind"], Icon> = {
  cue: "speech",
  wrong: "undo",
  said: "check",
  down: "down",
  calm: "leaf",
  held: "leaf",
  asked: "wait",
  waiting: "wait",
  missing: "wait",
  summary: "flag",
};

const BUTTONS: Record<Action, { label: Key; icon: Icon }> = {
  said: { label: "do_said", icon: "check" },
  reword: { label: "do_reword", icon: "swap" },
  wrong: { label: "do_wrong", icon: "cross" },
  undo: { label: "do_undo", icon: "undo" },
};

/** Longer sentences are set a size smaller, so that they stay in view beside the rest. */
const LONG_SENTENCE = 110;

/** Buttons that stay the same elements, so that focus survives a new cue. */
class Buttons {
  readonly #buttons = new Map<Action, HTMLButtonElement>();
  readonly #row: HTMLElement;
  #cue: number | null = null;
  #pressedOn: number | null = null;

  constructor(row: HTMLElement, actions: readonly Action[], pressed: Pressed) {
    this.#row = row;
    for (const action of actions) {
      const button = make("button", `button ${action}`, icon(BUTTONS[action].icon), make("span"));
      button.type = "button";
      button.addEventListener("pointerdown", () => {
        this.#pressedOn = this.#cue;
      });
      button.addEventListener("click", (event) => {
        // A cue that changed under the finger was not the one that was meant.
        const meant = event.detail === 0 || this.#pressedOn === this.#cue;
        if (this.#cue !== null && meant && button.ariaDisabled !== "true") pressed(action, this.#cue);
      });
      row.append(button);
      this.#buttons.set(action, button);
    }
  }

  update(lang: Lang, cue: number | null, actions: readonly Action[], busy: boolean): void {
    this.#cue = cue;
    const home = this.#row.closest<HTMLElement>("section");
    for (const [action, button] of this.#buttons) {
      const visible = actions.includes(action);
      if (!visible && document.activeElement === button) home?.focus();
      show(button, visible);
      const label = button.querySelector("span");
      if (label) write(label, text(lang, BUTTONS[action].label));
      attribute(button, "aria-disabled", busy ? "true" : null);
    }
    show(this.#row, actions.length > 0);
  }
}

/** The reason in half a line; on demand all of it. Closed again with every new cue. */
class WhyView {
  readonly #details: HTMLDetailsElement;
  readonly #short: HTMLElement;
  readonly #list: HTMLElement;
  #of = "";

  constructor(part: "card" | "side") {
    this.#details = byId<HTMLDetailsElement>(`${part}-why`);
    this.#short = byId(`${part}-reason`);
    this.#list = byId(`${part}-evidence`);
  }

  update(lang: Lang, why: Why | null): void {
    if (why?.of !== this.#of) this.#details.open = false;
    this.#of = why?.of ?? "";
    if (why === null && this.#details.contains(document.activeElement)) {
      this.#details.closest<HTMLElement>("section")?.focus();
    }
    show(this.#details, why !== null);
    labelled(this.#short, text(lang, "cue_why"), why?.short ?? "");
    const rows = why?.details ?? [];
    rewrite(this.#list, JSON.stringify(rows), () =>
      rows.map(({ term, values }) =>
        make("div", "", make("dt", "", term), ...values.map((value) => make("dd", "", value))),
      ),
    );
  }
}

export class CardView {
  readonly #card = byId("card");
  readonly #why = new WhyView("card");
  readonly #buttons: Buttons;

  constructor(pressed: Pressed) {
    this.#buttons = new Buttons(byId("card-actions"), ["said", "reword", "wrong", "undo"], pressed);
  }

  update(lang: Lang, card: Card, busy: boolean): void {
    attribute(this.#card, "data-kind", card.kind);
    attribute(this.#card, "data-stage", card.stage);
    rewrite(byId("card-icon"), card.kind, () => [icon(CARD_ICONS[card.kind])]);
    write(byId("card-eyebrow"), card.eyebrow);
    write(byId("card-heading"), card.heading);
    const sentence = byId("card-text");
    write(sentence, card.text);
    attribute(sentence, "lang", card.textLang === lang ? null : card.textLang);
    sentence.classList.toggle("speakable", card.speakable);
    sentence.classList.toggle("long", card.text.length > LONG_SENTENCE);
    write(byId("card-how"), card.how);
    this.#card.classList.toggle("explained", !card.speakable || card.textLang !== lang);
    this.#why.update(lang, card.why);
    labelled(byId("card-next"), text(lang, "cue_next"), card.next);
    write(byId("card-status"), card.status);
    const facts = byId("card-facts");
    rewrite(facts, JSON.stringify(card.facts), () =>
      card.facts.map(([term, value]) => make("div", "", make("dt", "", term), make("dd", "", value))),
    );
    show(facts, card.facts.length > 0);
    this.#buttons.update(lang, card.cue, card.actions, busy);
  }
}

export class SideView {
  readonly #side = byId("side");
  readonly #why = new WhyView("side");
  readonly #buttons: Buttons;

  constructor(pressed: Pressed) {
    this.#buttons = new Buttons(byId("side-actions"), ["said", "wrong"], pressed);
  }

  update(lang: Lang, side: Side | null, busy: boolean): void {
    if (side === null && this.#side.contains(document.activeElement)) byId("card").focus();
    show(this.#side, side !== null);
    write(byId("side-heading"), side?.heading ?? "");
    const line = byId("side-text");
    write(line, side?.text ?? "");
    attribute(line, "lang", side === null || side.textLang === lang ? null : side.textLang);
    this.#why.update(lang, side?.why ?? null);
    this.#buttons.update(lang, side?.cue ?? null, side?.actions ?? [], busy);
  }
}

function labelled(element: HTMLElement, label: string, value: string): void {
  rewrite(element, `${label}\n${value}`, () =>
    label ? [make("span", "label", label), document.createTextNode(` ${value}`)] : [document.createTextNode(value)],
  );
  show(element, value !== "");
}
