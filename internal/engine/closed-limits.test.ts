import { expect, test } from "vitest";
import { aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";
import { aLimit } from "../../test/fakes/policy-text.ts";

test("what a target's failure closes between two attempts keeps no limit from what handles the failure", async () => {
  const world = await aGuardedWorld({ targets: 1, policies: [aLimit({ match: 'task.uses != "probe"', terms: "concurrency: 1" })] });
  world.fleet.trouble("h0", "check", "fail");
  const again = { name: "again", uses: "set", with: { name: "a", value: "1" }, retry: { attempts: 2, delay: "60s" } };
  const other = { name: "other", uses: "probe", needs: { actions: [] }, with: { n: 1 }, retry: { attempts: 1 } };
  const handler = { name: "handler", uses: "touch", with: { n: 1 } };
  world.fleet.trouble("h0", "run", "fail");
  world.holds = (step) => step === "run h0";
  const id = await world.launch(oneStage({ rollout: { maxFailures: { count: 1 } }, onFailure: [handler] }, [again, other]));
  // The one waits for its second attempt when the other fails their target.
  await world.release("run h0");
  expect([world.changes, await world.phase(id)]).toEqual([1, "SUCCEEDED"]);
});
