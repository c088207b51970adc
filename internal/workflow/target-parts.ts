// The parts of a target's work in a stage: its main actions, then those that handle how they ended, one part after the other.
// 1. A part begins when all before it has ended, and only then is it known whether it is run: what does not apply is closed as skipped,
//    without an event, for it follows from what happened. What is undone with its wave opens a part again: those after it wait for that, and it
//    waits for what of them runs already.
// 2. A target that failed, or was stopped because too many others did, takes no further main actions; what handles that still runs.

import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import type { PartPlan, StagePlan, TaskPlace } from "./blueprint.ts";
import { placeOf, taskAt } from "./blueprint.ts";
import { isPastBudget } from "./budget.ts";
import type { StageRun, WorkflowState } from "./state.ts";
import { isToUndo, isTouched } from "./undoing.ts";
import { TaskState, isFailure, isGood, isSettled } from "./task-state.ts";

/** True when everything before the action's part has ended. */
export function isPartOpen(state: WorkflowState, { stage, ordinal, action }: TaskPlace): boolean {
  if (action.part === "main") return true;
  if (action.part === "undo" && isHandlerRunning(state, { stage, ordinal })) return false;
  return stage.parts.every((part) => part.end > action.index || isPartSettled(state, { stage, ordinal, part }));
}

/** What was handling a good end when its wave was recalled comes to its own end first; what only awaits something is not waited for. */
function isHandlerRunning(state: WorkflowState, { stage, ordinal }: Pick<TaskPlace, "stage" | "ordinal">): boolean {
  return stage.actions.some(({ part, index }) => {
    const task = taskAt(stage, ordinal, index);
    return part !== "main" && part !== "undo" && state.tasks.get(task) === TaskState.RUNNING && !state.awaiting.has(task);
  });
}

/** True when no further task of the part begins on the target: it failed, or was stopped. */
export function isGivenUp(state: WorkflowState, run: StageRun, { stage, ordinal, action }: TaskPlace): boolean {
  if (action.part === "main") return run.failed.has(ordinal) || run.stopped.has(ordinal);
  const part = stage.parts.find(({ first, end }) => action.index >= first && action.index < end);
  return part !== undefined && isHandlingOver(state, { stage, ordinal, part });
}

/** Puts a task back that may not go on because a part before its own was opened again: it asks for everything anew. False: it may. */
export function putBack(state: WorkflowState, task: number): boolean {
  if (isPartOpen(state, placeOf(state.blueprint, task))) return false;
  closeTask(state, task, TaskState.PENDING);
  return true;
}

/** Closes what does not come any more on a target of which a task has just been settled, held or opened again. */
export function settleParts(state: WorkflowState, run: StageRun, ordinal: number): void {
  const { stage } = run;
  const isOver = run.failed.has(ordinal) || run.stopped.has(ordinal);
  if (stage.parts.length === 1 && !isOver) return;
  for (const part of stage.parts) {
    const at = { stage, ordinal, part };
    // A failure of what handles an end has failed the target, but the main actions were judged before.
    if (part.part === "main" ? isOver : isHandlingOver(state, at)) closeRest(state, at);
    if (!isPartSettled(state, at)) return;
    if (part.part === "main") judgeEnd(state, run, at);
  }
}

/** One of several alternatives was settled: when it needs no other, those after it are skipped, as it was where it was itself. */
export function closeAlternatives(state: WorkflowState, task: number, to: TaskState): void {
  if (isFailure(to) || !isSettled(to)) return;
  const { stage, ordinal, action } = placeOf(state.blueprint, task);
  for (let index = action.index + 1; index < action.alternatives.end; index++) {
    const other = taskAt(stage, ordinal, index);
    const now = state.tasks.get(other);
    // Closed when its target was stopped meanwhile: nothing of the action is left to do by that any more.
    const wasStopped = isGood(to) && now === TaskState.SKIPPED_AFTER;
    if (!isSettled(now) || wasStopped) closeTask(state, other, isGood(to) ? TaskState.SKIPPED : to);
  }
}

/** Settles a task that is not running, and forgets where it waited. READY tasks stay in the queue, which passes over them. */
export function closeTask(state: WorkflowState, task: number, to: TaskState): void {
  state.backoff.delete(task);
  state.firstStartMs.delete(task);
  state.schedule.end(task);
  state.iterations.delete(task);
  state.stageRun?.waitingForLock.delete(task);
  state.stageRun?.waitingForThaw.delete(task);
  state.parking.release(task);
  state.entrance.release(task);
  state.tasks.set(task, to);
}

/** True when the target was stopped with main actions left to do. */
export function wasCutShort(state: WorkflowState, run: StageRun, ordinal: number): boolean {
  const [part] = run.stage.parts;
  if (part === undefined || !run.stopped.has(ordinal)) return false;
  return tasksOf({ stage: run.stage, ordinal, part }).some((task) => state.tasks.get(task) === TaskState.SKIPPED_AFTER);
}

interface PartAt {
  readonly stage: StagePlan;
  readonly ordinal: number;
  readonly part: PartPlan;
}

/** All main actions have ended: what is not run after such an end is skipped, but for what a Retry has begun. Once for each target. */
function judgeEnd(state: WorkflowState, run: StageRun, at: PartAt): void {
  const { stage, ordinal } = at;
  if (stage.parts.length === 1 || run.judged.has(ordinal)) return;
  run.judged.add(ordinal);
  // A target that ends well in a wave that is undone whole is undone with it.
  // After a Retry the main actions may have ended before, and what failed the target now is a handler of their end.
  const isLost = hasFailureIn(state, at) || wasCutShort(state, run, ordinal) || (stage.undoesWave && isPastBudget(run));
  const isPlan = state.blueprint.mode === Mode.PLAN;
  for (const { index, part, undoes } of stage.actions) {
    const task = taskAt(stage, ordinal, index);
    const isUnwanted =
      undoes === undefined
        ? part === (isLost ? "on_success" : "on_failure")
        : !isLost || !isTouched(state, { stage, ordinal, action: undoes });
    const now = state.tasks.get(task);
    const hasBegun = now === TaskState.RUNNING || now === TaskState.UNKNOWN;
    if (part !== "main" && (isPlan || isUnwanted) && !isSettled(now) && !hasBegun) closeTask(state, task, TaskState.SKIPPED);
  }
}

function closeRest(state: WorkflowState, at: PartAt): void {
  for (const task of tasksOf(at)) {
    const now = state.tasks.get(task);
    if (!isSettled(now) && now !== TaskState.RUNNING && now !== TaskState.UNKNOWN) closeTask(state, task, TaskState.SKIPPED_AFTER);
  }
}

function tasksOf({ stage, ordinal, part }: PartAt): readonly number[] {
  return Array.from({ length: part.end - part.first }, (_, at) => taskAt(stage, ordinal, part.first + at));
}

function isPartSettled(state: WorkflowState, { stage, ordinal, part }: PartAt): boolean {
  for (let action = part.first; action < part.end; action++) if (!isSettled(state.tasks.get(taskAt(stage, ordinal, action)))) return false;
  return true;
}

/** True when no more of these handlers is run: one failed, or they are for a good end of what is undone. */
function isHandlingOver(state: WorkflowState, at: PartAt): boolean {
  return hasFailureIn(state, at) || (at.part.part === "on_success" && isToUndo(state, at));
}

function hasFailureIn(state: WorkflowState, { stage, ordinal, part }: PartAt): boolean {
  const actions = stage.actions.slice(part.first, part.end);
  return actions.some((action) => action.failsTarget && isFailure(state.tasks.get(taskAt(stage, ordinal, action.index))));
}
