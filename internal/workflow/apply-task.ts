// The part of the fold that is about one task: it starts, ends, is put off, skipped, refused, or settled by a person.
// 1. What is derived from it (queues, risk, targets in flight) is kept in the same step, so that no turn scans tasks.

import { assert, present } from "../base/assert.ts";
import type { TimeMs } from "../base/ids.ts";
import type { ApplyStarted, AttemptAwaits, AttemptEnded, AttemptStarted, TaskResolved } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptOutcome, DeferReason, Resolution } from "../gen/holdfast/v1/event_pb.ts";
import { beginAwaiting, stopAwaiting } from "./awaiting.ts";
import { placeOf } from "./blueprint.ts";
import { reopenTask } from "./reopen.ts";
import { noteDone, noteFound, noteUndone } from "./restored-doubt.ts";
import type { RunningTask, StageRun, WorkflowState } from "./state.ts";
import { Risk, setRisk } from "./risk.ts";
import { stageRunOf } from "./state.ts";
import { isPastBudget } from "./budget.ts";
import { closeAlternatives, closeTask, isGivenUp, putBack } from "./target-parts.ts";
import { admitTarget, failTarget, followTask, stopTargets } from "./target-run.ts";
import { TaskState, isFailure } from "./task-state.ts";

/** The task under way that an event is about. */
export function runningTask(state: WorkflowState, at: { readonly task: number; readonly attempt: number }): RunningTask {
  const running = present(state.running.get(at.task), "the task under way");
  assert(running.attempt === at.attempt, "an event is about the attempt under way");
  return running;
}

/** AttemptStarted. */
export function startAttempt(state: WorkflowState, started: AttemptStarted, atMs: TimeMs): void {
  const { task, attempt } = started;
  const { ordinal, action } = placeOf(state.blueprint, task);
  const run = stageRunOf(state);
  takeFromQueues(state, run, task);
  state.tasks.set(task, TaskState.RUNNING);
  admitTarget(state, run, { ordinal, task });
  state.schedule.run(task);
  state.tasks.attempts[task] = attempt;
  state.generation.attemptLast = Math.max(state.generation.attemptLast, attempt);
  if (started.rulesAllowed > 0) state.tasksAllowed += 1;
  state.running.set(task, { attempt, startedAtMs: atMs, startSeq: state.seq, remoteId: "" });
  if (action.totalTimeoutMs !== Infinity && !state.firstStartMs.has(task)) state.firstStartMs.set(task, atMs);
}

/** ApplyStarted: the target is at risk from here on. */
export function startApply(state: WorkflowState, started: ApplyStarted): void {
  runningTask(state, started).before = started.before;
  const { stage, ordinal } = placeOf(state.blueprint, started.task);
  if (stage.parts.some(({ part }) => part === "undo")) stageRunOf(state).touched.add(started.task);
  if (stage.isOverTargets) setRisk(state, ordinal, { set: Risk.BEGUN });
}

/** AttemptEnded. */
export function endAttempt(state: WorkflowState, ended: AttemptEnded, atMs: TimeMs): void {
  const { task } = ended;
  const { before } = runningTask(state, ended);
  if (before === undefined && ended.outcome === AttemptOutcome.CHANGED) noteFound(state, task);
  state.running.delete(task);
  stopAwaiting(state, ended);
  if (ended.set !== undefined) state.vars = { ...state.vars, ...ended.set };
  if (ended.repeatAfterMs !== undefined) return repeatTask(state, ended, atMs);
  if (ended.iteration > 0 && ended.outcome === AttemptOutcome.FAILED) state.tasks.beginRun(task); // the run before came to a good end
  switch (ended.outcome) {
    case AttemptOutcome.UNCHANGED:
      return settleTask(state, task, TaskState.UNCHANGED);
    case AttemptOutcome.CHANGED:
      return settleTask(state, task, TaskState.CHANGED);
    case AttemptOutcome.SKIPPED:
      return settleTask(state, task, TaskState.SKIPPED);
    case AttemptOutcome.UNKNOWN:
      return settleTask(state, task, placeOf(state.blueprint, task).action.movesOnUnknown ? TaskState.FAILED : TaskState.UNKNOWN);
    case AttemptOutcome.CANCELLED:
      return settleTask(state, task, TaskState.CANCELLED);
    case AttemptOutcome.DEFERRED:
      return deferTask(state, ended);
    case AttemptOutcome.FAILED:
    case AttemptOutcome.UNREACHABLE:
      return failAttempt(state, ended, atMs);
    default:
      // An open enum: a journal of a newer version may hold what this one does not know.
      return assert(false, `an attempt ends in a known way, found ${ended.outcome}`);
  }
}

/** TaskSkipped and TaskRefused. */
export function settleUnstarted(state: WorkflowState, task: number, to: TaskState): void {
  const { ordinal } = placeOf(state.blueprint, task);
  const run = stageRunOf(state);
  // What was begun before and waits has its place, or gave it up and needs none to end.
  const isNew = state.tasks.get(task) <= TaskState.READY;
  takeFromQueues(state, run, task);
  if (isNew) admitTarget(state, run, { ordinal, task });
  settleTask(state, task, to);
}

