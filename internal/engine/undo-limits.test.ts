import { expect, test } from "vitest";
import { aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";
import { aLimit } from "../../test/fakes/policy-text.ts";

test("what is undone with its wave and waits for a limit waits for no person", async () => {
  const world = await aGuardedWorld({ targets: 2, policies: [aLimit({ terms: "tokens: 2, period: 120s" })] });
  const set = { name: "apply", uses: "set", with: { name: "a", value: "1" }, undo: { uses: "touch", with: { n: 2 } } };
  world.fleet.trouble("h1", "check", "fail");
  const id = await world.launch(oneStage({ undo: "STAGE_UNDO_WAVE", rollout: { parallel: 1 } }, [set]));
  await world.pass(61);
  expect([world.changes, await world.phase(id)]).toEqual([1, "RUNNING"]);
  expect(await world.whyText(id, "h1")).toContain("done with it");
  await world.pass(60);
  expect(await world.phase(id)).toBe("FAILED");
});
