// What happens next by itself: given a state and a time, the one event that the rules of stages, waves, budgets and needs call for now.
// 1. It reads the state and makes no event happen; the engine applies the event and asks again until there is none.
//    Its one side is the parking of what something outside holds back, which is no part of the fold.
// 2. Nothing starts in a workflow that is cancelled, frozen, paused, held at a gate, or past its budget of failures (but budget.ts).
// 3. A target that is not at risk is begun only while there is room for it to become so: so max_at_risk is never exceeded.
// 4. Each answer costs constant time on average: targets are passed over once in a wave, tasks that wait are at most those in flight.

import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import { Mode, SkipReason } from "../gen/holdfast/v1/event_pb.ts";
import { HoldfastError } from "../base/errors.ts";
import { ATTEMPT_NUMBER_MAX, ERROR_MESSAGE_LENGTH_MAX } from "../base/limits.ts";
import { evaluateBoolean } from "../expr/program.ts";
import { nextAwaited } from "./awaiting.ts";
import { placeOf } from "./blueprint.ts";
import { continuesAtMs } from "./continuing.ts";
import { isOver, isUncertain } from "./budget.ts";
import { nextDeadline, nextDeadlineMs } from "./deadlines.ts";
import { decideEnd } from "./attempt-end.ts";
import { endWorkflow } from "./ending.ts";
import { happened } from "./events.ts";
import { taskScope } from "./expression-scope.ts";
import { noteFreeze } from "./freeze-note.ts";
import { isNews, isWaveGated, nextOpenWave, waveStarted } from "./gates.ts";
import type { Facts } from "./facts.ts";
import { answerNeeds } from "./needs.ts";
import { wouldChangeBefore } from "./plan-mode.ts";
import { hasRoomAtRisk, hasRoomFor } from "./room-at-risk.ts";
import { stageLockKeys } from "./lock-keys.ts";
import { hasRunAll, nextStage } from "./stage-order.ts";
import { endIteration } from "./repeat.ts";
import type { StageRun, WorkflowState } from "./state.ts";
import { waveEnd } from "./state.ts";
import { firstStartable, isBegunOrDone, placeToYield } from "./target-run.ts";
import { TaskState, isWaiting } from "./task-state.ts";

/** The next event that follows by itself; undefined: nothing until a command or a moment (nextDueMs) comes. */
export function nextStep(state: WorkflowState, facts: Facts): Event | undefined {
  if (state.life.kind === "submitted") return facts.nowMs >= state.expiresAtMs ? happened("workflowExpired", {}) : undefined;
  if (state.life.kind !== "executing") return undefined;
  const awaited = endAwaited(state, facts);
  if (awaited !== undefined) return awaited;
  if (state.isCancelRequested) return state.running.size === 0 ? endWorkflow(state, facts) : undefined;
  const passed = hasDoneAll(state) ? undefined : nextDeadline(state, facts.nowMs);
  if (passed !== undefined) return passed;
  const noted = noteFreeze(state, facts.freeze());
  if (noted !== undefined || state.freeze?.isWhole === true) return noted;
  const run = state.stageRun;
  if (run === undefined) return nextStage(state, facts);
  if (isOver(run)) return nextWhenPastBudget(state, run);
  if (state.isPaused) return undefined;
  return nextInStage(state, run, facts);
}

/** When nextStep may have a new answer by the mere passing of time, by the wall clock; pauses and limits go by the guard's. Undefined: never. */
export function nextDueMs(state: WorkflowState): number | undefined {
  if (state.life.kind === "submitted") return state.expiresAtMs;
  if (state.life.kind !== "executing" || state.isCancelRequested) return undefined;
  const run = state.stageRun;
  const mayStart = !state.isPaused && (run === undefined || !isOver(run)) && state.freeze?.isWhole !== true;
  const startMs = mayStart ? Math.min(state.backoff.peek()?.atMs ?? Infinity, state.schedule.peek()?.atMs ?? Infinity) : Infinity;
  const dueMs = Math.min(
    startMs,
    mayStart && hasRunAll(state) ? continuesAtMs(state) : Infinity,
    state.awaiting.due()?.atMs ?? Infinity,
    hasDoneAll(state) ? Infinity : nextDeadlineMs(state),
  );
  return dueMs === Infinity ? undefined : dueMs;
}

/** True for a generation that was done in its time, and only waits for the moment at which the next one may begin: no deadline is its concern. */
function hasDoneAll(state: WorkflowState): boolean {
  return state.blueprint.continueAsNew !== undefined && hasRunAll(state);
}

/** What an attempt awaited has come, or its time is over. */
function endAwaited(state: WorkflowState, facts: Facts): Event | undefined {
  const report = nextAwaited(state, facts);
  return report === undefined ? undefined : decideEnd(state, report, facts)[0];
}

