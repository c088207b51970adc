// Room within max_at_risk: it is kept when a target is begun, not when it is changed, so that whatever becomes of a target has room.
// 1. While a stage runs, targets at risk and targets in flight that are not at risk (or that gave up their place) are never together more than its max_at_risk,
//    unless an earlier stage left more of them at risk: then no target is begun that is not at risk.

import type { StageRun, WorkflowState } from "./state.ts";
import { waveEnd } from "./state.ts";

/** True when a target that is not at risk may be begun: each one at risk takes room, and each one in flight keeps it, whatever becomes of it. */
export function hasRoomAtRisk(state: WorkflowState, run: StageRun): boolean {
  return state.targetsAtRisk + run.roomKept < run.stage.atRiskMax;
}

/** True when the target may go in flight: it is at risk already, kept its room when it gave up its place, or there is room for one more. */
export function hasRoomFor(state: WorkflowState, run: StageRun, ordinal: number): boolean {
  return state.risk[ordinal] !== 0 || run.yielded.has(ordinal) || hasRoomAtRisk(state, run);
}

/** True when targets of the wave are still to be begun, and none may be for want of room at risk. */
export function isOutOfRoom(state: WorkflowState, run: StageRun): boolean {
  if (run.nextOrdinal < waveEnd(run) && nextToBegin(state, run) === undefined) return true;
  return run.returning.size > 0 && !canReturn(state, run);
}

/** True when there is room for one of those that come back: only one that had ended well, and is undone with its wave, may become at risk by that. */
export function canReturn(state: WorkflowState, run: StageRun): boolean {
  if (run.returning.size === 0) return false;
  if (!run.isRecalled || hasRoomAtRisk(state, run)) return true;
  for (const ordinal of run.returning) if (state.risk[ordinal] !== 0) return true;
  return false;
}

/** The next target to begin: in order while there is room at risk, else the first of those that are at risk already and need none. */
export function nextToBegin(state: WorkflowState, run: StageRun): number | undefined {
  if (run.nextOrdinal >= waveEnd(run)) return undefined;
  if (hasRoomAtRisk(state, run)) return run.nextOrdinal;
  const [first] = run.atRiskToBegin;
  return first;
}

/** True when the target, while it is in flight, needs room that nothing else counts. A stage that runs once puts no target at risk. */
export function keepsRoom(state: WorkflowState, run: StageRun, ordinal: number): boolean {
  return run.stage.isOverTargets && state.risk[ordinal] === 0;
}
