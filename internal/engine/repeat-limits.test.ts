import { expect, test } from "vitest";
import { aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";
import { aLimit } from "../../test/fakes/policy-text.ts";

test("each iteration takes its limits anew", async () => {
  const world = await aGuardedWorld({ targets: 1, policies: [aLimit({ terms: "tokens: 1, period: 60s" })] });
  const touch = { name: "apply", uses: "touch", with: { n: 1 }, repeat: { until: "apply.attempts >= 3", max: 5, every: "10s" } };
  const id = await world.launch(oneStage({}, [touch]));
  expect(world.changes).toBe(1);
  await world.pass(59);
  expect(world.changes).toBe(1);
  expect(await world.whyText(id, "h0")).toContain("is used up");
  await world.restart();
  await world.pass(2);
  expect(world.changes).toBe(2);
  await world.pass(60);
  expect([world.changes, await world.phase(id)]).toEqual([3, "SUCCEEDED"]);
});

test("a target takes its share of the stage's rate once, however often its action is repeated", async () => {
  const world = await aGuardedWorld({ targets: 2 });
  const touch = { name: "apply", uses: "touch", with: { n: 1 }, repeat: { until: "apply.attempts >= 3", max: 5, every: "1s" } };
  const id = await world.launch(oneStage({ rollout: { parallel: 1, rate: { tokens: 1, period: "60s" } } }, [touch]));
  await world.pass(3);
  expect(world.changes).toBe(3);
  await world.pass(60);
  expect([world.changes, await world.phase(id)]).toEqual([6, "SUCCEEDED"]);
});
