import { describe, expect, it } from "vitest";
import type { CallEvent } from "../src/events";
import type { Books, PhraseBook } from "../src/phrases";
import { APPROVAL_SECS, STEP_DOWN_SECS, type Screen, type View, ladderCue, partsOf, screenOf, sideCue, waitText } from "../src/screen";
import { type CallState, initialState } from "../src/state";
import { fold, recorded, until } from "./recordings";

const escalation = recorded("escalation");
const stepdown = recorded("stepdown");
const coach = recorded("coach");

const book: PhraseBook = {
  lang: "de",
  version: "test-1",
  stages: { mirror: "Nachfragen" },
  cues: {
    mirror: {
      heading: "Ruhig nachfragen",
      what: "Eine Bemerkung ist gefallen.",
      next: "Wiedergeben und warten.",
      phrases: { "mirror.wort_gehoert": "Ich habe „{wort}“ gehört." },
    },
  },
};
const books: Books = { call: book, ui: book };

function view(change: Partial<View> = {}): View {
  return {
    lang: "de",
    books,
    link: "open",
    following: true,
    serverReachable: true,
    sending: new Map(),
    refused: null,
    ...change,
  };
}

function shown(events: readonly CallEvent[], change: Partial<View> = {}): Screen {
  return screenOf(fold(events), view(change));
}

describe("the card", () => {
  it("waits for a call, or for the one in the address, or for the server", () => {
    const heading = (change: Partial<View>): string => screenOf(initialState, view(change)).card.heading;
    expect(heading({ link: "idle" })).toBe("Warte auf einen Anruf");
    expect(heading({ link: "missing", following: false })).toBe("Diesen Anruf gibt es noch nicht");
    expect(heading({ serverReachable: false })).toBe("Server nicht erreichbar");
  });

  it("shows one cue: sentence with the word filled in, reason, what comes next", () => {
    const { card } = shown(until(escalation, "cue.shown", 2));
    expect(card).toMatchObject({
      kind: "cue",
      stage: "mirror",
      heading: "Ruhig nachfragen",
      text: "Ich habe „trottel“ gehört.",
      speakable: true,
      how: "Wiedergeben und warten.",
      why: { short: "„Trottel“, 1.\u00a0Angriff · +4\u00a0st höher, +6\u00a0dB lauter als zu Beginn" },
      next: "Bitte um Respekt",
      actions: ["said", "reword", "wrong"],
    });
  });

  it("keeps the sentence in the language of the call when the page is in English", () => {
    const { card } = shown(until(escalation, "cue.shown", 2), { lang: "en", books: { call: book, ui: null } });
    expect(card.text).toBe("Ich habe „trottel“ gehört.");
    expect(card.textLang).toBe("de");
    expect(card.heading).toBe("Ask back");
    expect(card.why?.short).toBe(
      "“Trottel”, attack no.\u00a01 · +4\u00a0st higher, +6\u00a0dB louder than at the start",
    );
  });

  it("says so when the sentence is not loaded", () => {
    const { card } = shown(until(escalation, "cue.shown", 2), { books: { call: null, ui: null } });
    expect(card).toMatchObject({ heading: "Nachfragen", speakable: false });
    expect(card.text).toContain("nicht geladen");
  });

  it("goes to “said”, then to what the step-down brought, then to calm", () => {
    expect(shown(until(escalation, "cue.cleared", 1)).card).toMatchObject({
      kind: "said",
      text: "Lassen Sie Ihr Gegenüber jetzt antworten.",
      next: "Nachfragen",
    });
    expect(shown(until(escalation, "cue.cleared", 6)).card.text).toBe("Sie dürfen jetzt auflegen.");
    const down = shown(until(stepdown, "stage.changed", 3));
    expect(down.card).toMatchObject({ kind: "down", heading: "Das hat gewirkt" });
    expect(down.card.why?.short).toBe("„das war nicht so gemeint“, Entschuldigung");
    const calm = fold(until(stepdown, "stage.changed", 4));
    expect(screenOf(calm, view()).card).toMatchObject({
      kind: "down",
      why: { short: "3 ruhige Antworten in Folge" },
    });
    const later: CallState = { ...calm, t_secs: calm.t_secs + STEP_DOWN_SECS + 1 };
    expect(screenOf(later, view()).card.kind).toBe("calm");
  });

  it("offers an undo for a cue marked wrong", () => {
    const state = fold(until(escalation, "cue.shown", 2));
    const cues = state.cues.map((cue) => (cue.id === 2 ? { ...cue, wrong: true } : cue));
    expect(screenOf({ ...state, cues }, view()).card).toMatchObject({ kind: "wrong", cue: 2, actions: ["undo"] });
  });

  it("sums the call up at its end, with aftercare after an abusive one", () => {
    const { card, phase, side } = shown(escalation);
    expect(phase).toBe("over");
    expect(side).toBeNull();
    expect(card).toMatchObject({ kind: "summary", heading: "Gespräch beendet", eyebrow: "Durchatmen" });
    expect(Object.fromEntries(card.facts)).toMatchObject({
      Dauer: "0:54",
      Angriffe: "4",
      Beruhigungen: "0",
      "Höchste Stufe": "Gespräch beenden",
    });
    expect(shown(stepdown).card.heading).toBe("Ruhig beendet");
  });

  it("sums up a call that was cut off before its last event", () => {
    expect(shown(until(escalation, "cue.shown", 2), { link: "over" }).card.kind).toBe("summary");
  });

  it("tells that a command is on its way or was refused", () => {
    const events = until(escalation, "cue.shown", 2);
    expect(shown(events, { sending: new Map([[2, "id"]]) }).card.status).toBe("Wird gesendet …");
    expect(shown(events, { refused: 2 }).card.status).toContain("Nicht angekommen");
    expect(shown(events, { link: "lost" }).card.status).toBe("Stand vor der Unterbrechung");
  });
});

