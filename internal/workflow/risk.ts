// Which targets are at risk: flags of each over all stages, and how many have any.
// 1. The counts move with the flags, so that no turn scans targets.

import { assert } from "../base/assert.ts";
import type { WorkflowState } from "./state.ts";

/** Flags of a target over all stages; any of them: it is at risk. */
export const Risk = {
  NONE: 0,
  /** An apply has begun in the stage under way. */
  BEGUN: 1,
  FAILED: 2,
  UNKNOWN: 4,
} as const;

/** Sets or clears risk flags of a target, and keeps the counts of targets at risk, and in flight without being so. */
export function setRisk(state: WorkflowState, ordinal: number, flags: { readonly set?: number; readonly clear?: number }): void {
  const before = state.risk[ordinal] ?? 0;
  const after = (before | (flags.set ?? 0)) & ~(flags.clear ?? 0);
  state.risk[ordinal] = after;
  const change = Number(after !== 0) - Number(before !== 0);
  state.targetsAtRisk += change;
  const run = state.stageRun;
  if (run?.inFlight.has(ordinal) === true || run?.yielded.has(ordinal) === true) run.roomKept -= change;
  assert(state.targetsAtRisk >= 0, "the count of targets at risk is never negative");
}
