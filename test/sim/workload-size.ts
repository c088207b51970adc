// How large the workloads of a run are: from one task to tens of thousands. Most are small, because most faults are small.
// 1. A size follows from the seed alone, unless a run is asked for one.

import { Chance } from "./chance.ts";
import { SIZES } from "./scenario.ts";
import type { Size } from "./scenario.ts";

/** From and to, both included. */
type Range = readonly [least: number, most: number];

/** What a workflow of a run of this size is like. */
interface WorkloadTerms {
  /** How many runs of a thousand are of this size. */
  readonly weight: number;
  readonly stages: Range;
  /** Actions of a stage. */
  readonly actions: Range;
  readonly parallel: Range;
}

/** The sizes of workflows: up to 4, about 30, about 2,000, or 20,000 to 50,000 tasks. */
export const WORKLOAD_TERMS: Readonly<Record<Size, WorkloadTerms>> = {
  tiny: { weight: 200, stages: [1, 1], actions: [1, 2], parallel: [1, 2] },
  usual: { weight: 765, stages: [1, 3], actions: [1, 4], parallel: [1, 4] },
  large: { weight: 32, stages: [1, 2], actions: [1, 4], parallel: [20, 400] },
  huge: { weight: 3, stages: [1, 2], actions: [2, 4], parallel: [500, 4_096] },
};

/** The names of the sizes, small ones first. */
export const SIZE_NAMES: readonly Size[] = ["tiny", "usual", "large", "huge"];

/** True when a text names a size. */
export function isSize(text: string): text is Size {
  return Object.hasOwn(SIZES, text);
}

/** The size of a seed's run. */
export function sizeOfSeed(seed: number): Size {
  let roll = new Chance(seed).fork("size").int(0, 999);
  for (const size of SIZE_NAMES) {
    roll -= WORKLOAD_TERMS[size].weight;
    if (roll < 0) return size;
  }
  return "usual";
}
