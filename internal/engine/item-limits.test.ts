import { expect, test } from "vitest";
import { aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";
import { aLimit } from "../../test/fakes/policy-text.ts";

test("an item that failed gives back the slots of its other tasks, which were between two attempts: the next item goes on", async () => {
  const world = await aGuardedWorld({ policies: [aLimit({ match: 'task.action == "first"', terms: "concurrency: 1" })] });
  const over = { list: { items: "['a', 'b']", max: 2 } };
  const first = { name: "first", uses: "set", with: { name: "${{ item }}", value: "1" }, retry: { attempts: 2, delay: "3600s" } };
  const second = { name: "second", uses: "touch", with: { n: 1 }, needs: { actions: [] } };
  world.fleet.trouble("service", "check", "fail");
  world.fleet.trouble("service", "apply", "fail");
  world.holds = (step) => step === "apply service";
  const id = await world.launch(oneStage({ over, rollout: { parallel: 1, maxFailures: { count: 1 } } }, [first, second]));
  await world.release();
  expect((await world.status(id)).counts).toMatchObject({ failed: 1, skipped: 1, changed: 2 });
  expect(await world.phase(id)).toBe("SUCCEEDED");
});
