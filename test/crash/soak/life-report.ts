// What a service under soak says of itself, every few seconds, as lines of JSON in a file: memory after a collection, descriptors, the loop.
// 1. A sample is taken after a full collection, so that what is left is held by somebody. The pause of that collection is not counted as
//    delay of the loop: the histogram begins anew after it.

import { appendFileSync, readFileSync, readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** One sample of one life. */
export interface LifeSample {
  readonly pid: number;
  readonly ageMs: number;
  readonly atMs: number;
  /** After a full collection: the heap, and what lies outside of it and belongs to it. */
  readonly heapBytes: number;
  readonly externalBytes: number;
  /** What V8 has taken for its heap, used or not: what is left of anonBytes is the store's, and that of malloc and other threads. */
  readonly heapTakenBytes: number;
  /** Memory of its own; and with files that are mapped, such as the tables of the journal. */
  readonly anonBytes: number;
  readonly rssBytes: number;
  readonly fds: number;
  /** The longest delay of the loop since the last sample. */
  readonly loopDelayMsMax: number;
}

const SAMPLE_MS = 5_000;
const LOOP_RESOLUTION_MS = 10;

/** Begins to sample this process into a file. */
export function reportLife(file: string): void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  loop.enable();
  const sample = (): void => {
    const loopDelayMsMax = Math.round(Math.max(0, loop.max / 1e6 - LOOP_RESOLUTION_MS));
    if (typeof collect === "function") collect();
    const { heapUsed, heapTotal, external } = process.memoryUsage();
    const status = readFileSync("/proc/self/status", "utf8");
    const line: LifeSample = {
      pid: process.pid,
      ageMs: Math.round(process.uptime() * 1_000),
      atMs: Date.now(),
      heapBytes: heapUsed,
      externalBytes: external,
      heapTakenBytes: heapTotal,
      anonBytes: kib(status, "RssAnon"),
      rssBytes: kib(status, "VmRSS"),
      fds: readdirSync("/proc/self/fd").length,
      loopDelayMsMax,
    };
    appendFileSync(file, `${JSON.stringify(line)}\n`);
    loop.reset();
  };
  setInterval(sample, SAMPLE_MS).unref();
}

function kib(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1_024;
}