/** Attempts under way come to their end; what is unknown is settled by a person first. */
function nextWhenPastBudget(state: WorkflowState, run: StageRun): Event | undefined {
  const isStill = state.running.size === 0 && state.tasks.count(run.stage.index, TaskState.UNKNOWN) === 0;
  return isStill ? happened("stageEnded", { stage: run.stage.index, succeeded: false }) : undefined;
}

function nextInStage(state: WorkflowState, run: StageRun, facts: Facts): Event | undefined {
  if (!run.isInWave) return nextWave(state, run, facts);
  const late = state.schedule.peek();
  if (late !== undefined && late.atMs <= facts.nowMs) return lateEvent(state, late.task);
  enterWave(state, run);
  state.entrance.isCutShort = false;
  for (let task = nextCandidate(state, run, facts); task !== undefined; task = nextCandidate(state, run, facts)) {
    if (facts.isSpent()) {
      state.entrance.isCutShort = true;
      return undefined;
    }
    const event = begin(state, task, facts);
    if (event !== undefined) return event;
  }
  if (run.openInWave > 0) return undefined;
  return happened("waveEnded", {
    stage: run.stage.index,
    wave: run.wave,
    pauseMs: nextOpenWave(state, run) === undefined ? 0 : run.stage.pauseMs,
  });
}

/** Its time was over before it had ended: what waits is not begun any more. */
function lateEvent(state: WorkflowState, task: number): Event {
  const seconds = placeOf(state.blueprint, task).action.scheduleTimeoutMs / 1_000;
  const attempts = state.tasks.triesOf(task);
  const tried = attempts === 0 ? "no attempt was made" : `${attempts === 1 ? "1 attempt was" : `${attempts} attempts were`} made`;
  const error = `schedule_timeout: it had not ended ${seconds} s after it might have started; ${tried}: "holdfast history ${state.blueprint.id}" shows what it waited for`;
  return refused(state, task, error);
}

/** What was parked in an earlier wave, or before a Retry, is asked anew. */
function enterWave(state: WorkflowState, run: StageRun): void {
  const wave = { stage: run.stage.index, iteration: run.iteration, wave: run.wave, retries: state.retries };
  state.parking.enter(wave, run.nextOrdinal);
  state.entrance.enter(wave, run.nextOrdinal);
}

/** A wave that policies have a say about starts with their verdict (gates.ts). */
function nextWave(state: WorkflowState, run: StageRun, facts: Facts): Event | undefined {
  const wave = nextOpenWave(state, run);
  if (wave === undefined) return endIteration(state, run, facts);
  if (!facts.isPauseOver() || isWaveGated(run, facts)) return undefined;
  return waveStarted(run, wave);
}

/** The next task that the workflow's own rules let start, and that was not asked about yet. */
function nextCandidate(state: WorkflowState, run: StageRun, facts: Facts): number | undefined {
  const due = state.backoff.peek();
  if (due !== undefined && due.atMs <= facts.nowMs) return due.task;
  return nextFreedInFlight(state, run) ?? firstReady(state, run) ?? firstWaiting(state, run, facts) ?? firstAdmissible(state, run);
}

/** One whose target gave up its place meanwhile is no longer parked: it waits for a place first, and is asked about then. */
function nextFreedInFlight(state: WorkflowState, run: StageRun): number | undefined {
  if (!state.parking.hasFreed) return undefined;
  return state.parking.nextFreed((task) => isWaiting(state.tasks.get(task)) && hasPlaceFor(state, run, task));
}

/** The count comes first: where nothing is READY, what was closed while it stood in the queue is not passed over again and again. */
function firstReady(state: WorkflowState, run: StageRun): number | undefined {
  if (state.tasks.count(run.stage.index, TaskState.READY) === 0) return undefined;
  return run.ready.firstWhere((task) => state.tasks.get(task) === TaskState.READY && !state.parking.has(task));
}

/** The first task whose freeze is over, or whose locks can be taken. */
function firstWaiting(state: WorkflowState, run: StageRun, facts: Facts): number | undefined {
  for (const task of run.waitingForThaw) if (!state.parking.has(task) && hasPlaceFor(state, run, task)) return task;
  for (const task of run.waitingForLock) if (!state.parking.has(task) && facts.canLock(task) && hasPlaceFor(state, run, task)) return task;
  return undefined;
}

/** True when the task's target has its place within `parallel`, or may have it back, from one that waits for locks if need be. */
function hasPlaceFor(state: WorkflowState, run: StageRun, task: number): boolean {
  const { ordinal } = placeOf(state.blueprint, task);
  if (run.inFlight.has(ordinal)) return true;
  if (!hasRoomFor(state, run, ordinal)) return false;
  return run.inFlight.size < run.stage.parallel || placeToYield(state, run) !== undefined;
}

/** The first task of the next target, when the wave, `parallel` and `max_at_risk` have room for it. */
function firstAdmissible(state: WorkflowState, run: StageRun): number | undefined {
  const isFull = run.inFlight.size >= run.stage.parallel;
  if (!isFull || (run.returning.size > 0 && placeToYield(state, run) !== undefined)) {
    const back = nextUnheld(state, run, run.returning);
    if (back !== undefined) return back;
  }
  return isFull || isUncertain(state, run) ? undefined : nextEntrant(state, run);
}

