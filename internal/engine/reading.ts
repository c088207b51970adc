// Lists: pages of workflows, and what is said of a workflow whose journal is damaged.
// 1. A page examines at most PAGE_WORKFLOWS_EXAMINED_MAX rows and may come back short with a token.

import { create, toJson } from "@bufbuild/protobuf";
import { assertNever } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import { WorkflowId } from "../base/ids.ts";
import type { JsonObject } from "../base/json.ts";
import { PAGE_SIZE_DEFAULT, PAGE_WORKFLOWS_EXAMINED_MAX } from "../base/limits.ts";
import { didYouMean } from "../base/nearest.ts";
import { compileFilter } from "../expr/filter.ts";
import { WORKFLOW_ROW_TYPE } from "../expr/workflow-types.ts";
import type { Again } from "../gen/holdfast/v1/event_pb.ts";
import { AgainSchema, Mode, ModeSchema } from "../gen/holdfast/v1/event_pb.ts";
import type { WorkflowStatus } from "../gen/holdfast/v1/status_pb.ts";
import { HoldKind, HoldSchema, Phase, PhaseSchema, TaskCountsSchema, WorkflowStatusSchema } from "../gen/holdfast/v1/status_pb.ts";
import type { ListWorkflowsRequest, ListWorkflowsResponse, RunAgain, TaskName } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { ListWorkflowsResponseSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { StagePlan } from "../workflow/blueprint.ts";
import { taskAt } from "../workflow/blueprint.ts";
import { itemName } from "../workflow/list-plan.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { NAMESPACE_DEFAULT } from "./lookup.ts";
import type { Journal, WorkflowRecord } from "./ports.ts";

/** What a filter may name: what `filterRow` gives. */
const ROWS = { workflow: WORKFLOW_ROW_TYPE };

/** A filter is asked about so many rows before the event loop goes on. */
const ROWS_READ_AT_ONCE = 250;

/** A page of workflows, the newest first. `live` gives the status of those in memory. */
export async function listWorkflows(
  journal: Pick<Journal, "listRecords">,
  request: ListWorkflowsRequest,
  live: (id: WorkflowId) => WorkflowStatus | undefined,
): Promise<ListWorkflowsResponse> {
  const pageSize = request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize;
  const namespace = request.namespace === "" ? NAMESPACE_DEFAULT : request.namespace;
  const filter = request.filter === "" ? undefined : compileFilter(request.filter, ROWS, "filter");
  const workflows: WorkflowStatus[] = [];
  let before = request.pageToken === "" ? undefined : WorkflowId.parse(request.pageToken);
  for (let examined = 0; examined < PAGE_WORKFLOWS_EXAMINED_MAX;) {
    const limit = Math.min(filter === undefined ? pageSize : ROWS_READ_AT_ONCE, PAGE_WORKFLOWS_EXAMINED_MAX - examined);
    const records = await journal.listRecords({ namespace, limit, ...(before === undefined ? {} : { before }) });
    for (const record of records) {
      examined += 1;
      before = WorkflowId.parse(record.status.id);
      const status = live(before) ?? record.status;
      if (filter !== undefined && !filter.matches({ workflow: filterRow(status, record) })) continue;
      status.stages = []; // what a list is too short for; a status from the disk or the fold is nobody else's
      workflows.push(status);
      if (workflows.length === pageSize) return create(ListWorkflowsResponseSchema, { workflows, nextPageToken: before });
    }
    if (records.length < limit) return create(ListWorkflowsResponseSchema, { workflows, nextPageToken: "" });
  }
  return create(ListWorkflowsResponseSchema, { workflows, nextPageToken: before ?? "" });
}

function filterRow(status: WorkflowStatus, record: WorkflowRecord): JsonObject {
  return {
    id: status.id,
    name: status.name,
    namespace: status.namespace,
    key: status.key,
    phase: PhaseSchema.value[status.phase]?.localName ?? "UNSPECIFIED",
    mode: ModeSchema.value[status.mode]?.localName ?? "UNSPECIFIED",
    counts: status.counts === undefined ? {} : toJson(TaskCountsSchema, status.counts, { alwaysEmitImplicit: true }),
    targets: status.targets,
    annotations: status.annotations,
    priority: status.priority,
    submitted_by: status.submittedBy,
    submitted_at: Number(status.submittedAt?.seconds ?? 0n),
    request_id: record.requestId,
  };
}

/** What is said of a workflow whose events cannot be read: it waits for an operator and keeps its locks. */
export function corruptStatus(journal: Journal, id: WorkflowId, damage: HoldfastError): WorkflowStatus {
  const record = journal.record(id);
  const known = record?.status ?? create(WorkflowStatusSchema, { id, mode: Mode.APPLY });
  const message = `${damage.message}; its locks are kept; see "holdfast journal verify"`;
  const hold = create(HoldSchema, { kind: HoldKind.JOURNAL_CORRUPT, message });
  return create(WorkflowStatusSchema, { ...known, phase: Phase.WAITING, error: damage.message, waitingFor: [hold] });
}

/** The position of a target in the workflow's list; throws NOT_FOUND. */
export function findTarget({ blueprint }: WorkflowState, name: string): number {
  const ordinal = blueprint.targets.findIndex((target) => target.name === name);
  if (ordinal !== -1) return ordinal;
  const near = didYouMean(
    name,
    blueprint.targets.map((target) => target.name),
  );
  throw new HoldfastError("NOT_FOUND", `workflow ${blueprint.id} has no target "${name}"${near}`);
}

/** What a round runs again, by position; throws NOT_FOUND. */
export function tasksAgain(state: WorkflowState, { kind }: RunAgain): Again {
  switch (kind.case) {
    case "task":
      return create(AgainSchema, { kind: { case: "task", value: taskNamed(state, kind.value) } });
    case "stage":
      return create(AgainSchema, { kind: { case: "stage", value: stageNamed(state, kind.value).index } });
    case "all":
      return create(AgainSchema, { kind: { case: "all", value: true } });
    case undefined:
      throw new HoldfastError("INVALID_ARGUMENT", "again: it names nothing; say which task, which stage, or all");
    default:
      return assertNever(kind);
  }
}

/** A stage by its name; throws NOT_FOUND. */
function stageNamed({ blueprint: { stages, id } }: WorkflowState, name: string): StagePlan {
  const stage = stages.find((candidate) => candidate.name === name);
  if (stage !== undefined) return stage;
  const known = stages.map((candidate) => candidate.name);
  throw new HoldfastError("NOT_FOUND", `workflow ${id} has no stage "${name}"${didYouMean(name, known)}`);
}

/** The position of a target or an item in its stage; throws NOT_FOUND. */
function ordinalNamed(state: WorkflowState, stage: StagePlan, name: string): number {
  if (stage.isOverTargets) return findTarget(state, name);
  if (stage.list !== undefined) {
    const names = (stage.list.items ?? []).map(itemName);
    if (names.includes(name)) return names.indexOf(name);
    throw new HoldfastError("NOT_FOUND", `stage "${stage.name}" has no item "${name}"${didYouMean(name, names)}`);
  }
  if (name === "") return 0;
  throw new HoldfastError("INVALID_ARGUMENT", `stage "${stage.name}" runs once; name no target`);
}

/** The position of a task that is named by stage, action and target; throws NOT_FOUND. */
export function taskNamed(state: WorkflowState, named: Pick<TaskName, "stage" | "action" | "target">): number {
  const stage = stageNamed(state, named.stage);
  const action = stage.actions.find((candidate) => candidate.name === named.action);
  if (action === undefined)
    throw new HoldfastError(
      "NOT_FOUND",
      `stage "${stage.name}" has no action "${named.action}"${didYouMean(
        named.action,
        stage.actions.map((candidate) => candidate.name),
      )}`,
    );
  return taskAt(stage, ordinalNamed(state, stage, named.target), action.index);
}
