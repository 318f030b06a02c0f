/** The reason of a cue in half a line, from its evidence. */

import type { Evidence } from "./events";
import { type Key, type Lang, number, optional, quoted, text } from "./strings";

const QUOTE_LENGTH = 48;
/** Of several words that count, one of these is quoted. */
const GRAVE: readonly string[] = ["threat", "insult"];

/** e.g. „Trottel“, 2. Angriff · lauter und höher als zu Beginn. Empty without evidence. */
export function reason(lang: Lang, evidence: readonly Evidence[]): string {
  const said = [...quotes(lang, evidence), ...counts(lang, evidence)].join(", ");
  return [said, voice(lang, evidence), ...timing(lang, evidence)].filter(Boolean).join(" · ");
}

function quotes(lang: Lang, evidence: readonly Evidence[]): string[] {
  const words = evidence.filter((item) => item.kind === "words" && item.text);
  const told = words.findLast((item) => GRAVE.includes(item.label)) ?? words.at(-1);
  const counted = evidence.some((item) => item.kind === "count");
  const labels = counted || !told ? [] : [told.label];
  return [
    ...(told ? [quoted(lang, shown(told))] : []),
    ...labels.map((label) => optional(lang, `label_${label}`)).filter((name) => name !== null),
  ];
}

/** Speech recognition writes all lower case; a lone word of abuse is nearly always a noun. */
function shown(item: Evidence): string {
  const words = item.text ?? "";
  if (item.label === "insult" && !words.includes(" ")) {
    return words.charAt(0).toLocaleUpperCase("de") + words.slice(1);
  }
  return words.length <= QUOTE_LENGTH ? words : `${words.slice(0, QUOTE_LENGTH).trimEnd()} …`;
}

const COUNTS: Readonly<Record<string, Key>> = {
  attack: "reason_attack",
  mild_attack: "reason_mild_attack",
  calm_turns: "reason_calm_turns",
};

function counts(lang: Lang, evidence: readonly Evidence[]): string[] {
  return evidence
    .filter((item) => item.kind === "count" && item.value != null)
    .map((item) => {
      const n = number(lang, item.value ?? 0);
      const key = COUNTS[item.label];
      if (key) return text(lang, key, { n });
      const label = optional(lang, `label_${item.label}`);
      return label === null ? "" : text(lang, "reason_times", { n, label });
    })
    .filter(Boolean);
}

function voice(lang: Lang, evidence: readonly Evidence[]): string {
  const value = (label: string): number => {
    const item = evidence.find((one) => one.kind === "voice" && one.label === label);
    return item?.value ?? 0;
  };
  const [level_db, pitch_st, tempo] = [value("level_db"), value("pitch_st"), value("rate_ratio")];
  const words = [
    level_db > 0 && text(lang, "voice_louder"),
    level_db < 0 && text(lang, "voice_quieter"),
    pitch_st > 0 && text(lang, "voice_higher"),
    pitch_st < 0 && text(lang, "voice_lower"),
    tempo > 1 && text(lang, "voice_faster"),
    tempo > 0 && tempo < 1 && text(lang, "voice_slower"),
  ].filter((word) => word !== false);
  const shouting = value("shouting") > 0 ? text(lang, "voice_shouting") : "";
  if (words.length === 0 && shouting) return shouting;
  if (words.length === 0) return value("agitation") > 0 ? text(lang, "reason_agitation") : "";
  const last = words.pop() ?? "";
  const list = words.length > 0 ? `${words.join(", ")} ${text(lang, "reason_and")} ${last}` : last;
  return text(lang, "reason_as_at_start", { words: list });
}

function timing(lang: Lang, evidence: readonly Evidence[]): string[] {
  return evidence
    .filter((item) => item.kind === "timing" && item.value != null)
    .map((item) => {
      const secs = number(lang, item.value ?? 0, 1);
      const known = optional(lang, `reason_${item.label}`);
      return known === null ? "" : text(lang, `reason_${item.label}` as Key, { secs });
    })
    .filter(Boolean);
}
