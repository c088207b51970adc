// Closing what is left open at a workflow's end, and opening again what a Retry or a person wants to run once more.
// 1. What succeeded, or was skipped because its `when` was false, stays as it is (H2). Task numbers and keys never change.
// 2. After a restore, what may have been done since is noted by task, once; a person's word takes the note away.

import { assert } from "../base/assert.ts";
import { timeMs } from "../base/ids.ts";
import type { WorkflowRestored } from "../gen/holdfast/v1/event_pb.ts";
import type { WorkflowState } from "./state.ts";
import { closeTask } from "./target-run.ts";
import { TaskState, isRetriable, isSettled } from "./task-state.ts";

/**
 * Opens a task again; attempts made so far no longer count against its retry rule. One that was unknown a person has looked at: it is free to
 * begin, also after a restore.
 */
export function reopenTask(state: WorkflowState, task: number): void {
  if (state.tasks.get(task) === TaskState.UNKNOWN) state.restored?.mayBeDone.fill(0, task, task + 1);
  closeTask(state, task, TaskState.PENDING);
  state.tasks.forgiven[task] = state.tasks.attempts[task] ?? 0;
}

/** Settles everything that is open but what is unknown: that stays so until a person says, or a Retry comes. */
export function closeOpenTasks(state: WorkflowState, to: TaskState): void {
  assert(state.running.size === 0, "nothing runs at a workflow's end");
  for (let task = 0; task < state.blueprint.tasks; task++) {
    const now = state.tasks.get(task);
    if (!isSettled(now) && now !== TaskState.UNKNOWN) closeTask(state, task, to);
  }
}

/** WorkflowRetried: everything that failed, was unknown or never started is open again, and the stages that hold any of it. */
export function retryWorkflow(state: WorkflowState): void {
  assert(state.running.size === 0, "nothing runs when a workflow is retried");
  state.life = { kind: "executing" };
  state.isCancelRequested = false;
  state.isPaused = false;
  state.isAdmitted = false;
  state.gateHeld = undefined;
  state.freeze = undefined;
  state.retries += 1;
  state.stageRun = undefined;
  // Also what succeeded counts no more: its target begins anew, and takes its share of the stage's rate again.
  state.tasks.forgiven.set(state.tasks.attempts);
  for (const stage of state.blueprint.stages) {
    const end = stage.firstTask + stage.width * stage.actions.length;
    for (let task = stage.firstTask; task < end; task++) {
      if (!isRetriable(state.tasks.get(task))) continue;
      reopenTask(state, task);
      state.stageResults[stage.index] = "pending";
    }
    if (state.stageResults[stage.index] !== "succeeded") state.stageResults[stage.index] = "pending";
  }
}

/** WorkflowRestored: the service that the backup was taken from may have done since whatever had not come to a good end. */
export function restoreWorkflow(state: WorkflowState, { restore, backupMs }: WorkflowRestored): void {
  const mayBeDone = state.tasks.states.map((now) => Number(isRetriable(now) || !isSettled(now)));
  state.restored = { restore, backupMs: timeMs(Number(backupMs)), mayBeDone };
}
