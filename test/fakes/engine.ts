// An engine for tests of the API: answers what a test tells it to, and records who asked what.

import { create } from "@bufbuild/protobuf";
import type { EngineFace, Principal } from "../../internal/engine/face.ts";
import { Phase, WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import {
  ListTasksResponseSchema,
  ListWorkflowsResponseSchema,
  PlanResponseSchema,
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
    exec: changing("exec"),
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
    pause: changing("pause"),
    unpause: changing("unpause"),
    retry: changing("retry"),
    resolveTask: async (by) => {
      asked.push({ method: "resolveTask", by: by.name });
      return status();
    },
    why: async () => create(WhyResponseSchema, { phase: Phase.RUNNING }),
    close: async () => undefined,
    ...replace,
  };
  return { engine, asked };
}
