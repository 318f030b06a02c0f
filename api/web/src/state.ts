/**
 * The state of a call on a screen: a fold of its events, the same for live and replay.
 *
 * `reduce` is pure. Durable events count once, in the order of their `seq`; an event already
 * folded in is ignored, so resending after a lost connection changes nothing. Ephemeral events
 * (`speech.partial`, `tone`, `voice`; seq null) only touch `partials`, `liveTone` and `voice`.
 */

import {
  STAGES,
  type CallEvent,
  type Channel,
  type ClearedWhy,
  type EndApproval,
  type Evidence,
  type Rung,
  type Stage,
  type StageChanged,
  type Timing,
  type Voice,
} from "./events";

export interface Utterance {
  readonly id: number;
  readonly seq: number;
  readonly channel: Channel;
  readonly turn: number;
  readonly text: string;
  readonly t_secs: number;
  readonly labels: readonly string[];
  readonly severity: number;
  /** The words that carry a label. */
  readonly evidence: readonly Evidence[];
  readonly erased: boolean;
}

export interface Partial {
  readonly utterance: number;
  readonly text: string;
  readonly t_secs: number;
}

export interface LiveTone {
  readonly utterance: number;
  readonly labels: readonly string[];
  readonly evidence: readonly Evidence[];
}

/** A number on the screen and when it was last measured, in seconds of the call. */
export interface Held {
  readonly value: number;
  readonly t_secs: number;
}

/** Relative to the caller's own start; null is unknown. Steadied, so that digits do not flicker. */
export interface VoiceNow {
  readonly f0_st: Held | null;
  readonly level_db: Held | null;
  readonly rate_ratio: Held | null;
  readonly shouting: boolean;
}

export interface Cue {
  readonly id: number;
  readonly seq: number;
  readonly name: string;
  readonly phrase_id: string;
  readonly slots: Readonly<Record<string, string>>;
  readonly evidence: readonly Evidence[];
  readonly rule: string;
  readonly policy_version: string;
  readonly t_secs: number;
  readonly cleared: ClearedWhy | null;
  readonly wrong: boolean;
}

export interface StepDown {
  readonly from: Stage;
  readonly to: Stage;
  readonly t_secs: number;
  readonly evidence: readonly Evidence[];
  readonly rule: string;
  readonly policy_version: string;
}

/** What was measured across the channels, e.g. silence, and over which part of the call. */
export type Span = Pick<Timing, "kind" | "start_secs" | "end_secs">;

/** The supervisor was asked at `t_secs` whether the call may be ended, or has answered then. */
export interface Approval {
  readonly state: EndApproval["state"];
  readonly t_secs: number;
}

export interface CallState {
  readonly call: string | null;
  readonly lastSeq: number;
  readonly t_secs: number;
  readonly phase: "waiting" | "live" | "interrupted" | "ended";
  readonly models: Readonly<Record<string, string>>;
  /** Name and version of the policy in force. */
  readonly policy: string | null;
  readonly consent: { readonly recording: boolean; readonly voice: boolean };
  readonly stage: Stage;
  readonly highestStage: Stage;
  /** Rungs said since the last step-down (ticks on the ladder), and in the whole call. */
  readonly said: readonly Rung[];
  readonly saidInCall: readonly Rung[];
  /** The last step-down, until the ladder goes up again. */
  readonly stepDown: StepDown | null;
  readonly stepDowns: number;
  readonly cues: readonly Cue[];
  readonly spans: readonly Span[];
  readonly utterances: readonly Utterance[];
  readonly partials: Readonly<Record<Channel, Partial | null>>;
  readonly liveTone: LiveTone | null;
  readonly voice: VoiceNow | null;
  /** part -> reason, for every part that does not work as it should. */
  readonly degraded: Readonly<Record<string, string>>;
  readonly note: string | null;
  readonly approval: Approval | null;
  readonly endReason: string | null;
  readonly duration_secs: number | null;
}

export const initialState: CallState = {
  call: null,
  lastSeq: 0,
  t_secs: 0,
  phase: "waiting",
  models: {},
  policy: null,
  consent: { recording: false, voice: false },
  stage: "calm",
  highestStage: "calm",
  said: [],
  saidInCall: [],
  stepDown: null,
  stepDowns: 0,
  cues: [],
  spans: [],
  utterances: [],
  partials: { customer: null, agent: null },
  liveTone: null,
  voice: null,
  degraded: {},
  note: null,
  approval: null,
  endReason: null,
  duration_secs: null,
};

