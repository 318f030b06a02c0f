/**
 * What the overlay shows, as plain data: a pure function of the call's state, the language and the
 * connection. The DOM code beside it only writes this down.
 */

import type { Link } from "./connection";
import { STAGES, type Channel, type Evidence, type Rung, type Stage } from "./events";
import { type Books, type CueTexts, sentence, stageNames } from "./phrases";
import { type Basis, type Detail, details, reason } from "./reason";
import { type CallState, type Cue, level } from "./state";
import { type Key, type Lang, clock, number, optional, text } from "./strings";

export interface View {
  readonly lang: Lang;
  readonly books: Books;
  readonly link: Link;
  /** Following the newest live call, or one given in the address. */
  readonly following: boolean;
  readonly serverReachable: boolean;
  /** Cue id -> command on its way. */
  readonly sending: ReadonlyMap<number, string>;
  /** Cue id whose last command the server refused. */
  readonly refused: number | null;
}

export type Action = "said" | "reword" | "wrong" | "undo";

/** The reason of a cue: half a line, and all of it on demand. `of` names what it is the reason of. */
export interface Why {
  readonly of: string;
  readonly short: string;
  readonly details: readonly Detail[];
}

export interface Card {
  readonly kind:
    | "cue" | "wrong" | "said" | "down" | "calm" | "held" | "asked" | "waiting" | "missing"
    | "summary";
  readonly stage: Stage;
  readonly eyebrow: string;
  readonly heading: string;
  /** The sentence to say, or the one line of a card without a cue. */
  readonly text: string;
  readonly textLang: string;
  readonly speakable: boolean;
  /** How to go about it, in the page's language. */
  readonly how: string;
  readonly why: Why | null;
  readonly next: string;
  readonly status: string;
  readonly cue: number | null;
  readonly actions: readonly Action[];
  readonly facts: readonly (readonly [term: string, value: string])[];
}

export interface Side {
  readonly cue: number;
  readonly heading: string;
  readonly text: string;
  readonly textLang: string;
  readonly why: Why | null;
  readonly actions: readonly Action[];
}

/** Whether the call may be ended, where the policy has the supervisor asked. */
export interface ApprovalLine {
  readonly state: "asked" | "granted" | "refused" | "timeout";
  readonly text: string;
  /** For screen readers: all of it at once, and never again while seconds pass. */
  readonly spoken: string;
  /** Call time at which the agent decides at the latest; null when nobody waits for an answer. */
  readonly until_secs: number | null;
}

export interface RungRow {
  readonly stage: Stage;
  readonly name: string;
  readonly current: boolean;
  readonly said: boolean;
  readonly tag: string;
}

export interface Measure {
  readonly name: string;
  readonly value: string;
  readonly word: string;
  /** Away from the caller's own start. */
  readonly moved: boolean;
  /** -1..1 for the bar, null when unknown. */
  readonly position: number | null;
}

export interface VoiceLine {
  readonly message: string;
  readonly measures: readonly Measure[];
}

export interface Part {
  readonly text: string;
  readonly mark: boolean;
}

export interface Line {
  readonly key: string;
  readonly channel: Channel;
  readonly who: string;
  readonly time: string;
  readonly parts: readonly Part[];
  readonly tag: string;
  readonly good: boolean;
  readonly partial: boolean;
}

export interface Screen {
  readonly link: { readonly kind: "ok" | "busy" | "bad" | "quiet"; readonly text: string };
  readonly clock: string;
  readonly notices: readonly { readonly kind: "warn" | "info"; readonly text: string }[];
  readonly card: Card;
  readonly side: Side | null;
  readonly approval: ApprovalLine | null;
  readonly note: string;
  readonly policy: string;
  readonly ladder: readonly RungRow[];
  readonly voice: VoiceLine;
  readonly transcript: readonly Line[];
  readonly phase: "waiting" | "live" | "over";
}

/** Labels that are an attack on a person, the gravest first. */
const ATTACKS: readonly string[] = ["threat", "insult", "boundary_crossing", "competence_attack"];

/** Cues of the ladder; every other one is a side line. */
const LADDER_CUES: readonly string[] = [...STAGES, "quote_disclaimer"];

