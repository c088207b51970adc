import { expect, test } from "vitest";
import { OPERATOR, aGuardedWorld } from "../../test/fakes/guarded-world.ts";
import type { GuardedWorld } from "../../test/fakes/guarded-world.ts";
import { aLimit, aRule } from "../../test/fakes/policy-text.ts";

const AT_MOST_THREE = { expr: 'ledger.touchedTotal("1h") + size(targets) <= 3', enforcement: "wait", message: '"three an hour"' };

const some = (...names: string[]) => ({ targets: { names } });

/** An hour that was used up; in it three workflows of two targets each come to wait for the next one. */
async function three(policy: string): Promise<{ readonly world: GuardedWorld; readonly ids: readonly string[] }> {
  const world = await aGuardedWorld({ targets: 9, policies: [policy] });
  await world.launch(some("h6", "h7", "h8"));
  expect(world.changes).toBe(3);
  const ids = [await world.launch(some("h0", "h1")), await world.launch(some("h2", "h3")), await world.launch(some("h4", "h5"))];
  expect(world.changes).toBe(3);
  return { world, ids };
}

function phases({ world, ids }: Awaited<ReturnType<typeof three>>): Promise<readonly string[]> {
  return Promise.all(ids.map((id) => world.phase(id)));
}

test("where a rule at the gate of tasks counts what waves reserved, workflows wait for each other for ever, until one gives up", async () => {
  const all = await three(aRule({ ...AT_MOST_THREE, gates: "task" }));
  const { world, ids } = all;
  await world.pass(5 * 3_600);
  expect([world.changes, ...(await phases(all))]).toEqual([3, "RUNNING", "RUNNING", "RUNNING"]);
  const [first = "", second = "", third = ""] = ids;
  expect(await world.whyText(third, "h4")).toBe("fix/apply on h4 waits: policy p/r: three an hour");
  await world.engine.cancel(OPERATOR, { id: first, namespace: "" }, "in a circle");
  await world.pass(61);
  expect(world.changes).toBe(3);
  await world.engine.cancel(OPERATOR, { id: second, namespace: "" }, "in a circle");
  await world.pass(61);
  expect([world.changes, await world.phase(third)]).toEqual([5, "SUCCEEDED"]);
});

test("and a wave of more targets than the rule lets through waits for itself", async () => {
  const world = await aGuardedWorld({ targets: 4, policies: [aRule({ ...AT_MOST_THREE, gates: "task" })] });
  const id = await world.launch();
  await world.pass(5 * 3_600);
  expect([world.changes, await world.phase(id)]).toEqual([0, "RUNNING"]);
});

test("the same rule at the gate of waves makes no circle: whoever waits there has reserved nothing", async () => {
  const all = await three(aRule({ ...AT_MOST_THREE, gates: "wave" }));
  await all.world.pass(4 * 3_700);
  expect([all.world.changes, ...(await phases(all))]).toEqual([9, "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]);
});

test("the same as a limit makes no circle: whoever waits for it has taken nothing of it", async () => {
  const all = await three(aLimit({ terms: "tokens: 3, period: 1h, burst: 3" }));
  await all.world.pass(4 * 3_700);
  expect([all.world.changes, ...(await phases(all))]).toEqual([9, "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]);
});
