/** Why a cue is shown: in half a line, and in full for whoever asks. Both from its evidence. */

import type { Evidence } from "./events";
import type { Span } from "./state";
import { type Key, type Lang, clock, fill, number, optional, quoted, text } from "./strings";

/** What a decision rests on, and who made it so. */
export interface Basis {
  readonly evidence: readonly Evidence[];
  readonly rule: string;
  readonly policy_version: string;
}

/** One row of the full reason: what it is about, and what there is to say. */
export interface Detail {
  readonly term: string;
  readonly values: readonly string[];
}

const QUOTE_LENGTH = 48;
/** Of several words that count, one of these is quoted. */
const GRAVE: readonly string[] = ["threat", "insult"];

/** e.g. „Trottel“, 2. Angriff · +4 st höher als zu Beginn. Without evidence the rule in words. */
export function reason(lang: Lang, basis: Basis, spans: readonly Span[] = []): string {
  const { evidence } = basis;
  const said = [...quotes(lang, evidence), ...counts(lang, basis)].join(", ");
  const told = [said, voice(lang, evidence), ...timings(lang, evidence, spans)].filter(Boolean);
  return told.length > 0 ? told.join(" · ") : (knownRule(lang, basis.rule) ?? "");
}

/** All of it: every word with who said it when, counts, voice, timing, rule and policy. */
export function details(lang: Lang, basis: Basis, spans: readonly Span[] = []): readonly Detail[] {
  const { evidence } = basis;
  const words = evidence.filter((item) => item.kind === "words" && item.text);
  const measures = [...steps(lang, evidence), ...others(lang, evidence)];
  const rows: [Key, readonly string[]][] = [
    ["why_words", words.map((item) => wordsInFull(lang, item))],
    ["why_count", evidence.map((item) => countOf(lang, item, basis.rule)).filter(Boolean)],
    ["why_voice", measures.length > 0 ? [asAtStart(lang, measures.join(", "))] : []],
    ["why_timing", evidence.map((item) => timingInFull(lang, item, spans)).filter(Boolean)],
    ["why_rule", [`${knownRule(lang, basis.rule) ?? ""} (${basis.rule})`.trimStart()]],
    ["why_policy", [basis.policy_version]],
  ];
  return rows
    .filter(([, values]) => values.length > 0)
    .map(([term, values]) => ({ term: text(lang, term), values }));
}

/** The rule in words; many of those beside the ladder are named as the label that raises them. */
function knownRule(lang: Lang, rule: string): string | null {
  return optional(lang, `rule_${rule}`) ?? optional(lang, `label_${rule}`);
}

// Words

function quotes(lang: Lang, evidence: readonly Evidence[]): string[] {
  const words = evidence.filter((item) => item.kind === "words" && item.text);
  const told = words.findLast((item) => GRAVE.includes(item.label)) ?? words.at(-1);
  const counted = evidence.some((item) => item.kind === "count");
  const labels = counted || !told ? [] : [told.label];
  return [
    ...(told ? [quoted(lang, shortened(asNoun(told)))] : []),
    ...labels.map((label) => optional(lang, `label_${label}`)).filter((name) => name !== null),
  ];
}

/** Speech recognition writes all lower case; a lone word of abuse is nearly always a noun. */
function asNoun(item: Evidence): string {
  const words = item.text ?? "";
  const noun = item.label === "insult" && !words.includes(" ");
  return noun ? words.charAt(0).toLocaleUpperCase("de") + words.slice(1) : words;
}

function shortened(words: string): string {
  return words.length <= QUOTE_LENGTH ? words : `${words.slice(0, QUOTE_LENGTH).trimEnd()} …`;
}

/** „Trottel“ (Beleidigung), Kunde 0:31 */
function wordsInFull(lang: Lang, item: Evidence): string {
  const label = optional(lang, `label_${item.label}`);
  const who = item.channel ? text(lang, `who_${item.channel}`) : "";
  const when = item.t_secs == null ? "" : clock(item.t_secs);
  const said = `${quoted(lang, asNoun(item))}${label ? ` (${label})` : ""}`;
  return [said, [who, when].filter(Boolean).join("\u00a0")].filter(Boolean).join(", ");
}

// Counts

const COUNTS: Readonly<Record<string, Key>> = {
  attack: "reason_attack",
  mild_attack: "reason_mild_attack",
  calm_turns: "reason_calm_turns",
  interruption: "reason_interruptions",
};

