// A count, or a percentage of a stage's targets or items, as the model reads it.
// 1. Percentages are rounded down: so it is with budgets.

import type { Amount, Stage } from "../../internal/gen/holdfast/v1/workflow_pb.ts";

/** The bounds of a stage. */
export interface Budgets {
  readonly failuresMax: number;
  readonly atRiskMax: number;
}

/** Those of a stage of a workflow; a plan has none. */
export function budgetsOf(
  of: { readonly isPlan: boolean; readonly stages: readonly Stage[] },
  stage: number,
  targets: readonly string[],
): Budgets {
  const rollout = of.stages[stage]?.rollout;
  if (of.isPlan) return { failuresMax: Infinity, atRiskMax: Infinity };
  return { failuresMax: amountOf(rollout?.maxFailures, 0, targets), atRiskMax: amountOf(rollout?.maxAtRisk, Infinity, targets) };
}

/** How many; `absent` where nothing is said. */
function amountOf(amount: Amount | undefined, absent: number, targets: readonly string[]): number {
  if (amount === undefined || amount.kind.case === undefined) return absent;
  return amount.kind.case === "count" ? amount.kind.value : Math.floor((targets.length * amount.kind.value) / 100 + 1e-9);
}
