import { expect, test } from "vitest";
import { World, aSubmission, aWorkflow } from "../../test/fakes/world.ts";
import { TESTER } from "../../test/fakes/principals.ts";
import { aLimit } from "../../test/fakes/policy-text.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import { runNoOps } from "../../test/bench/no-op-workflow.ts";

test("a workflow costs per task what a small one does: tens of thousands of tasks are done in seconds (H9)", async () => {
  const small = await runNoOps({ targets: 500, actions: 10, parallel: 50 });
  const large = await runNoOps({ targets: 4_000, actions: 10, parallel: 50 });
  expect(large.tasks).toBe(40_000);
  expect(large.events).toBe(80_007);
  expect(large.seconds / large.tasks).toBeLessThan(5 * (small.seconds / small.tasks));
});

test("waves of one target cost no more for being many", async () => {
  const rollout = { waves: [{ count: 1 }] };
  const small = await runNoOps({ targets: 500, actions: 2, parallel: 10, rollout });
  const large = await runNoOps({ targets: 5_000, actions: 2, parallel: 10, rollout });
  expect(large.seconds / large.tasks).toBeLessThan(5 * (small.seconds / small.tasks));
});

/** Seconds a task: all targets have their first action behind them, and wait with their second one for five slots. */
async function underLimit(targets: number): Promise<number> {
  const world = new World({ targets });
  world.policies = world.policiesOf([aLimit({ match: 'task.action == "b"', terms: "concurrency: 5" })]);
  await world.start();
  const set = (name: string) => ({ name, uses: "set", with: { name, value: "1" } });
  const stage = { name: "fix", over: { targets: true }, rollout: { parallel: targets }, actions: [set("a"), set("b")] };
  const { id, digest } = await world.engine.submit(TESTER, aSubmission(aWorkflow({ stages: [stage] })), Mode.APPLY);
  const startMs = performance.now();
  await world.engine.exec(TESTER, { id, namespace: "" }, digest);
  await world.engine.waitStill({ id, namespace: "" }, new AbortController().signal);
  return (performance.now() - startMs) / targets;
}

test("thousands of tasks that wait under one limit cost no more for being many (H9)", async () => {
  const small = await underLimit(1_000);
  const large = await underLimit(8_000);
  expect(large).toBeLessThan(4 * small);
});
