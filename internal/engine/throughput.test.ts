import { expect, test } from "vitest";
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
