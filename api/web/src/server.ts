/** The server's plain requests: list of calls, phrase books. */

import type { PhraseBook } from "./phrases";
import { type Stage } from "./events";

export interface CallEntry {
  readonly call: string;
  readonly state: "live" | "ended";
  /** ISO 8601 or seconds since 1970. */
  readonly started_at: string | number;
  readonly stage: Stage;
  readonly source: string;
}

/** Thrown when the server is not reachable or does not answer as agreed. */
export class ServerError extends Error {}

async function get(path: string): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(path, { headers: { accept: "application/json" } });
  } catch {
    throw new ServerError("the server is not reachable");
  }
  if (!response.ok) throw new ServerError(`the server answered ${response.status}`);
  return response.json();
}

export async function fetchCalls(): Promise<readonly CallEntry[]> {
  const body = (await get("/v1/calls")) as { calls: readonly CallEntry[] };
  return body.calls;
}

/** The phrase book in `lang`, or the one the server speaks to customers in. */
export async function fetchPhrases(lang?: string): Promise<PhraseBook> {
  const query = lang === undefined ? "" : `?lang=${encodeURIComponent(lang)}`;
  return (await get(`/v1/phrases${query}`)) as PhraseBook;
}

export function startedAtMs(entry: CallEntry): number {
  const at = entry.started_at;
  return typeof at === "number" ? at * 1000 : Date.parse(at);
}

export function newestLive(calls: readonly CallEntry[]): CallEntry | null {
  const live = calls.filter((entry) => entry.state === "live");
  return live.reduce<CallEntry | null>(
    (newest, entry) => (newest && startedAtMs(newest) >= startedAtMs(entry) ? newest : entry),
    null,
  );
}

/** Address of a call's event socket. */
export function eventSocket(call: string): string {
  const url = new URL(`/v1/calls/${encodeURIComponent(call)}/events`, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** Asks for the list of calls again and again. Returns how to stop. */
export function watchCalls(
  everyMs: number,
  found: (calls: readonly CallEntry[] | null) => void,
): () => void {
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const ask = async (): Promise<void> => {
    let calls: readonly CallEntry[] | null = null;
    try {
      calls = await fetchCalls();
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
    }
    if (stopped) return;
    timer = setTimeout(() => void ask(), everyMs);
    found(calls);
  };
  void ask();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
