// Runs a target in a thread of its own and watches it from outside: what hangs or dies in there is a fault, and its input is known.
// It decodes what the thread reports.
// 1. The input at hand stands in shared memory before it is tried: neither an endless loop nor the end of the heap can hide it.
// 2. After a thread that hung or died another one goes on, with other seeds, until the time is over.

import { Worker } from "node:worker_threads";
import { assertAside } from "./aside.ts";
import { HANG_MS_MAX, SILENCE_MS_MAX } from "./fault.ts";
import type { FaultReport } from "./fault.ts";
import { textOf } from "./probe.ts";
import type { ThreadOrders, ThreadReport } from "./thread.ts";

/** What to run. */
export interface CampaignOptions {
  readonly target: string;
  readonly seed: number;
  readonly forMs: number;
  readonly runsMin?: number;
  /** Try only these; the time is then as long as it takes. */
  readonly inputs?: readonly string[];
  /** Bounds that a test may want shorter or smaller. */
  readonly hangMs?: number;
  readonly silenceMs?: number;
  readonly heapMib?: number;
}

/** What came of a target. */
export interface CampaignReport extends ThreadReport {
  readonly target: string;
  readonly seed: number;
  readonly ms: number;
}

const HEADER_BYTES = 8;
const INPUT_BYTES_MAX = 4 * 1024 * 1024;
const HEAP_MIB_MAX = 1_536;
const LOOK_MS = 100;
const CORPSES_MAX = 5;

/** Runs one target; resolves with its report, whatever it does. The process stands aside (aside.ts). */
export async function runTarget(options: CampaignOptions): Promise<CampaignReport> {
  assertAside();
  const { target, seed, forMs } = options;
  const start = performance.now();
  let total: ThreadReport = { runs: 0, cpuMaxMs: 0, slowest: "", slowOnce: [], faults: [], heap: [] };
  let inputs = options.inputs;
  for (let corpses = 0; ; corpses++) {
    const leftMs = forMs - (performance.now() - start);
    const { runsMin = 0, silenceMs = SILENCE_MS_MAX, hangMs = HANG_MS_MAX, heapMib = HEAP_MIB_MAX } = options;
    const orders = { target, seed: (seed + Math.imul(corpses, 0x51ed2701)) | 0, forMs: Math.max(leftMs, 100), runsMin, silenceMs, inputs };
    const { report, isDead, tried } = await runThread(orders, { hangMs, heapMib });
    total = added(total, report);
    inputs = inputs?.slice(tried); // the one that ended the thread is reported; the others have their turn
    const hasMore = options.inputs === undefined ? performance.now() - start < forMs && corpses < CORPSES_MAX : (inputs?.length ?? 0) > 0;
    if (!isDead || !hasMore) break;
  }
  return { ...total, target, seed, ms: performance.now() - start };
}

interface Ended {
  readonly report: ThreadReport;
  readonly isDead: boolean;
  /** How many inputs were begun. */
  readonly tried: number;
}

function runThread(
  orders: Omit<ThreadOrders, "atHand">,
  { hangMs, heapMib }: { readonly hangMs: number; readonly heapMib: number },
): Promise<Ended> {
  const atHand = new SharedArrayBuffer(HEADER_BYTES + INPUT_BYTES_MAX);
  const header = new Int32Array(atHand, 0, 2);
  Atomics.store(header, 1, -1);
  const tried = (): number => Math.ceil(Atomics.load(header, 0) / 2);
  const worker = new Worker(new URL("./thread.ts", import.meta.url), {
    workerData: { ...orders, atHand } satisfies ThreadOrders,
    resourceLimits: { maxOldGenerationSizeMb: heapMib },
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  return new Promise((resolve) => {
    const end = (ended: Ended): void => {
      clearInterval(timer);
      resolve(ended);
      void worker.terminate();
    };
    const dead = (kind: "crash" | "hang", message: string): void => {
      const fault: FaultReport = { kind, message, input: shown(atHand), seed: orders.seed, path: "" };
      end({ report: { runs: tried(), cpuMaxMs: 0, slowest: "", slowOnce: [], faults: [fault], heap: [] }, isDead: true, tried: tried() });
    };
    let last = { count: -1, sinceMs: performance.now() };
    const timer = setInterval(() => {
      const count = Atomics.load(header, 0);
      if (count !== last.count || Atomics.load(header, 1) < 0) last = { count, sinceMs: performance.now() };
      else if (performance.now() - last.sinceMs > hangMs) dead("hang", `the thread did not come back within ${hangMs} ms`);
    }, LOOK_MS);
    worker.once("message", (report: ThreadReport) => end({ report, isDead: false, tried: tried() }));
    worker.once("error", (error: unknown) => dead("crash", `the thread died: ${textOf(error)}`));
    worker.once("exit", (status) => dead("crash", `the thread ended with status ${status}`));
  });
}

function shown(atHand: SharedArrayBuffer): string | undefined {
  const length = Atomics.load(new Int32Array(atHand, 0, 2), 1);
  return length < 0 ? undefined : Buffer.from(Uint8Array.from(new Uint8Array(atHand, HEADER_BYTES, length))).toString("utf8");
}

function added(left: ThreadReport, right: ThreadReport): ThreadReport {
  const isSlower = right.cpuMaxMs > left.cpuMaxMs;
  return {
    runs: left.runs + right.runs,
    cpuMaxMs: isSlower ? right.cpuMaxMs : left.cpuMaxMs,
    slowest: isSlower ? right.slowest : left.slowest,
    slowOnce: [...left.slowOnce, ...right.slowOnce],
    faults: [...left.faults, ...right.faults],
    heap: [...left.heap, ...right.heap],
  };
}
