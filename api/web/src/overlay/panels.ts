/** The quiet parts of the overlay: ladder, voice line, transcript, notices. */

import { attribute, byId, make, rewrite, show, write } from "../dom";
import { type Icon, icon } from "../icons";
import type { ApprovalLine, Line, Measure, RungRow, Screen, VoiceLine } from "../screen";

const LINK_ICONS: Record<Screen["link"]["kind"], Icon> = {
  ok: "dot",
  busy: "wait",
  bad: "broken",
  quiet: "flag",
};

export function showLink(link: Screen["link"]): void {
  const element = byId("link");
  attribute(element, "data-kind", link.kind);
  rewrite(element, `${link.kind}\n${link.text}`, () => [
    icon(LINK_ICONS[link.kind]),
    make("span", "", link.text),
  ]);
}

export function showNotices(notices: Screen["notices"]): void {
  const list = byId("notices");
  rewrite(list, JSON.stringify(notices), () =>
    notices.map(({ kind, text }) =>
      make("li", `notice ${kind}`, icon(kind === "warn" ? "warn" : "info"), make("span", "", text)),
    ),
  );
  show(list, notices.length > 0);
}

const APPROVAL_ICONS: Record<ApprovalLine["state"], Icon> = {
  asked: "wait",
  granted: "check",
  refused: "info",
  timeout: "check",
};

export function showApproval(line: ApprovalLine | null): void {
  const element = byId("approval");
  const state = line?.state ?? "";
  attribute(element, "data-state", state || null);
  rewrite(byId("approval-icon"), state, () => (line ? [icon(APPROVAL_ICONS[line.state])] : []));
  write(byId("approval-text"), line?.text ?? "");
  // Not hidden when empty: a live region has to be there before it speaks.
  const spoken = byId("approval-spoken");
  if (spoken.textContent !== (line?.spoken ?? "")) spoken.textContent = line?.spoken ?? "";
  show(element, line !== null);
}

export function showLadder(rows: readonly RungRow[]): void {
  const list = byId("ladder");
  rewrite(list, JSON.stringify(rows), () =>
    rows.map((row, step) => {
      const marker = make("span", "marker", row.said ? icon("check") : step === 0 ? icon("leaf") : String(step));
      marker.ariaHidden = "true";
      const item = make("li", "rung", marker, make("span", "rung-name", row.name));
      if (row.tag) item.append(make("span", "tag", row.tag));
      item.dataset["stage"] = row.stage;
      item.classList.toggle("said", row.said);
      if (row.current) item.setAttribute("aria-current", "step");
      return item;
    }),
  );
}

export function showVoice(voice: VoiceLine): void {
  write(byId("voice-message"), voice.message);
  const list = byId("voice");
  show(list, voice.measures.length > 0);
  rewrite(list, voice.measures.map((one) => one.name).join("\n"), () =>
    voice.measures.map(() =>
      make(
        "div",
        "measure",
        make("dt"),
        make(
          "dd",
          "",
          make("span", "reading", make("span", "word"), " ", make("span", "value")),
          make("span", "track", make("span", "fill")),
        ),
      ),
    ),
  );
  voice.measures.forEach((measure, at) => {
    const element = list.children[at];
    if (element instanceof HTMLElement) showMeasure(element, measure);
  });
}

function showMeasure(element: HTMLElement, measure: Measure): void {
  const part = (name: string): HTMLElement => element.querySelector(name) as HTMLElement;
  write(part("dt"), measure.name);
  write(part(".word"), measure.word || measure.value);
  write(part(".value"), measure.word ? measure.value : "");
  const position = measure.position ?? 0;
  const fill = part(".fill");
  fill.style.setProperty("left", `${50 + Math.min(0, position) * 50}%`);
  fill.style.setProperty("width", `${Math.abs(position) * 50}%`);
  element.classList.toggle("moved", measure.moved);
}

/** How far from its end a scrolled list still counts as being at the end. */
const END_PX = 24;

/** Appends and updates lines by key; follows the newest line unless somebody has scrolled up. */
export class TranscriptView {
  readonly #box = byId("transcript-box");
  readonly #list = byId("transcript");
  readonly #lines = new Map<string, HTMLLIElement>();
  #following = true;

  constructor() {
    const box = this.#box;
    box.addEventListener("scroll", () => {
      this.#following = box.scrollHeight - box.scrollTop - box.clientHeight < END_PX;
    });
    // The card above may grow and take height from the box: the newest line stays in view.
    new ResizeObserver(() => this.#follow()).observe(box);
  }

  #follow(): void {
    if (this.#following) this.#box.scrollTop = this.#box.scrollHeight;
  }

  clear(): void {
    this.#following = true;
    this.#lines.clear();
    this.#list.replaceChildren();
  }

  update(lines: readonly Line[]): void {
    const keys = new Set(lines.map((line) => line.key));
    for (const [key, element] of this.#lines) {
      if (keys.has(key)) continue;
      element.remove();
      this.#lines.delete(key);
    }
    lines.forEach((line, at) => {
      const element = this.#lines.get(line.key) ?? make("li");
      this.#lines.set(line.key, element);
      rewrite(element, JSON.stringify(line), () => lineParts(line));
      attribute(element, "class", `line ${line.channel}${line.partial ? " partial" : ""}`);
      if (this.#list.children[at] !== element) {
        this.#list.insertBefore(element, this.#list.children[at] ?? null);
      }
    });
    show(byId("transcript-empty"), lines.length === 0);
    this.#follow();
  }
}

function lineParts(line: Line): Node[] {
  const words = line.parts.map(({ text, mark }) =>
    mark ? make("mark", "", text) : document.createTextNode(text),
  );
  const said = make("p", "said-words", ...words);
  if (line.tag) {
    const sign = icon(line.good ? "check" : "flag");
    said.append(" ", make("span", `chip${line.good ? " good" : ""}`, sign, line.tag));
  }
  const time = make("span", "time", line.time);
  return [make("p", "who", make("span", "", line.who), " ", time), said];
}
