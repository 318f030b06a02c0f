/** The events of a call as they come over the wire (monitor/events.py is the source). */

/** 2: `tone.final` has hints, `timing` has secs and the kind agent_share. 1 is still read. */
const VERSIONS: readonly unknown[] = [1, 2];

export const STAGES = [
  "calm",
  "understanding",
  "mirror",
  "respect_request",
  "consequence",
  "end_call",
] as const;
export type Stage = (typeof STAGES)[number];
/** A step the agent can take; `calm` needs none. */
export type Rung = Exclude<Stage, "calm">;
export type Channel = "customer" | "agent";

export interface Evidence {
  readonly kind: "words" | "voice" | "count" | "timing";
  readonly label: string;
  readonly text?: string | null;
  readonly value?: number | null;
  readonly channel?: Channel | null;
  readonly utterance?: number | null;
  readonly t_secs?: number | null;
}

/** `seq` is null for ephemeral events (partials, live tone and voice): never stored, never resent. */
interface Envelope<T extends string> {
  readonly v: 1 | 2;
  readonly type: T;
  readonly call: string;
  readonly seq: number | null;
  readonly t_secs: number;
}

export interface CallStarted extends Envelope<"call.started"> {
  readonly source: string;
  readonly channels: readonly string[];
  readonly rate_hz: number;
  readonly team?: string | null;
  readonly queue?: string | null;
  readonly agent_ref?: string | null;
  readonly policy: string;
  readonly models: Readonly<Record<string, string>>;
}
export interface CallEnded extends Envelope<"call.ended"> {
  readonly reason: string;
  readonly final_stage: Stage;
  readonly duration_secs: number;
}
export interface ConsentChanged extends Envelope<"consent.changed"> {
  readonly recording: boolean;
  readonly voice: boolean;
  readonly by: string;
}
export interface SpeechPartial extends Envelope<"speech.partial"> {
  readonly channel: Channel;
  readonly utterance: number;
  readonly text: string;
  readonly rev: number;
}
export interface SpeechFinal extends Envelope<"speech.final"> {
  readonly channel: Channel;
  readonly utterance: number;
  readonly turn: number;
  readonly text: string;
}
interface Scores {
  readonly utterance: number;
  readonly labels: Readonly<Record<string, number>>;
  readonly severity: number;
  readonly target: string;
  readonly evidence: readonly Evidence[];
}
export interface Tone extends Envelope<"tone">, Scores {
  readonly rev: number;
}
export interface ToneFinal extends Envelope<"tone.final">, Scores {
  readonly model: string;
  /** Findings that are no label but count for a side cue. */
  readonly hints?: readonly string[];
}
export interface Voice extends Envelope<"voice"> {
  readonly agitation: number | null;
  readonly uncertainty: number;
  readonly shouting: boolean;
  readonly f0_st: number | null;
  readonly level_db: number | null;
  readonly rate_ratio: number | null;
}
/** Who spoke when, across both channels. */
export interface Timing extends Envelope<"timing"> {
  readonly kind: "talk_over" | "interruption" | "dead_air" | "agent_share";
  readonly start_secs: number;
  readonly end_secs: number;
  readonly secs?: number;
}
export interface StepSaid extends Envelope<"step.said"> {
  readonly rung: Rung;
  readonly by: "text" | "button";
}
export interface StageChanged extends Envelope<"stage.changed"> {
  readonly from: Stage;
  readonly to: Stage;
  readonly rule: string;
  readonly policy_version: string;
  readonly evidence: readonly Evidence[];
}
export interface CueShown extends Envelope<"cue.shown"> {
  readonly cue: number;
  readonly name: string;
  readonly phrase_id: string;
  readonly slots: Readonly<Record<string, string>>;
  readonly evidence: readonly Evidence[];
  readonly rule: string;
  readonly policy_version: string;
}
export type ClearedWhy = "said" | "stepped_down" | "expired" | "replaced";
export interface CueCleared extends Envelope<"cue.cleared"> {
  readonly cue: number;
  readonly why: ClearedWhy;
}
export interface CueFeedback extends Envelope<"cue.feedback"> {
  readonly cue: number;
  readonly kind: "wrong" | "undo" | "reword" | "customer_objects";
}
export interface NoteSent extends Envelope<"note.sent"> {
  readonly text: string;
}
export interface EndApproval extends Envelope<"end.approval"> {
  readonly state: "asked" | "granted" | "refused" | "timeout";
}
export interface PartState extends Envelope<"degraded" | "recovered"> {
  readonly part: string;
  readonly reason: string;
}
export interface Erased extends Envelope<"erased"> {
  readonly seqs: readonly number[];
  readonly kind: string;
}
/** Events that move the clock and the sequence number but nothing else on these screens. */
export type Plain = Envelope<
  "call.resumed" | "call.interrupted" | "voice.summary" | "help.requested"
>;

export type CallEvent =
  | CallStarted
  | CallEnded
  | ConsentChanged
  | SpeechPartial
  | SpeechFinal
  | Tone
  | ToneFinal
  | Voice
  | Timing
  | StepSaid
  | StageChanged
  | CueShown
  | CueCleared
  | CueFeedback
  | NoteSent
  | EndApproval
  | PartState
  | Erased
  | Plain;

/** The server's answer to a command. */
export interface Ack {
  readonly type: "ack";
  readonly id: string;
  readonly ok: boolean;
  readonly error?: string;
}

/** What a screen may ask for (monitor/events.py `Command`); `id` makes a repeated send harmless. */
export interface Command {
  readonly id: string;
  readonly command: "said" | "reword" | "wrong" | "undo";
  readonly cue: number;
}

/**
 * One message of the event socket, or null for anything that is not one.
 *
 * The server validates every event before it sends it; this guards against other versions only.
 */
export function parseMessage(data: unknown): CallEvent | Ack | null {
  if (typeof data !== "string") return null;
  let message: unknown;
  try {
    message = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof message !== "object" || message === null) return null;
  const fields = message as Record<string, unknown>;
  if (fields["type"] === "ack") return typeof fields["id"] === "string" ? (message as Ack) : null;
  const known =
    VERSIONS.includes(fields["v"]) &&
    typeof fields["type"] === "string" &&
    typeof fields["call"] === "string" &&
    typeof fields["t_secs"] === "number" &&
    (fields["seq"] === null || Number.isInteger(fields["seq"]));
  return known ? (message as CallEvent) : null;
}
