// What an action gets to know of an attempt, for tests: defaults, and only what matters said.

import { create } from "@bufbuild/protobuf";
import { timeMs, WorkflowId } from "../../internal/base/ids.ts";
import type { AttemptContext } from "../../internal/engine/ports.ts";
import { TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";

/** A target on this host, under a root. */
export function aLocalTarget(root: string, name = "web-01"): Target {
  return create(TargetSchema, { name, labels: { site: "ams" }, connection: { kind: { case: "local", value: { root } } } });
}

/** A first attempt with a minute to go. */
export function anAttempt(over: Partial<AttemptContext> = {}): AttemptContext {
  return {
    workflowId: WorkflowId.parse("019a9f1e-5c3a-7d10-8f00-0123456789ab"),
    target: undefined,
    taskKey: "019a9f1e-5c3a-7d10-8f00-0123456789ab.1.7",
    attempt: 1,
    startedAtMs: timeMs(1_000_000),
    timeoutMs: 60_000,
    heartbeatMs: Infinity,
    signal: new AbortController().signal,
    remoteId: "",
    mayBegin: () => true,
    scope: () => undefined,
    ...over,
  };
}
