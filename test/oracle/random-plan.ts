// Random plans, so that fast-check can make a failing one smaller: each part is an arbitrary of its own, and absent is smaller than present.

import fc from "fast-check";
import type { ActionPlan, AmountPlan, LimitPlan, Plan, RepeatPlan, StagePlan, TurnPlan, WorkflowPlan } from "./plan.ts";

/** Drops what is undefined, as exact optional properties want it. */
function present<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return JSON.parse(JSON.stringify(value));
}

/** Absent once in `freq` times. */
function maybe<T>(arbitrary: fc.Arbitrary<T>, freq: number): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined, freq });
}

/** Present once in `freq` times. */
function seldom<T>(arbitrary: fc.Arbitrary<T>, freq: number): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: freq - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

const AMOUNT: fc.Arbitrary<AmountPlan> = fc.oneof(
  fc.record({ count: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ percent: fc.integer({ min: 1, max: 70 }) }),
);

const BUDGET: fc.Arbitrary<AmountPlan> = fc.oneof(
  fc.record({ count: fc.integer({ min: 0, max: 4 }) }),
  fc.record({ percent: fc.integer({ min: 0, max: 70 }) }),
);

const TURN: fc.Arbitrary<TurnPlan> = fc.record({
  lookMs: fc.integer({ min: 1, max: 3_000 }),
  workMs: fc.integer({ min: 1, max: 9_000 }),
  ending: fc.oneof(
    { weight: 14, arbitrary: fc.constant("good" as const) },
    { weight: 4, arbitrary: fc.constant("fail" as const) },
    { weight: 2, arbitrary: fc.constant("fail-look" as const) },
    { weight: 1, arbitrary: fc.constant("unknown" as const) },
  ),
});

const REPEAT: fc.Arbitrary<RepeatPlan> = fc.record({
  until: fc.constantFrom("tried-twice" as const, "unchanged" as const, "never" as const),
  max: fc.integer({ min: 1, max: 3 }),
  everyMs: fc.constantFrom(0, 0, 1_000, 4_321),
});

/** An action at a position; its needs are earlier ones. */
function actionAt(position: number): fc.Arbitrary<ActionPlan> {
  const earlier = Array.from({ length: position }, (_, index) => index);
  return fc
    .record({
      uses: fc.constantFrom("set" as const, "touch" as const, "probe" as const),
      needs: maybe(fc.subarray(earlier), 2),
      when: maybe(fc.constantFrom("changed" as const, "unchanged" as const, "no" as const), 3),
      attempts: fc.constantFrom(1, 1, 2, 3),
      delayMs: maybe(fc.integer({ min: 0, max: 5_000 }), 2),
      backoffMs: maybe(fc.integer({ min: 1, max: 4_000 }), 2),
      backoffMaxMs: maybe(fc.integer({ min: 1, max: 6_000 }), 2),
      on: maybe(fc.constantFrom("failed" as const, "unreachable" as const), 2),
      repeat: seldom(REPEAT, 5),
      doneEvery: fc.constantFrom(0, 0, 1, 2, 3),
      turns: fc.array(TURN, { minLength: 1, maxLength: 5 }),
    })
    .map(present);
}

function actionOrFinish(position: number): fc.Arbitrary<ActionPlan> {
  const how = seldom(fc.constantFrom("succeeded" as const, "failed" as const), 15);
  return fc.tuple(actionAt(position), how).map(([action, finishes]) => orFinish(action, finishes));
}

/** Now and then an action finishes the workflow instead. */
function orFinish(action: ActionPlan, finishes: ActionPlan["finishes"]): ActionPlan {
  if (finishes === undefined) return action;
  const { needs, when, turns } = action;
  return present({ uses: "finish" as const, finishes, needs, when, attempts: 1, doneEvery: 0, turns });
}

/** Items take no locks, and are never at risk. */
function overList(stage: StagePlan, list: StagePlan["list"]): StagePlan {
  return list === undefined || !stage.isOver ? stage : present({ ...stage, lock: undefined, maxAtRisk: undefined, list });
}

const LIST: fc.Arbitrary<NonNullable<StagePlan["list"]>> = fc.record({
  items: fc.integer({ min: 0, max: 6 }),
  max: fc.integer({ min: 5, max: 8 }),
});

const ACTIONS: fc.Arbitrary<readonly ActionPlan[]> = fc
  .integer({ min: 1, max: 4 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, position) => actionOrFinish(position))));

const STAGE: fc.Arbitrary<StagePlan> = fc
  .record({
    isOver: fc.constantFrom(true, true, true, true, false),
    waves: fc.array(AMOUNT, { maxLength: 3 }),
    pauseMs: fc.constantFrom(0, 0, 1_000, 7_531),
    parallel: fc.integer({ min: 1, max: 5 }),
    maxFailures: maybe(BUDGET, 3),
    maxAtRisk: maybe(BUDGET, 2),
    rate: maybe(fc.record({ tokens: fc.integer({ min: 1, max: 7 }), periodMs: fc.constantFrom(5_000, 10_000) }), 2),
    lock: maybe(fc.constantFrom("all" as const, "site" as const), 2),
    repeat: seldom(REPEAT, 5),
    list: seldom(LIST, 5),
    actions: ACTIONS,
  })
  .map(present)
  .map(({ list, ...stage }) => overList(stage, list));

const WORKFLOW: fc.Arbitrary<WorkflowPlan> = fc
  .record({
    execAtMs: fc.integer({ min: 0, max: 9_999 }),
    priority: fc.integer({ min: -1, max: 1 }),
    stages: fc.array(STAGE, { minLength: 1, maxLength: 2 }),
    cancelAfterMs: seldom(fc.integer({ min: 1, max: 30_000 }), 4),
    retryAfterMs: maybe(fc.integer({ min: 1, max: 60_000 }), 2),
    break: maybe(fc.record({ afterMs: fc.integer({ min: 1, max: 15_000 }), forMs: fc.integer({ min: 1, max: 15_000 }) }), 2),
  })
  .map(present);

const LIMIT: fc.Arbitrary<LimitPlan> = fc
  .record({
    uses: fc.constantFrom("touch" as const, "touch" as const, "probe" as const, "probe" as const, "set" as const),
    keyBy: fc.constantFrom("all" as const, "site" as const),
    concurrency: maybe(fc.integer({ min: 1, max: 3 }), 2),
    tokens: maybe(fc.integer({ min: 1, max: 3 }), 2),
    periodMs: fc.constantFrom(5_000, 20_000),
    burst: fc.integer({ min: 1, max: 3 }),
    each: maybe(fc.constant("site" as const), 2),
    spacingMs: maybe(fc.integer({ min: 1, max: 4_000 }), 2),
  })
  .map((limit) => (limit.tokens === undefined ? { ...limit, each: undefined } : limit))
  .map((limit) => ((limit.concurrency ?? limit.tokens ?? limit.spacingMs) === undefined ? { ...limit, concurrency: 1 } : limit))
  .map(present);

/** Any plan. */
export const ANY_PLAN: fc.Arbitrary<Plan> = fc.record({
  targets: fc.integer({ min: 1, max: 9 }),
  workflows: fc.array(WORKFLOW, { minLength: 1, maxLength: 2 }),
  limits: fc.array(LIMIT, { maxLength: 2 }),
});
