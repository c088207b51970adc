// What an approver has to see: the frozen scope, what policies say and for what they wait, who approved, and what a plan of the same work found.
// 1. A plan is of the same work when definition, parameters and targets are equal. It is looked for among the newest workflows of the namespace.

import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { digestJson } from "../base/digest.ts";
import { WorkflowId } from "../base/ids.ts";
import { APPROVAL_DIFFS_MAX, APPROVAL_DIFF_LENGTH_MAX, APPROVAL_PLANS_EXAMINED_MAX } from "../base/limits.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import type { WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import type { GetApprovalResponse, PlanSummary, TaskDiff } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { ApprovalSchema, GetApprovalResponseSchema, PlanSummarySchema, TaskDiffSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { TargetSchema, WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { endedAtMs } from "../workflow/apply.ts";
import { placeOf, unitName } from "../workflow/blueprint.ts";
import { scopeOf } from "../workflow/scope-of-work.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { isEnded, phaseOf, statusOf } from "../workflow/status.ts";
import { TaskState } from "../workflow/task-state.ts";
import type { Registry } from "./registry.ts";

/** The approver's view of a workflow. */
export async function approvalView(registry: Registry, state: WorkflowState): Promise<GetApprovalResponse> {
  const plan = await findPlan(registry, state);
  return create(GetApprovalResponseSchema, {
    status: statusOf(state),
    scope: scopeOf(state.blueprint),
    approvals: state.approvers.map(({ by, roles, atMs, reason }) =>
      create(ApprovalSchema, { by, roles: [...roles], at: timestampFromMs(atMs), reason }),
    ),
    ...(plan === undefined ? {} : { plan: planSummary(registry, plan) }),
  });
}

/** The newest plan of the same work that has ended. */
async function findPlan(registry: Registry, state: WorkflowState): Promise<WorkflowState | undefined> {
  const { namespace, name, targets } = state.blueprint;
  const wanted = workDigest(state.submitted);
  const records = await registry.ports.journal.listRecords({ namespace, limit: APPROVAL_PLANS_EXAMINED_MAX });
  for (const { status } of records) {
    const isCandidate = status.mode === Mode.PLAN && status.name === name && status.targets === targets.length;
    if (!isCandidate || !isEnded(status.phase)) continue;
    const plan = await registry.stateOf(WorkflowId.parse(status.id));
    if (isEnded(phaseOf(plan)) && workDigest(plan.submitted) === wanted) return plan;
  }
  return undefined;
}

function workDigest({ definition, params, targets }: WorkflowSubmitted): string {
  const bytes = (of: Uint8Array): string => Buffer.from(of).toString("base64");
  return digestJson({
    definition: definition === undefined ? "" : bytes(toBinary(WorkflowDefinitionSchema, definition)),
    params: params ?? {},
    targets: targets.map((target) => bytes(toBinary(TargetSchema, target))),
  });
}

function planSummary(registry: Registry, plan: WorkflowState): PlanSummary {
  const ended = endedAtMs(plan);
  const { counts } = statusOf(plan);
  return create(PlanSummarySchema, {
    id: plan.blueprint.id,
    ...(counts === undefined ? {} : { counts }),
    ...(ended === undefined ? {} : { endedAt: timestampFromMs(ended) }),
    diffs: firstDiffs(registry, plan),
  });
}

function firstDiffs({ ports }: Registry, { blueprint, tasks }: WorkflowState): TaskDiff[] {
  const diffs: TaskDiff[] = [];
  for (let task = 0; task < blueprint.tasks && diffs.length < APPROVAL_DIFFS_MAX; task++) {
    if (tasks.get(task) !== TaskState.CHANGED) continue;
    const diff = ports.journal.detail(blueprint.id, task)?.diff ?? "";
    if (diff === "") continue;
    const { stage, action, ordinal } = placeOf(blueprint, task);
    const target = unitName(blueprint, stage, ordinal);
    diffs.push(create(TaskDiffSchema, { target, action: action.name, diff: diff.slice(0, APPROVAL_DIFF_LENGTH_MAX) }));
  }
  return diffs;
}
