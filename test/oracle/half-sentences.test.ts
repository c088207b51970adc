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

test("a failed target that a later stage skipped is not at risk again when that stage is repeated", async () => {
  const failing = stage({ maxFailures: { count: 1 }, actions: [action({ turns: [turn(1), turn(1), turn(1, "fail")] })] });
  const skipping = action({ when: "no" });
  const repeated = stage({ maxAtRisk: { count: 1 }, repeat: { until: "never", max: 2, everyMs: 0 }, actions: [skipping] });
  const one = plan({ workflows: [{ execAtMs: 0, priority: 0, stages: [failing, repeated] }] });
  expect(difference(one, await runPlan(one), FAITHFUL)).toBeUndefined();
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

test("the token of a value of `each` goes back with the value's last start under way, when all of them were put off", async () => {
  const slow = stage({ parallel: 1, lock: "all", actions: [action({ turns: [turn(1), turn(9_000)] })] });
  const touching = stage({ parallel: 3, lock: "all", actions: [action({ uses: "touch" })] });
  const both = plan({
    targets: 3,
    workflows: [
      { execAtMs: 0, priority: 0, stages: [slow] },
      { execAtMs: 1_000, priority: 0, stages: [touching] },
    ],
    limits: [{ uses: "touch", keyBy: "all", tokens: 1, periodMs: 5_000, burst: 1, each: "site" }],
  });
  const run = await runPlan(both);
  expect(difference(both, run, FAITHFUL)).toBeUndefined();
  expect(difference(both, run, { ...FAITHFUL, isTokenOfValue: false })).toContain('the service does "w1 s0/a0@h1 starts"');
});

test("what the first attempt of an iteration took goes back too, where it is put off", async () => {
  const touching = action({ uses: "touch", turns: [turn(2)] });
  const one = plan({
    workflows: [
      {
        execAtMs: 0,
        priority: 0,
        stages: [stage({ parallel: 2, lock: "all", repeat: { until: "unchanged", max: 2, everyMs: 0 }, actions: [touching] })],
      },
    ],
    limits: [{ uses: "touch", keyBy: "all", periodMs: 5_000, burst: 1, spacingMs: 2 }],
  });
  expect(difference(one, await runPlan(one), FAITHFUL)).toBeUndefined();
});

test("what a start took whose first attempt failed is used, though a later one is put off", async () => {
  const bad = turn(1, "fail");
  const setting = action({ attempts: 2, delayMs: 1_000, turns: [{ ...bad, lookMs: 2_000 }, bad, bad, bad, bad] });
  const both = plan({
    workflows: [
      // While the second attempt on one target looks, the other one fails for good, and nothing more may begin.
      { execAtMs: 0, priority: 0, stages: [stage({ parallel: 2, actions: [setting] })] },
      { execAtMs: 3_000, priority: 0, stages: [stage()] },
    ],
    limits: [{ uses: "set", keyBy: "all", tokens: 2, periodMs: 20_000, burst: 2 }],
  });
  const run = await runPlan(both);
  expect(difference(both, run, FAITHFUL)).toBeUndefined();
  expect(difference(both, run, { ...FAITHFUL, isLaterAttemptUsed: false })).toContain('the rules allow "w1 s0/a0@h0 starts"');
});

test("a task stands in the line of the first limit alone that holds it back: at its others a smaller priority may go first", async () => {
  const high = stage({ actions: [action(), action({ uses: "probe" })] });
  const low = stage({ actions: [action({ uses: "probe", turns: [turn(4_000)] })] });
  const both = plan({
    workflows: [
      { execAtMs: 0, priority: 0, stages: [high] },
      { execAtMs: 0, priority: -1, stages: [low] },
    ],
    limits: [
      { uses: "probe", keyBy: "site", concurrency: 1, periodMs: 5_000, burst: 1 },
      { uses: "probe", keyBy: "all", concurrency: 1, periodMs: 5_000, burst: 1 },
    ],
  });
  const run = await runPlan(both);
  expect(difference(both, run, FAITHFUL)).toBeUndefined();
  expect(difference(both, run, { ...FAITHFUL, isLineOfFirst: false })).toContain('the rules allow "w0 s0/a1@h0 starts"');
});

test("in a limit's line a larger priority stands before, also when it came later and has to wait for longer", async () => {
  const both = plan({
    workflows: [
      { execAtMs: 0, priority: 0, stages: [stage({ actions: [action({ uses: "touch", turns: [turn(1), turn(2_000)] })] })] },
      { execAtMs: 1_000, priority: -1, stages: [stage({ actions: [action({ uses: "touch" })] })] },
    ],
    limits: [{ uses: "touch", keyBy: "all", tokens: 1, periodMs: 5_000, burst: 1, each: "site", spacingMs: 3_000 }],
  });
  const run = await runPlan(both);
  expect(difference(both, run, FAITHFUL)).toBeUndefined();
  expect(difference(both, run, { ...FAITHFUL, isLineOfWorkflows: false })).toContain('the rules allow "w1 s0/a0@h0 starts"');
});

test("in a limit's line a workflow keeps the place of its first task that waits, also when that one needs it no more", async () => {
  const failing = action({ uses: "probe", needs: [], turns: [turn(1), turn(2_000, "fail")] });
  const both = plan({
    workflows: [
      {
        execAtMs: 1_000,
        priority: 0,
        stages: [stage({ actions: [action({ turns: [turn(1), turn(500)] }), action({ uses: "probe" })] })],
      },
      {
        execAtMs: 0,
        priority: 0,
        stages: [stage({ maxFailures: { count: 1 }, actions: [failing, action({ uses: "probe", needs: [] })] })],
      },
    ],
    limits: [{ uses: "probe", keyBy: "all", tokens: 1, periodMs: 5_000, burst: 1, each: "site", spacingMs: 3_000 }],
  });
  const run = await runPlan(both);
  expect(difference(both, run, FAITHFUL)).toBeUndefined();
  expect(difference(both, run, { ...FAITHFUL, isLineOfWorkflows: false })).toContain('the rules allow "w0 s0/a1@h0 starts"');
});

test("a target that has begun goes on without the rate, also where targets that wait for it stand between its tasks", async () => {
  const first = action({ when: "no" });
  const late = action({ needs: [], uses: "touch", turns: [turn(1), turn(6_000)] });
  const one = plan({
    targets: 3,
    workflows: [
      {
        execAtMs: 0,
        priority: 0,
        stages: [
          stage({
            parallel: 2,
            lock: "all",
            rate: { tokens: 1, periodMs: 5_000 },
            actions: [first, action({ turns: [turn(1), turn(1)] }), late],
          }),
        ],
      },
    ],
    limits: [{ uses: "touch", keyBy: "all", concurrency: 1, periodMs: 5_000, burst: 1 }],
  });
  // Such a task was once left parked until the rate let the next target begin.
  expect(difference(one, await runPlan(one), FAITHFUL)).toBeUndefined();
});

test("a Retry gives back what unknown tasks held: whoever waits for it is served before the round", async () => {
  const touching = action({ uses: "touch", turns: [turn(2_000), turn(1, "unknown")] });
  const both = plan({
    targets: 1,
    workflows: [
      { execAtMs: 0, priority: 0, stages: [stage({ actions: [touching] })], retryAfterMs: 5_000 },
      { execAtMs: 1_000, priority: 1, stages: [stage({ actions: [action({ uses: "touch" })] })] },
    ],
    limits: [{ uses: "touch", keyBy: "all", concurrency: 1, periodMs: 5_000, burst: 1 }],
  });
  const run = await runPlan(both);
  expect(run.happenings.map(({ text }) => text)).toContain("w0 retry");
  expect(difference(both, run, FAITHFUL)).toBeUndefined();
});

test("what looked while its workflow was cancelled changes nothing any more", async () => {
  const looking = action({ turns: [{ ...turn(1), lookMs: 5_000 }] });
  const one = plan({ workflows: [{ execAtMs: 0, priority: 0, stages: [stage({ actions: [looking] })], cancelAfterMs: 1_000 }] });
  const run = await runPlan(one);
  expect(run.happenings.map(({ text }) => text)).toContain("w0 cancel");
  expect(difference(one, run, FAITHFUL)).toBeUndefined();
});
