// Closing what is left open at a workflow's end, and opening again what a Retry or a person wants to run once more.
// 1. What succeeded, or was skipped because its `when` was false, stays as it is (H2), unless a round names it: then it runs again under a key
//    of its own, so that nobody who remembers the key of the run before answers with that one. Task numbers never change.

import { assert, present } from "../base/assert.ts";
import type { TimeMs } from "../base/ids.ts";
import type { Again, StageRepeated } from "../gen/holdfast/v1/event_pb.ts";
import type { StagePlan, TaskPlace } from "./blueprint.ts";
import { placeOf, taskAt } from "./blueprint.ts";
import { isFinished } from "./early-finish.ts";
import { handlesEnd } from "./ended-well.ts";
import { noteRepeated, noteUndone } from "./restored-doubt.ts";
import type { WorkflowState } from "./state.ts";
import { beginStage, stageRunOf } from "./state.ts";
import { closeTask } from "./target-parts.ts";
import { wasToBeTakenBack } from "./undoing.ts";
import { TaskState, isGood, isRetriable, isSettled } from "./task-state.ts";

/**
 * Opens a task again; attempts made so far no longer count against its retry rule. One that was unknown a person has looked at: it is free to
 * begin, also after a restore.
 */
export function reopenTask(state: WorkflowState, task: number): void {
  if (state.tasks.get(task) === TaskState.UNKNOWN) noteUndone(state, task);
  closeTask(state, task, TaskState.PENDING);
  state.tasks.halfDone.delete(task);
  state.tasks.forgiven[task] = state.tasks.attempts[task] ?? 0;
}

/** Settles everything that is open but what is unknown: that stays so until a person says, or a Retry comes. */
export function closeOpenTasks(state: WorkflowState, to: TaskState): void {
  assert(state.running.size === 0, "nothing runs at a workflow's end");
  for (const stage of state.blueprint.stages) closeStage(state, stage.index, isWanted(state, stage) ? to : TaskState.SKIPPED);
}

/** False for stages that are run after another end than this one: a Retry has nothing to do with them. */
function isWanted(state: WorkflowState, { index, part }: StagePlan): boolean {
  return state.stageResults[index] !== "pending" || part === "main" || handlesEnd(state, part);
}

/** Settles everything that is open in a stage that failed or is skipped. */
export function closeStage(state: WorkflowState, index: number, to: TaskState = TaskState.SKIPPED_AFTER): void {
  const { firstTask, width, actions } = present(state.blueprint.stages[index], "the stage that is closed");
  for (let task = firstTask; task < firstTask + width * actions.length; task++) {
    const now = state.tasks.get(task);
    if (!isSettled(now) && now !== TaskState.UNKNOWN) closeTask(state, task, to);
  }
}

/** Opens a task again. Where it had come to a good end, or may stand for something else from now on, what it does next is another run. */
function openAgain(state: WorkflowState, task: number, { mayBeOther }: { readonly mayBeOther: boolean } = { mayBeOther: false }): void {
  const now = state.tasks.get(task);
  const wasTried = state.tasks.begunOf(task) > 0;
  if (now === TaskState.UNCHANGED || now === TaskState.CHANGED || (mayBeOther && wasTried)) state.tasks.beginRun(task);
  reopenTask(state, task);
}

/**
 * WorkflowRetried: everything that failed, was unknown or never started is open again, what the round names although it had succeeded, and the
 * stages that hold any of it.
 */
export function retryWorkflow(state: WorkflowState, again: Again | undefined): void {
  assert(state.running.size === 0, "nothing runs when a workflow is retried");
  state.life = { kind: "executing" };
  state.isCancelRequested = false;
  state.overdue = undefined;
  state.isPaused = false;
  state.isAdmitted = false;
  state.gateHeld = undefined;
  state.freeze = undefined;
  state.retries += 1;
  state.stageRun = undefined;
  state.stageNotes.clear();
  const { stages } = state.blueprint;
  for (const stage of stages) if (stage.part === "main") reopenStage(state, stage, again);
  // The stages that handle how the others ended run again after those that do.
  const isAnew = stages.some(({ index, part }) => part === "main" && state.stageResults[index] === "pending");
  for (const stage of stages) {
    if (stage.part === "main") continue;
    if (isAnew) reopenWhole(state, stage);
    else reopenStage(state, stage, again);
  }
  // Also what succeeded counts no more: its target begins anew, and takes its share of the stage's rate again.
  state.tasks.forgiven.set(state.tasks.attempts);
  state.finish = undefined;
}

/** True for a task that a round names. */
type IsNamed = (task: number) => boolean;

function reopenStage(state: WorkflowState, stage: StagePlan, again: Again | undefined): void {
  if (again?.kind.case === "all" || (again?.kind.case === "stage" && again.kind.value === stage.index)) return reopenWhole(state, stage);
  const isNamed = namedBy(state, again);
  for (let ordinal = 0; ordinal < stage.width; ordinal++)
    if (reopenTarget(state, { stage, ordinal, isNamed })) state.stageResults[stage.index] = "pending";
  if (state.stageResults[stage.index] !== "succeeded") state.stageResults[stage.index] = "pending";
}

