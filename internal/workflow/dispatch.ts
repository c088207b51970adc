// What happens next by itself: given a state and a time, the one event that the rules of stages, waves, budgets and needs call for now.
// 1. It reads the state and changes nothing; the engine applies the event and asks again until there is none.
// 2. Nothing starts in a workflow that is cancelled, paused or past its budget of failures.
// 3. A target that is not at risk is begun only while there is room for it to become so: so max_at_risk is never exceeded.
// 4. Each answer costs constant time on average: targets are passed over once in a wave, tasks that wait are at most those in flight.

import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import { Mode, SkipReason } from "../gen/holdfast/v1/event_pb.ts";
import { HoldfastError } from "../base/errors.ts";
import { ERROR_MESSAGE_LENGTH_MAX } from "../base/limits.ts";
import { evaluateBoolean } from "../expr/program.ts";
import { placeOf, targetAt } from "./blueprint.ts";
import { endWorkflow } from "./ending.ts";
import { happened } from "./events.ts";
import { taskScope } from "./expression-scope.ts";
import type { Facts } from "./facts.ts";
import { wouldChangeBefore } from "./plan-mode.ts";
import { nextToBegin } from "./room-at-risk.ts";
import type { StageRun, WorkflowState } from "./state.ts";
import { firstStartable, isTargetDone } from "./target-run.ts";
import { TaskState } from "./task-state.ts";

/** The next event that follows by itself; undefined: nothing until a command or a moment (nextDueMs) comes. */
export function nextStep(state: WorkflowState, facts: Facts): Event | undefined {
  if (state.life.kind === "submitted") return facts.nowMs >= state.expiresAtMs ? happened("workflowExpired", {}) : undefined;
  if (state.life.kind !== "executing") return undefined;
  if (state.isCancelRequested) return state.running.size === 0 ? endWorkflow(state, facts) : undefined;
  const run = state.stageRun;
  if (run === undefined) return nextStage(state, facts);
  if (isPastBudget(run)) return nextWhenPastBudget(state, run);
  if (state.isPaused) return undefined;
  return nextInStage(state, run, facts);
}

/** When nextStep may have a new answer by the mere passing of time; undefined: never. */
export function nextDueMs(state: WorkflowState): number | undefined {
  if (state.life.kind === "submitted") return state.expiresAtMs;
  if (state.life.kind !== "executing" || state.isPaused || state.isCancelRequested) return undefined;
  const run = state.stageRun;
  if (run !== undefined && isPastBudget(run)) return undefined;
  const backoffMs = state.backoff.peek()?.atMs ?? Infinity;
  const waveMs = run !== undefined && !run.isInWave ? run.resumeAtMs : Infinity;
  const dueMs = Math.min(backoffMs, waveMs);
  return dueMs === Infinity ? undefined : dueMs;
}

/** True when more targets of the stage have failed than may. */
export function isPastBudget(run: StageRun): boolean {
  return run.failed.size > run.stage.failuresMax;
}

/** True when failed and unknown targets together are more than may fail: then no further target is begun. */
export function isUncertain(state: WorkflowState, run: StageRun): boolean {
  return run.failed.size + state.tasks.count(run.stage.index, TaskState.UNKNOWN) > run.stage.failuresMax;
}

function nextStage(state: WorkflowState, facts: Facts): Event | undefined {
  if (state.isPaused) return undefined;
  if (state.stageResults.includes("failed")) return endWorkflow(state, facts);
  const stage = state.stageResults.indexOf("pending");
  return stage === -1 ? endWorkflow(state, facts) : happened("stageStarted", { stage });
}

/** Attempts under way come to their end; what is unknown is settled by a person first. */
function nextWhenPastBudget(state: WorkflowState, run: StageRun): Event | undefined {
  const isStill = state.running.size === 0 && state.tasks.count(run.stage.index, TaskState.UNKNOWN) === 0;
  return isStill ? happened("stageEnded", { stage: run.stage.index, succeeded: false }) : undefined;
}

