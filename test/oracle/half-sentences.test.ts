// Half-sentences of the docs that are easily overlooked, and faults that were mended: the smallest plan of each. Without its rule the oracle would
// say otherwise.

import { expect, test } from "vitest";
import { difference } from "./comparison.ts";
import type { ActionPlan, Plan, StagePlan, TurnPlan } from "./plan.ts";
import { FAITHFUL } from "./rules.ts";
import { runPlan } from "./subject.ts";

function turn(workMs: number, ending: TurnPlan["ending"] = "good"): TurnPlan {
  return { lookMs: 1, workMs, ending };
}

function action(parts: Partial<ActionPlan> = {}): ActionPlan {
  return { uses: "set", attempts: 1, doneEvery: 0, turns: [turn(1)], ...parts };
}

function stage(parts: Partial<StagePlan> = {}): StagePlan {
  return { isOver: true, waves: [], pauseMs: 0, parallel: 1, actions: [action()], ...parts };
}

function plan(parts: Partial<Plan>): Plan {
  return { targets: 2, workflows: [{ execAtMs: 0, priority: 0, stages: [stage()] }], limits: [], ...parts };
}

test("a target that was put off for its locks takes from the rate again", async () => {
  const slow = stage({ actions: [action({ turns: [turn(1), turn(1), turn(5_000)] })] });
  const rated = stage({ rate: { tokens: 1, periodMs: 5_000 } });
  const both = plan({
    workflows: [
      { execAtMs: 0, priority: 0, stages: [rated] },
      { execAtMs: 1_000, priority: 0, stages: [slow] },
    ],
  });
  const run = await runPlan(both);
  expect(difference(both, run, FAITHFUL)).toBeUndefined();
  expect(difference(both, run, { ...FAITHFUL, rateCountsDeferred: false })).toContain('the rules allow "w0 s0/a0@h1 starts"');
});

test("a value of `each` stays known while a start of it is under way, and for the period after its end", async () => {
  const probe = action({ uses: "probe", turns: [turn(1), turn(12_000), turn(1)] });
  const one = plan({
    targets: 3,
    workflows: [{ execAtMs: 0, priority: 0, stages: [stage({ actions: [probe] })] }],
    limits: [{ uses: "probe", keyBy: "all", tokens: 1, periodMs: 10_000, burst: 1, each: "site" }],
  });
  const run = await runPlan(one);
  expect(difference(one, run, FAITHFUL)).toBeUndefined();
  // Its site was known through a start that is 12 seconds old.
  expect(difference(one, run, { ...FAITHFUL, isKnownAfterEnd: false })).toContain('the service does "w0 s0/a0@h2 starts"');
});

test("a failed target is at risk no more once a later stage skipped it", async () => {
  const failing = stage({ maxFailures: { count: 1 }, actions: [action({ turns: [turn(1), turn(1), turn(1, "fail")] })] });
  const skipping = stage({ actions: [action({ when: "no" })] });
  const one = plan({
    workflows: [{ execAtMs: 0, priority: 0, stages: [failing, skipping, stage({ maxAtRisk: { count: 1 } })] }],
  });
  const run = await runPlan(one);
  expect(difference(one, run, FAITHFUL)).toBeUndefined();
  expect(difference(one, run, { ...FAITHFUL, isSkippingAWord: false })).toContain('the service does "w0 s2/a0@h0 starts"');
});

test("failed targets and unknown tasks together keep further targets from being begun, also those of one target", async () => {
  const touch = action({ uses: "touch", turns: [turn(1), turn(5, "unknown"), turn(1)] });
  const failing = action({ needs: [], turns: [turn(1), turn(1, "fail"), turn(1)] });
  const one = plan({
    workflows: [{ execAtMs: 0, priority: 0, stages: [stage({ maxFailures: { count: 1 }, actions: [touch, failing] })] }],
  });
  const run = await runPlan(one);
  expect(difference(one, run, FAITHFUL)).toBeUndefined();
  const found = difference(one, run, { ...FAITHFUL, isUnknownCountedTwice: false });
  expect(found).toContain('the service stands still, the rules allow "w0 s0/a0@h1 starts"');
});

test("a task is not late where another of its workflow, parked after it under the same key of a limit, has to wait for longer", async () => {
  const probing = stage({ actions: [action({ uses: "probe", turns: [turn(20_000)] })] });
  const both = plan({
    workflows: [
      { execAtMs: 0, priority: 0, stages: [probing] },
      { execAtMs: 1_000, priority: 0, stages: [probing] },
    ],
    limits: [{ uses: "probe", keyBy: "all", tokens: 1, periodMs: 10_000, burst: 1, each: "site", spacingMs: 2_000 }],
  });
  // Its site is known, so that only the spacing holds it back; the other target's site has to wait for a token.
  expect(difference(both, await runPlan(both), FAITHFUL)).toBeUndefined();
});
