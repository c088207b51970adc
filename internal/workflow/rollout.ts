// The arithmetic of rollouts: waves, budgets of failures, room for targets at risk. docs/workflow-file.md says the same in words.
// 1. Waves cover every target exactly once, in order; percentages of a wave are rounded up, and the last size repeats.
// 2. Budgets are rounded down: a bound is never exceeded by rounding.

import type { Amount } from "../gen/holdfast/v1/workflow_pb.ts";
import { present } from "../base/assert.ts";

/** Targets `first` to `first + count - 1` of a stage. */
export interface Wave {
  readonly first: number;
  readonly count: number;
}

/** Cuts `targets` into waves; no sizes: one wave of all. */
export function cutWaves(targets: number, sizes: readonly Amount[]): readonly Wave[] {
  if (targets === 0) return [];
  if (sizes.length === 0) return [{ first: 0, count: targets }];
  const waves: Wave[] = [];
  for (let first = 0; first < targets;) {
    const size = present(sizes[Math.min(waves.length, sizes.length - 1)], "a wave's size");
    // However small a percentage is, a wave of it has a target; otherwise it would never end.
    const count = Math.min(targets - first, Math.max(1, resolveAmount(size, targets, "up")));
    waves.push({ first, count });
    first += count;
  }
  return waves;
}

/** An amount as a count of `targets`. */
export function resolveAmount(amount: Amount, targets: number, rounding: "up" | "down"): number {
  if (amount.kind.case !== "percent") return amount.kind.value ?? 0;
  const exact = (targets * amount.kind.value) / 100;
  // 7% of 100 is 7.000000000000001 in doubles: what is within a billionth of a whole number is that number.
  const nearest = Math.round(exact);
  if (Math.abs(exact - nearest) < 1e-9 * Math.max(1, targets)) return nearest;
  return rounding === "up" ? Math.ceil(exact) : Math.floor(exact);
}

/** True when an amount says more than nothing; a wave of nothing would never end. */
export function isPositive({ kind }: Amount): boolean {
  return kind.value !== undefined && kind.value > 0;
}
