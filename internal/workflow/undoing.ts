// What is undone of a target in a stage: which of its tasks are to be taken back, and whether all that was changed has been.
// 1. What changed is taken back, and what failed after it had begun to change; never what was unchanged, and nothing in a plan.
// 2. A target of which everything was taken back well is not at risk by what failed before.

import type { StagePlan } from "./blueprint.ts";
import { taskAt } from "./blueprint.ts";
import type { StageRun, WorkflowState } from "./state.ts";
import { TaskState, isFailure } from "./task-state.ts";

interface TargetAt {
  readonly stage: StagePlan;
  readonly ordinal: number;
}

/** True when the action at a position, or one of its alternatives, changed something, or may have left something half-way. */
export function isTouched(state: WorkflowState, { stage, ordinal, action }: ActionAt): boolean {
  const end = stage.actions[action]?.alternatives.end ?? action;
  for (let index = action; index < end; index++) {
    const task = taskAt(stage, ordinal, index);
    if (state.tasks.get(task) === TaskState.CHANGED || state.stageRun?.touched.has(task) === true) return true;
  }
  return false;
}

/** True when something of a target whose main actions have ended is undone, or is to be. */
export function isToUndo(state: WorkflowState, { stage, ordinal }: TargetAt): boolean {
  return stage.actions.some(
    ({ undoes, index }) => undoes !== undefined && state.tasks.get(taskAt(stage, ordinal, index)) !== TaskState.SKIPPED,
  );
}

type ActionAt = TargetAt & { readonly action: number };

/** The task that takes back what the action at a position did; undefined: it has none. */
function undoOf({ stage, ordinal, action }: ActionAt): number | undefined {
  const undo = stage.actions.find(({ undoes }) => undoes !== undefined && undoes === stage.actions[action]?.alternatives.first);
  return undo === undefined ? undefined : taskAt(stage, ordinal, undo.index);
}

/** True when what the action at a position did was taken back. */
function isTakenBack(state: WorkflowState, at: ActionAt): boolean {
  const undo = undoOf(at);
  return undo !== undefined && isDone(state.tasks.get(undo));
}

/** True when what the action at a position did was taken back in this round, or was tried to be: nobody counts on it any more. */
export function wasToBeTakenBack(state: WorkflowState, at: ActionAt): boolean {
  const undo = undoOf(at);
  return undo !== undefined && (isDone(state.tasks.get(undo)) || state.tasks.triesOf(undo) > 0 || state.tasks.halfDone.has(undo));
}

function isDone(now: number): boolean {
  return now === TaskState.CHANGED || now === TaskState.UNCHANGED;
}

/** True when something of the target was taken back, and nothing that was changed, or failed while it handled the end, is left. */
export function isUndone(state: WorkflowState, { stage, ordinal }: TargetAt): boolean {
  let isAny = false;
  for (const action of stage.actions) {
    const at = { stage, ordinal, action: action.index };
    if (action.part !== "main") {
      if (action.failsTarget && isFailure(state.tasks.get(taskAt(stage, ordinal, action.index)))) return false;
    } else if (action.index === action.alternatives.first && isTouched(state, at)) {
      if (!isTakenBack(state, at)) return false;
      isAny = true;
    }
  }
  return isAny;
}

/** The targets of the wave under way that have ended and are undone with it; with the tasks that do it. */
export function recalledTasks(state: WorkflowState, run: StageRun, ordinal: number): readonly number[] {
  const { stage } = run;
  return stage.actions.flatMap(({ undoes, index }) => {
    const task = taskAt(stage, ordinal, index);
    const isWanted =
      undoes !== undefined && state.tasks.get(task) === TaskState.SKIPPED && isTouched(state, { stage, ordinal, action: undoes });
    return isWanted ? [task] : [];
  });
}