/** Cues beside the ladder, the most urgent first (monitor/policy.py `SIDE_CUES`). */
const SIDE_CUES: readonly string[] = [
  "involve_supervisor", "keep_formal_sie", "listen", "check_claim", "confirm_understanding",
  "open_question", "explain_wait", "callback", "win_back", "stay_factual", "expectation_gap",
  "save_face", "aftercare",
];

/** A step-down stays on the card this long, in seconds of the call. */
export const STEP_DOWN_SECS = 20;
/** After this long without an answer the agent decides; a policy may say sooner, never later. */
export const APPROVAL_SECS = 20;
/** Lines kept in the page; the whole call is in the replay. */
export const TRANSCRIPT_LINES = 150;

export function screenOf(state: CallState, view: View): Screen {
  return {
    link: linkOf(state, view),
    clock: clock(state.duration_secs ?? state.t_secs),
    notices: noticesOf(state, view),
    card: cardOf(state, view),
    side: isOver(state, view) ? null : sideOf(state, view),
    approval: approvalOf(state, view),
    note: state.note ?? "",
    policy: state.policy === null ? "" : text(view.lang, "policy", { policy: state.policy }),
    ladder: ladderOf(state, view),
    voice: voiceOf(state, view.lang),
    transcript: transcriptOf(state, view.lang),
    phase: isOver(state, view) ? "over" : state.phase === "waiting" ? "waiting" : "live",
  };
}

/** The ladder cue on the screen: the newest not cleared. At most one. */
export function ladderCue(state: CallState): Cue | null {
  return state.cues.findLast((cue) => LADDER_CUES.includes(cue.name) && !cue.cleared) ?? null;
}

/** The one side line on the screen: of those not cleared the most urgent, of equals the newest. */
export function sideCue(state: CallState): Cue | null {
  const urgency = (cue: Cue): number => {
    const at = SIDE_CUES.indexOf(cue.name);
    return at < 0 ? SIDE_CUES.length : at;
  };
  return state.cues
    .filter((cue) => !LADDER_CUES.includes(cue.name) && !cue.cleared && !cue.wrong)
    .reduce<Cue | null>((top, cue) => (top && urgency(top) < urgency(cue) ? top : cue), null);
}

function linkOf(state: CallState, view: View): Screen["link"] {
  const { lang } = view;
  if (isOver(state, view)) return { kind: "quiet", text: text(lang, "link_over") };
  if (state.phase === "waiting" && !view.serverReachable) {
    return { kind: "bad", text: text(lang, "link_lost") };
  }
  switch (view.link) {
    case "open":
      return { kind: "ok", text: text(lang, "link_open") };
    case "lost":
      return { kind: "bad", text: text(lang, "link_lost") };
    case "connecting":
      return { kind: "busy", text: text(lang, "link_connecting") };
    case "idle":
    case "missing":
      return { kind: "ok", text: text(lang, "link_idle") };
    case "over":
      return { kind: "quiet", text: text(lang, "link_over") };
  }
}

function noticesOf(state: CallState, view: View): Screen["notices"] {
  const { lang } = view;
  if (isOver(state, view)) return [];
  const demo = Object.values(state.models).some((model) => model.includes("de_demo"));
  const parts = Object.keys(state.degraded).sort();
  return [
    ...(state.phase === "interrupted"
      ? [{ kind: "warn" as const, text: text(lang, "notice_interrupted") }]
      : []),
    ...parts.map((part) => ({
      kind: "warn" as const,
      text: optional(lang, `notice_${part}`) ?? text(lang, "notice_other", { part }),
    })),
    ...(demo ? [{ kind: "info" as const, text: text(lang, "notice_demo") }] : []),
  ];
}

const EMPTY_CARD: Omit<Card, "kind" | "stage" | "heading" | "text" | "textLang"> = {
  eyebrow: "",
  speakable: false,
  how: "",
  why: null,
  next: "",
  status: "",
  cue: null,
  actions: [],
  facts: [],
};