describe("at most one ladder cue and one side line", () => {
  it("holds after every event, and both are in force by the events alone", () => {
    const sides = [
      "stay_factual", "explain_wait", "aftercare", "listen", "callback", "win_back", "save_face", "expectation_gap",
    ];
    for (const events of [escalation, stepdown, coach]) {
      const open = new Map<number, string>();
      events.forEach((event, at) => {
        if (event.type === "cue.shown") open.set(event.cue, event.name);
        if (event.type === "cue.cleared") open.delete(event.cue);
        const state = fold(events.slice(0, at + 1));
        const inForce = (side: boolean): number | undefined =>
          [...open].findLast(([, name]) => sides.includes(name) === side)?.[0];
        expect(ladderCue(state)?.id).toBe(inForce(false));
        expect(sideCue(state)?.id).toBe(inForce(true));
      });
    }
  });

  it("takes the most urgent side cue, of equals the newest", () => {
    const state = fold(until(escalation, "cue.shown", 4));
    const one = state.cues.find((cue) => cue.name === "stay_factual");
    if (!one) throw new Error("the recording has no side cue");
    const cues = [
      { ...one, id: 91, name: "check_claim" },
      { ...one, id: 92, name: "involve_supervisor" },
      { ...one, id: 93, name: "stay_factual" },
      { ...one, id: 94, name: "involve_supervisor" },
    ];
    expect(sideCue({ ...state, cues })?.id).toBe(94);
    const cleared = cues.map((cue) => (cue.id >= 92 ? { ...cue, cleared: "expired" as const } : cue));
    expect(sideCue({ ...state, cues: cleared })?.id).toBe(91);
  });
});

describe("side cues of a paced call", () => {
  it("come with their reason in plain words", () => {
    const shownSides = coach.flatMap((event, at) => {
      if (event.type !== "cue.shown") return [];
      const { side } = screenOf(fold(coach.slice(0, at + 1)), view());
      return side?.cue === event.cue ? [[event.name, side.why?.short, side.heading]] : [];
    });
    expect(shownSides).toEqual([
      ["expectation_gap", "„ich hatte damit gerechnet dass der techniker ges …“, andere Erwartung", "Erwartung klären"],
      ["save_face", "„oh da habe ich mich verlesen das war mein fehler“, eigenes Versehen", "Gesicht wahren"],
      ["listen", "2,6\u00a0s gleichzeitig gesprochen", "Ausreden lassen"],
      ["listen", "12\u00a0s Stille", "Ausreden lassen"],
      ["listen", "Sie sprachen 48 der letzten 60\u00a0s", "Ausreden lassen"],
      ["win_back", "„kündige ich“, Kündigung", "Zurückgewinnen"],
      ["callback", "„ich habe jetzt keine zeit“, keine Zeit", "Rückruf anbieten"],
      ["listen", "0,8\u00a0s ins Wort gefallen", "Ausreden lassen"],
      ["aftercare", "4×\u00a0Angriff", "Durchatmen"],
    ]);
  });

  it("do not stand beside a card that says no cue is needed", () => {
    const { card } = shown(until(coach, "cue.shown", 1));
    expect(card).toMatchObject({ kind: "calm", text: "Bleiben Sie beim Anliegen." });
    expect(shown(until(coach, "speech.final", 1)).card.text).toContain("Kein Hinweis nötig");
  });

  it("without a sentence left, the card says what to do instead", () => {
    const state = fold(until(coach, "cue.shown", 5));
    const cues = state.cues.map((cue) => ({ ...cue, name: "mirror", phrase_id: "" }));
    expect(screenOf({ ...state, cues }, view()).card).toMatchObject({
      speakable: false, text: "Eine Bemerkung ist gefallen.", how: "Wiedergeben und warten.",
    });
  });
});

