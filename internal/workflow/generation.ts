// Which generation of an endless workflow is under way, and what of the ones before it is still known.
// 1. It is the same whether a replay begins with the first event or with the one that began the oldest generation that is kept.

import type { TimeMs } from "../base/ids.ts";

/** A generation, and the number of the event that began it. */
export interface GenerationStart {
  readonly number: number;
  readonly seq: number;
}

/** The generation under way. */
export interface Generation {
  /** From 1. */
  readonly number: number;
  /** When it began; undefined: with Exec. */
  readonly startedAtMs: TimeMs | undefined;
  /** The highest number of an attempt in the generations before. */
  readonly attemptBase: number;
  /** The highest number of an attempt so far. */
  attemptLast: number;
  /** Who executed the workflow; empty: nobody yet. */
  executedBy: string;
  /** Where the generations began that are kept, the oldest first; of the first one nothing is said. */
  readonly starts: readonly GenerationStart[];
}

/** Before anything has happened. */
export function firstGeneration(): Generation {
  return { number: 1, startedAtMs: undefined, attemptBase: 0, attemptLast: 0, executedBy: "", starts: [] };
}