function cardOf(state: CallState, view: View): Card {
  const { lang } = view;
  if (state.phase === "waiting") return waitingCard(view);
  if (isOver(state, view)) return summaryCard(state, view);
  const names = stageNames(view.books, lang);
  const cue = ladderCue(state);
  if (cue && !cue.wrong) return cueCard(state, view, cue);
  const base = { ...EMPTY_CARD, stage: state.stage, textLang: lang, eyebrow: names[state.stage] };
  if (cue) {
    return {
      ...base,
      kind: "wrong",
      heading: text(lang, "wrong_heading"),
      text: text(lang, "wrong_text"),
      cue: cue.id,
      actions: ["undo"],
      status: statusOf(view, cue.id),
    };
  }
  const down = state.stepDown;
  if (down && state.t_secs - down.t_secs <= STEP_DOWN_SECS) {
    const calm = down.to === "calm";
    return {
      ...base,
      kind: "down",
      heading: text(lang, "down_heading"),
      text: calm ? text(lang, "down_calm") : text(lang, "down_text", { stage: names[down.to] }),
      why: whyOf(state, lang, `down ${down.t_secs}`, down),
    };
  }
  if (state.approval?.state === "asked") {
    return { ...base, kind: "asked", heading: text(lang, "asked_heading"), text: text(lang, "asked_text") };
  }
  if (state.stage === "calm") {
    const heading = text(lang, "calm_heading");
    const line = text(lang, sideCue(state) ? "calm_beside" : "calm_text");
    return { ...base, kind: "calm", eyebrow: "", heading, text: line };
  }
  const last = state.cues.findLast((one) => LADDER_CUES.includes(one.name));
  const outlook = nextName(state.stage, names);
  if (last?.cleared === "said") {
    const heading = text(lang, "said_heading");
    const line = text(lang, state.said.includes("end_call") ? "said_end_text" : "said_text");
    return { ...base, kind: "said", heading, text: line, next: outlook };
  }
  return { ...base, kind: "held", heading: text(lang, "held_heading"), text: text(lang, "held_text") };
}

function waitingCard(view: View): Card {
  const { lang } = view;
  const base = { ...EMPTY_CARD, stage: "calm" as const, textLang: lang };
  const say = (kind: "waiting" | "missing", about: "waiting" | "missing" | "unreachable"): Card => ({
    ...base,
    kind,
    heading: text(lang, `${about}_heading`),
    text: text(lang, `${about}_text`),
  });
  if (!view.serverReachable || view.link === "lost") return say("missing", "unreachable");
  return view.following ? say("waiting", "waiting") : say("missing", "missing");
}

function cueCard(state: CallState, view: View, cue: Cue): Card {
  const { lang } = view;
  const names = stageNames(view.books, lang);
  const texts = cueTexts(view, cue.name);
  const said = sentence(view.books, cue.name, cue.phrase_id, cue.slots);
  const outlook = nextName(state.stage, names);
  const stale = view.link === "lost" ? text(lang, "cue_stale") : "";
  return {
    kind: "cue",
    stage: state.stage,
    eyebrow: text(lang, "cue_now"),
    heading: texts?.heading ?? cueName(view, cue.name),
    text: said?.text ?? texts?.what ?? text(lang, "cue_no_phrase"),
    textLang: said?.lang ?? lang,
    speakable: said !== null,
    how: said === null && cue.phrase_id ? "" : (texts?.next ?? ""),
    why: whyOf(state, lang, `cue ${cue.id}`, cue),
    next: outlook,
    status: statusOf(view, cue.id) || stale,
    cue: cue.id,
    actions: ["said", "reword", "wrong"],
    facts: [],
  };
}

function whyOf(state: CallState, lang: Lang, of: string, basis: Basis): Why | null {
  const short = reason(lang, basis, state.spans);
  return short ? { of, short, details: details(lang, basis, state.spans) } : null;
}

function approvalOf(state: CallState, view: View): ApprovalLine | null {
  const { approval } = state;
  if (approval === null || isOver(state, view)) return null;
  const { lang } = view;
  const line = text(lang, `approval_${approval.state}`);
  if (approval.state !== "asked") return { state: approval.state, text: line, spoken: line, until_secs: null };
  const most = text(lang, "approval_at_most", { secs: number(lang, APPROVAL_SECS) });
  const until_secs = approval.t_secs + APPROVAL_SECS;
  return { state: "asked", text: line, spoken: `${line} ${most}`, until_secs };
}

/** What is left of the wait for an answer; `now_secs` null: the clock of the call is not known. */
export function waitText(lang: Lang, line: ApprovalLine | null, now_secs: number | null): string {
  if (line === null || line.until_secs === null) return "";
  if (now_secs === null) return text(lang, "approval_at_most", { secs: number(lang, APPROVAL_SECS) });
  const left = Math.min(APPROVAL_SECS, Math.ceil(line.until_secs - now_secs));
  return left > 0
    ? text(lang, "approval_left", { secs: number(lang, left) })
    : text(lang, "approval_over");
}

