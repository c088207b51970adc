// One target within the stage under way: which of its tasks may start, whether it has ended, and what a failed task does to the rest.
// 1. A target that failed takes no further tasks in the stage.
// 2. A target is in flight from its first started or skipped task until it ends or is held by an unknown task.
// 3. A target in flight that is not at risk keeps room to become so; it gives it back when it leaves flight.

import type { StagePlan, TaskPlace } from "./blueprint.ts";
import { placeOf, taskAt } from "./blueprint.ts";
import { keepsRoom } from "./room-at-risk.ts";
import type { StageRun, WorkflowState } from "./state.ts";
import { Risk, setRisk, waveEnd } from "./state.ts";
import { TaskState, isFailure, isGood, isSettled } from "./task-state.ts";

/** The first task of a target that waits for nothing but room; undefined: none. */
export function firstStartable(state: WorkflowState, stage: StagePlan, ordinal: number): number | undefined {
  for (const action of stage.actions) if (isStartable(state, { stage, ordinal, action })) return taskAt(stage, ordinal, action.index);
  return undefined;
}

/** True for a task that waits for nothing but room: PENDING, with everything it needs ended well. */
function isStartable(state: WorkflowState, { stage, ordinal, action }: TaskPlace): boolean {
  if (state.tasks.get(taskAt(stage, ordinal, action.index)) !== TaskState.PENDING) return false;
  return action.needs.every((needed) => isGood(state.tasks.get(taskAt(stage, ordinal, needed))));
}

/** True when no task of the target is open, so that the stage is done with it. */
export function isTargetDone(state: WorkflowState, stage: StagePlan, ordinal: number): boolean {
  for (let action = 0; action < stage.actions.length; action++) {
    if (!isSettled(state.tasks.get(taskAt(stage, ordinal, action)))) return false;
  }
  return true;
}

/** Takes a target in flight: all its tasks that may start become READY, but the one that starts now. */
export function admitTarget(state: WorkflowState, run: StageRun, started: { readonly ordinal: number; readonly task: number }): void {
  const { ordinal, task } = started;
  if (run.inFlight.has(ordinal)) return;
  if (run.inFlight.size >= run.stage.parallel) yieldPlace(state, run);
  run.inFlight.add(ordinal);
  if (keepsRoom(state, run, ordinal)) run.inFlightNotAtRisk += 1;
  run.returning.delete(ordinal);
  run.held.delete(ordinal);
  run.atRiskToBegin.delete(ordinal);
  passBegun(state, run);
  makeReady(state, run, { ordinal, except: task });
}

/**
 * A target in flight of which nothing goes on but waiting for locks. One that comes back, perhaps with its locks, must not wait for its place:
 * it has the place when it starts, and not before, so that no other gets it; and the one that gave it up comes back itself when it has its locks.
 */
export function placeToYield(state: WorkflowState, run: StageRun): number | undefined {
  for (const task of run.waitingForLock) {
    const { ordinal } = placeOf(state.blueprint, task);
    if (run.inFlight.has(ordinal) && isIdle(state, run.stage, ordinal)) return ordinal;
  }
  return undefined;
}

function yieldPlace(state: WorkflowState, run: StageRun): void {
  const ordinal = placeToYield(state, run);
  if (ordinal !== undefined && leaveFlight(state, run, ordinal)) run.returning.add(ordinal);
}

/** True when nothing of the target runs, or would but for locks. */
function isIdle(state: WorkflowState, stage: StagePlan, ordinal: number): boolean {
  for (let action = 0; action < stage.actions.length; action++) {
    const now = state.tasks.get(taskAt(stage, ordinal, action));
    if (now === TaskState.RUNNING || now === TaskState.READY || now === TaskState.BACKOFF) return false;
  }
  return true;
}

/** Moves on to the first target of the wave that is neither begun nor done: each is passed once. */
export function passBegun(state: WorkflowState, run: StageRun): void {
  const end = waveEnd(run);
  while (run.nextOrdinal < end && isBegunOrDone(state, run, run.nextOrdinal)) run.nextOrdinal += 1;
}