/** This rule counts the attacks of a whole call; to the others it is the nth. */
const WHOLE_CALL = "call_ended_in_end_call";

function counts(lang: Lang, { evidence, rule }: Basis): string[] {
  return evidence
    .filter((item) => !(item.label === "interruption" && once(item)))
    .map((item) => countOf(lang, item, rule))
    .filter(Boolean);
}

function countOf(lang: Lang, item: Evidence, rule: string): string {
  if (item.kind !== "count" || item.value == null) return "";
  const n = number(lang, item.value);
  const whole = rule === WHOLE_CALL && item.label === "attack";
  const key = whole ? "reason_attacks" : COUNTS[item.label];
  if (key) return text(lang, key, { n });
  const label = optional(lang, `label_${item.label}`);
  return label === null ? "" : text(lang, "reason_times", { n, label });
}

function once(item: Evidence): boolean {
  return item.kind === "count" && item.value === 1;
}

// Voice

function measured(evidence: readonly Evidence[], label: string): number {
  return evidence.find((one) => one.kind === "voice" && one.label === label)?.value ?? 0;
}

/** ["+4 st höher", "+6 dB lauter", "1,3× schneller"], of these what has changed. */
function steps(lang: Lang, evidence: readonly Evidence[]): string[] {
  const changed = (label: string, unit: string, more: Key, less: Key): string => {
    const value = Math.round(measured(evidence, label));
    if (value === 0) return "";
    const sign = value > 0 ? "+" : "−";
    return `${sign}${number(lang, Math.abs(value))}\u00a0${unit} ${text(lang, value > 0 ? more : less)}`;
  };
  const ratio = measured(evidence, "rate_ratio");
  const tempo = text(lang, ratio > 1 ? "voice_faster" : "voice_slower");
  return [
    changed("pitch_st", "st", "voice_higher", "voice_lower"),
    changed("level_db", "dB", "voice_louder", "voice_quieter"),
    ratio > 0 && number(lang, ratio, 1) !== number(lang, 1, 1) ? `${number(lang, ratio, 1)}× ${tempo}` : "",
  ].filter(Boolean);
}

function others(lang: Lang, evidence: readonly Evidence[]): string[] {
  return [
    measured(evidence, "agitation") > 0 && text(lang, "voice_livelier"),
    measured(evidence, "shouting") > 0 && text(lang, "voice_shouting"),
  ].filter((word) => word !== false);
}

function asAtStart(lang: Lang, words: string): string {
  return text(lang, "reason_as_at_start", { words });
}

function voice(lang: Lang, evidence: readonly Evidence[]): string {
  const changed = steps(lang, evidence);
  if (changed.length > 0) return asAtStart(lang, changed.join(", "));
  if (measured(evidence, "shouting") > 0) return text(lang, "voice_shouting");
  return measured(evidence, "agitation") > 0 ? text(lang, "reason_agitation") : "";
}

// Timing

function timings(lang: Lang, evidence: readonly Evidence[], spans: readonly Span[]): string[] {
  const counted = evidence.some(
    (item) => item.kind === "count" && item.label === "interruption" && !once(item),
  );
  return evidence
    .filter((item) => !(counted && item.label === "interruption"))
    .map((item) => timingOf(lang, item, spans))
    .filter(Boolean);
}

function timingOf(lang: Lang, item: Evidence, spans: readonly Span[]): string {
  if (item.kind !== "timing" || item.value == null) return "";
  if (item.label === "agent_share") {
    const span = spans.find((one) => one.kind === item.label && one.start_secs === item.t_secs);
    const secs = number(lang, item.value);
    const of = span ? number(lang, span.end_secs - span.start_secs) : "";
    return text(lang, of ? "reason_agent_share" : "reason_agent_spoke", { secs, of });
  }
  const template = optional(lang, `reason_${item.label}`);
  const digits = item.value < 10 && !Number.isInteger(item.value) ? 1 : 0;
  return template === null ? "" : fill(template, { secs: number(lang, item.value, digits) });
}

function timingInFull(lang: Lang, item: Evidence, spans: readonly Span[]): string {
  const told = timingOf(lang, item, spans);
  if (!told || item.t_secs == null) return told;
  return `${told}, ${text(lang, "why_from", { clock: clock(item.t_secs) })}`;
}
