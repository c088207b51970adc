// Questions for policies: a small workflow with defaults, so that a test says only what matters to it.

import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timeMs } from "../../internal/base/ids.ts";
import type { GateQuestion, LedgerReader, Person, TaskQuestion } from "../../internal/engine/policy-port.ts";
import { Mode, WorkflowSubmittedSchema } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { WorkflowSubmitted } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { Gate } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import type { StageSchema, Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";

/** 2026-01-05T10:00:00Z, a Monday. */
export const MONDAY_MS = 1_767_607_200_000;
export const ANN: Person = { name: "ann", roles: ["submitter"] };
export const NOTHING_TOUCHED: LedgerReader = { touched: () => ({ count: 0, version: 0 }) };

/** Targets `web-0`… with labels. */
export function someTargets(count: number, labels: (index: number) => Record<string, string> = () => ({ site: "ams" })): readonly Target[] {
  return Array.from({ length: count }, (_, index) => create(TargetSchema, { name: `web-${index}`, labels: labels(index) }));
}

/** A workflow as it was submitted. */
export function aSubmission(
  fields: {
    readonly name?: string;
    readonly stages?: readonly MessageInitShape<typeof StageSchema>[];
    readonly targets?: readonly Target[];
    readonly mode?: Mode;
    readonly annotations?: Record<string, string>;
    readonly policies?: readonly { readonly name: string; readonly digest: string }[];
  } = {},
): WorkflowSubmitted {
  const action = { name: "apply", uses: "file", with: { path: "/etc/motd" } };
  const { name = "fix", stages = [{ name: "fix", over: { kind: { case: "targets", value: true } }, actions: [action] }] } = fields;
  return create(WorkflowSubmittedSchema, {
    id: "019a9f1e-5c3a-7d10-8f00-0123456789ab",
    definition: { name, stages: [...stages], annotations: fields.annotations ?? {} },
    targets: [...(fields.targets ?? someTargets(2))],
    namespace: "default",
    mode: fields.mode ?? Mode.APPLY,
    policies: [...(fields.policies ?? [])],
  });
}

/** A question at a gate; at Submit of a small workflow unless said otherwise. */
export function aGateQuestion(fields: Partial<GateQuestion> = {}): GateQuestion {
  const submitted = fields.submitted ?? aSubmission();
  const facts = { submitter: ANN, nowMs: timeMs(MONDAY_MS), ledger: NOTHING_TOUCHED, approvals: [] };
  return { ...facts, gate: Gate.SUBMIT, submitted, targets: submitted.targets, ...fields };
}

/** A question about the first task on the first target. */
export function aTaskQuestion(fields: Partial<TaskQuestion> = {}): TaskQuestion {
  const submitted = fields.submitted ?? aSubmission();
  const facts = { submitter: ANN, nowMs: timeMs(MONDAY_MS), ledger: NOTHING_TOUCHED, approvals: [] };
  return { ...facts, submitted, stage: 0, action: 0, target: submitted.targets[0], ...fields };
}
