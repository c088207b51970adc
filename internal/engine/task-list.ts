// Pages of tasks, in the order of the workflow: what the state knows of each, and what the journal keeps beside it.
// 1. Outcome, stage and target are looked at in the state first, so that a few failed tasks among a million are found fast (H9).
// 2. Of those a page examines at most PAGE_ROWS_EXAMINED_MAX, and may come back short with a token.

import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { HoldfastError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { PAGE_ROWS_EXAMINED_MAX, PAGE_SIZE_DEFAULT } from "../base/limits.ts";
import { didYouMean } from "../base/nearest.ts";
import { compileFilter } from "../expr/filter.ts";
import { TASK_ROW_TYPE } from "../expr/workflow-types.ts";
import type { AttemptDetail, Task, TaskOutcome } from "../gen/holdfast/v1/status_pb.ts";
import { TaskSchema } from "../gen/holdfast/v1/status_pb.ts";
import type { ListTasksRequest, ListTasksResponse } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { ListTasksResponseSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { TaskPlace } from "../workflow/blueprint.ts";
import { keyOf } from "../workflow/expression-scope.ts";
import { placeOf, taskAt, unitName } from "../workflow/blueprint.ts";
import { itemName } from "../workflow/list-plan.ts";
import { finishText } from "../workflow/early-finish.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { TaskState, isGood, outcomeName, outcomeOf } from "../workflow/task-state.ts";
import { jsonToValue } from "../workflow/value-json.ts";
import { maskRendered } from "../expr/rendered.ts";
import type { Journal } from "./ports.ts";

/** What a filter may name: what `filterRow` gives. */
const ROWS = { task: TASK_ROW_TYPE };

/** A page of tasks. */
export function listTasks(journal: Journal, state: WorkflowState, request: ListTasksRequest): ListTasksResponse {
  const pageSize = request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize;
  const filter = request.filter === "" ? undefined : compileFilter(request.filter, ROWS, "filter");
  const tasks: Task[] = [];
  let examined = 0;
  for (const index of askedTasks(state, request)) {
    if (tasks.length === pageSize || examined === PAGE_ROWS_EXAMINED_MAX)
      return create(ListTasksResponseSchema, { tasks, nextPageToken: String(index) });
    examined += 1;
    const place = placeOf(state.blueprint, index);
    if (filter === undefined || filter.matches({ task: filterRow(state, { index, place }) }))
      tasks.push(taskOf(journal, state, { index, place }));
  }
  return create(ListTasksResponseSchema, { tasks, nextPageToken: "" });
}

/** The tasks of the stage, target and outcomes that are asked for, in order, from the token's on. */
function* askedTasks(state: WorkflowState, request: ListTasksRequest): Generator<number> {
  const { states } = state.tasks;
  const isAsked = askedStates(request.outcomes);
  const range = stageRange(state, request.stage);
  const from = Math.max(range.first, parseToken(request.pageToken));
  const runs = request.target === "" ? [{ first: from, end: range.end }] : runsOfTarget(state, request.target);
  for (const { first, end } of runs)
    for (let index = Math.max(first, from); index < Math.min(end, range.end); index++) if (isAsked[states[index] ?? 0] === 1) yield index;
}

/** For each state of a task whether its outcome is asked for: a million tasks are passed over by a look at a byte of each. */
function askedStates(outcomes: readonly TaskOutcome[]): Uint8Array {
  return Uint8Array.from(Object.values(TaskState), (each) =>
    each !== TaskState.ABSENT && (outcomes.length === 0 || outcomes.includes(outcomeOf(each))) ? 1 : 0,
  );
}

/** Where a target's tasks are: together, once in each stage over targets; or an item's. */
function runsOfTarget({ blueprint }: WorkflowState, name: string): readonly { readonly first: number; readonly end: number }[] {
  const ordinal = blueprint.targets.findIndex((target) => target.name === name);
  const runs = blueprint.stages.flatMap((stage) => {
    const at = stage.isOverTargets ? ordinal : (stage.list?.items ?? []).findIndex((item) => itemName(item) === name);
    return at === -1 ? [] : [{ first: taskAt(stage, at, 0), end: taskAt(stage, at, stage.actions.length) }];
  });
  if (ordinal === -1 && runs.length === 0) throw new HoldfastError("NOT_FOUND", `workflow ${blueprint.id} has no target "${name}"`);
  return runs;
}

function stageRange(state: WorkflowState, name: string): { readonly first: number; readonly end: number } {
  const { stages, tasks, id } = state.blueprint;
  if (name === "") return { first: 0, end: tasks };
  const stage = stages.find((candidate) => candidate.name === name);
  if (stage === undefined)
    throw new HoldfastError(
      "NOT_FOUND",
      `workflow ${id} has no stage "${name}"${didYouMean(
        name,
        stages.map((candidate) => candidate.name),
      )}`,
    );
  return { first: stage.firstTask, end: stage.firstTask + stage.width * stage.actions.length };
}

function parseToken(token: string): number {
  if (token === "") return 0;
  if (!/^[0-9]{1,9}$/.test(token))
    throw new HoldfastError("INVALID_ARGUMENT", "page_token: it is not one that this call gave; begin with an empty one");
  return Number(token);
}

interface TaskAt {
  readonly index: number;
  readonly place: TaskPlace;
}

function filterRow(state: WorkflowState, { index, place }: TaskAt): JsonObject {
  const now = state.tasks.get(index);
  return {
    stage: place.stage.name,
    action: place.action.name,
    target: unitName(state.blueprint, place.stage, place.ordinal),
    outcome: outcomeName(outcomeOf(now)),
    attempts: state.tasks.begunOf(index),
    changed: now === TaskState.CHANGED,
    uses: place.action.uses,
    index,
  };
}

function taskOf(journal: Journal, state: WorkflowState, { index, place }: TaskAt): Task {
  const now = state.tasks.get(index);
  const attempts = state.tasks.begunOf(index);
  const latest = journal.detail(state.blueprint.id, index);
  const found = latest === undefined || latest.attempt <= state.generation.attemptBase ? undefined : latest;
  // A detail of an earlier attempt tells nothing of one that has ended well and had nothing to tell.
  const detail = isGood(now) && found?.attempt !== state.tasks.attempts[index] ? undefined : found;
  const retryAtMs = state.backoff.dueAtMs(index);
  const running = state.running.get(index);
  return create(TaskSchema, {
    stage: place.stage.name,
    action: place.action.name,
    target: unitName(state.blueprint, place.stage, place.ordinal),
    outcome: outcomeOf(now),
    attempts,
    changed: now === TaskState.CHANGED,
    index,
    key: keyOf(state, index),
    run: state.tasks.runOf(index),
    uses: place.action.uses,
    annotations: { ...place.action.annotations },
    ...inputOf(place, detail),
    ...(detail === undefined ? {} : detailFields(detail, now)),
    ...(running === undefined ? {} : { startedAt: timestampFromMs(running.startedAtMs) }),
    ...(retryAtMs === undefined ? {} : { retryAt: timestampFromMs(retryAtMs) }),
    ...(now === TaskState.SKIPPED_FINISH ? { error: `skipped: ${finishText(state)}` } : {}),
  });
}

function detailFields(
  detail: AttemptDetail,
  now: number,
): Partial<Pick<Task, "error" | "output" | "outputTail" | "diff" | "before" | "after" | "startedAt" | "endedAt">> {
  const hasFailed = now !== TaskState.CHANGED && now !== TaskState.UNCHANGED;
  const { output, outputTail, diff, before, after } = detail;
  const times =
    detail.startedAtMs === 0n
      ? {}
      : { startedAt: timestampFromMs(Number(detail.startedAtMs)), endedAt: timestampFromMs(Number(detail.endedAtMs)) };
  return { error: hasFailed ? detail.error : "", outputTail, diff, before, after, ...times, ...(output === undefined ? {} : { output }) };
}

/** The rendered arguments that the attempt kept, else the definition's own, secrets masked; hidden when the author said so. */
function inputOf(place: TaskPlace, detail: AttemptDetail | undefined): Partial<Pick<Task, "input">> {
  if (detail?.input !== undefined) return { input: detail.input };
  if (place.action.arguments.hasExpressions) return {};
  const input = maskRendered(place.action.arguments.render(() => undefined));
  const isSensitive = typeof input === "object" && input !== null && "sensitive" in input && input.sensitive === true;
  return isSensitive ? {} : { input: jsonToValue(input) };
}
