/** The recorded calls of tests/web, as the server sends them. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type CallEvent, parseMessage } from "../src/events";
import { type CallState, initialState, reduce } from "../src/state";

export function recorded(name: "escalation" | "stepdown" | "coach"): readonly CallEvent[] {
  const path = resolve(import.meta.dirname, `../../../tests/web/recordings/${name}.jsonl`);
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  return lines.map((line) => {
    const message = parseMessage(line);
    if (message === null || message.type === "ack") throw new Error(`no event: ${line}`);
    return message;
  });
}

/** Freezes everything, so that a reducer that changes its input throws. */
export function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

export function fold(events: readonly CallEvent[], from: CallState = initialState): CallState {
  return events.reduce((state, event) => frozen(reduce(state, frozen(event))), frozen(from));
}

/** The events up to and with the `nth` one of this type. */
export function until(events: readonly CallEvent[], type: CallEvent["type"], nth = 1): CallEvent[] {
  const places = events.flatMap((event, at) => (event.type === type ? [at] : []));
  const at = places[nth - 1];
  if (at === undefined) throw new Error(`there are only ${places.length} ${type}`);
  return events.slice(0, at + 1);
}

/** The same small random numbers every time (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
