// Whether an executing workflow stands still until a person acts. Derived from the state, never stored.
// 1. Stalled: nothing runs, nothing is due by itself, and what is open is held by unknown tasks, or not begun for want of room at risk.
// 2. Past the budget of failures nothing is due any more: there only unknown tasks keep the workflow from its end.

import { isPastBudget } from "./dispatch.ts";
import { isOutOfRoom } from "./room-at-risk.ts";
import type { WorkflowState } from "./state.ts";
import { TaskState } from "./task-state.ts";

/** True when only a person can move the workflow. Waiting for a lock is not a stall: its holder will give it back. */
export function hasStalled(state: WorkflowState): boolean {
  const run = state.stageRun;
  if (state.life.kind !== "executing" || run === undefined) return false;
  if (state.running.size > 0 || state.isCancelRequested) return false;
  const hasUnknown = state.tasks.count(run.stage.index, TaskState.UNKNOWN) > 0;
  if (isPastBudget(run)) return hasUnknown;
  const isDueByItself = state.backoff.size > 0 || !run.isInWave || run.waitingForLock.size > 0;
  if (isDueByItself || state.tasks.count(run.stage.index, TaskState.READY) > 0) return false;
  return hasUnknown || isOutOfRoom(state, run);
}