function statusOf(view: View, cue: number): string {
  if (view.sending.has(cue)) return text(view.lang, "do_sending");
  return view.refused === cue ? text(view.lang, "do_failed") : "";
}

function cueTexts(view: View, name: string): CueTexts | null {
  return view.books.ui?.cues[name] ?? null;
}

function cueName(view: View, name: string): string {
  const { lang } = view;
  return optional(lang, `cue_${name}`) ?? optional(lang, `stage_${name}`) ?? name;
}

function nextName(stage: Stage, names: Record<Stage, string>): string {
  const next = STAGES[level(stage) + 1];
  return next ? names[next] : "";
}

function summaryCard(state: CallState, view: View): Card {
  const { lang } = view;
  const names = stageNames(view.books, lang);
  const attacked = state.utterances.filter((said) => isAttack(said.channel, said.labels, said.severity));
  const attacks = new Set(attacked.map((said) => said.turn)).size;
  const aftercare = state.cues.findLast((cue) => cue.name === "aftercare");
  const care =
    aftercare && sentence(view.books, aftercare.name, aftercare.phrase_id, aftercare.slots);
  const said = state.saidInCall.map((rung: Rung) => names[rung]).join(", ");
  const trouble: Record<string, Key> = { source_lost: "summary_lost", error: "summary_error" };
  const key = trouble[state.endReason ?? ""];
  const calm = state.stage === "calm" && state.highestStage !== "calm";
  return {
    ...EMPTY_CARD,
    kind: "summary",
    stage: state.stage,
    eyebrow: aftercare ? cueName(view, "aftercare") : "",
    heading: text(lang, calm && !key ? "summary_good" : "summary_heading"),
    text: care?.text ?? (key ? text(lang, key) : ""),
    textLang: care?.lang ?? lang,
    status: view.following ? text(lang, "summary_follow") : "",
    facts: [
      [text(lang, "summary_duration"), clock(state.duration_secs ?? state.t_secs)],
      [text(lang, "summary_highest"), names[state.highestStage]],
      [text(lang, "summary_final"), names[state.stage]],
      [text(lang, "summary_attacks"), number(lang, attacks)],
      [text(lang, "summary_step_downs"), number(lang, state.stepDowns)],
      [text(lang, "summary_said"), said || text(lang, "summary_nothing")],
    ],
  };
}

function sideOf(state: CallState, view: View): Side | null {
  const cue = sideCue(state);
  if (cue === null) return null;
  const texts = cueTexts(view, cue.name);
  const said = sentence(view.books, cue.name, cue.phrase_id, cue.slots);
  return {
    cue: cue.id,
    heading: texts?.heading ?? cueName(view, cue.name),
    text: said?.text ?? texts?.what ?? "",
    textLang: said?.lang ?? view.lang,
    why: whyOf(state, view.lang, `cue ${cue.id}`, cue),
    actions: ["said", "wrong"],
  };
}

function ladderOf(state: CallState, view: View): readonly RungRow[] {
  const { lang } = view;
  const names = stageNames(view.books, lang);
  const highestSaid = Math.max(0, ...state.said.map(level));
  return STAGES.map((stage) => {
    const said = stage !== "calm" && state.said.includes(stage);
    const covered = stage !== "calm" && !said && level(stage) < highestSaid;
    const current = state.phase !== "waiting" && stage === state.stage;
    const now = current && !isOver(state, view);
    const tag = said ? "ladder_said" : covered ? "ladder_covered" : now ? "ladder_now" : null;
    return { stage, name: names[stage], current, said, tag: tag ? text(lang, tag) : "" };
  });
}

