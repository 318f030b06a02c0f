/** The overlay page: wires the event stream to the reducer and the reducer to the page. */

import { CallStream, type Link } from "../connection";
import { byId, write } from "../dom";
import type { Command } from "../events";
import { chosenLang, isLang, onLangChosen, translatePage } from "../language";
import type { Books } from "../phrases";
import { type Action, type ApprovalLine, type View, screenOf, waitText } from "../screen";
import { type CallState, disconnected, initialState, reduce } from "../state";
import { ServerError, eventSocket, fetchPhrases, newestLive, watchCalls } from "../server";
import { type Lang, clock } from "../strings";
import { CardView, SideView } from "./card";
import { TranscriptView, showApproval, showLadder, showLink, showNotices, showVoice } from "./panels";

const LOOK_FOR_CALLS_MS = 1_500;
const PHRASES_RETRY_MS = 4_000;

const asked = new URLSearchParams(location.search).get("call");
const following = asked === null;

let state: CallState = initialState;
let lang: Lang = chosenLang() ?? "de";
let link: Link = "idle";
let serverReachable = true;
let stream: CallStream | null = null;
let current: string | null = null;
let books: Books = { call: null, ui: null };
/** When the newest event came, to let the clock run on between events. */
let heardAtMs = performance.now();
let sending = new Map<number, string>();
let refused: number | null = null;
let approval: ApprovalLine | null = null;

const card = new CardView(press);
const side = new SideView(press);
const transcript = new TranscriptView();

let framed = false;
function render(): void {
  if (framed) return;
  framed = true;
  requestAnimationFrame(() => {
    framed = false;
    draw();
  });
}

function draw(): void {
  const view: View = { lang, books, link, following, serverReachable, sending, refused };
  const screen = screenOf(state, view);
  document.body.dataset["stage"] = state.stage;
  document.body.dataset["phase"] = screen.phase;
  showLink(screen.link);
  showNotices(screen.notices);
  card.update(lang, screen.card, screen.card.cue !== null && sending.has(screen.card.cue));
  side.update(lang, screen.side, screen.side !== null && sending.has(screen.side.cue));
  approval = screen.approval;
  showApproval(approval);
  write(byId("note"), screen.note);
  write(byId("policy"), screen.policy);
  showLadder(screen.ladder);
  showVoice(screen.voice);
  transcript.update(screen.transcript);
  drawClock();
}

function drawClock(): void {
  const running = state.phase === "live" && link === "open";
  const now_secs = state.t_secs + (running ? (performance.now() - heardAtMs) / 1000 : 0);
  write(byId("clock"), clock(state.duration_secs ?? now_secs));
  write(byId("approval-wait"), waitText(lang, approval, running ? now_secs : null));
}

function open(call: string): void {
  stream?.close();
  current = call;
  state = initialState;
  sending = new Map();
  refused = null;
  transcript.clear();
  stream = new CallStream(eventSocket(call), {
    event(event) {
      state = reduce(state, event);
      heardAtMs = performance.now();
      if (event.type === "cue.shown") refused = null;
      render();
    },
    link(now) {
      if (now === "open" && link === "lost") void loadBooks();
      if (now === "lost") state = disconnected(state);
      link = now;
      if (now === "over") sending = new Map();
      render();
    },
    ack({ id, ok }) {
      const [cue] = [...sending].find(([, command]) => command === id) ?? [null];
      if (cue === null) return;
      sending.delete(cue);
      refused = ok ? null : cue;
      render();
    },
  });
}

function press(action: Action, cue: number): void {
  if (stream === null || sending.has(cue)) return;
  const command: Command = { id: randomId(), command: action, cue };
  sending.set(cue, command.id);
  refused = null;
  stream.send(command);
  render();
}

/** crypto.randomUUID exists on https and localhost only; this works on any intranet address. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function loadBooks(): Promise<void> {
  try {
    const call = await fetchPhrases();
    if (chosenLang() === null && isLang(call.lang)) setLang(call.lang);
    const wanted = lang;
    const ui = wanted === call.lang ? call : await fetchPhrases(wanted);
    if (wanted === lang) books = { call, ui };
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    setTimeout(() => void loadBooks(), PHRASES_RETRY_MS);
  }
  render();
}

function setLang(chosen: Lang): void {
  lang = chosen;
  translatePage(lang, "page_overlay");
  render();
}

function follow(): void {
  watchCalls(LOOK_FOR_CALLS_MS, (calls) => {
    const reachable = calls !== null;
    if (reachable !== serverReachable) {
      serverReachable = reachable;
      render();
    }
    if (calls === null) return;
    const known = calls.find((entry) => entry.call === current)?.state === "live";
    const over = state.phase === "ended" || link === "over";
    const busy = current !== null && !over && (known || link === "open");
    const newest = newestLive(calls);
    if (!busy && newest !== null && newest.call !== current) open(newest.call);
  });
}

onLangChosen((chosen) => {
  setLang(chosen);
  void loadBooks();
});
window.addEventListener("online", () => stream?.nudge());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") stream?.nudge();
});
setInterval(drawClock, 1000);

setLang(lang);
void loadBooks();
if (asked === null) follow();
else open(asked);
