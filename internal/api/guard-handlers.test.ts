import { createClient, createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { FAKE_ID, fakeEngine } from "../../test/fakes/engine.ts";
import { TESTER } from "../../test/fakes/principals.ts";
import type { EngineFace } from "../engine/face.ts";
import { GuardService } from "../gen/holdfast/v1/guard_service_pb.ts";
import { Decision } from "../gen/holdfast/v1/policy_pb.ts";
import { PolicyService } from "../gen/holdfast/v1/policy_service_pb.ts";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";
import { WorkflowService } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { createAnswers } from "./answer.ts";
import { createCallGate } from "./call-gate.ts";
import { createGuardHandlers } from "./guard-handlers.ts";
import { createPolicyHandlers } from "./policy-handlers.ts";
import { createWorkflowHandlers } from "./workflow-handlers.ts";

/** The handlers behind the real gate, in memory; the tester asks. */
function handlers(replace: Partial<EngineFace> = {}) {
  const { engine, asked } = fakeEngine(replace);
  const answers = createAnswers((error) => {
    throw error;
  });
  const caller = () => ({ principal: TESTER, namespaces: undefined, onEnd: () => () => undefined });
  const requestGate = createCallGate({ authenticator: { caller }, publicServices: new Set(), byToken: "", callsPerPrincipal: 10 });
  const transport = createRouterTransport(
    (router) => {
      router.service(GuardService, createGuardHandlers(engine, answers));
      router.service(PolicyService, createPolicyHandlers(engine, answers));
      router.service(WorkflowService, createWorkflowHandlers(engine, answers));
    },
    { router: { requestGate } },
  );
  const guard = createClient(GuardService, transport);
  const policies = createClient(PolicyService, transport);
  return { guard, policies, workflows: createClient(WorkflowService, transport), asked };
}

test("a freeze and a thaw are asked of the engine in the caller's name, and answered with the proof", async () => {
  const { guard, asked } = handlers();
  const { id, proof } = await guard.freeze({ scope: { kind: { case: "everything", value: true } }, reason: "fire" });
  expect([id, proof?.freezes[0]?.reason]).toEqual(["f1", "fire"]);
  expect((await guard.thaw({ id: "f1" })).ids).toEqual(["f1"]);
  expect((await guard.getFreezes({})).proof?.freezes).toEqual([]);
  expect(asked).toEqual([
    { method: "freeze", by: "tester" },
    { method: "thaw", by: "tester", id: "f1" },
  ]);
});

test("locks and limits are listed by the prefix that was asked for", async () => {
  const { guard } = handlers();
  expect((await guard.listLocks({ prefix: "target:" })).locks.map(({ key }) => key)).toEqual(["target:web-01"]);
  expect((await guard.listLimits({ prefix: "erase/" })).limits.map(({ key }) => key)).toEqual(["erase/x"]);
});

test("an approval names the digest that was seen, and its page shows what is approved", async () => {
  const { workflows, asked } = handlers();
  const workflow = { id: FAKE_ID };
  const page = await workflows.getApproval({ workflow });
  expect([page.status?.phase, page.scope?.targets, page.approvals[0]?.by]).toEqual([Phase.WAITING, 3, "ann"]);
  const digest = `sha256:${"a".repeat(64)}`;
  expect((await workflows.approve({ workflow, digest, reason: "looked" })).status?.phase).toBe(Phase.RUNNING);
  expect(asked).toEqual([
    { method: "approval", id: FAKE_ID },
    { method: `approve ${digest}`, by: "tester", id: FAKE_ID },
  ]);
});

test("policies are listed, explained for the caller and replayed as a stream", async () => {
  const { policies, asked } = handlers();
  expect((await policies.listPolicies({})).isDefault).toBe(true);
  expect((await policies.explain({ submission: {} })).gates.map(({ decision }) => decision)).toEqual([Decision.ALLOW]);
  expect(asked).toEqual([{ method: "explain", by: "tester" }]);
  const answers = [];
  for await (const { id, now, examined } of policies.replay({})) answers.push([id, now, examined]);
  expect(answers).toEqual([
    [FAKE_ID, Decision.DENY, 0],
    ["", Decision.UNSPECIFIED, 7],
  ]);
  await expect(policies.explain({})).rejects.toThrow(/submission: is missing; give what Submit would get/);
});
