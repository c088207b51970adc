// One target within the stage under way: which of its tasks may start, whether it has ended, and how it comes and goes.
// 1. A target that failed takes no further tasks in the stage. A failure with `continue_on_error` does not fail its target.
// 2. A target is in flight from its first started or skipped task until it ends or is held by an unknown task.
// 3. A target in flight that is not at risk keeps room to become so, also while it has given up its place; it gives it back when it ends or is held.

import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import type { StagePlan, TaskPlace } from "./blueprint.ts";
import { placeOf, taskAt } from "./blueprint.ts";
import { answerNeeds } from "./needs.ts";
import { closeTask, isPartOpen, putBack, settleParts, wasCutShort } from "./target-parts.ts";
import { keepsRoom } from "./room-at-risk.ts";
import type { StageRun, WorkflowState } from "./state.ts";
import { Risk, setRisk } from "./risk.ts";
import { waveEnd } from "./state.ts";
import { isUndone, recalledTasks } from "./undoing.ts";
import { TaskState, isFailure, isSettled, isWaiting } from "./task-state.ts";

/** The first task of a target that waits for nothing but room; undefined: none. */
export function firstStartable(state: WorkflowState, stage: StagePlan, ordinal: number): number | undefined {
  for (const action of stage.actions) if (isStartable(state, { stage, ordinal, action })) return taskAt(stage, ordinal, action.index);
  return undefined;
}

/** True for a task that waits for nothing but room: PENDING, with an answer to all of its needs: to start, or to be skipped. */
function isStartable(state: WorkflowState, place: TaskPlace): boolean {
  const { stage, ordinal, action } = place;
  if (state.tasks.get(taskAt(stage, ordinal, action.index)) !== TaskState.PENDING) return false;
  return isPartOpen(state, place) && answerNeeds(state, place) !== "wait";
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
  if (!run.yielded.delete(ordinal) && keepsRoom(state, run, ordinal)) run.roomKept += 1;
  run.returning.delete(ordinal);
  run.held.delete(ordinal);
  run.atRiskToBegin.delete(ordinal);
  passBegun(state, run);
  scheduleTask(state, task);
  // After a Retry its main actions may have ended long ago: what is run after such an end is known before any of it begins.
  settleParts(state, run, ordinal);
  makeReady(state, run, { ordinal, except: task });
}

/**
 * A target in flight of which nothing goes on but waiting for locks. One that comes back, perhaps with its locks, must not wait for its place:
 * it has the place when it starts, and not before, so that no other gets it; and the one that gave it up comes back itself when it has its locks.
 * Its room at risk it keeps: who has all the locks must never wait for room that one keeps who waits for those locks.
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
  if (ordinal === undefined) return;
  run.inFlight.delete(ordinal);
  run.yielded.add(ordinal);
  run.returning.add(ordinal);
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
  settleParts(state, run, ordinal);
  if (run.inFlight.has(ordinal)) makeReady(state, run, { ordinal, except: -1 });
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

/**
 * Too many have failed: those under way take no further main actions, and what handles that begins on them. Once in a stage, for no other
 * target is begun in it any more.
 */
export function stopTargets(state: WorkflowState, run: StageRun): void {
  if (run.stage.parts.length === 1 || run.hasStopped) return;
  run.hasStopped = true;
  for (const ordinal of [...run.inFlight, ...run.returning, ...run.held]) {
    run.stopped.add(ordinal);
    followTask(state, run, ordinal);
  }
  if (run.stage.undoesWave) recallWave(state, run);
}

/** The wave under way has failed: targets of it that had ended are opened again, for what they changed is taken back. Once in a stage, never in a plan. */
function recallWave(state: WorkflowState, run: StageRun): void {
  if (run.isRecalled || !run.isInWave || state.blueprint.mode === Mode.PLAN) return;
  run.isRecalled = true;
  const { first, count } = run.stage.waves[run.wave] ?? { first: 0, count: 0 };
  for (let ordinal = first; ordinal < first + count; ordinal++) {
    const tasks = recalledTasks(state, run, ordinal);
    if (tasks.length === 0) continue;
    const wasDone = isTargetDone(state, run.stage, ordinal);
    for (const task of tasks) closeTask(state, task, TaskState.PENDING);
    for (const { index } of run.stage.actions) {
      const task = taskAt(run.stage, ordinal, index);
      if (isWaiting(state.tasks.get(task))) putBack(state, task);
    }
    if (!wasDone) {
      followTask(state, run, ordinal);
      continue;
    }
    run.openInWave += 1;
    run.returning.add(ordinal);
  }
}

function makeReady(state: WorkflowState, run: StageRun, options: { readonly ordinal: number; readonly except: number }): void {
  const { stage } = run;
  const { ordinal, except } = options;
  for (const action of stage.actions) {
    const task = taskAt(stage, ordinal, action.index);
    if (task === except || !isStartable(state, { stage, ordinal, action })) continue;
    state.tasks.set(task, TaskState.READY);
    scheduleTask(state, task);
    run.ready.push(task);
  }
}

/** In a stage that runs once, what needs nothing may start as soon as the stage has begun. */
export function scheduleFirst(state: WorkflowState, { stage }: StageRun): void {
  for (const action of stage.actions)
    if (isStartable(state, { stage, ordinal: 0, action })) scheduleTask(state, taskAt(stage, 0, action.index));
}

/** What is only to be skipped, because a need was not met, may not start. */
function scheduleTask(state: WorkflowState, task: number): void {
  const place = placeOf(state.blueprint, task);
  const { scheduleTimeoutMs } = place.action;
  if (scheduleTimeoutMs === Infinity || answerNeeds(state, place) === "skip") return;
  state.schedule.begin(task, state.lastAtMs + scheduleTimeoutMs);
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
  const isLeft = !isUndone(state, { stage: run.stage, ordinal });
  // One that was stopped half-way stays at risk where it had begun to be changed, or had failed before a Retry: nothing better was said of it.
  if (isLeft && wasCutShort(state, run, ordinal)) return setRisk(state, ordinal, { clear: Risk.UNKNOWN });
  const over = Risk.BEGUN | Risk.UNKNOWN;
  const hasFailed = isLeft && hasFailure(state, run.stage, ordinal);
  setRisk(state, ordinal, { clear: hasFailed ? over : over | Risk.FAILED });
}

/** False when it was not in flight, nor had only given up its place. */
function leaveFlight(state: WorkflowState, run: StageRun, ordinal: number): boolean {
  if (!run.inFlight.delete(ordinal) && !run.yielded.delete(ordinal)) return false;
  run.returning.delete(ordinal);
  if (keepsRoom(state, run, ordinal)) run.roomKept -= 1;
  return true;
}

/** True when nothing of the target is to be begun: it is under way, held, or done with. */
export function isBegunOrDone(state: WorkflowState, run: StageRun, ordinal: number): boolean {
  return run.inFlight.has(ordinal) || run.held.has(ordinal) || run.returning.has(ordinal) || isTargetDone(state, run.stage, ordinal);
}

function hasFailure(state: WorkflowState, stage: StagePlan, ordinal: number): boolean {
  return stage.actions.some((action) => action.failsTarget && isFailure(state.tasks.get(taskAt(stage, ordinal, action.index))));
}
