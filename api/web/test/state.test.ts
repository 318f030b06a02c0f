import { describe, expect, it } from "vitest";
import { type CallEvent, parseMessage } from "../src/events";
import { HOLD_SECS, disconnected, initialState, reduce } from "../src/state";
import { fold, randomOf, recorded, until } from "./recordings";

const escalation = recorded("escalation");
const stepdown = recorded("stepdown");
const durable = (events: readonly CallEvent[]): CallEvent[] => events.filter((event) => event.seq !== null);

function event(fields: Record<string, unknown>): CallEvent {
  return { v: 1, call: "c", seq: null, t_secs: 1, ...fields } as unknown as CallEvent;
}

describe("a recorded call", () => {
  it("climbs the whole ladder", () => {
    const state = fold(escalation);
    expect(state.phase).toBe("ended");
    expect(state.highestStage).toBe("end_call");
    expect(state.saidInCall).toEqual([
      "understanding", "mirror", "respect_request", "consequence", "end_call",
    ]);
    expect(state.duration_secs).toBe(54);
    expect(state.lastSeq).toBe(durable(escalation).length);
  });

  it("steps down after an apology and keeps the understanding that was shown", () => {
    const state = fold(until(stepdown, "stage.changed", 3));
    expect(state.stage).toBe("understanding");
    expect(state.stepDown).toMatchObject({ from: "mirror", to: "understanding" });
    expect(state.said).toEqual(["understanding"]);
    expect(state.saidInCall).toEqual(["understanding", "mirror"]);
  });

  it("begins the ladder anew after lasting calm", () => {
    const state = fold(until(stepdown, "stage.changed", 4));
    expect(state.stage).toBe("calm");
    expect(state.said).toEqual([]);
    expect(state.stepDowns).toBe(2);
  });

  it("shows a cue until it is cleared", () => {
    const shown = fold(until(escalation, "cue.shown", 2));
    expect(shown.cues.at(-1)).toMatchObject({ name: "mirror", cleared: null });
    const cleared = fold(until(escalation, "cue.cleared", 2));
    expect(cleared.cues.at(-1)).toMatchObject({ name: "mirror", cleared: "said" });
  });
});

describe("idempotence by seq", () => {
  it("ignores what was folded in already, wherever a resend begins", () => {
    const events = durable(escalation);
    const whole = fold(events);
    for (let cut = 0; cut <= events.length; cut += 1) {
      const state = fold(events.slice(0, cut));
      expect(fold(events, state)).toEqual(whole);
    }
  });

  it("gives the same state for any resending network", () => {
    const events = durable(stepdown);
    const whole = fold(events);
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = randomOf(seed);
      let state = initialState;
      let next = 0;
      while (next < events.length) {
        const from = Math.floor(random() * (next + 1));
        const to = Math.min(events.length, next + 1 + Math.floor(random() * 7));
        state = fold(events.slice(from, to), state);
        next = to;
      }
      expect(state, `seed ${seed}`).toEqual(whole);
    }
  });

  it("returns the very same state for a repeated event", () => {
    const state = fold(escalation);
    for (const repeated of durable(escalation)) expect(reduce(state, repeated)).toBe(state);
  });

  it("does not mix two calls", () => {
    const state = fold(until(escalation, "cue.shown"));
    expect(fold(stepdown, state)).toBe(state);
  });
});

describe("ephemeral events", () => {
  it("leave no trace in what is lasting", () => {
    const ofMoment = { partials: null, liveTone: null, voice: null, t_secs: 0 };
    for (const events of [escalation, stepdown]) {
      for (let cut = 0; cut <= events.length; cut += 1) {
        const all = fold(events.slice(0, cut));
        const lasting = fold(durable(events.slice(0, cut)));
        expect({ ...all, call: "", ...ofMoment }).toEqual({ ...lasting, call: "", ...ofMoment });
      }
    }
  });

  it("show what is being said until the final comes", () => {
    const partial = event({ type: "speech.partial", channel: "customer", utterance: 7, text: "sie", rev: 1 });
    let state = fold([partial]);
    expect(state.partials.customer?.text).toBe("sie");
    const tone = { labels: { insult: 0.9 }, severity: 2, target: "agent", evidence: [] };
    state = fold([event({ type: "tone", utterance: 7, rev: 1, ...tone })], state);
    expect(state.liveTone).toMatchObject({ utterance: 7, labels: ["insult"] });
    const final = { channel: "customer", utterance: 7, turn: 0, text: "sie trottel", words: [] };
    state = fold([event({ type: "speech.final", seq: 1, ...final })], state);
    expect(state.partials.customer).toBeNull();
    expect(state.liveTone).toBeNull();
    // A late partial of a finished utterance is not shown again.
    expect(fold([partial], state).partials.customer).toBeNull();
  });

  it("are gone when the connection is", () => {
    const state = fold([
      event({ type: "speech.partial", channel: "agent", utterance: 1, text: "guten", rev: 1 }),
    ]);
    expect(disconnected(state).partials).toEqual({ customer: null, agent: null });
  });

  it("do nothing after the call's end", () => {
    const ended = fold(escalation);
    expect(reduce(ended, event({ type: "voice", call: ended.call, shouting: true }))).toBe(ended);
  });
});

