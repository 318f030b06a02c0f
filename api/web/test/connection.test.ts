import { describe, expect, it } from "vitest";
import {
  CallStream,
  FIRST_RETRY_MS,
  LONGEST_RETRY_MS,
  type Link,
  MISSING_RETRY_MS,
  OPEN_TIMEOUT_MS,
  SETTLED_MS,
  type World,
  backoffMs,
} from "../src/connection";
import type { Ack, CallEvent } from "../src/events";
import { recorded } from "./recordings";

const events = recorded("escalation").filter((event) => event.seq !== null);

class FakeSocket {
  readyState = 0;
  readonly sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  get afterSeq(): number {
    return Number(new URL(this.url).searchParams.get("after_seq"));
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  receive(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  send(data: string): void {
    this.sent.push(data);
  }
  close(): void {
    this.readyState = 3;
  }
  lose(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

/** A world in which a timer fires when the test says so. */
class FakeWorld implements World {
  readonly sockets: FakeSocket[] = [];
  readonly #timers: { run: () => void; ms: number }[] = [];

  open(url: string): WebSocket {
    const socket = new FakeSocket(url);
    this.sockets.push(socket);
    return socket as unknown as WebSocket;
  }
  later(run: () => void, ms: number): () => void {
    const timer = { run, ms };
    this.#timers.push(timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
    };
  }
  random(): number {
    return 1;
  }
  get waits(): number[] {
    return this.#timers.map((timer) => timer.ms);
  }
  fire(): void {
    const timer = this.#timers.shift();
    if (!timer) throw new Error("nothing is waiting");
    timer.run();
  }
  get newest(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }
}

function setUp() {
  const world = new FakeWorld();
  const got: CallEvent[] = [];
  const links: Link[] = [];
  const acks: Ack[] = [];
  const handlers = {
    event: (event: CallEvent) => void got.push(event),
    link: (link: Link) => void links.push(link),
    ack: (ack: Ack) => void acks.push(ack),
  };
  const stream = new CallStream("ws://x/v1/calls/c/events", handlers, world);
  return { world, got, links, acks, stream, seqs: () => got.map((event) => event.seq) };
}

describe("resuming", () => {
  it("asks for what comes after the last event, and passes nothing on twice", () => {
    const { world, links, seqs } = setUp();
    expect(world.newest.afterSeq).toBe(0);
    world.newest.open();
    for (const event of events.slice(0, 5)) world.newest.receive(event);
    world.newest.lose(1006);
    expect(links).toEqual(["connecting", "open", "lost"]);
    world.fire();
    expect(world.newest.afterSeq).toBe(5);
    world.newest.open();
    for (const event of events.slice(2, 9)) world.newest.receive(event); // a server that repeats
    expect(seqs()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(links.at(-1)).toBe("open");
  });

  it("asks again when an event is missing, once", () => {
    const { world, seqs } = setUp();
    world.newest.open();
    world.newest.receive(events[0]);
    world.newest.receive(events[3]);
    expect(world.sockets).toHaveLength(2);
    expect(world.newest.afterSeq).toBe(1);
    world.newest.open();
    world.newest.receive(events[3]); // it really is not there: go on with what there is
    expect(seqs()).toEqual([1, 4]);
  });

  it("hears nothing from a connection it has given up", () => {
    const { world, seqs } = setUp();
    const old = world.newest;
    old.open();
    old.receive(events[0]);
    old.receive(events[3]);
    old.receive(events[1]);
    old.lose(1006);
    expect(seqs()).toEqual([1]);
    expect(world.sockets).toHaveLength(2);
  });

  it("gives up an attempt that gets no answer", () => {
    const { world, links } = setUp();
    expect(world.waits).toEqual([OPEN_TIMEOUT_MS]);
    world.fire();
    expect(links).toEqual(["connecting", "lost"]);
    world.fire();
    expect(world.sockets).toHaveLength(2);
  });

  it("waits longer each time, with jitter and a bound, and starts afresh after a message", () => {
    const { world } = setUp();
    const waits: number[] = [];
    for (let turn = 0; turn < 8; turn += 1) {
      world.newest.lose(1006);
      waits.push(world.waits.at(-1) ?? 0);
      world.fire();
    }
    expect(waits.slice(0, 4)).toEqual([1, 2, 4, 8].map((times) => times * FIRST_RETRY_MS));
    expect(Math.max(...waits)).toBe(LONGEST_RETRY_MS);
    world.newest.open();
    world.newest.receive(events[0]);
    world.newest.lose(1012);
    expect(world.waits).toEqual([FIRST_RETRY_MS]);
    expect(backoffMs(2, 0)).toBe(backoffMs(2, 1) / 2);
  });

  it("connects at once when nudged while waiting", () => {
    const { world, stream } = setUp();
    world.newest.lose(1006);
    stream.nudge();
    expect(world.sockets).toHaveLength(2);
    stream.nudge(); // an attempt is under way
    expect(world.sockets).toHaveLength(2);
    expect(world.waits).toEqual([OPEN_TIMEOUT_MS]);
  });
});

describe("the end", () => {
  it("is final when the call is over", () => {
    const { world, links, stream } = setUp();
    world.newest.open();
    for (const event of events) world.newest.receive(event);
    world.newest.lose(1006);
    expect(links.at(-1)).toBe("over");
    stream.nudge();
    expect(world.sockets).toHaveLength(1);
    expect(world.waits).toEqual([]);
  });

  it("is final when the server says that everything was sent", () => {
    const { world, links } = setUp();
    world.newest.open();
    world.newest.receive(events[0]);
    world.newest.lose(1000);
    expect(links.at(-1)).toBe("over");
  });

  it("leaves nothing behind when the page turns to another call", () => {
    const { world, stream, links } = setUp();
    stream.close();
    world.sockets[0]?.lose(1006);
    expect(world.waits).toEqual([]);
    expect(links).toEqual(["connecting"]);
  });
});

it("waits for a call that is not there yet, without claiming to be connected", () => {
  const { world, links } = setUp();
  world.newest.open();
  world.newest.lose(4404);
  expect(links).toEqual(["connecting", "missing"]);
  expect(world.waits).toEqual([MISSING_RETRY_MS]);
});

it("is connected to a call in which nothing happens", () => {
  const { world, links } = setUp();
  world.newest.open();
  expect(world.waits).toEqual([SETTLED_MS]);
  world.fire();
  expect(links).toEqual(["connecting", "open"]);
});

it("resumes soon when it was too slow", () => {
  const { world } = setUp();
  world.newest.open();
  world.newest.receive(events[0]);
  world.newest.lose(4409);
  expect(world.waits).toEqual([FIRST_RETRY_MS]);
  world.fire();
  expect(world.newest.afterSeq).toBe(1);
});

describe("commands", () => {
  const command = { id: "a1", command: "said", cue: 2 } as const;

  it("are sent again after a reconnection until they are answered", () => {
    const { world, stream, acks } = setUp();
    stream.send(command); // not open yet: kept
    world.newest.open();
    expect(world.newest.sent).toEqual([JSON.stringify(command)]);
    world.newest.lose(1006);
    world.fire();
    world.newest.open();
    expect(world.newest.sent).toEqual([JSON.stringify(command)]);
    world.newest.receive({ type: "ack", id: "a1", ok: true });
    expect(acks).toEqual([{ type: "ack", id: "a1", ok: true }]);
    expect(stream.pending).toEqual([]);
    world.newest.lose(1006);
    world.fire();
    world.newest.open();
    expect(world.newest.sent).toEqual([]);
  });
});

it("passes over what is no event of this version", () => {
  const { world, got } = setUp();
  world.newest.open();
  for (const bad of ["x", 1, null, {}, { v: 3, type: "voice", call: "c", seq: null, t_secs: 1 }]) {
    world.newest.receive(bad);
  }
  world.newest.onmessage?.({ data: "{" });
  world.newest.onmessage?.({ data: new ArrayBuffer(2) });
  expect(got).toEqual([]);
});
