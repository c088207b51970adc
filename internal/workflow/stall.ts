// Whether an executing workflow stands still until a person acts. Derived from the state, never stored.
// 1. Stalled: nothing runs, nothing is due by itself, and what is open is held by unknown tasks, or not begun for want of room at risk.
//    Waiting for a lock is not: its holder will give it back, unless that is a target of the workflow itself that is unknown.
// 2. Past the budget of failures nothing is due any more: there only unknown tasks keep the workflow from its end.

import { Decision } from "../gen/holdfast/v1/policy_pb.ts";
import { taskAt } from "./blueprint.ts";
import { isOver, isUncertain } from "./budget.ts";
import { stageLockKeys } from "./lock-keys.ts";
import { Risk } from "./risk.ts";
import { canReturn, hasRoomAtRisk, isOutOfRoom } from "./room-at-risk.ts";
import type { StageRun, WorkflowState } from "./state.ts";
import { TaskState } from "./task-state.ts";

/** True when only a person can move the workflow. */
export function hasStalled(state: WorkflowState): boolean {
  const run = state.stageRun;
  if (state.life.kind !== "executing" || state.running.size > 0 || state.isCancelRequested) return false;
  if (isHeldForPeople(state)) return true;
  if (run === undefined) return false;
  const hasUnknown = state.tasks.count(run.stage.index, TaskState.UNKNOWN) > 0;
  if (isOver(run)) return hasUnknown;
  if (willMove(state, run)) return false;
  return hasUnknown || state.parking.size > 0 || state.entrance.size > 0 || isOutOfRoom(state, run);
}

/** True when time, or somebody else's work, will let something start. */
export function willMove(state: WorkflowState, run: StageRun): boolean {
  const { entrance, parking, backoff } = state;
  if (entrance.isCutShort || backoff.size > 0 || !run.isInWave || parking.willMove || (entrance.willMove && mayBegin(state, run)))
    return true;
  const inFlight = state.tasks.count(run.stage.index, TaskState.READY) + state.tasks.count(run.stage.index, TaskState.BACKOFF);
  const waiting = inFlight + lockWaits(state, run) + run.waitingForThaw.size;
  return waiting > state.parking.size;
}

/**
 * How many tasks wait for locks that will come free by themselves. The others wait for a target of this stage that is unknown, or stand in line
 * behind one of those for the same key. Asked again only after an event: it looks at all who wait, and at all who are held (H9).
 */
function lockWaits(state: WorkflowState, run: StageRun): number {
  const { waitingForLock, held, stage } = run;
  if (held.size === 0 || waitingForLock.size === 0 || stage.locks.length === 0) return waitingForLock.size;
  if (run.lockWaits?.seq === state.seq) return run.lockWaits.count;
  const kept = new Set<string>();
  for (const ordinal of held)
    if (((state.risk[ordinal] ?? 0) & Risk.BEGUN) !== 0) keep(kept, stageLockKeys(state, taskAt(stage, ordinal, 0)));
  let count = 0;
  for (const task of waitingForLock) {
    const keys = stageLockKeys(state, task);
    if (keys.some((key) => kept.has(key))) keep(kept, keys);
    else count += 1;
  }
  run.lockWaits = { seq: state.seq, count };
  return count;
}

function keep(kept: Set<string>, keys: readonly string[]): void {
  for (const key of keys) kept.add(key);
}

/** True when a target could be begun now but for what is outside: those in flight may all be held back themselves. */
function mayBegin(state: WorkflowState, run: StageRun): boolean {
  if (run.inFlight.size >= run.stage.parallel) return false;
  if (canReturn(state, run)) return true;
  return !isUncertain(state, run) && (hasRoomAtRisk(state, run) || run.atRiskToBegin.size > 0);
}

/** True while nothing keeps the workflow as a whole from starting attempts. */
export function canStart({ life, stageRun, isPaused, isCancelRequested, freeze }: WorkflowState): boolean {
  if (life.kind !== "executing" || isPaused || isCancelRequested || freeze?.isWhole === true) return false;
  return stageRun !== undefined && !isOver(stageRun);
}

/** True when a gate holds it, and not merely for a while. */
function isHeldForPeople({ gateHeld }: WorkflowState): boolean {
  return gateHeld !== undefined && gateHeld.verdict.decision !== Decision.WAIT;
}
