// The values behind the names of an expression: parameters, target, workflow, task, earlier actions, and stage('x').
// 1. Values are looked up only when an expression names them; outputs come from the store.
// 2. An action that was skipped has outcome SKIPPED, changed false and no output: has(scan.output) tells.

import type { JsonObject, JsonValue } from "../base/json.ts";
import { setKey } from "../base/json.ts";
import { HoldfastError } from "../base/errors.ts";
import { didYouMean } from "../base/nearest.ts";
import { AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import type { StagePlan, TaskPlace } from "./blueprint.ts";
import { taskKey } from "./task-key.ts";
import { placeOf, targetAt, taskAt, unitName } from "./blueprint.ts";
import type { AttemptReport } from "./commands.ts";
import type { Facts } from "./facts.ts";
import { expressionParams } from "./params.ts";
import type { WorkflowState } from "./state.ts";
import { alternativeOf } from "./needs.ts";
import { TaskState, isFailure, outcomeName, outcomeOf } from "./task-state.ts";
import { valueToJson } from "./value-json.ts";

/** How many names of failed targets stage('x') holds; `failed` counts all. */
export const FAILED_TARGETS_MAX = 10_000;

/** Looks up root names of expressions. */
export type ScopeOf = (name: string) => unknown;

/** The scope of expressions about one task. */
export function taskScope(state: WorkflowState, task: number, facts: Pick<Facts, "detail">): ScopeOf {
  const place = placeOf(state.blueprint, task);
  const workflow = workflowScope(state, facts);
  const earlier = (name: string): unknown =>
    place.action.before.includes(name) ? actionScope(state, { place, name, facts }) : workflow(name);
  return (name) => {
    switch (name) {
      case "target":
        return targetScope(state, place);
      case "item":
        // An action may have this name where there are no items.
        return place.stage.list === undefined ? earlier(name) : place.stage.list.items?.[place.ordinal];
      case "attempt":
        return state.tasks.begunOf(task);
      case "task":
        return {
          stage: place.stage.name,
          action: place.action.name,
          uses: place.action.uses,
          key: keyOf(state, task),
          run: state.tasks.runOf(task),
          annotations: place.action.annotations,
        };
      default:
        return earlier(name);
    }
  };
}

/** The key of the task's run that is under way, or was last. */
export function keyOf({ blueprint, tasks, generation }: WorkflowState, task: number): string {
  return taskKey(blueprint.id, { task, run: tasks.runOf(task), generation: generation.number });
}

/** The scope of expressions about an attempt that comes to a good end: its action is known under its own name, as later ones will see it. */
export function endScope(state: WorkflowState, report: AttemptReport, facts: Pick<Facts, "detail">): ScopeOf {
  const { identifier } = placeOf(state.blueprint, report.task).action;
  const scope = taskScope(state, report.task, facts);
  const own = ownResult(report, state.generation.attemptBase);
  return (name) => (name === identifier ? own : scope(name));
}

function ownResult({ outcome, attempt, detail }: AttemptReport, attemptBase: number): JsonObject {
  const isChanged = outcome === AttemptOutcome.CHANGED;
  const result = {
    outcome: outcomeName(outcomeOf(isChanged ? TaskState.CHANGED : TaskState.UNCHANGED)),
    changed: isChanged,
    attempts: attempt - attemptBase,
  };
  return detail?.output === undefined ? result : { ...result, output: valueToJson(detail.output) };
}

/** The scope of expressions about the workflow as a whole. */
export function workflowScope(state: WorkflowState, facts: Pick<Facts, "detail">): ScopeOf {
  const { blueprint } = state;
  return (name) => {
    switch (name) {
      case "params":
        return blueprint.params;
      case "vars":
        return expressionParams(state.submitted.definition?.vars ?? {}, state.vars);
      case "workflow":
        return {
          id: blueprint.id,
          name: blueprint.name,
          namespace: blueprint.namespace,
          key: blueprint.key,
          annotations: blueprint.annotations,
          targets: blueprint.targets.length,
          generation: state.generation.number,
        };
      case "stage":
        return (stageName: unknown) => stageScope(state, String(stageName), facts);
      default:
        return undefined;
    }
  };
}

function targetScope(state: WorkflowState, { stage, ordinal }: TaskPlace): JsonObject | undefined {
  const target = targetAt(state.blueprint, stage, ordinal);
  return target === undefined ? undefined : { name: target.name, labels: target.labels };
}

function actionScope(
  state: WorkflowState,
  at: { readonly place: TaskPlace; readonly name: string; readonly facts: Pick<Facts, "detail"> },
): JsonObject | undefined {
  const { stage, ordinal } = at.place;
  const action = stage.actions.find((candidate) => candidate.identifier === at.name);
  return action === undefined ? undefined : actionResult(state, { stage, ordinal, action: action.index }, at.facts);
}

/** Of an action with alternatives what the one that succeeded left, or the last that was tried. */
function actionResult(
  state: WorkflowState,
  at: { readonly stage: StagePlan; readonly ordinal: number; readonly action: number },
  facts: Pick<Facts, "detail">,
): JsonObject {
  const index = alternativeOf(state, at);
  return { ...taskResult(state, taskAt(at.stage, at.ordinal, index), facts), alternative: index - at.action + 1 };
}

function taskResult(state: WorkflowState, task: number, facts: Pick<Facts, "detail">): JsonObject {
  const now = state.tasks.get(task);
  const result = { outcome: outcomeName(outcomeOf(now)), changed: now === TaskState.CHANGED, attempts: state.tasks.begunOf(task) };
  const detail = now === TaskState.SKIPPED || result.attempts === 0 ? undefined : facts.detail(task);
  // The last attempt's own: one that had nothing to tell does not inherit the output of a failed one before it.
  if (detail?.output === undefined || detail.attempt !== state.tasks.attempts[task]) return result;
  return { ...result, output: valueToJson(detail.output) };
}

function stageScope(state: WorkflowState, name: string, facts: Pick<Facts, "detail">): JsonObject {
  const stage = state.blueprint.stages.find((candidate) => candidate.name === name);
  if (stage === undefined) {
    const known = state.blueprint.stages.map((candidate) => candidate.name);
    throw new HoldfastError("INVALID_ARGUMENT", `there is no stage of that name${didYouMean(name, known)}`);
  }
  const { tasks: taskCount, ...counts } = state.tasks.stageCounts(stage.index);
  return {
    name,
    tasks: taskCount,
    targets: stage.isOverTargets ? stage.width : 0,
    ...counts,
    // Looked up only when an expression names it.
    get failed_targets(): readonly JsonValue[] {
      return failedTargets(state, stage);
    },
    ...(stage.isOverTargets || stage.list !== undefined ? {} : { actions: onceActions(state, stage, facts) }),
  };
}

/** Scanned once for each change of the stage's failures, however many tasks ask (H9). */
function failedTargets(state: WorkflowState, stage: StagePlan): readonly string[] {
  const version = state.tasks.failureVersion(stage.index);
  const known = state.failedTargets.get(stage.index);
  if (known?.version === version) return known.names;
  const names = scanFailedTargets(state, stage);
  state.failedTargets.set(stage.index, { version, names });
  return names;
}

function scanFailedTargets(state: WorkflowState, stage: StagePlan): readonly string[] {
  const { failed, unreachable } = state.tasks.stageCounts(stage.index);
  const names: string[] = [];
  if ((!stage.isOverTargets && stage.list === undefined) || failed + unreachable === 0) return names;
  for (let ordinal = 0; ordinal < stage.width && names.length < FAILED_TARGETS_MAX; ordinal++) {
    const hasFailed = stage.actions.some(
      (action) => action.failsTarget && isFailure(state.tasks.get(taskAt(stage, ordinal, action.index))),
    );
    if (hasFailed) names.push(unitName(state.blueprint, stage, ordinal));
  }
  return names;
}

function onceActions(state: WorkflowState, stage: StagePlan, facts: Pick<Facts, "detail">): JsonObject {
  const actions: { [name: string]: JsonValue } = {};
  for (const { index, identifier, alternatives, part } of stage.actions)
    if (index === alternatives.first && part !== "undo")
      setKey<JsonValue>(actions, identifier, actionResult(state, { stage, ordinal: 0, action: index }, facts));
  return actions;
}
