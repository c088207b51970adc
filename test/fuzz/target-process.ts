// The process in which a target runs: slices of inputs from seeds, a collection and a look at the heap after each, and a report at the end.
// It decodes what campaign.ts sends.
// 1. A slice is one run of fast-check with a seed of its own: the seed and a path lead to any input again.
// 2. A fault does not end the run: the next slice goes on, so that one known fault hides no other.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { atHandWriter } from "./at-hand.ts";
import { FuzzFault, MEMORY_GROWTH_BYTES_MAX, memoryGrowth } from "./fault.ts";
import type { FaultReport } from "./fault.ts";
import { Probe, textOf } from "./probe.ts";
import type { Observed } from "./probe.ts";
import { findTarget } from "./registry.ts";

/** What the process is to do. */
export interface TargetOrders {
  readonly target: string;
  readonly seed: number;
  readonly forMs: number;
  /** On a busy machine it goes on until so many inputs were tried, up to BUSY_FACTOR times as long. */
  readonly runsMin: number;
  readonly silenceMs: number;
  /** Try only these, in this order. */
  readonly inputs: readonly string[] | undefined;
  /** The file in which the input at hand is shown (at-hand.ts). */
  readonly atHandFile: string;
}

/** What came of it. */
export interface TargetReport extends Observed {
  readonly faults: readonly FaultReport[];
  /** Heap after a collection, in bytes, after each slice. */
  readonly heap: readonly number[];
}

const SLICES = 32;
const BUSY_FACTOR = 4;
const SLICE_RUNS_MAX = 2_000;
const SHRINK_MS_MAX = 8_000;
const FAULTS_MAX = 20;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

async function run(orders: TargetOrders): Promise<TargetReport> {
  const { target: name, seed, silenceMs, inputs, atHandFile } = orders;
  const target = await (await findTarget(name)).open();
  const probe = new Probe(target, { atHand: atHandWriter(atHandFile), silenceMs });
  const heap: number[] = [];
  const faults: FaultReport[] = [];
  const note = (fault: FaultReport): void => {
    if (!faults.some(({ kind, message }) => kind === fault.kind && firstLine(message) === firstLine(fault.message))) faults.push(fault);
  };
  const slices = inputs === undefined ? slicesOf(orders, probe) : [];
  for (const input of inputs ?? []) await noteThrown(note, { input, seed, path: "" }, () => probe.try(input));
  for (const slice of slices) {
    const fault = await runSlice(target.inputs, probe, slice);
    if (fault !== undefined) note(fault);
    await noteThrown(note, { input: undefined, seed: slice.seed, path: "" }, async () => {
      await target.settle();
      probe.checkRejections();
    });
    heap.push(await heapBytes());
    if (faults.length >= FAULTS_MAX) break;
  }
  const growth = memoryGrowth(heap);
  if (growth !== undefined && growth > MEMORY_GROWTH_BYTES_MAX)
    note({
      kind: "leak",
      message: `the heap grew by ${growth} bytes; the bound is ${MEMORY_GROWTH_BYTES_MAX}`,
      input: undefined,
      seed,
      path: "",
    });
  await noteThrown(note, { input: undefined, seed, path: "" }, () => target.close());
  probe.close();
  return { ...probe.observed, faults, heap };
}

interface Slice {
  readonly seed: number;
  readonly runs: number;
  /** Told how long it took. */
  readonly took: (ms: number) => void;
}

/** As many slices as fit, each about as long as the others: the first ones find out how many inputs that is. */
function* slicesOf({ seed, forMs, runsMin }: TargetOrders, probe: Probe): Generator<Slice> {
  const start = performance.now();
  const isOver = (): boolean => {
    const ms = performance.now() - start;
    return ms >= forMs && (probe.observed.runs >= runsMin || ms >= forMs * BUSY_FACTOR);
  };
  let runs = 10;
  for (let index = 0; !isOver(); index++) {
    const took = (ms: number): void => {
      const fit = Math.floor((runs * forMs) / SLICES / Math.max(ms, 0.1));
      runs = Math.max(1, Math.min(SLICE_RUNS_MAX, runs * 4, fit));
    };
    yield { seed: (seed + Math.imul(index, 0x9e3779b1)) | 0, runs, took };
  }
}

async function runSlice(inputs: fc.Arbitrary<string>, probe: Probe, { seed, runs, took }: Slice): Promise<FaultReport | undefined> {
  const start = performance.now();
  let failedAt = Number.POSITIVE_INFINITY;
  const property = fc.asyncProperty(inputs, async (input) => {
    if (performance.now() - failedAt > SHRINK_MS_MAX) return; // shrinking has its bound too
    try {
      await probe.try(input);
    } catch (error) {
      failedAt = Math.min(failedAt, performance.now());
      throw error;
    }
  });
  const details = await fc.check(property, { seed, numRuns: runs });
  took(performance.now() - start);
  if (!details.failed) return undefined;
  const [input] = details.counterexample ?? [];
  const error = details.errorInstance;
  const kind = error instanceof FuzzFault ? error.kind : "crash";
  const message = error instanceof Error ? error.message : String(error);
  return { kind, message, input, seed, path: details.counterexamplePath ?? "" };
}

async function noteThrown(
  note: (fault: FaultReport) => void,
  at: Pick<FaultReport, "input" | "seed" | "path">,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const kind = error instanceof FuzzFault ? error.kind : "crash";
    note({ kind, message: error instanceof FuzzFault ? error.message : textOf(error), ...at });
  }
}

/** Twice, with a turn of the event loop between: what finalizers let go of goes too. */
async function heapBytes(): Promise<number> {
  for (let round = 0; round < 2; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]?.replace(/\d+/g, "0") ?? "";
}

process.once("message", (orders: TargetOrders) => {
  void run(orders).then((report) => process.send?.(report, () => process.exit()));
});