/** All of the stage is done again, over a list that is evaluated anew: from then on its tasks may be about other items. */
function reopenWhole(state: WorkflowState, stage: StagePlan): void {
  const { index, firstTask, width, actions, list } = stage;
  state.stageResults[index] = "pending"; // a milestone has no task to tell
  const mayBeOther = list !== undefined;
  for (let task = firstTask; task < firstTask + width * actions.length; task++) openAgain(state, task, { mayBeOther });
  if (list === undefined) return;
  const forgotten = { ...stage, list: { ...list, items: undefined, sinceSeq: state.seq } };
  state.blueprint = { ...state.blueprint, stages: state.blueprint.stages.with(index, forgotten) };
}

/**
 * True when a Retry opens the task again: it did not end well, and no other alternative of its action did; or it was undone, or was to be. What
 * undoes is no work of its own: it comes again with the action.
 */
export function isReopened(state: WorkflowState, task: number): boolean {
  const { stage, ordinal, action } = placeOf(state.blueprint, task);
  if (action.part === "main" && isDoneAgain(state, { stage, ordinal, action })) return true;
  if (action.part === "undo") return false;
  if (isFinished(state, task)) return true;
  if (!isRetriable(state.tasks.get(task))) return false;
  const { first, end } = action.alternatives;
  for (let index = first; index < end; index++) if (isGood(state.tasks.get(taskAt(stage, ordinal, index)))) return false;
  return true;
}

/** True when there is something for a Retry in the task. What a finish skipped is no reason by itself: it was what the workflow wanted. */
export function isReasonToRetry(state: WorkflowState, task: number): boolean {
  const now = state.tasks.get(task);
  if (isRetriable(now)) return now !== TaskState.SKIPPED_FINISH && isReopened(state, task);
  const { stage, ordinal, action } = placeOf(state.blueprint, task);
  return action.part === "main" && isDoneAgain(state, { stage, ordinal, action });
}

/** True when what the action did was taken back or was to be, or something that it needs, directly or through others: it was done for what is no more. */
function isDoneAgain(state: WorkflowState, { stage, ordinal, action }: TaskPlace): boolean {
  if (stage.parts.every(({ part }) => part !== "undo")) return false;
  return stage.actions.some(
    (other) =>
      other.part === "main" &&
      (other.identifier === action.identifier || action.before.includes(other.identifier)) &&
      wasToBeTakenBack(state, { stage, ordinal, action: other.index }),
  );
}

/** Where a main action runs again, so does what handles how it ends. False: nothing of the target was to be opened. */
function reopenTarget(
  state: WorkflowState,
  { stage, ordinal, isNamed }: { readonly stage: StagePlan; readonly ordinal: number; readonly isNamed: IsNamed },
): boolean {
  const tasks = stage.actions.map((action) => ({ task: taskAt(stage, ordinal, action.index), isMain: action.part === "main" }));
  const isOpened = (task: number): boolean => isReopened(state, task) || isNamed(task);
  const isMainOpened = stage.parts.length > 1 && tasks.some(({ task, isMain }) => isMain && isOpened(task));
  const opened = tasks.filter(({ task, isMain }) => isOpened(task) || (isMainOpened && !isMain));
  for (const { task } of opened) openAgain(state, task);
  // What was not opened with its action never began: what it was to take back stays done, and counts again.
  const wasOpened = new Set(opened.map(({ task }) => task));
  for (const { index, part } of stage.actions) {
    const task = taskAt(stage, ordinal, index);
    const isLeft = part === "undo" && !wasOpened.has(task) && state.tasks.get(task) !== TaskState.ABSENT;
    if (isLeft) closeTask(state, task, TaskState.SKIPPED);
  }
  return opened.length > 0;
}

/** StageRepeated: every task of the stage is open again, for another run; a list stays as it was frozen. */
export function repeatStage(state: WorkflowState, { stage: index, iteration, afterMs }: StageRepeated, atMs: TimeMs): void {
  const stage = present(state.blueprint.stages[index], "the stage that is repeated");
  assert(state.running.size === 0, "nothing runs when a stage is repeated");
  for (let task = stage.firstTask; task < stage.firstTask + stage.width * stage.actions.length; task++)
    if (state.tasks.get(task) !== TaskState.ABSENT) openAgain(state, task);
  noteRepeated(state, stage);
  const { deadlineMs } = stageRunOf(state);
  state.stageRun = beginStage(stage, { iteration, resumeAtMs: atMs + afterMs, deadlineMs });
}

/** What a round names within a stage; of an action with alternatives all of them, for which one is done is decided anew. */
function namedBy(state: WorkflowState, again: Again | undefined): IsNamed {
  switch (again?.kind.case) {
    case undefined:
    case "stage":
    case "all":
      return () => false;
    case "task": {
      const { stage, ordinal, action } = placeOf(state.blueprint, again.kind.value);
      const [first, end] = [taskAt(stage, ordinal, action.alternatives.first), taskAt(stage, ordinal, action.alternatives.end)];
      return (task) => task >= first && task < end;
    }
    default:
      // An open oneof: a journal of a newer version may hold what this one does not know.
      assert(false, "a round names what it runs again in a known way");
      return () => false;
  }
}