export function level(stage: Stage): number {
  return STAGES.indexOf(stage);
}

/** Fold one event into the state. */
export function reduce(state: CallState, event: CallEvent): CallState {
  if (state.call !== null && event.call !== state.call) return state;
  if (event.seq !== null && event.seq <= state.lastSeq) return state;
  if (event.seq === null && state.phase === "ended") return state;
  const next = apply(event.seq === null ? state : stored(state), event);
  return {
    ...next,
    call: event.call,
    lastSeq: event.seq ?? state.lastSeq,
    t_secs: Math.max(state.t_secs, event.t_secs),
  };
}

/** What was true only for the moment is not, once the connection is gone. */
export function disconnected(state: CallState): CallState {
  return { ...state, partials: initialState.partials, liveTone: null, voice: null };
}

function apply(state: CallState, event: CallEvent): CallState {
  switch (event.type) {
    case "call.started":
      return { ...state, phase: "live", models: event.models, policy: event.policy };
    case "call.interrupted":
      return { ...disconnected(state), phase: "interrupted" };
    case "call.resumed":
      return { ...state, phase: "live" };
    case "call.ended":
      return {
        ...disconnected(state),
        phase: "ended",
        endReason: event.reason,
        stage: event.final_stage,
        duration_secs: event.duration_secs,
      };
    case "consent.changed":
      return {
        ...state,
        consent: { recording: event.recording, voice: event.voice },
        voice: event.voice ? state.voice : null,
      };
    case "speech.partial": {
      if (state.utterances.some((said) => said.id === event.utterance)) return state;
      const partial = { utterance: event.utterance, text: event.text, t_secs: event.t_secs };
      return withPartial(state, event.channel, event.text === "" ? null : partial);
    }
    case "speech.final":
      return withPartial(
        {
          ...state,
          liveTone: state.liveTone?.utterance === event.utterance ? null : state.liveTone,
          utterances: [
            ...state.utterances.filter((said) => said.id !== event.utterance),
            {
              id: event.utterance,
              seq: event.seq ?? 0,
              channel: event.channel,
              turn: event.turn,
              text: event.text,
              t_secs: event.t_secs,
              labels: [],
              severity: 0,
              evidence: [],
              erased: false,
            },
          ],
        },
        event.channel,
        null,
      );
    case "tone": {
      const { utterance, evidence } = event;
      return { ...state, liveTone: { utterance, labels: Object.keys(event.labels), evidence } };
    }
    case "tone.final": {
      const { severity, evidence } = event;
      const scored = { labels: Object.keys(event.labels), severity, evidence };
      return {
        ...state,
        utterances: state.utterances.map((said) =>
          said.id === event.utterance ? { ...said, ...scored } : said,
        ),
      };
    }
    case "voice":
      return state.consent.voice ? { ...state, voice: steadied(state.voice, event) } : state;
    case "step.said":
      return {
        ...(event.rung === "end_call" ? unasked(state) : state),
        said: withRung(state.said, event.rung),
        saidInCall: withRung(state.saidInCall, event.rung),
      };
    case "stage.changed":
      return stageChanged(state, event);
    case "cue.shown":
      return {
        ...(event.name === "end_call" ? unasked(state) : state),
        cues: [
          ...state.cues.filter((cue) => cue.id !== event.cue),
          {
            id: event.cue,
            seq: event.seq ?? 0,
            name: event.name,
            phrase_id: event.phrase_id,
            slots: event.slots,
            evidence: event.evidence,
            rule: event.rule,
            policy_version: event.policy_version,
            t_secs: event.t_secs,
            cleared: null,
            wrong: false,
          },
        ],
      };
    case "cue.cleared":
      return withCue(state, event.cue, { cleared: event.why });
    case "cue.feedback":
      if (event.kind === "wrong") return withCue(state, event.cue, { wrong: true });
      if (event.kind === "undo") return withCue(state, event.cue, { wrong: false });
      return state;
    case "note.sent":
      return { ...state, note: event.text };
    case "end.approval":
      return { ...state, approval: { state: event.state, t_secs: event.t_secs } };
    case "degraded":
      return {
        ...(event.part === "asr" ? unasked(state) : state),
        degraded: { ...state.degraded, [event.part]: event.reason },
        voice: event.part === "voice" ? null : state.voice,
      };
    case "recovered": {
      const { [event.part]: _recovered, ...degraded } = state.degraded;
      return { ...state, degraded };
    }
    case "erased":
      return erased(state, event.seqs);
    case "timing": {
      const { kind, start_secs, end_secs } = event;
      return { ...state, spans: [...state.spans, { kind, start_secs, end_secs }] };
    }
    case "voice.summary":
    case "help.requested":
      return state;
    default:
      // A newer server may send types this page does not know: they only move the clock.
      event satisfies never;
      return state;
  }
}

