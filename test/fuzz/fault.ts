// What the fuzzer calls a fault, and the bounds by which it does.
// 1. Bounds of time are of the CPU of the thread that runs the product, so that a busy machine accuses nobody.

/** The product needs no more CPU than this for one input, on any thread of its own. */
export const CPU_MS_MAX = 1_000;
/** An input that is not answered in this time, however idle the machine, never is. */
export const SILENCE_MS_MAX = 8_000;
/** A process that does not come back from an input in this time, by the wall, hangs; the watchdog ends it. */
export const HANG_MS_MAX = 20_000;
/** The heap, after a collection, may be so much larger at the least in the second half of a run than in its first half. */
export const MEMORY_GROWTH_BYTES_MAX = 8 * 1024 * 1024;
/** Fewer samples than this tell nothing of growth. */
export const MEMORY_SAMPLES_MIN = 8;

/**
 * crash: what the product did is wrong, or its process died. slow: more CPU than the bound, twice. silence: no answer. hang: the process
 * did not come back. rejection: a promise that nobody looked after. leak: memory that grows with the inputs.
 */
export type FaultKind = "crash" | "slow" | "silence" | "hang" | "rejection" | "leak";

/** A fault, as the probe throws it. */
export class FuzzFault extends Error {
  override readonly name = "FuzzFault";
  readonly kind: FaultKind;
  constructor(kind: FaultKind, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.kind = kind;
  }
}

/** A fault, as the report has it. */
export interface FaultReport {
  readonly kind: FaultKind;
  readonly message: string;
  /** The smallest input that was found; undefined: no one input is to blame. */
  readonly input: string | undefined;
  /** The seed of its slice of inputs, and the place in it. */
  readonly seed: number;
  readonly path: string;
}

/** How much more memory the second half of a run holds than the first, the warm-up left out; undefined: too few samples to tell. */
export function memoryGrowth(samples: readonly number[]): number | undefined {
  if (samples.length < MEMORY_SAMPLES_MIN) return undefined;
  const warm = samples.slice(Math.ceil(samples.length / 4));
  const middle = warm.length >> 1;
  return Math.min(...warm.slice(middle)) - Math.min(...warm.slice(0, middle));
}
