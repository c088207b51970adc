import { expect, test } from "vitest";
import { GuardedWorld, OPERATOR } from "../../test/fakes/guarded-world.ts";
import { aRule } from "../../test/fakes/policy-text.ts";
import { retryOf } from "../../test/fakes/retry-request.ts";

test("a Retry stands before the gate of exec again, whatever was said there before", async () => {
  const world = new GuardedWorld({ targets: 1 });
  await world.openDirectory({ "p.yaml": aRule({ gates: "exec", expr: "true" }) });
  await world.start();
  world.fleet.trouble("h0", "check", "fail");
  const id = await world.launch();
  expect(await world.phase(id)).toBe("FAILED");
  await world.edit("p.yaml", aRule({ gates: "exec", expr: 'now >= timestamp("2026-01-01T00:10:00Z")', enforcement: "wait" }));
  await world.engine.retry(OPERATOR, retryOf({ id, namespace: "" }, "mended"));
  await world.settle();
  expect([world.changes, await world.phase(id)]).toEqual([0, "RUNNING"]);
  expect(await world.whyText(id)).toContain("policy p/r holds its execution");
  await world.pass(660);
  expect([world.changes, await world.phase(id)]).toEqual([1, "SUCCEEDED"]);
});
