// The body of a call, as it comes: read as it is, or within a time.
// 1. A body that is cut is an error of its call alone: the connection stands, and its client is told why.

import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock } from "../engine/ports.ts";
import type { NodeRequest } from "./request-listener.ts";

/** A body that nobody has read yet. */
export class TimedBody implements AsyncIterable<Uint8Array> {
  readonly #request: NodeRequest;
  /** Rejects when its time is over; undefined: it has as long as it likes. */
  #cut: Promise<never> | undefined;

  constructor(request: NodeRequest) {
    this.#request = request;
  }

  /** What is not there whole after so long is not read any more; `end` ends its call, and hears why. Returns what ends the waiting. */
  within(ms: number, clock: Pick<Clock, "after">, end: (reason: Error) => void): () => void {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    this.#cut = promise;
    return clock.after(ms, () => {
      if (this.#request.complete) return;
      const reason = new ConnectError(`the body did not come whole within ${ms / 1_000} s; send it again, faster`, Code.DeadlineExceeded);
      reject(reason);
      end(reason);
    });
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    // The library's own iterator destroys the connection when reading stops early, and the client would never see why.
    const whole = this.#request.iterator({ destroyOnReturn: false });
    const cut = this.#cut;
    return cut === undefined ? whole : { next: () => Promise.race([whole.next(), cut]) };
  }
}
