// An engine for tests of the API: answers what a test tells it to, and records who asked what.

import { create } from "@bufbuild/protobuf";
import type { EngineFace, Principal } from "../../internal/engine/face.ts";
import {
  FreezeResponseSchema,
  GetFreezesResponseSchema,
  ListLimitsResponseSchema,
  ListLocksResponseSchema,
  ThawResponseSchema,
} from "../../internal/gen/holdfast/v1/guard_service_pb.ts";
import { Decision, Gate } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import {
  ExplainResponseSchema,
  ListPoliciesResponseSchema,
  ReplayResponseSchema,
} from "../../internal/gen/holdfast/v1/policy_service_pb.ts";
import { Phase, WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import {
  GetApprovalResponseSchema,
  ListTasksResponseSchema,
  ListWorkflowsResponseSchema,
  PlanResponseSchema,
  QueryResponseSchema,
  SubmitResponseSchema,
  WatchResponseSchema,
  WhyResponseSchema,
} from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";

/** What was asked: the method, and its arguments without messages and signals. */
export interface Asked {
  readonly method: string;
  readonly by?: string;
  readonly id?: string;
}

/** A workflow's ID that the fake knows. */
export const FAKE_ID = "019a9f1e-5c3a-7d10-8f00-0123456789ab";

/** The fake; `replace` overrides methods. */
export function fakeEngine(replace: Partial<EngineFace> = {}): { readonly engine: EngineFace; readonly asked: Asked[] } {
  const asked: Asked[] = [];
  const status = (phase: Phase = Phase.RUNNING): WorkflowStatus => create(WorkflowStatusSchema, { id: FAKE_ID, name: "fake", phase });
  const changing = (method: string) => async (by: Principal, ref: { id: string }) => {
    asked.push({ method, by: by.name, id: ref.id });
    return status();
  };
  const engine: EngineFace = {
    submit: async (by) => {
      asked.push({ method: "submit", by: by.name });
      return create(SubmitResponseSchema, { id: FAKE_ID, digest: `sha256:${"0".repeat(64)}` });
    },
    plan: async (by) => {
      asked.push({ method: "plan", by: by.name });
      return create(PlanResponseSchema, { id: FAKE_ID });
    },
    exec: async (by, ref, _digest, wait) => {
      asked.push({ method: wait === undefined ? "exec" : "exec, and waits", by: by.name, id: ref.id });
      return status(wait === undefined ? Phase.RUNNING : Phase.SUCCEEDED);
    },
    waitStill: async (ref) => {
      asked.push({ method: "waitStill", id: ref.id });
      return status(Phase.SUCCEEDED);
    },
    status: async (ref) => {
      asked.push({ method: "status", id: ref.id });
      return status();
    },
    watch: async function* watch(_ref, { afterSeq, signal }) {
      yield create(WatchResponseSchema, { status: status(), seq: BigInt(afterSeq + 1) });
      if (signal.aborted) return;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    },
    listTasks: async () => create(ListTasksResponseSchema),
    listWorkflows: async () => create(ListWorkflowsResponseSchema),
    history: async function* history() {
      // Nothing has happened yet.
    },
    cancel: changing("cancel"),
    signal: changing("signal"),
    complete: async (by) => {
      asked.push({ method: "complete", by: by.name });
      return status();
    },
    fail: async (by) => {
      asked.push({ method: "fail", by: by.name });
      return status();
    },
    completeByToken: async (token) => {
      asked.push({ method: `completeByToken ${token}`, by: "" });
    },
    query: async () => create(QueryResponseSchema),
    pause: changing("pause"),
    unpause: changing("unpause"),
    retry: async (by) => {
      asked.push({ method: "retry", by: by.name });
      return status();
    },
    resolveTask: async (by) => {
      asked.push({ method: "resolveTask", by: by.name });
      return status();
    },
    why: async () => create(WhyResponseSchema, { phase: Phase.RUNNING }),
    approve: async (by, ref, { digest }) => {
      asked.push({ method: `approve ${digest}`, by: by.name, id: ref.id });
      return status();
    },
    approval: async (ref) => {
      asked.push({ method: "approval", id: ref.id });
      return create(GetApprovalResponseSchema, { status: status(Phase.WAITING), scope: { targets: 3 }, approvals: [{ by: "ann" }] });
    },
    freeze: async (by, { reason }) => {
      asked.push({ method: "freeze", by: by.name });
      return create(FreezeResponseSchema, { id: "f1", proof: { freezes: [{ id: "f1", by: by.name, reason }] } });
    },
    thaw: async (by, { id }) => {
      asked.push({ method: "thaw", by: by.name, id });
      return create(ThawResponseSchema, { ids: [id] });
    },
    freezes: async () => create(GetFreezesResponseSchema, { proof: {} }),
    locks: async ({ prefix }) => create(ListLocksResponseSchema, { locks: [{ key: `${prefix}web-01`, workflow: FAKE_ID }], count: 1 }),
    limits: async ({ prefix }) => create(ListLimitsResponseSchema, { limits: [{ key: `${prefix}x`, slots: 2 }], count: 1 }),
    policies: async () => create(ListPoliciesResponseSchema, { isDefault: true }),
    explain: async (by) => {
      asked.push({ method: "explain", by: by.name });
      return create(ExplainResponseSchema, { gates: [{ gate: Gate.SUBMIT, decision: Decision.ALLOW }] });
    },
    replay: async function* replay() {
      yield create(ReplayResponseSchema, { id: FAKE_ID, was: Decision.ALLOW, now: Decision.DENY });
      yield create(ReplayResponseSchema, { examined: 7 });
    },
    close: async () => undefined,
    ...replace,
  };
  return { engine, asked };
}