/** Follows up on a task of the stage under way that has just been settled, held, or opened again. */
export function followTask(state: WorkflowState, run: StageRun, ordinal: number): void {
  const { stage } = run;
  if (run.failed.has(ordinal)) skipRest(state, run, ordinal);
  else if (run.inFlight.has(ordinal)) makeReady(state, run, { ordinal, except: -1 });
  if (isTargetDone(state, stage, ordinal)) endTarget(state, run, ordinal);
  else if (run.inFlight.has(ordinal) && isHeld(state, stage, ordinal)) {
    leaveFlight(state, run, ordinal);
    run.held.add(ordinal);
  }
}

/** Marks the target of a failed task. */
export function failTarget(state: WorkflowState, run: StageRun, ordinal: number): void {
  run.failed.add(ordinal);
  if (run.stage.isOverTargets) setRisk(state, ordinal, { set: Risk.FAILED });
}

function makeReady(state: WorkflowState, run: StageRun, options: { readonly ordinal: number; readonly except: number }): void {
  const { stage } = run;
  const { ordinal, except } = options;
  for (const action of stage.actions) {
    const task = taskAt(stage, ordinal, action.index);
    if (task === except || !isStartable(state, { stage, ordinal, action })) continue;
    state.tasks.set(task, TaskState.READY);
    run.ready.push(task);
  }
}

function skipRest(state: WorkflowState, run: StageRun, ordinal: number): void {
  for (let action = 0; action < run.stage.actions.length; action++) {
    const task = taskAt(run.stage, ordinal, action);
    const now = state.tasks.get(task);
    if (isSettled(now) || now === TaskState.RUNNING || now === TaskState.UNKNOWN) continue;
    closeTask(state, task, TaskState.SKIPPED_AFTER);
  }
}

/** Settles a task that is not running, and forgets where it waited. READY tasks stay in the queue, which passes over them. */
export function closeTask(state: WorkflowState, task: number, to: TaskState): void {
  state.backoff.delete(task);
  state.firstStartMs.delete(task);
  state.stageRun?.waitingForLock.delete(task);
  state.stageRun?.waitingForThaw.delete(task);
  state.parking.release(task);
  state.entrance.release(task);
  state.tasks.set(task, to);
}

function isHeld(state: WorkflowState, stage: StagePlan, ordinal: number): boolean {
  let isUnknown = false;
  for (let action = 0; action < stage.actions.length; action++) {
    const now = state.tasks.get(taskAt(stage, ordinal, action));
    if (now === TaskState.UNKNOWN) isUnknown = true;
    else if (!isSettled(now) && now !== TaskState.PENDING) return false;
  }
  return isUnknown;
}

function endTarget(state: WorkflowState, run: StageRun, ordinal: number): void {
  const wasOpen = leaveFlight(state, run, ordinal) || run.held.delete(ordinal) || run.returning.delete(ordinal);
  if (!wasOpen) return;
  run.openInWave -= 1;
  if (!run.stage.isOverTargets) return;
  const hasFailed = hasFailure(state, run.stage, ordinal);
  const over = Risk.BEGUN | Risk.UNKNOWN;
  setRisk(state, ordinal, { clear: hasFailed ? over : over | Risk.FAILED });
}

/** False when it was not in flight. */
function leaveFlight(state: WorkflowState, run: StageRun, ordinal: number): boolean {
  if (!run.inFlight.delete(ordinal)) return false;
  if (keepsRoom(state, run, ordinal)) run.inFlightNotAtRisk -= 1;
  return true;
}

/** True when nothing of the target is to be begun: it is under way, held, or done with. */
export function isBegunOrDone(state: WorkflowState, run: StageRun, ordinal: number): boolean {
  return run.inFlight.has(ordinal) || run.held.has(ordinal) || run.returning.has(ordinal) || isTargetDone(state, run.stage, ordinal);
}

function hasFailure(state: WorkflowState, stage: StagePlan, ordinal: number): boolean {
  for (let action = 0; action < stage.actions.length; action++) {
    if (isFailure(state.tasks.get(taskAt(stage, ordinal, action)))) return true;
  }
  return false;
}