/** TaskResolved. */
export function resolveTask(state: WorkflowState, resolved: TaskResolved): void {
  const { task } = resolved;
  const { ordinal } = placeOf(state.blueprint, task);
  const run = stageRunOf(state);
  if (resolved.resolution === Resolution.SUCCEEDED) noteDone(state, task);
  else noteUndone(state, task);
  if (run.held.delete(ordinal)) run.returning.add(ordinal);
  if (resolved.resolution === Resolution.SUCCEEDED) return settleTask(state, task, TaskState.CHANGED);
  if (resolved.resolution === Resolution.FAILED) return settleTask(state, task, TaskState.FAILED);
  reopenTask(state, task);
  followTask(state, run, ordinal);
}

/** READY tasks that were closed while they stood in the queue are dropped here, with the one that starts. */
function takeFromQueues(state: WorkflowState, run: StageRun, task: number): void {
  state.backoff.delete(task);
  run.waitingForLock.delete(task);
  run.waitingForThaw.delete(task);
  state.parking.release(task);
  state.entrance.release(task);
  if (state.tasks.get(task) === TaskState.READY) run.ready.take(task, (other) => state.tasks.get(other) === TaskState.READY);
}

function failAttempt(state: WorkflowState, ended: AttemptEnded, atMs: TimeMs): void {
  if (ended.retryAfterMs === undefined) {
    return settleTask(state, ended.task, ended.outcome === AttemptOutcome.FAILED ? TaskState.FAILED : TaskState.UNREACHABLE);
  }
  if (goBack(state, ended.task)) return;
  state.tasks.set(ended.task, TaskState.BACKOFF);
  state.schedule.wait(ended.task);
  state.backoff.set(ended.task, atMs + ended.retryAfterMs);
}

/** What handles an end waits while its target is undone with its wave, which has waited for this attempt. */
function goBack(state: WorkflowState, task: number): boolean {
  if (!putBack(state, task)) return false;
  followTask(state, stageRunOf(state), placeOf(state.blueprint, task).ordinal);
  return true;
}

/** AttemptAwaits: what waited for the attempt's own work goes on. */
export function awaitOutside(state: WorkflowState, begun: AttemptAwaits, atMs: TimeMs): void {
  beginAwaiting(state, begun, atMs);
  followTask(state, stageRunOf(state), placeOf(state.blueprint, begun.task).ordinal);
}

/** The next iteration of `repeat` is another run, with retries and times of its own. */
function repeatTask(state: WorkflowState, { task, attempt, iteration, repeatAfterMs = 0 }: AttemptEnded, atMs: TimeMs): void {
  const place = placeOf(state.blueprint, task);
  const run = stageRunOf(state);
  state.tasks.beginRun(task);
  if (isGivenUp(state, run, place)) return settleTask(state, task, TaskState.SKIPPED_AFTER);
  if (goBack(state, task)) return;
  state.iterations.set(task, iteration + 1);
  state.tasks.forgiven[task] = attempt;
  state.firstStartMs.delete(task);
  state.schedule.end(task);
  state.schedule.begin(task, atMs + repeatAfterMs + place.action.scheduleTimeoutMs);
  state.tasks.set(task, TaskState.BACKOFF);
  state.backoff.set(task, atMs + repeatAfterMs);
}

/** It changed nothing and is no attempt: neither its number nor its start counts. */
function deferTask(state: WorkflowState, ended: AttemptEnded): void {
  const { task, attempt } = ended;
  const run = stageRunOf(state);
  if (ended.deferredFor === DeferReason.FROZEN) return freezeTask(state, run, task);
  state.tasks.attempts[task] = attempt - 1;
  if (attempt - 1 === state.tasks.forgiven[task]) state.firstStartMs.delete(task);
  if (isGivenUp(state, run, placeOf(state.blueprint, task))) return settleTask(state, task, TaskState.SKIPPED_AFTER);
  if (goBack(state, task)) return;
  state.tasks.set(task, TaskState.DEFERRED);
  state.schedule.wait(task);
  if (ended.deferredFor === DeferReason.LOCK) run.waitingForLock.add(task);
}

/** It may have begun to change something, so its number is not used again; but it does not count against the retry rule. */
function freezeTask(state: WorkflowState, run: StageRun, task: number): void {
  state.tasks.forgiven[task] = (state.tasks.forgiven[task] ?? 0) + 1;
  if (run.touched.has(task)) state.tasks.halfDone.add(task);
  state.firstStartMs.delete(task);
  if (isGivenUp(state, run, placeOf(state.blueprint, task))) return settleTask(state, task, TaskState.SKIPPED_AFTER);
  if (goBack(state, task)) return;
  state.tasks.set(task, TaskState.DEFERRED);
  state.schedule.wait(task);
  run.waitingForThaw.add(task);
}

function settleTask(state: WorkflowState, task: number, to: TaskState): void {
  const { ordinal, stage, action } = placeOf(state.blueprint, task);
  closeTask(state, task, to);
  const run = stageRunOf(state);
  assert(run.stage === stage, "a task ends in the stage under way");
  if (action.alternatives.end - action.alternatives.first > 1) closeAlternatives(state, task, to);
  if (isFailure(to) && action.failsTarget) failTarget(state, run, ordinal);
  if (to === TaskState.UNKNOWN && stage.isOverTargets) setRisk(state, ordinal, { set: Risk.UNKNOWN });
  followTask(state, run, ordinal);
  if (isPastBudget(run)) stopTargets(state, run);
}
