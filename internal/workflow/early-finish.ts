// What finished a workflow early, as those read it who end, show or retry it; what it does there and then is finishing.ts.
// 1. A Retry asks it again: what it skipped, and the action itself, are open again.

import { create } from "@bufbuild/protobuf";
import { ERROR_MESSAGE_LENGTH_MAX } from "../base/limits.ts";
import { WorkflowOutcome } from "../gen/holdfast/v1/event_pb.ts";
import type { EarlyFinish } from "../gen/holdfast/v1/status_pb.ts";
import { EarlyFinishSchema } from "../gen/holdfast/v1/status_pb.ts";
import { placeOf, unitName } from "./blueprint.ts";
import type { WorkflowState } from "./state.ts";
import { TaskState } from "./task-state.ts";

/** True for what a finish has settled: it begins again with a Retry, though nothing of it failed. */
export function isFinished(state: WorkflowState, task: number): boolean {
  return state.finish !== undefined && (state.finish.tasks.has(task) || state.tasks.get(task) === TaskState.SKIPPED_FINISH);
}

/** What finished the workflow early, as status shows it; undefined: nothing. */
export function finishOf({ blueprint, finish }: WorkflowState): EarlyFinish | undefined {
  if (finish === undefined) return undefined;
  const { task, outcome, message } = finish.decided;
  const { stage, action, ordinal } = placeOf(blueprint, task);
  const target = unitName(blueprint, stage, ordinal);
  return create(EarlyFinishSchema, { stage: stage.name, action: action.name, target, outcome, message });
}

/** The same, for people. */
export function finishText(state: WorkflowState): string {
  const found = finishOf(state);
  if (found === undefined) return "";
  const { stage, action, target, outcome, message } = found;
  const how = outcome === WorkflowOutcome.SUCCEEDED ? "succeeded" : "failed";
  return `finished early as ${how} by ${stage}/${action}${target === "" ? "" : `@${target}`}${message === "" ? "" : `: ${message}`}`.slice(
    0,
    ERROR_MESSAGE_LENGTH_MAX,
  );
}