describe("approval to end the call", () => {
  const asked = fold(until(coach, "end.approval", 1));
  const next = (fields: Record<string, unknown>): CallEvent =>
    ({ v: 2, call: asked.call, seq: asked.lastSeq + 1, t_secs: 150, ...fields }) as unknown as CallEvent;
  const answered = (state: string): Screen =>
    screenOf(fold([next({ type: "end.approval", state })], asked), view());

  it("is told calmly while it is waited for: no cue to end the call yet", () => {
    const screen = screenOf(asked, view());
    expect(asked.stage).toBe("end_call");
    expect(screen.card).toMatchObject({ kind: "asked", stage: "end_call", cue: null, actions: [] });
    expect(screen.approval).toEqual({
      state: "asked",
      text: "Freigabe zum Beenden angefragt.",
      spoken:
        "Freigabe zum Beenden angefragt. Ohne Antwort entscheiden Sie nach höchstens 20\u00a0s selbst.",
      until_secs: 149 + APPROVAL_SECS,
    });
  });

  it("counts down in the time of the call, and never below the agent's own decision", () => {
    const line = screenOf(asked, view()).approval;
    const left = (now_secs: number | null): string => waitText("de", line, now_secs);
    expect(left(149)).toBe("Ohne Antwort entscheiden Sie spätestens in 20\u00a0s selbst.");
    expect(left(152.2)).toContain("in 17\u00a0s selbst");
    expect(left(168.9)).toContain("in 1\u00a0s selbst");
    expect(left(169)).toBe("Sie entscheiden jetzt selbst.");
    expect(left(400)).toBe("Sie entscheiden jetzt selbst.");
    expect(left(null)).toContain("nach höchstens 20\u00a0s");
    expect(waitText("en", line, 152.2)).toBe("Without an answer you decide yourself in 17\u00a0s at the latest.");
    expect(waitText("de", null, 1)).toBe("");
    expect(waitText("de", answered("granted").approval, 152)).toBe("");
  });

  it("tells every answer, in both languages", () => {
    expect(answered("granted").approval?.text).toBe("Freigegeben: Sie dürfen das Gespräch beenden.");
    expect(answered("timeout").approval?.text).toBe("Keine Antwort: Sie entscheiden selbst.");
    const refused = answered("refused");
    expect(refused.approval?.text).toBe("Die Teamleitung möchte das Gespräch fortsetzen und kommt dazu.");
    expect(refused.card.kind).not.toBe("asked");
    const english = ["asked", "granted", "refused", "timeout"].map((state) =>
      screenOf(fold([next({ type: "end.approval", state })], asked), view({ lang: "en" })).approval?.text,
    );
    expect(new Set(english).size).toBe(4);
    expect(english.every((line) => line !== undefined && !/Sie|Freigabe/.test(line))).toBe(true);
  });

  it("does not tell the agent to hang up before anything was approved", () => {
    expect(screenOf(asked, view()).card.text).not.toContain("auflegen");
    expect(answered("refused").card.text).not.toContain("auflegen");
  });

  it("is over when the agent says goodbye, steps down, or the call ends", () => {
    const goodbye = fold([next({ type: "step.said", rung: "end_call", by: "text" })], asked);
    expect(screenOf(goodbye, view()).approval).toBeNull();
    expect(screenOf(goodbye, view()).card.text).toBe("Sie dürfen jetzt auflegen.");
    const grave = { type: "cue.shown", cue: 99, name: "end_call", phrase_id: "", slots: {}, evidence: [] };
    const free = fold([next({ ...grave, rule: "threat", policy_version: "coach-1" })], asked);
    expect(screenOf(free, view()).approval).toBeNull();
    const suspended = fold([next({ type: "degraded", part: "asr", reason: "x" })], asked);
    expect(screenOf(suspended, view()).approval).toBeNull();
    expect(shown(coach).approval).toBeNull();
  });

  it("leads to the cue when there is no answer", () => {
    const screen = shown(until(coach, "cue.shown", coach.filter((one) => one.type === "cue.shown").length - 1));
    expect(screen.card).toMatchObject({ kind: "cue", heading: "Gespräch beenden" });
    expect(screen.approval?.state).toBe("timeout");
  });
});

describe("the policy in force", () => {
  it("is named with its version, whatever the version of the events", () => {
    expect(screenOf(initialState, view()).policy).toBe("");
    expect(shown(until(coach, "call.started")).policy).toBe("Regelwerk: coach-1");
    expect(shown(until(escalation, "call.started"), { lang: "en" }).policy).toBe("Policy: standard-1");
  });
});

