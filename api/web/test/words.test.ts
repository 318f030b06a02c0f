import { describe, expect, it } from "vitest";
import type { Evidence } from "../src/events";
import { type Basis, details, reason } from "../src/reason";
import type { Span } from "../src/state";
import { newestLive } from "../src/server";
import { STRINGS, clock, fill } from "../src/strings";

const voice = (label: string, value: number): Evidence => ({ kind: "voice", label, value });
const words = (label: string, text: string): Evidence => ({ kind: "words", label, text });
const count = (label: string, value: number): Evidence => ({ kind: "count", label, value });
const timing = (label: string, value: number, t_secs = 12): Evidence => ({ kind: "timing", label, value, t_secs });
const basis = (evidence: Evidence[], rule = "no_such_rule"): Basis => ({ evidence, rule, policy_version: "coach-1" });
const spans: Span[] = [{ kind: "agent_share", start_secs: 12, end_secs: 72 }];

describe("reasons", () => {
  it.each<[string, Evidence[]]>([
    ["„Trottel“, 2.\u00a0Angriff", [words("insult", "trottel"), count("attack", 2)]],
    ["„keine ahnung“, 1.\u00a0leichter Angriff", [words("competence_attack", "keine ahnung"), count("mild_attack", 1)]],
    ["„mir reicht es“, Unmut", [words("frustration", "mir reicht es")]],
    ["+4\u00a0st höher, +6\u00a0dB lauter als zu Beginn", [voice("pitch_st", 4.2), voice("level_db", 6.1)]],
    ["+4\u00a0st höher, +6\u00a0dB lauter, 1,3× schneller als zu Beginn", [voice("pitch_st", 4), voice("level_db", 6), voice("rate_ratio", 1.3)]],
    ["−6\u00a0dB leiser, 0,7× langsamer als zu Beginn", [voice("level_db", -6), voice("rate_ratio", 0.7)]],
    ["sehr laut", [voice("shouting", 1), voice("pitch_st", 0.3), voice("rate_ratio", 1.01)]],
    ["bewegtere Stimme als zu Beginn", [voice("agitation", 0.7)]],
    ["3 ruhige Antworten in Folge", [count("calm_turns", 3)]],
    ["2,6\u00a0s gleichzeitig gesprochen", [timing("talk_over", 2.6)]],
    ["12\u00a0s Stille", [timing("dead_air", 12.04)]],
    ["7\u00a0s Stille", [timing("dead_air", 7)]],
    ["0,8\u00a0s ins Wort gefallen", [timing("interruption", 0.8), count("interruption", 1)]],
    ["2-mal unterbrochen", [timing("interruption", 0.8), count("interruption", 2)]],
    ["Sie sprachen 48 der letzten 60\u00a0s", [timing("agent_share", 48.3)]],
    ["Sie sprachen 48\u00a0s", [timing("agent_share", 48.3, 99)]],
    ["„keine zeit“, keine Zeit", [words("no_time", "keine zeit")]],
    ["„mein fehler“, eigenes Versehen", [words("own_mistake", "mein fehler")]],
    ["„anders vorgestellt“, andere Erwartung", [words("expectation", "anders vorgestellt")]],
    ["2×\u00a0Unmut", [count("frustration", 2)]],
    ["", []],
    ["", [count("unheard_of", 2), { kind: "timing", label: "unheard_of", value: 2 }]],
  ])("%s", (expected, evidence) => {
    expect(reason("de", basis(evidence), spans)).toBe(expected);
  });

  it("names the rule where nothing was said or measured", () => {
    expect(reason("de", basis([], "approval_refused"))).toBe("die Teamleitung möchte das Gespräch fortsetzen");
    expect(reason("en", basis([], "no_time"))).toBe("no time");
  });

  it("tells all of it on demand: words with who and when, count, voice, rule and policy", () => {
    const trottel: Evidence = { ...words("insult", "trottel"), channel: "customer", utterance: 5, t_secs: 31.4 };
    const ahnung: Evidence = { ...words("competence_attack", "keine ahnung"), channel: "customer", t_secs: 29 };
    const evidence = [ahnung, trottel, count("attack", 2), voice("level_db", 6), voice("agitation", 0.7)];
    expect(details("de", basis(evidence, "attack"))).toEqual([
      {
        term: "Worte",
        values: [
          "„keine ahnung“ (Zweifel am Können), Kunde\u00a00:29",
          "„Trottel“ (Beleidigung), Kunde\u00a00:31",
        ],
      },
      { term: "Zählung", values: ["2.\u00a0Angriff"] },
      { term: "Stimme", values: ["+6\u00a0dB lauter, bewegter als zu Beginn"] },
      { term: "Regel", values: ["Angriff auf Sie oder Ihr Team (attack)"] },
      { term: "Regelwerk", values: ["coach-1"] },
    ]);
    const cut = [timing("interruption", 0.8), count("interruption", 2)];
    expect(details("en", basis(cut, "interruption"))).toEqual([
      { term: "Count", values: ["interrupted 2×"] },
      { term: "Who spoke when", values: ["0.8\u00a0s interrupting, from 0:12"] },
      { term: "Rule", values: ["the customer was interrupted (interruption)"] },
      { term: "Policy", values: ["coach-1"] },
    ]);
    expect(details("de", basis([], "of_tomorrow"))).toEqual([
      { term: "Regel", values: ["(of_tomorrow)"] },
      { term: "Regelwerk", values: ["coach-1"] },
    ]);
  });

  it("never shortens what was said when asked for all of it", () => {
    const long = "das ist nun wirklich das allerletzte was mir je in meinem leben passiert ist";
    expect(details("de", basis([words("frustration", long)]))[0]?.values).toEqual([`„${long}“ (Unmut)`]);
  });

  it("quotes the gravest words, cut to half a line", () => {
    const long = "das ist nun wirklich das allerletzte was mir je in meinem leben passiert ist";
    expect(reason("de", basis([words("insult", "esel"), words("generalisation", "hierzulande"), count("attack", 1)]))).toBe(
      "„Esel“, 1.\u00a0Angriff",
    );
    expect(reason("de", basis([words("frustration", long)])).length).toBeLessThan(70);
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
