// What the fuzzer drives: a target takes one input at a time, and says by throwing that the product did what it must not do.
// 1. An input is a text, whatever it stands for: it can be printed, shrunk, written down in failed-inputs.json and tried again.
// 2. A target is the product's own code; only what stands behind its ports may be a fake.

import type { Arbitrary } from "fast-check";

/** One thing to fuzz. */
export interface FuzzTarget {
  readonly name: string;
  /** What is fuzzed, in a line, for the report. */
  readonly about: string;
  open(): Promise<OpenTarget>;
}

/** A target that is ready for inputs. */
export interface OpenTarget {
  readonly inputs: Arbitrary<string>;
  /** Gives the input to the product. Ends in order when the answer, good or an error, is one that people may get; else throws. */
  attempt(input: string): Promise<void> | void;
  /** Between slices of inputs: gives back what they left behind, and checks what only the whole can show. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** A target without anything to open, settle or close. */
export function plainTarget(name: string, about: string, parts: Pick<OpenTarget, "inputs" | "attempt">): FuzzTarget {
  return { name, about, open: async () => ({ ...parts, settle: async () => undefined, close: async () => undefined }) };
}
