import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { Decision, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import { ReplayRequestSchema } from "../gen/holdfast/v1/policy_service_pb.ts";
import type { ReplayResponse } from "../gen/holdfast/v1/policy_service_pb.ts";
import { aGuardedWorld, oneStage, OPERATOR } from "../../test/fakes/guarded-world.ts";
import type { GuardedWorld } from "../../test/fakes/guarded-world.ts";
import { aLimit, aRule } from "../../test/fakes/policy-text.ts";
import { aSubmission, aWorkflow } from "../../test/fakes/world.ts";

async function replay(world: GuardedWorld, sources: readonly string[], sinceMs?: number): Promise<readonly ReplayResponse[]> {
  const candidates = sources.map((source, at) => ({ file: `c${at}.yaml`, source }));
  const since = sinceMs === undefined ? {} : { since: timestampFromMs(sinceMs) };
  const request = create(ReplayRequestSchema, { candidates, ...since });
  const responses: ReplayResponse[] = [];
  for await (const response of world.engine.replay(request, new AbortController().signal)) responses.push(response);
  return responses;
}

test("a replay tells which workflows would be newly denied, and how many it looked at", async () => {
  const world = await aGuardedWorld();
  const small = await world.launch({ name: "small", targets: { names: ["h0"] } });
  const large = await world.launch({ name: "large" });
  const candidate = aRule({ gates: "submit", expr: "size(targets) < 2", message: '"too many: " + string(size(targets))' });
  expect(await replay(world, [candidate])).toMatchObject([
    { id: large, name: "large", was: Decision.ALLOW, now: Decision.DENY, rules: ["p/r: too many: 3"] },
    { examined: 2 },
  ]);
  expect(small).not.toBe(large);
});

test("a replay tells which workflows would be newly allowed", async () => {
  const world = await aGuardedWorld({ policies: [aRule({ gates: "wave", expr: "false" })] });
  const id = await world.launch();
  expect(await world.phase(id)).toBe("WAITING");
  expect(await replay(world, [aRule({ gates: "wave", expr: "true" })])).toMatchObject([
    { id, was: Decision.DENY, now: Decision.ALLOW },
    { examined: 1 },
  ]);
});

test("the policies that were in force tell no difference: not of what waited, was parked, or was held at a task", async () => {
  const policies = [
    aRule({ name: "a", gates: "wave", expr: 'ledger.touchedTotal("1h") + size(targets) <= 3', enforcement: "wait" }),
    aRule({ name: "b", gates: "exec", expr: 'now >= timestamp("2026-01-01T00:00:05Z")', enforcement: "wait" }),
    aRule({ name: "c", gates: "task", expr: 'target.name != "h5" || now > timestamp("2026-01-01T03:00:00Z")', enforcement: "wait" }),
    aRule({ name: "d", gates: "wave", expr: 'workflow.name != "never"' }),
  ];
  const world = await aGuardedWorld({ targets: 6, policies });
  const first = await world.launch({ targets: { names: ["h0", "h1", "h2"] } });
  const second = await world.launch({ targets: { names: ["h3", "h4", "h5"] } });
  await world.launch({ name: "never" });
  await world.pass(3_700);
  await world.pass(7_300);
  expect([await world.phase(first), await world.phase(second)]).toEqual(["SUCCEEDED", "SUCCEEDED"]);
  expect(await replay(world, [])).toMatchObject([{ examined: 3 }]);
  await world.restart();
  expect(await replay(world, [])).toMatchObject([{ examined: 3 }]);
});

test("a replay reads the ledger as it was then, and looks only at what was submitted since", async () => {
  const world = await aGuardedWorld({ targets: 4 });
  await world.launch({ name: "old", targets: { names: ["h0", "h1"] } });
  await world.pass(1_800);
  const sinceMs = world.clock.nowMs();
  const id = await world.launch({ name: "new", targets: { names: ["h2", "h3"] } });
  await world.pass(7_200);
  const blast = aRule({ gates: "wave", expr: 'ledger.touchedTotal("1h") + size(targets) <= 3', enforcement: "wait" });
  expect(await replay(world, [blast], sinceMs)).toMatchObject([{ id, was: Decision.ALLOW, now: Decision.WAIT }, { examined: 1 }]);
});

test("explain tells at each gate what the judge does there", async () => {
  const policies = [
    aRule({ name: "a", gates: "submit", expr: "size(targets) < 2" }),
    aRule({ name: "b", gates: "wave", expr: "false", enforcement: "wait" }),
    aRule({ name: "c", gates: "task", expr: 'target.name != "h0"' }),
    aLimit({ name: "d", terms: "concurrency: 5" }),
  ];
  const world = await aGuardedWorld({ policies });
  const { gates } = await world.engine.explain(OPERATOR, aSubmission(aWorkflow(oneStage())));
  expect(gates.map(({ gate, decision }) => [gate, decision])).toEqual([
    [Gate.SUBMIT, Decision.DENY],
    [Gate.EXEC, Decision.DENY],
    [Gate.WAVE, Decision.WAIT],
    [Gate.TASK, Decision.DENY],
  ]);
  expect(world.journal.entries).toEqual([]);
});

test("approvals of generations that are not kept count for those that are", async () => {
  const policies = [aRule({ gates: "wave", expr: "false", enforcement: "{ approve: { role: sre } }" })];
  const world = await aGuardedWorld({ targets: 1, policies });
  const endless = { ...oneStage(), continueAsNew: { while: "workflow.generation < 4", keep: 0 } };
  const { id, digest } = await world.submit(endless);
  await world.engine.approve({ name: "bob", roles: ["approver:sre"] }, { id, namespace: "" }, { digest, reason: "seen" });
  await world.exec(id);
  await world.pass(10);
  expect([(await world.status(id)).generation, await world.phase(id)]).toEqual([4, "SUCCEEDED"]);
  expect(await replay(world, [])).toMatchObject([{ examined: 1 }]);
});