function voiceOf(state: CallState, lang: Lang): VoiceLine {
  if (!state.consent.voice) return { message: text(lang, "voice_text_only"), measures: [] };
  if ("voice" in state.degraded) return { message: text(lang, "voice_unavailable"), measures: [] };
  const now = state.voice;
  const unknown = (name: string): Measure => ({
    name,
    value: text(lang, "voice_unknown"),
    word: "",
    moved: false,
    position: null,
  });
  const measure = (
    name: string,
    value: number | null | undefined,
    least: number,
    full: number,
    [more, less]: [string, string],
    shown: (value: number) => string,
  ): Measure => {
    if (value == null) return unknown(name);
    const moved = Math.abs(value) >= least;
    const word = !moved ? text(lang, "voice_same") : value > 0 ? more : less;
    const position = Math.max(-1, Math.min(1, value / full));
    return { name, value: shown(value), word, moved, position };
  };
  const signed = (value: number): string => {
    const whole = Math.round(value);
    return `${whole > 0 ? "+" : whole < 0 ? "−" : "±"}${number(lang, Math.abs(whole))}`;
  };
  const ratio = now?.rate_ratio?.value ?? 0;
  return {
    message: "",
    measures: [
      measure(
        text(lang, "voice_pitch"), now?.f0_st?.value, 1.5, 8,
        [text(lang, "voice_higher"), text(lang, "voice_lower")],
        (value) => `${signed(value)} st`,
      ),
      measure(
        text(lang, "voice_level"), now?.level_db?.value, 2, 15,
        [text(lang, now?.shouting ? "voice_shouting" : "voice_louder"), text(lang, "voice_quieter")],
        (value) => `${signed(value)} dB`,
      ),
      measure(
        text(lang, "voice_tempo"), ratio <= 0 ? null : Math.log2(ratio), 0.16, 1,
        [text(lang, "voice_faster"), text(lang, "voice_slower")],
        (value) => `${number(lang, 2 ** value, 1)}×`,
      ),
    ],
  };
}

function isAttack(channel: Channel, labels: readonly string[], severity: number): boolean {
  return channel === "customer" && severity > 0 && labels.some((label) => ATTACKS.includes(label));
}

/** The server says so by its last event, or by closing a call that was cut off before it. */
function isOver(state: CallState, view: View): boolean {
  return state.phase === "ended" || (view.link === "over" && state.phase !== "waiting");
}

function transcriptOf(state: CallState, lang: Lang): readonly Line[] {
  const who = (channel: Channel): string => text(lang, `who_${channel}`);
  const finals = state.utterances.slice(-TRANSCRIPT_LINES).map((said): Line => {
    const attack = isAttack(said.channel, said.labels, said.severity);
    const label = attack ? ATTACKS.find((one) => said.labels.includes(one)) : undefined;
    const good = said.channel === "customer" && said.labels.includes("apology") && !attack;
    return {
      key: `u${said.id}`,
      channel: said.channel,
      who: who(said.channel),
      time: clock(said.t_secs),
      parts: said.erased
        ? [{ text: text(lang, "transcript_erased"), mark: false }]
        : partsOf(said.text, attack ? said.evidence : []),
      tag: optional(lang, `label_${label ?? (good ? "apology" : "")}`) ?? "",
      good,
      partial: false,
    };
  });
  const partials = (["customer", "agent"] as const).flatMap((channel): Line[] => {
    const partial = state.partials[channel];
    if (!partial) return [];
    const tone = state.liveTone?.utterance === partial.utterance ? state.liveTone.evidence : [];
    return [
      {
        key: `u${partial.utterance}`,
        channel,
        who: who(channel),
        time: clock(partial.t_secs),
        parts: partsOf(partial.text, channel === "customer" ? tone : []),
        tag: "",
        good: false,
        partial: true,
      },
    ];
  });
  return [...finals, ...partials];
}

/** Cuts a line into plain and marked parts: the words that the evidence names as an attack. */
export function partsOf(line: string, evidence: readonly Evidence[]): readonly Part[] {
  const low = line.toLowerCase();
  const spans: [number, number][] = [];
  for (const item of evidence) {
    if (item.kind !== "words" || !item.text || !ATTACKS.includes(item.label)) continue;
    const start = low.indexOf(item.text.toLowerCase());
    if (start >= 0) spans.push([start, start + item.text.length]);
  }
  spans.sort(([a], [b]) => a - b);
  const parts: Part[] = [];
  let at = 0;
  for (const [start, end] of spans) {
    if (end <= at) continue;
    const from = Math.max(start, at);
    if (from > at) parts.push({ text: line.slice(at, from), mark: false });
    parts.push({ text: line.slice(from, end), mark: true });
    at = end;
  }
  if (at < line.length) parts.push({ text: line.slice(at), mark: false });
  return parts;
}
