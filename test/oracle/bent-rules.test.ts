import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { difference } from "./comparison.ts";
import type { Plan } from "./plan.ts";
import { ANY_PLAN } from "./random-plan.ts";
import type { Rules } from "./rules.ts";
import { FAITHFUL } from "./rules.ts";
import type { Run } from "./subject.ts";
import { runPlan } from "./subject.ts";

/** So many plans each bent rule may go unnoticed. */
const RUNS_MAX = 1_000;
const SEED = Number(process.env["ORACLE_SEED"] ?? "1");

const BENT: readonly { readonly name: string; readonly rules: Partial<Rules> }[] = [
  { name: "waves are rounded down", rules: { roundWaves: Math.floor } },
  { name: "the last wave takes all that is left", rules: { lastWaveRepeats: false } },
  { name: "budgets are rounded up", rules: { roundBudgets: Math.ceil } },
  { name: "one more target may be at risk", rules: { atRiskMore: 1 } },
  { name: "one target fewer may be at risk", rules: { atRiskMore: -1 } },
  { name: "one more target may fail", rules: { failuresMore: 1 } },
  { name: "the pause between waves is ignored", rules: { pausePart: 0 } },
  { name: "the pause between waves is a little longer", rules: { pausePart: 1.001 } },
  { name: "what was skipped satisfies no need", rules: { isSkippedGood: false } },
  { name: "delays do not double", rules: { backoffGrows: 1 } },
  { name: "one more target may be in flight", rules: { parallelMore: 1 } },
  { name: "retries count to the rate", rules: { rateCountsRetries: true } },
  { name: "one more task may hold a slot", rules: { slotsMore: 1 } },
  { name: "one more start may come at once", rules: { burstMore: 1 } },
  { name: "a smaller priority goes first", rules: { priorityWeight: -1 } },
  { name: "a paused workflow starts tasks", rules: { isPausedKept: false } },
  { name: "locks are not kept", rules: { isLockKept: false } },
  { name: "every end is tried again", rules: { isRetryOnKept: false } },
  { name: "one more iteration is made", rules: { iterationsMore: 1 } },
  { name: "iterations share their retries", rules: { iterationsShareRetries: true } },
  { name: "a finish keeps nothing from beginning", rules: { isFinishKept: false } },
  { name: "a list may have one more item", rules: { itemsMore: 1 } },
  { name: "a cancelled workflow goes on", rules: { isCancelKept: false } },
  { name: "a Retry runs again what had succeeded", rules: { isDoneKept: false } },
];

describe(`a bent rule is noticed within ${RUNS_MAX} plans (ORACLE_SEED=${SEED})`, () => {
  const runs: { readonly plan: Plan; readonly run: Run }[] = [];

  /** The n-th plan and what the service does with it: run once for all rules. */
  async function nth(plans: readonly Plan[], n: number): Promise<{ readonly plan: Plan; readonly run: Run }> {
    const plan = plans[n] ?? { targets: 1, workflows: [], limits: [] };
    const kept = runs[n] ?? { plan, run: await runPlan(plan) };
    runs[n] = kept;
    return kept;
  }

  test.for(BENT)("the comparison notices when $name", async ({ rules }) => {
    const plans = fc.sample(ANY_PLAN, { seed: SEED, numRuns: RUNS_MAX });
    let noticed = 0;
    for (let n = 0; n < RUNS_MAX && noticed === 0; n++) {
      const { plan, run } = await nth(plans, n);
      if (difference(plan, run, { ...FAITHFUL, ...rules }) !== undefined) noticed = n + 1;
    }
    expect(noticed, "after so many plans").toBeGreaterThan(0);
  });
});
