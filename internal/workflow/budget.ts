// The budget of failures of a stage.
// 1. Failed and unreachable targets count; unknown ones keep further targets from being begun, but do not end a stage.
// 2. A stage whose time is over (deadlines.ts) is past its budget, whatever has failed.

import type { StageRun, WorkflowState } from "./state.ts";
import { TaskState } from "./task-state.ts";

/** True when more targets of the stage have failed than may, or its time is over. */
export function isPastBudget(run: StageRun): boolean {
  return run.isOverdue || run.failed.size > run.stage.failuresMax;
}

/** True when nothing more starts: it is past its budget, and no target that was begun has anything left to do that handles its end. */
export function isOver(run: StageRun): boolean {
  return isPastBudget(run) && (run.stage.parts.length === 1 || run.inFlight.size + run.returning.size + run.held.size === 0);
}

/** True when failed and unknown targets together are more than may fail, or its time is over: then no further target is begun. */
export function isUncertain(state: WorkflowState, run: StageRun): boolean {
  return run.isOverdue || run.failed.size + state.tasks.count(run.stage.index, TaskState.UNKNOWN) > run.stage.failuresMax;
}
