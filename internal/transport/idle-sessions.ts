// The idle sessions of one connection: processes that lead to a shim which has answered and waits for other orders.
// 1. A session waits for a bounded time and serves a bounded number of calls; then its input is closed, by which the shim ends.
// 2. Nothing says that one is still alive: whoever takes it asks first (see exchange.ts, invariant 1).

import { SSH_SESSION_CALLS_MAX, SSH_SESSION_IDLE_MS } from "../base/limits.ts";
import type { Clock } from "../engine/ports.ts";
import type { ShimProcess } from "./exchange.ts";

interface Waiting {
  readonly process: ShimProcess;
  /** Stops waiting, without ending the process. */
  readonly leave: () => void;
}

/** The sessions that wait; the latest is taken first, so that those which are too many grow old. */
export class IdleSessions {
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One of them, which is then the caller's; undefined: none waits. */
  take(): ShimProcess | undefined {
    const last = this.#waiting.at(-1);
    last?.leave();
    return last?.process;
  }

  /** Keeps a session for whoever calls next, or ends it when it has served enough. */
  readonly keep = (process: ShimProcess): void => {
    if (this.#isClosed || process.calls >= SSH_SESSION_CALLS_MAX) {
      end(process);
      return;
    }
    const { child } = process;
    const leave = (): void => {
      cancel();
      child.off("close", leave);
      this.#waiting = this.#waiting.filter((waiting) => waiting.process !== process);
    };
    const cancel = this.#clock.after(SSH_SESSION_IDLE_MS, () => {
      leave();
      end(process);
    });
    child.on("close", leave);
    this.#waiting.push({ process, leave });
  };

  /** Ends all that wait. */
  clear(): void {
    for (const { process, leave } of this.#waiting) {
      leave();
      end(process);
    }
  }

  /** Ends all that wait, and every one that comes later. */
  close(): void {
    this.#isClosed = true;
    this.clear();
  }
}

function end({ child }: ShimProcess): void {
  child.on("error", () => undefined);
  child.stdin?.end();
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
}
