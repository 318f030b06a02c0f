/** The start page: the way to the screens, and the calls that are live. */

import { attribute, byId, make, rewrite, show } from "../dom";
import { icon } from "../icons";
import { chosenLang, onLangChosen, translatePage } from "../language";
import { type CallEntry, startedAtMs, watchCalls } from "../server";
import { type Key, type Lang, stageName, text } from "../strings";

const LOOK_FOR_CALLS_MS = 2_000;
const RECENT_CALLS = 10;

let lang: Lang = chosenLang() ?? "de";
let calls: readonly CallEntry[] | null = [];

function draw(): void {
  translatePage(lang, "page_start");
  const reachable = calls !== null;
  const link = byId("link");
  const said = text(lang, reachable ? "link_open" : "link_lost");
  attribute(link, "data-kind", reachable ? "ok" : "bad");
  rewrite(link, said, () => [icon(reachable ? "dot" : "broken"), make("span", "", said)]);
  if (calls === null) return;
  const newestFirst = [...calls].sort((a, b) => startedAtMs(b) - startedAtMs(a));
  const live = newestFirst.filter((entry) => entry.state === "live");
  const recent = newestFirst.filter((entry) => entry.state !== "live").slice(0, RECENT_CALLS);
  list(byId("live"), live, "start_follow");
  list(byId("recent"), recent, "start_review");
  show(byId("live-none"), live.length === 0);
  show(byId("recent-section"), recent.length > 0);
}

function list(element: HTMLElement, entries: readonly CallEntry[], action: Key): void {
  rewrite(element, JSON.stringify([lang, entries]), () => entries.map((entry) => row(entry, action)));
}

function row(entry: CallEntry, action: Key): HTMLElement {
  const name = make("strong", "call-name", entry.call);
  const time = new Date(startedAtMs(entry)).toLocaleTimeString(lang === "de" ? "de-DE" : "en-GB", {
    hour: "2-digit",
    minute: "2-digit",
  });
  const facts = [
    time,
    `${text(lang, "start_stage")}: ${stageName(lang, entry.stage)}`,
    `${text(lang, "start_source")}: ${entry.source}`,
  ].join(" · ");
  const link = make("a", "call", name, make("span", "call-facts", facts));
  link.append(make("span", "call-action", text(lang, action)));
  link.href = `/overlay?call=${encodeURIComponent(entry.call)}`;
  link.dataset["stage"] = entry.stage;
  return make("li", "", link);
}

onLangChosen((chosen) => {
  lang = chosen;
  draw();
});
draw();
watchCalls(LOOK_FOR_CALLS_MS, (now) => {
  calls = now;
  draw();
});
