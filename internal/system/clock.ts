// The real clock: wall time, monotonic time and timers.
// 1. Monotonic time is the machine's since its boot, so that it goes on through restarts of this process.
// 2. A pending timer keeps the process alive: something is still to happen. Whoever shuts down cancels its timers.
// 3. Node's own timers fire at once beyond 2^31 - 1 ms; longer waits are chained here.

import { readFileSync } from "node:fs";
import { assert } from "../base/assert.ts";
import { timeMs } from "../base/ids.ts";
import type { Clock } from "../engine/ports.ts";

const NODE_TIMER_MS_MAX = 2 ** 31 - 1;

const NANOSECONDS_PER_MS = 1e6;
const BOOT_ID = readBootId();

/** Linux names each boot; elsewhere nothing is known, and then each start of the service counts as one. */
function readBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

/** The clock of this machine. */
export const systemClock: Clock = {
  nowMs: () => timeMs(Date.now()),
  monotonicMs: () => Number(process.hrtime.bigint()) / NANOSECONDS_PER_MS,
  bootId: () => BOOT_ID,
  after: (delayMs, callback) => startTimer(delayMs, callback, NODE_TIMER_MS_MAX),
};

/** A timer in steps of at most `stepMsMax`; returns the cancel. Exported so that its chain can be tested with short steps. */
export function startTimer(delayMs: number, callback: () => void, stepMsMax: number): () => void {
  assert(Number.isFinite(delayMs), "a delay is a finite number of milliseconds");
  const dueMs = performance.now() + delayMs;
  let timer: NodeJS.Timeout | undefined;
  const arm = (leftMs: number): void => void (timer = setTimeout(fire, Math.min(Math.ceil(Math.max(0, leftMs)), stepMsMax)));
  const fire = (): void => {
    const leftMs = dueMs - performance.now();
    if (leftMs <= 0) callback();
    else arm(leftMs); // a step of a chain, or Node was a fraction of a millisecond early
  };
  arm(delayMs);
  return () => clearTimeout(timer);
}
