// Room for calls: so many are worked on at a time, the others wait, and beyond that there is an error; a flood costs a bounded amount of memory.
// 1. Fair among principals: a free place goes to them in turn, and none holds so many that nothing is left for the others.
// 2. A principal has at most `ofPrincipal` calls in flight: those that wait, that are worked on, and that stream.
// 3. A place is given back exactly once, whatever way its call ends. A call that is aborted while it waits leaves the queue at once.

import { assert } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";

/** How much room there is. */
export interface CallRoom {
  /** Worked on at one time, in all, and of them for one principal. */
  readonly running: number;
  readonly runningOfPrincipal: number;
  /** Waiting at one time, in all. */
  readonly queued: number;
  /** Streams, and calls that wait for something to happen, in all. */
  readonly streams: number;
  /** In flight for one principal. */
  readonly ofPrincipal: number;
}

/** Room that a call has; giving it back twice does nothing. */
export interface Place {
  /** Makes a call that is worked on one that waits like a stream; throws RESOURCE_EXHAUSTED. */
  becomeStream(): void;
  release(): void;
}

interface Share {
  readonly principal: string;
  inFlight: number;
  running: number;
  /** Oldest first. */
  readonly waiting: Set<() => void>;
}

/** The room of all calls. */
export class CallQueue {
  readonly #room: CallRoom;
  readonly #shares = new Map<string, Share>();
  /** Principals with waiting calls; whose turn it is comes first. */
  readonly #turns = new Set<Share>();
  readonly #taken = { running: 0, streams: 0, queued: 0 };

  constructor(room: CallRoom) {
    this.#room = room;
  }

  /** Resolves when the call may be worked on; rejects with the signal's reason, or at once with RESOURCE_EXHAUSTED. */
  async enter(principal: string, signal: AbortSignal): Promise<Place> {
    const share = this.#shareOf(principal);
    if (this.#isFreeFor(share)) return this.#place(this.#join(share), "running");
    if (this.#taken.queued >= this.#room.queued)
      throw exhausted(`${this.#room.queued} calls wait already, which is the most this service lets wait`);
    return this.#wait(this.#join(share), signal);
  }

  /** Room for a stream, at once or not at all. */
  stream(principal: string): Place {
    this.#checkStreams();
    return this.#place(this.#join(this.#shareOf(principal)), "streams");
  }

  #shareOf(principal: string): Share {
    const share = this.#shares.get(principal) ?? { principal, inFlight: 0, running: 0, waiting: new Set() };
    if (share.inFlight < this.#room.ofPrincipal) return share;
    throw exhausted(`"${principal}" has ${this.#room.ofPrincipal} calls in flight, which is the most for one principal`);
  }

  #join(share: Share): Share {
    share.inFlight++;
    this.#shares.set(share.principal, share);
    return share;
  }

  #leave(share: Share): void {
    share.inFlight--;
    if (share.inFlight === 0) this.#shares.delete(share.principal);
  }

  #isFreeFor(share: Share): boolean {
    return this.#taken.running < this.#room.running && share.running < this.#room.runningOfPrincipal;
  }

  #checkStreams(): void {
    if (this.#taken.streams < this.#room.streams) return;
    throw exhausted(`${this.#room.streams} streams and waiting calls are in flight, which is the most this service takes`);
  }

  #wait(share: Share, signal: AbortSignal): Promise<Place> {
    return new Promise((resolve, reject) => {
      const stopWaiting = (): void => {
        this.#taken.queued--;
        share.waiting.delete(begin);
        if (share.waiting.size === 0) this.#turns.delete(share);
        signal.removeEventListener("abort", giveUp);
      };
      const begin = (): void => {
        stopWaiting();
        resolve(this.#place(share, "running"));
      };
      const giveUp = (): void => {
        stopWaiting();
        this.#leave(share);
        reject(signal.reason instanceof Error ? signal.reason : new Error("aborted", { cause: signal.reason }));
      };
      this.#taken.queued++;
      share.waiting.add(begin);
      this.#turns.add(share);
      signal.addEventListener("abort", giveUp, { once: true });
      if (signal.aborted) giveUp();
    });
  }

  /** Hands free places to those who wait, one each in turn. */
  #next(): void {
    for (const share of this.#turns) {
      if (this.#taken.running >= this.#room.running) return;
      if (!this.#isFreeFor(share)) continue;
      const [begin] = share.waiting;
      assert(begin !== undefined, "a principal with a turn has a call that waits");
      this.#turns.delete(share);
      begin();
      if (share.waiting.size > 0) this.#turns.add(share); // at the end: this loop comes by again
    }
  }

  #place(share: Share, first: "running" | "streams"): Place {
    let kind: "running" | "streams" | "released" = first;
    this.#count(share, first, 1);
    return {
      becomeStream: () => {
        if (kind !== "running") return;
        this.#checkStreams();
        this.#count(share, kind, -1);
        kind = "streams";
        this.#count(share, kind, 1);
        this.#next();
      },
      release: () => {
        if (kind === "released") return;
        this.#count(share, kind, -1);
        kind = "released";
        this.#leave(share);
        this.#next();
      },
    };
  }

  #count(share: Share, kind: "running" | "streams", by: 1 | -1): void {
    this.#taken[kind] += by;
    if (kind === "running") share.running += by;
  }
}

function exhausted(found: string): HoldfastError {
  return new HoldfastError("RESOURCE_EXHAUSTED", `${found}; try again later`);
}