describe("voice", () => {
  const consent = (voice: boolean, seq: number): CallEvent =>
    event({ type: "consent.changed", seq, recording: false, voice, by: "source" });
  const heard = (f0_st: number | null, t_secs = 1): CallEvent =>
    event({ type: "voice", t_secs, uncertainty: 0, shouting: false, f0_st, level_db: 0, rate_ratio: 1 });

  it("is not taken in without consent, and forgotten when consent is withdrawn", () => {
    expect(fold([heard(4)]).voice).toBeNull();
    expect(fold([consent(true, 1), heard(4)]).voice?.f0_st?.value).toBe(4);
    expect(fold([consent(true, 1), heard(4), consent(false, 2)]).voice).toBeNull();
  });

  it("stays steady while the measure wavers, and follows when it moves", () => {
    const wavering = [4.4, 4.6, 4.3, 4.7].map((value) => heard(value));
    expect(fold([consent(true, 1), ...wavering]).voice?.f0_st?.value).toBe(4.4);
    expect(fold([consent(true, 1), ...wavering, heard(6)]).voice?.f0_st?.value).toBe(6);
  });

  it("stands through a pause between words, then is unknown", () => {
    const pausing = (t_secs: number) => fold([consent(true, 1), heard(4, 10), heard(null, t_secs)]).voice;
    expect(pausing(10 + HOLD_SECS)?.f0_st?.value).toBe(4);
    expect(pausing(10.25 + HOLD_SECS)?.f0_st).toBeNull();
    expect(fold([consent(true, 1), heard(null, 1)]).voice?.f0_st).toBeNull();
  });
});

describe("events of both versions", () => {
  const line = (fields: Record<string, unknown>): string =>
    JSON.stringify({ v: 2, type: "timing", call: "c", seq: 1, t_secs: 70, ...fields });
  const share = { kind: "agent_share", start_secs: 10, end_secs: 70 };

  it("are read, those of others are not", () => {
    expect(parseMessage(line({ ...share, secs: 48.3 }))).toMatchObject({ v: 2, secs: 48.3 });
    expect(parseMessage(line({ ...share, v: 1 }))).toMatchObject({ v: 1, type: "timing" });
    expect(parseMessage(line({ ...share, v: 3 }))).toBeNull();
  });

  it("keep what was measured between the channels, for the reason of a cue", () => {
    const state = fold([parseMessage(line({ ...share, secs: 48.3 })) as CallEvent]);
    expect(state.spans).toEqual([share]);
  });

  it("make every cue carry its rule and policy", () => {
    for (const recording of [escalation, stepdown, recorded("coach")]) {
      const { cues, policy } = fold(recording);
      expect(cues.length).toBeGreaterThan(2);
      expect(cues.every((cue) => cue.rule !== "" && cue.policy_version === policy)).toBe(true);
    }
  });
});

describe("trouble", () => {
  it("is shown until the part recovers", () => {
    const bad = event({ type: "degraded", seq: 1, part: "asr", reason: "low confidence" });
    expect(fold([bad]).degraded).toEqual({ asr: "low confidence" });
    expect(fold([bad, event({ type: "recovered", seq: 2, part: "asr", reason: "" })]).degraded).toEqual({});
  });

  it("of the store ends with the next stored event, even if the good news got lost", () => {
    const bad = event({ type: "degraded", part: "store", reason: "not stored" });
    expect(fold([bad]).degraded).toEqual({ store: "not stored" });
    const stored = event({ type: "consent.changed", seq: 1, recording: false, voice: false, by: "x" });
    expect(fold([bad, stored]).degraded).toEqual({});
  });

  it("of a newer server's making is passed over", () => {
    const state = fold(until(escalation, "cue.shown"));
    const news = event({ type: "mood.ring", call: state.call, seq: state.lastSeq + 1, t_secs: 99 });
    expect(fold([news], state)).toEqual({ ...state, lastSeq: state.lastSeq + 1, t_secs: 99 });
  });
});

describe("feedback, notes, erasure", () => {
  it("takes a wrong cue off and brings it back on undo", () => {
    const shown = fold(until(escalation, "cue.shown"));
    const say = (kind: string, seq: number): CallEvent =>
      event({ type: "cue.feedback", call: shown.call, seq: shown.lastSeq + seq, cue: 1, kind });
    const wrong = fold([say("wrong", 1)], shown);
    expect(wrong.cues[0]?.wrong).toBe(true);
    expect(fold([say("undo", 2)], wrong).cues[0]?.wrong).toBe(false);
  });

  it("rewords a cue in place", () => {
    const shown = fold(until(escalation, "cue.shown"));
    const again = escalation.find((one) => one.type === "cue.shown");
    const reworded = event({ ...again, seq: shown.lastSeq + 1, phrase_id: "understanding.ernst" });
    const state = fold([reworded], shown);
    expect(state.cues).toHaveLength(1);
    expect(state.cues[0]?.phrase_id).toBe("understanding.ernst");
  });

  it("takes erased words off the screen", () => {
    const state = fold(until(escalation, "cue.shown", 2));
    const insult = state.utterances.at(-1);
    const cue = state.cues.at(-1);
    const seqs = [insult?.seq, cue?.seq];
    const erased = fold([event({ type: "erased", call: state.call, seq: state.lastSeq + 1, seqs, kind: "text" })], state);
    expect(erased.utterances.at(-1)).toMatchObject({ text: "", evidence: [], erased: true });
    expect(erased.cues.at(-1)).toMatchObject({ slots: {}, evidence: [] });
    expect(JSON.stringify(erased)).not.toContain("trottel");
  });

  it("keeps the supervisor's word and the approval", () => {
    const state = fold([
      event({ type: "note.sent", seq: 1, text: "Ich höre mit." }),
      event({ type: "end.approval", seq: 2, state: "asked" }),
    ]);
    expect(state.note).toBe("Ich höre mit.");
    expect(state.approval).toEqual({ state: "asked", t_secs: 1 });
  });

  it("marks an interrupted line until it is back", () => {
    const gone = event({ type: "call.interrupted", seq: 1, gap_secs: 0 });
    expect(fold([gone]).phase).toBe("interrupted");
    expect(fold([gone, event({ type: "call.resumed", seq: 2, gap_secs: 3 })]).phase).toBe("live");
  });
});