function nextInStage(state: WorkflowState, run: StageRun, facts: Facts): Event | undefined {
  if (!run.isInWave) return nextWave(state, run, facts);
  const due = state.backoff.peek();
  if (due !== undefined && due.atMs <= facts.nowMs) return attempt(state, due.task);
  const ready = firstReady(state, run);
  if (ready !== undefined) return begin(state, ready, facts);
  const unblocked = firstUnblocked(state, run, facts);
  if (unblocked !== undefined) return unblocked;
  const admitted = firstAdmissible(state, run);
  if (admitted !== undefined) return begin(state, admitted, facts);
  if (run.openInWave > 0) return undefined;
  return happened("waveEnded", {
    stage: run.stage.index,
    wave: run.wave,
    pauseMs: nextOpenWave(state, run) === undefined ? 0 : run.stage.pauseMs,
  });
}

function nextWave(state: WorkflowState, run: StageRun, facts: Facts): Event | undefined {
  const wave = nextOpenWave(state, run);
  if (wave === undefined) return happened("stageEnded", { stage: run.stage.index, succeeded: true });
  if (facts.nowMs < run.resumeAtMs) return undefined;
  const { first, count } = run.stage.waves[wave] ?? { first: 0, count: 0 };
  return happened("waveStarted", { stage: run.stage.index, wave, first, count });
}

/** The next wave that holds a target with something left to do. */
function nextOpenWave(state: WorkflowState, run: StageRun): number | undefined {
  for (let index = run.wave + 1; index < run.stage.waves.length; index++) {
    const { first, count } = run.stage.waves[index] ?? { first: 0, count: 0 };
    for (let ordinal = first; ordinal < first + count; ordinal++) {
      if (!isTargetDone(state, run.stage, ordinal)) return index;
    }
  }
  return undefined;
}

/** The count comes first: where nothing is READY, what was closed while it stood in the queue is not passed over again and again. */
function firstReady(state: WorkflowState, run: StageRun): number | undefined {
  if (state.tasks.count(run.stage.index, TaskState.READY) === 0) return undefined;
  return run.ready.firstWhere((task) => state.tasks.get(task) === TaskState.READY);
}

function firstUnblocked(state: WorkflowState, run: StageRun, facts: Facts): Event | undefined {
  for (const task of run.waitingForLock) {
    const { stage, ordinal } = placeOf(state.blueprint, task);
    const target = targetAt(state.blueprint, stage, ordinal);
    if (target !== undefined && facts.canLock(target.name)) return attempt(state, task);
  }
  return undefined;
}

/** The first task of the next target, when the wave, `parallel` and `max_at_risk` have room for it. */
function firstAdmissible(state: WorkflowState, run: StageRun): number | undefined {
  if (run.inFlight.size >= run.stage.parallel) return undefined;
  for (const ordinal of run.returning) {
    const task = firstStartable(state, run.stage, ordinal);
    if (task !== undefined) return task;
  }
  if (isUncertain(state, run)) return undefined;
  const next = nextToBegin(state, run);
  return next === undefined ? undefined : firstStartable(state, run.stage, next);
}

/** Starts a task, unless its `when` says otherwise. */
function begin(state: WorkflowState, task: number, facts: Facts): Event {
  const { when } = placeOf(state.blueprint, task).action;
  if (when === undefined) return attempt(state, task);
  try {
    if (evaluateBoolean(when, taskScope(state, task, facts))) return attempt(state, task);
    return happened("taskSkipped", { task, reason: SkipReason.WHEN });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    // In a plan, `when` may name what an earlier action would only have brought about.
    if (state.blueprint.mode === Mode.PLAN && wouldChangeBefore(state, task))
      return happened("taskSkipped", { task, reason: SkipReason.WHEN });
    return happened("taskRefused", { task, error: error.message.slice(0, ERROR_MESSAGE_LENGTH_MAX) });
  }
}

function attempt(state: WorkflowState, task: number): Event {
  return happened("attemptStarted", { task, attempt: (state.tasks.attempts[task] ?? 0) + 1 });
}