/**
 * An event with a seq has been committed, so the store works. Its troubles are told without a seq
 * (they cannot be stored), so their end may get lost with a connection.
 */
function stored(state: CallState): CallState {
  if (!("store" in state.degraded)) return state;
  const { store: _trouble, ...degraded } = state.degraded;
  return { ...state, degraded };
}

/** Nobody waits for an answer any more: the agent ended the call, may end it, or cues are off. */
function unasked(state: CallState): CallState {
  return state.approval?.state === "asked" ? { ...state, approval: null } : state;
}

function stageChanged(state: CallState, event: StageChanged): CallState {
  const { from, to, t_secs, evidence, rule, policy_version } = event;
  if (level(to) > level(from)) {
    const highestStage = level(to) > level(state.highestStage) ? to : state.highestStage;
    return { ...state, stage: to, highestStage, stepDown: null };
  }
  // An apology keeps the understanding that was shown; lasting calm begins the ladder anew.
  const kept = rule === "apology" ? 1 : level(to);
  return {
    ...state,
    stage: to,
    said: state.said.filter((rung) => level(rung) <= kept),
    stepDown: { from, to, t_secs, evidence, rule, policy_version },
    stepDowns: state.stepDowns + 1,
    approval: null,
  };
}

function withPartial(state: CallState, channel: Channel, partial: Partial | null): CallState {
  return { ...state, partials: { ...state.partials, [channel]: partial } };
}

function withRung(rungs: readonly Rung[], rung: Rung): readonly Rung[] {
  return rungs.includes(rung) ? rungs : [...rungs, rung];
}

function withCue(
  state: CallState,
  id: number,
  change: Pick<Cue, "cleared"> | Pick<Cue, "wrong">,
): CallState {
  return { ...state, cues: state.cues.map((cue) => (cue.id === id ? { ...cue, ...change } : cue)) };
}

/** What was deleted for good leaves the screen too. */
function erased(state: CallState, seqs: readonly number[]): CallState {
  const gone = new Set(seqs);
  return {
    ...state,
    utterances: state.utterances.map((said) =>
      gone.has(said.seq) ? { ...said, text: "", evidence: [], erased: true } : said,
    ),
    cues: state.cues.map((cue) => (gone.has(cue.seq) ? { ...cue, slots: {}, evidence: [] } : cue)),
  };
}

const STEADY_ST = 0.8;
const STEADY_DB = 0.8;
const STEADY_RATIO = 0.08;
/** A pause between words has no pitch: the last measure stands this long, then it is unknown. */
export const HOLD_SECS = 3;

/** Keeps the number on the screen until the voice has really moved: four updates a second flicker. */
function steadied(shown: VoiceNow | null, now: Voice): VoiceNow {
  const { t_secs } = now;
  return {
    f0_st: steady(shown?.f0_st ?? null, now.f0_st, t_secs, STEADY_ST),
    level_db: steady(shown?.level_db ?? null, now.level_db, t_secs, STEADY_DB),
    rate_ratio: steady(shown?.rate_ratio ?? null, now.rate_ratio, t_secs, STEADY_RATIO),
    shouting: now.shouting,
  };
}

function steady(shown: Held | null, now: number | null, t_secs: number, least: number): Held | null {
  if (now === null) return shown && t_secs - shown.t_secs <= HOLD_SECS ? shown : null;
  const same = shown !== null && Math.abs(now - shown.value) < least;
  return { value: same ? shown.value : now, t_secs };
}
