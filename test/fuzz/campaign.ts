// Runs a target in a process of its own and watches it from outside: what hangs or dies in there is a fault, and its input is known.
// 1. A process, not a thread: at the end of the heap V8 may abort all that shares its process, and this one has the report to write.
// 2. After one that hung or died another one goes on, with other seeds, until the time is over.

import { fork } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { assertAside } from "./aside.ts";
import { AtHandReader } from "./at-hand.ts";
import { HANG_MS_MAX, SILENCE_MS_MAX } from "./fault.ts";
import type { FaultReport } from "./fault.ts";
import { newDirectory } from "./journal-rows.ts";
import type { TargetOrders, TargetReport } from "./target-process.ts";

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
export interface CampaignReport extends TargetReport {
  readonly target: string;
  readonly seed: number;
  readonly ms: number;
}

const PROGRAM = join(import.meta.dirname, "target-process.ts");
const HEAP_MIB_MAX = 1_536;
const LOOK_MS = 100;
const CORPSES_MAX = 5;
const LAST_WORDS_CHARS_MAX = 4_000;

/** Runs one target; resolves with its report, whatever it does. The process stands aside (aside.ts). */
export async function runTarget(options: CampaignOptions): Promise<CampaignReport> {
  assertAside();
  const { target, seed, forMs } = options;
  const start = performance.now();
  let total: TargetReport = { runs: 0, cpuMaxMs: 0, slowest: "", slowOnce: [], faults: [], heap: [] };
  let inputs = options.inputs;
  for (let corpses = 0; ; corpses++) {
    const leftMs = forMs - (performance.now() - start);
    const { runsMin = 0, silenceMs = SILENCE_MS_MAX, hangMs = HANG_MS_MAX, heapMib = HEAP_MIB_MAX } = options;
    const orders = { target, seed: (seed + Math.imul(corpses, 0x51ed2701)) | 0, forMs: Math.max(leftMs, 100), runsMin, silenceMs, inputs };
    const { report, isDead, tried } = await runProcess(orders, { hangMs, heapMib });
    total = added(total, report);
    inputs = inputs?.slice(tried); // the one that ended the process is reported; the others have their turn
    const hasMore = options.inputs === undefined ? performance.now() - start < forMs && corpses < CORPSES_MAX : (inputs?.length ?? 0) > 0;
    if (!isDead || !hasMore) break;
  }
  return { ...total, target, seed, ms: performance.now() - start };
}

interface Ended {
  readonly report: TargetReport;
  readonly isDead: boolean;
  /** How many inputs were begun. */
  readonly tried: number;
}

function runProcess(
  orders: Omit<TargetOrders, "atHandFile">,
  { hangMs, heapMib }: { readonly hangMs: number; readonly heapMib: number },
): Promise<Ended> {
  const directory = newDirectory();
  const atHandFile = join(directory, "at-hand");
  const atHand = new AtHandReader(atHandFile);
  const tried = (): number => Math.ceil(atHand.read().count / 2);
  const child = fork(PROGRAM, [], {
    serialization: "advanced",
    execArgv: [`--max-old-space-size=${heapMib}`, "--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  child.send({ ...orders, atHandFile } satisfies TargetOrders);
  let report: TargetReport | undefined;
  let ending: { readonly kind: "crash" | "hang"; readonly message: string } | undefined;
  let lastWords = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    lastWords = (lastWords + text).slice(0, LAST_WORDS_CHARS_MAX);
  });
  child.once("message", (told: TargetReport) => (report = told));
  let last = { count: -1, sinceMs: performance.now() };
  const timer = setInterval(() => {
    const { count, input } = atHand.read();
    if (count !== last.count || input === undefined) last = { count, sinceMs: performance.now() };
    else if (performance.now() - last.sinceMs > hangMs) {
      ending ??= { kind: "hang", message: `the process did not come back within ${hangMs} ms` };
      child.kill("SIGKILL");
    }
  }, LOOK_MS);
  return new Promise((resolve) => {
    child.once("close", (status, signal) => {
      clearInterval(timer);
      ending ??= { kind: "crash", message: `the process ended with ${signal ?? `status ${status}`}: ${summaryOf(lastWords)}` };
      const fault: FaultReport = { ...ending, input: atHand.read().input, seed: orders.seed, path: "" };
      const dead: TargetReport = { runs: tried(), cpuMaxMs: 0, slowest: "", slowOnce: [], faults: [fault], heap: [] };
      resolve({ report: report ?? dead, isDead: report === undefined, tried: tried() });
      atHand.close();
      rmSync(directory, { recursive: true, force: true });
    });
  });
}

/** The line that names the error, before all of what was said. */
function summaryOf(lastWords: string): string {
  const [named = "it said nothing of an error"] = /^.*(?:Error:|FATAL ERROR).*$/m.exec(lastWords) ?? [];
  return `${named}\n${lastWords}`;
}

function added(left: TargetReport, right: TargetReport): TargetReport {
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