describe("the ladder", () => {
  it("shows every rung, the current one and those said", () => {
    const { ladder } = shown(until(escalation, "cue.shown", 2));
    expect(ladder.map((row) => row.stage)).toEqual([
      "calm", "understanding", "mirror", "respect_request", "consequence", "end_call",
    ]);
    expect(ladder.filter((row) => row.current).map((row) => row.stage)).toEqual(["mirror"]);
    expect(ladder.map((row) => row.tag)).toEqual(["", "gesagt", "jetzt", "", "", ""]);
  });

  it("marks a skipped rung as covered", () => {
    const state: CallState = { ...fold(until(escalation, "cue.shown", 2)), said: ["respect_request"] };
    expect(screenOf(state, view()).ladder.map((row) => row.tag)).toEqual([
      "", "abgedeckt", "abgedeckt", "gesagt", "", "",
    ]);
  });
});

describe("the voice line", () => {
  const state = fold(until(escalation, "consent.changed"));
  const held = (value: number | null) => (value === null ? null : { value, t_secs: 1 });
  const measures = (f0: number | null, db: number | null, rate: number | null, shouting = false): string[] => {
    const voice = { f0_st: held(f0), level_db: held(db), rate_ratio: held(rate), shouting };
    const line = screenOf({ ...state, voice }, view()).voice;
    return line.measures.map((one) => `${one.value} ${one.word}`.trim());
  };

  it("speaks of the caller's own start, in words and units", () => {
    expect(measures(4.1, 6.3, 1.3)).toEqual([
      "+4 st höher", "+6 dB lauter", "1,3× schneller",
    ]);
    expect(measures(-2, -3, 0.8)).toEqual([
      "−2 st tiefer", "−3 dB leiser", "0,8× langsamer",
    ]);
    expect(measures(0.2, 12, 1, true)).toEqual([
      "±0 st gleich", "+12 dB sehr laut", "1,0× gleich",
    ]);
  });

  it("says unknown instead of a number it does not have", () => {
    expect(measures(null, null, null)).toEqual(["unbekannt", "unbekannt", "unbekannt"]);
    expect(screenOf({ ...state, voice: null }, view()).voice.measures.map((one) => one.value)).toEqual([
      "unbekannt", "unbekannt", "unbekannt",
    ]);
    expect(measures(null, 1, null)).toEqual([
      "unbekannt", "+1 dB gleich", "unbekannt",
    ]);
  });

  it("gives way to a sentence without consent", () => {
    const { voice } = shown(until(stepdown, "cue.shown"));
    expect(voice).toEqual({ message: "Nur Text: keine Einwilligung zur Stimmanalyse", measures: [] });
  });
});

describe("notices", () => {
  it("name the demo model and every part in trouble", () => {
    expect(shown(until(escalation, "call.started")).notices.map((one) => one.text)).toEqual([
      "Demo-Modell: nur künstliche Sprache",
    ]);
    const state = { ...fold(until(stepdown, "cue.shown")), degraded: { asr: "x", "text-2": "y" } };
    expect(screenOf(state, view()).notices.map((one) => one.text)).toEqual([
      "Erkennung unsicher – Hinweise ausgesetzt",
      "Ein Teil ist gestört: text-2",
    ]);
  });
});

describe("the transcript", () => {
  it("marks the words of an attack, and only of the customer's", () => {
    const lines = shown(until(escalation, "tone.final", 5)).transcript;
    const attack = lines.find((line) => line.tag === "Beleidigung");
    expect(attack?.parts.filter((part) => part.mark).map((part) => part.text)).toEqual(["keine ahnung", "trottel"]);
    const agent = lines.filter((line) => line.channel === "agent");
    expect(agent.every((line) => line.tag === "" && line.parts.every((part) => !part.mark))).toBe(true);
  });

  it("shows an apology as something good", () => {
    const line = shown(until(stepdown, "stage.changed", 3)).transcript.at(-1);
    expect(line).toMatchObject({ tag: "Entschuldigung", good: true });
  });

  it("cuts lines without losing or doubling a letter", () => {
    const words = (text: string, label = "insult") => ({ kind: "words", label, text }) as const;
    const line = "sie trottel sie";
    expect(partsOf(line, [words("trottel"), words("Sie Trottel"), words("nicht da"), words("sie", "thanks")])).toEqual([
      { text: "sie trottel", mark: true },
      { text: " sie", mark: false },
    ]);
    expect(partsOf(line, []).map((part) => part.text).join("")).toBe(line);
  });
});