/** The first task that may start of the first of these targets that nothing outside holds back. */
function nextUnheld(state: WorkflowState, run: StageRun, ordinals: Iterable<number>): number | undefined {
  for (const ordinal of ordinals) {
    // One that had ended well and is undone with its wave may become at risk by that.
    if (run.isRecalled && !hasRoomFor(state, run, ordinal)) continue;
    const task = firstStartable(state, run.stage, ordinal);
    if (task !== undefined && (!state.entrance.has(task) || state.entrance.isFreed(task))) return task;
  }
  return undefined;
}

/** Targets are taken in order, but past those that something outside holds back; those at risk already need no room. */
function nextEntrant(state: WorkflowState, run: StageRun): number | undefined {
  if (hasRoomAtRisk(state, run)) {
    const freed = nextFreedEntrant(state, run);
    if (freed !== undefined) return freed;
    const end = waveEnd(run);
    state.entrance.moveTo(run.nextOrdinal);
    for (let ordinal = state.entrance.cursor; ordinal < end; ordinal++) {
      const task = isBegunOrDone(state, run, ordinal) ? undefined : firstStartable(state, run.stage, ordinal);
      if (task !== undefined && !state.entrance.has(task)) return task;
      state.entrance.moveTo(ordinal + 1);
    }
  }
  return nextUnheld(state, run, run.atRiskToBegin);
}

function nextFreedEntrant(state: WorkflowState, run: StageRun): number | undefined {
  if (!state.entrance.hasFreed) return undefined;
  return state.entrance.nextFreed((task) => {
    const { ordinal } = placeOf(state.blueprint, task);
    return run.returning.has(ordinal) || !isBegunOrDone(state, run, ordinal);
  });
}

/** Starts a task, unless its needs or its `when` say otherwise, or something outside holds it back: then it is parked, and undefined is answered. */
function begin(state: WorkflowState, task: number, facts: Facts): Event | undefined {
  const place = placeOf(state.blueprint, task);
  const { action, stage } = place;
  const now = state.tasks.get(task);
  const isNew = now === TaskState.PENDING || now === TaskState.READY;
  if (state.tasks.begunOf(task) >= ATTEMPT_NUMBER_MAX)
    return refused(
      state,
      task,
      `it has begun ${ATTEMPT_NUMBER_MAX} attempts over all iterations and rounds, and begins no more; submit the workflow again`,
    );
  if (action.mayMissNeeds && isNew && !facts.isFrozen(task) && answerNeeds(state, place) === "skip")
    return happened("taskSkipped", { task, reason: SkipReason.NEED });
  if ((action.when === undefined && stage.locks.length === 0) || !isNew || facts.isFrozen(task)) return admit(state, task, facts);
  try {
    if (action.when !== undefined && !evaluateBoolean(action.when, taskScope(state, task, facts)))
      return happened("taskSkipped", { task, reason: SkipReason.WHEN });
    stageLockKeys(state, task); // one that cannot be evaluated is found before anything is looked at
    return admit(state, task, facts);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    // In a plan, `when` may name what an earlier action would only have brought about.
    if (state.blueprint.mode === Mode.PLAN && wouldChangeBefore(state, task))
      return happened("taskSkipped", { task, reason: SkipReason.WHEN });
    return refused(state, task, error.message.slice(0, ERROR_MESSAGE_LENGTH_MAX));
  }
}

/** Shown as what the next attempt would have been. */
function refused(state: WorkflowState, task: number, error: string): Event {
  return happened("taskRefused", { task, error, attempt: (state.tasks.attempts[task] ?? 0) + 1 });
}

function admit(state: WorkflowState, task: number, facts: Facts): Event | undefined {
  const admission = facts.admit(task);
  const news = isNews(state, admission.verdict)
    ? happened("verdictGiven", { verdict: admission.verdict, stage: placeOf(state.blueprint, task).stage.index, task })
    : undefined;
  if (admission.kind === "go") return news ?? attempt(state, task, admission.rulesAllowed);
  switch (state.tasks.get(task)) {
    case TaskState.BACKOFF:
      // It is due, and asked about when what holds it moves, as everything in flight.
      state.backoff.delete(task);
      state.parking.park(task, admission.held);
      break;
    case TaskState.PENDING:
      state.entrance.park(task, admission.held);
      break;
    default:
      // So that those who are parked are not passed over again and again (H9).
      state.stageRun?.ready.take(task, (other) => state.tasks.get(other) === TaskState.READY);
      state.parking.park(task, admission.held);
  }
  return news;
}

function attempt(state: WorkflowState, task: number, rulesAllowed: number): Event {
  return happened("attemptStarted", { task, attempt: (state.tasks.attempts[task] ?? 0) + 1, rulesAllowed });
}
