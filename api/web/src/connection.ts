/**
 * The event stream of one call: resumes by sequence number, never loses or repeats an event.
 *
 * Close codes: 1000 the call is over and everything was sent; 4404 no such call (yet); 4409 this
 * screen was too slow and resumes; anything else is a lost connection.
 */

import { type Ack, type CallEvent, type Command, parseMessage } from "./events";

export type Link = "idle" | "connecting" | "open" | "lost" | "missing" | "over";

export const FIRST_RETRY_MS = 400;
export const LONGEST_RETRY_MS = 8_000;
export const MISSING_RETRY_MS = 2_000;
export const OPEN_TIMEOUT_MS = 8_000;
export const SETTLED_MS = 300;

export interface Handlers {
  /** A new event: durable ones come once each, in order of `seq`. */
  event(event: CallEvent): void;
  link(link: Link): void;
  ack(ack: Ack): void;
}

/** What the stream needs from its surroundings, so that tests need neither network nor clock. */
export interface World {
  open(url: string): WebSocket;
  later(run: () => void, ms: number): () => void;
  /** 0..1 */
  random(): number;
}

export const browserWorld: World = {
  open: (url) => new WebSocket(url),
  later: (run, ms) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

/** Waiting time before attempt number `attempt` (0, 1, 2 …): doubling, with jitter, bounded. */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt, 16));
  return full * (0.5 + random / 2);
}

export class CallStream {
  #socket: WebSocket | null = null;
  #cancelTimer: () => void = () => undefined;
  #attempt = 0;
  #lastSeq = 0;
  #gapAskedAt = -1;
  #ended = false;
  #closed = false;
  #link: Link = "idle";
  readonly #pending = new Map<string, Command>();

  readonly #base: string;
  readonly #handlers: Handlers;
  readonly #world: World;

  /** `base`: address of the call's event socket without the query. Connects at once. */
  constructor(base: string, handlers: Handlers, world: World = browserWorld) {
    this.#base = base;
    this.#handlers = handlers;
    this.#world = world;
    this.#connect();
  }

  /** Commands not answered yet; they are sent again after a reconnection. */
  get pending(): readonly Command[] {
    return [...this.#pending.values()];
  }

  send(command: Command): void {
    this.#pending.set(command.id, command);
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(command));
  }

  /** Try again now, e.g. when the machine is back on the network. */
  nudge(): void {
    if (this.#closed || this.#socket !== null || this.#link === "over") return;
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #connect(): void {
    this.#cancelTimer();
    if (this.#link !== "lost" && this.#link !== "missing") this.#tell("connecting");
    const socket = this.#world.open(`${this.#base}?after_seq=${this.#lastSeq}`);
    this.#socket = socket;
    this.#cancelTimer = this.#world.later(() => this.#lost(socket, 0), OPEN_TIMEOUT_MS);
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      this.#cancelTimer();
      // A server that knows no such call accepts and closes at once: wait before saying "open".
      this.#cancelTimer = this.#world.later(() => this.#tell("open"), SETTLED_MS);
      for (const command of this.#pending.values()) socket.send(JSON.stringify(command));
    };
    socket.onmessage = (message) => {
      if (socket === this.#socket) this.#received(message.data);
    };
    socket.onclose = (event) => this.#lost(socket, event.code);
  }

  #received(data: unknown): void {
    const message = parseMessage(data);
    if (message === null) return;
    this.#attempt = 0;
    this.#cancelTimer();
    this.#tell("open");
    if (message.type === "ack") {
      this.#pending.delete(message.id);
      this.#handlers.ack(message);
      return;
    }
    if (message.seq !== null) {
      if (message.seq <= this.#lastSeq) return;
      if (message.seq > this.#lastSeq + 1 && this.#gapAskedAt !== this.#lastSeq) {
        // Something is missing: ask for it once, from the last event that is certain.
        this.#gapAskedAt = this.#lastSeq;
        this.#drop();
        this.#connect();
        return;
      }
      this.#lastSeq = message.seq;
    }
    if (message.type === "call.ended") this.#ended = true;
    this.#handlers.event(message);
  }

  #lost(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    this.#drop();
    if (this.#closed) return;
    if (this.#ended || code === 1000) {
      this.#pending.clear();
      this.#tell("over");
      return;
    }
    this.#tell(code === 4404 ? "missing" : "lost");
    if (code === 4409) this.#attempt = 0;
    const wait = code === 4404 ? MISSING_RETRY_MS : backoffMs(this.#attempt, this.#world.random());
    this.#attempt += 1;
    this.#cancelTimer = this.#world.later(() => this.#connect(), wait);
  }

  #drop(): void {
    this.#cancelTimer();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #tell(link: Link): void {
    if (link === this.#link) return;
    this.#link = link;
    this.#handlers.link(link);
  }
}
