// How a workflow ends: its outcome, its error for people, and its result.
// 1. A workflow whose result cannot be evaluated is FAILED: nobody may read a success without the result that was asked for.

import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import { WorkflowOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { HoldfastError } from "../base/errors.ts";
import { ERROR_MESSAGE_LENGTH_MAX, WORKFLOW_OUTPUT_BYTES_MAX } from "../base/limits.ts";
import type { JsonValue } from "../base/json.ts";
import type { StagePlan } from "./blueprint.ts";
import { taskAt } from "./blueprint.ts";
import { deadlineText, isOverdue } from "./deadlines.ts";
import { finishText } from "./early-finish.ts";
import { failedStage } from "./ended-well.ts";
import { happened } from "./events.ts";
import { workflowScope } from "./expression-scope.ts";
import type { Facts } from "./facts.ts";
import type { WorkflowState } from "./state.ts";
import { isFailure } from "./task-state.ts";
import { jsonToValue, valueToJson } from "./value-json.ts";

/** The event that ends the workflow as it stands. */
export function endWorkflow(state: WorkflowState, facts: Facts): Event {
  if (state.isCancelRequested) return happened("workflowEnded", { outcome: WorkflowOutcome.CANCELLED });
  const failed = failedStage(state, ["main", "on_success", "on_failure", "always"]);
  const finish = state.finish?.decided;
  const result = finish?.output === undefined ? evaluateOutput(state, facts) : { value: valueToJson(finish.output) };
  const output = result.value === undefined ? {} : { output: jsonToValue(result.value) };
  if (finish?.outcome === WorkflowOutcome.FAILED)
    return happened("workflowEnded", { outcome: WorkflowOutcome.FAILED, error: finishText(state), ...output });
  if (failed === undefined && isOverdue(state))
    return happened("workflowEnded", { outcome: WorkflowOutcome.FAILED, error: overdueError(state), ...output });
  if (failed !== undefined)
    return happened("workflowEnded", { outcome: WorkflowOutcome.FAILED, error: stageError(state, failed), ...output });
  if (result.error !== undefined) return happened("workflowEnded", { outcome: WorkflowOutcome.FAILED, error: result.error });
  return happened("workflowEnded", { outcome: WorkflowOutcome.SUCCEEDED, ...output });
}

function stageError(state: WorkflowState, index: number): string {
  const stage = state.blueprint.stages[index];
  if (stage === undefined) return "";
  if (state.overdue === "workflow" || state.overdue === index) return overdueError(state);
  const next = `see "holdfast tasks ${state.blueprint.id} --outcome failed,unreachable", then "holdfast retry ${state.blueprint.id}"`;
  const which = stage.part === "main" ? `stage "${stage.name}"` : `stage "${stage.name}" of ${stage.part}`;
  const note = state.stageNotes.get(index);
  if (note !== undefined) return `${which}: ${note}`;
  const { failed, unreachable } = state.tasks.stageCounts(index);
  if (stage.list?.items !== undefined)
    return `${which}: ${failedTargets(state, stage)} of ${stage.list.items.length} items failed, max_failures is ${stage.failuresMax}; ${next}`;
  if (!stage.isOverTargets) return `${which}: ${failed + unreachable} of its tasks failed; ${next}`;
  return `${which}: ${failedTargets(state, stage)} of ${stage.width} targets failed or were unreachable, max_failures is ${stage.failuresMax}; ${next}`;
}

/** Not the failed tasks: one that is continued, or another alternative, failed no target. */
function failedTargets(state: WorkflowState, stage: StagePlan): number {
  let count = 0;
  for (let ordinal = 0; ordinal < stage.width; ordinal++)
    if (stage.actions.some(({ index, failsTarget }) => failsTarget && isFailure(state.tasks.get(taskAt(stage, ordinal, index)))))
      count += 1;
  return count;
}

function overdueError(state: WorkflowState): string {
  return `${deadlineText(state)}; "holdfast retry ${state.blueprint.id}" goes on with what is left, and as much time again`;
}

function evaluateOutput(state: WorkflowState, facts: Facts): { readonly value?: JsonValue; readonly error?: string } {
  const { output } = state.blueprint;
  if (output === undefined) return {};
  try {
    const value = output.evaluate(workflowScope(state, facts));
    const bytes = Buffer.byteLength(JSON.stringify(value));
    if (bytes > WORKFLOW_OUTPUT_BYTES_MAX)
      return { error: `output: its JSON has ${bytes} bytes, at most ${WORKFLOW_OUTPUT_BYTES_MAX} are kept; put out less` };
    return { value };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return { error: `output: ${error.message}`.slice(0, ERROR_MESSAGE_LENGTH_MAX) };
  }
}
