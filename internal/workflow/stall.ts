// Whether an executing workflow stands still until a person acts. Derived from the state, never stored.
// 1. Stalled: nothing runs, nothing is due by itself, and what is open is held by unknown tasks, or not begun for want of room at risk.
// 2. Past the budget of failures nothing is due any more: there only unknown tasks keep the workflow from its end.

import { Decision } from "../gen/holdfast/v1/policy_pb.ts";
import { isOver, isUncertain } from "./budget.ts";
import { canReturn, hasRoomAtRisk, isOutOfRoom } from "./room-at-risk.ts";
import type { StageRun, WorkflowState } from "./state.ts";
import { TaskState } from "./task-state.ts";

/** True when only a person can move the workflow. Waiting for a lock is not a stall: its holder will give it back. */
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
  const waiting = inFlight + run.waitingForLock.size + run.waitingForThaw.size;
  return waiting > state.parking.size;
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
