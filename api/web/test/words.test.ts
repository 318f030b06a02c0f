import { describe, expect, it } from "vitest";
import type { Evidence } from "../src/events";
import { reason } from "../src/reason";
import { newestLive } from "../src/server";
import { STRINGS, clock, fill } from "../src/strings";

const voice = (label: string, value: number): Evidence => ({ kind: "voice", label, value });
const words = (label: string, text: string): Evidence => ({ kind: "words", label, text });
const count = (label: string, value: number): Evidence => ({ kind: "count", label, value });

describe("reasons", () => {
  it.each<[string, Evidence[]]>([
    ["„Trottel“, 2.\u00a0Angriff", [words("insult", "trottel"), count("attack", 2)]],
    ["„keine ahnung“, 1.\u00a0leichter Angriff", [words("competence_attack", "keine ahnung"), count("mild_attack", 1)]],
    ["„mir reicht es“, Unmut", [words("frustration", "mir reicht es")]],
    ["lauter und höher als zu Beginn", [voice("pitch_st", 4), voice("level_db", 6)]],
    ["lauter, höher und schneller als zu Beginn", [voice("pitch_st", 4), voice("level_db", 6), voice("rate_ratio", 1.3)]],
    ["leiser und langsamer als zu Beginn", [voice("level_db", -6), voice("rate_ratio", 0.7)]],
    ["sehr laut", [voice("shouting", 1)]],
    ["bewegtere Stimme als zu Beginn", [voice("agitation", 0.7)]],
    ["3 ruhige Antworten in Folge", [count("calm_turns", 3)]],
    ["2,1\u00a0s gleichzeitig gesprochen", [{ kind: "timing", label: "talk_over", value: 2.1 }]],
    ["2×\u00a0Unmut", [count("frustration", 2)]],
    ["", []],
    ["", [count("unheard_of", 2), { kind: "timing", label: "unheard_of", value: 2 }]],
  ])("%s", (expected, evidence) => {
    expect(reason("de", evidence)).toBe(expected);
  });

  it("quotes the gravest words, cut to half a line", () => {
    const long = "das ist nun wirklich das allerletzte was mir je in meinem leben passiert ist";
    expect(reason("de", [words("insult", "esel"), words("generalisation", "hierzulande"), count("attack", 1)])).toBe(
      "„Esel“, 1.\u00a0Angriff",
    );
    expect(reason("de", [words("frustration", long)]).length).toBeLessThan(70);
  });
});

describe("strings", () => {
  it("exist in both languages and carry the same slots", () => {
    const slots = (said: string): string[] => (said.match(/\{\w+\}/g) ?? []).sort();
    expect(Object.keys(STRINGS.en).sort()).toEqual(Object.keys(STRINGS.de).sort());
    for (const key of Object.keys(STRINGS.de) as (keyof typeof STRINGS.de)[]) {
      expect(STRINGS.de[key], key).not.toBe("");
      expect(slots(STRINGS.en[key]), key).toEqual(slots(STRINGS.de[key]));
    }
  });

  it("stay neutral: what is heard, never a diagnosis of a person", () => {
    const all = JSON.stringify(STRINGS);
    expect(all).not.toMatch(/wütend|\bwut\b|aggressiv|zornig|hysterisch|emotion|angry|\brage\b|aggressive/i);
  });

  it("use German quotation marks and decimal commas", () => {
    expect(JSON.stringify(STRINGS.de)).not.toMatch(/[“”]\w|'\w+'/);
  });
});

it("fills slots and leaves no braces", () => {
  expect(fill("„{wort}“ und {anzahl}", { wort: "{x}" })).toBe("„{x}“ und …");
});

it.each([[0, "0:00"], [59.9, "0:59"], [134.2, "2:14"], [3734, "1:02:14"]])("clock %d", (secs, expected) => {
  expect(clock(secs)).toBe(expected);
});

it("follows the newest live call, whichever way times are written", () => {
  const call = (name: string, state: "live" | "ended", started_at: string | number) =>
    ({ call: name, state, started_at, stage: "calm", source: "demo" }) as const;
  const calls = [
    call("a", "live", "2026-01-05T09:00:00Z"),
    call("b", "live", 1_767_610_000),
    call("c", "ended", "2027-01-01T00:00:00Z"),
  ];
  expect(newestLive(calls)?.call).toBe("b");
  expect(newestLive([])).toBeNull();
});
