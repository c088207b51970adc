// One input under observation: its CPU, its answer, its promises.
// 1. A fault throws FuzzFault, so that fast-check sees a failing property and shrinks it.
// 2. What is slow is tried again at once: only twice slow is a fault; slow once is counted and reported.

import { CPU_MS_MAX, FuzzFault } from "./fault.ts";
import type { OpenTarget } from "./target.ts";

/** What was seen so far. */
export interface Observed {
  runs: number;
  cpuMaxMs: number;
  /** The input that took the most CPU. */
  slowest: string;
  /** Inputs that were slow once and not again. */
  readonly slowOnce: { readonly cpuMs: number; readonly input: string }[];
}

/** Told of the input at hand, for the watchdog; undefined: it is done. */
export type AtHand = (input: string | undefined) => void;

const SLOW_ONCE_KEPT_MAX = 5;

/** Gives inputs to a target, one at a time. */
export class Probe {
  readonly observed: Observed = { runs: 0, cpuMaxMs: 0, slowest: "", slowOnce: [] };
  readonly #target: OpenTarget;
  readonly #atHand: AtHand;
  readonly #silenceMs: number;
  readonly #rejections: unknown[] = [];
  readonly #onRejection = (reason: unknown): void => void this.#rejections.push(reason);

  constructor(target: OpenTarget, options: { readonly atHand: AtHand; readonly silenceMs: number }) {
    this.#target = target;
    this.#atHand = options.atHand;
    this.#silenceMs = options.silenceMs;
    process.on("unhandledRejection", this.#onRejection);
  }

  /** Tries one input; throws FuzzFault. */
  async try(input: string): Promise<void> {
    this.observed.runs++;
    this.#atHand(input);
    try {
      const cpuMs = await this.#timed(input);
      if (cpuMs <= CPU_MS_MAX) return;
      const againMs = await this.#timed(input);
      if (againMs > CPU_MS_MAX)
        throw new FuzzFault(
          "slow",
          `took ${Math.round(cpuMs)} ms and then ${Math.round(againMs)} ms of CPU; the bound is ${CPU_MS_MAX} ms`,
        );
      if (this.observed.slowOnce.length < SLOW_ONCE_KEPT_MAX) this.observed.slowOnce.push({ cpuMs, input });
    } finally {
      this.#atHand(undefined);
    }
  }

  /** Throws for promises that were rejected since the last look, and nobody looked after. */
  checkRejections(): void {
    const [first] = this.#rejections.splice(0);
    if (first !== undefined) throw new FuzzFault("rejection", `a rejection that nobody handles: ${textOf(first)}`, { cause: first });
  }

  /** Stops listening. */
  close(): void {
    process.off("unhandledRejection", this.#onRejection);
  }

  async #timed(input: string): Promise<number> {
    const before = process.threadCpuUsage();
    try {
      await answered(this.#target.attempt(input), this.#silenceMs);
    } catch (cause) {
      if (cause instanceof FuzzFault) throw cause;
      throw new FuzzFault("crash", textOf(cause), { cause });
    }
    const { user, system } = process.threadCpuUsage(before);
    const cpuMs = (user + system) / 1_000;
    // Rejections that nobody handles are told after the microtasks.
    await new Promise((resolve) => setImmediate(resolve));
    this.checkRejections();
    if (cpuMs > this.observed.cpuMaxMs) Object.assign(this.observed, { cpuMaxMs: cpuMs, slowest: input });
    return cpuMs;
  }
}

/** An error with its stack, which says where in the product it came from. */
export function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function answered(attempt: Promise<void> | void, silenceMs: number): Promise<void> {
  if (attempt === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new FuzzFault("silence", `no answer within ${silenceMs} ms`)), silenceMs);
  });
  try {
    await Promise.race([attempt, silence]);
  } finally {
    clearTimeout(timer);
  }
}
