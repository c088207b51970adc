// A world in which everything succeeds, people answer and nothing is held back: there every workflow must come to its end.
// 1. A deadline is no way out: what only a deadline, or a bound of a task's own, moves stands still.
// 2. One class of standstill is known and open: after a Retry an earlier wave holds targets that are not at risk and wait for room, while all
//    room within max_at_risk is taken by targets of a later wave, which no Retry begins before. Only a cancel helps, and must.

import { AttemptOutcome, WorkflowOutcome } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Resolution } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { placeOf, taskAt } from "../../internal/workflow/blueprint.ts";
import { nextDueMs } from "../../internal/workflow/dispatch.ts";
import { workflowHolds } from "../../internal/workflow/holds.ts";
import { hasStalled } from "../../internal/workflow/stall.ts";
import type { StageRun, WorkflowState } from "../../internal/workflow/state.ts";
import { isSettled } from "../../internal/workflow/task-state.ts";
import {
  applyAct,
  attemptsUnderWay,
  awaitAct,
  endAct,
  heldTasks,
  onlyWaits,
  pauseEndMs,
  resolutionAct,
  retryAct,
  timeAct,
} from "./acts.ts";
import { WalkFault, step } from "./walker.ts";
import type { Walker } from "./walker.ts";

/** More steps than any workflow of a walk needs. */
const STEPS_MAX = 400;
/** A person who has retried so often in vain gives up. */
const RETRIES_MAX = 3;

/** How it came to its end: `cancelled` out of the known standstill, or by itself. */
export type FriendlyEnd = "ended" | "cancelled";

/** Brings the workflow to its end; throws WalkFault where nothing friendly does. `word`: what people say of tasks that are held. */
export function endFriendly(walker: Walker, word: Resolution): FriendlyEnd {
  const { drill } = walker;
  makeFriendly(walker);
  let retries = 0;
  for (let steps = 0; steps < STEPS_MAX; steps++) {
    if (drill.state.life.kind === "ended") return "ended";
    if (endAttempts(walker) || resolveHeld(walker, word) || letTimePass(walker)) continue;
    if (!hasStalled(drill.state)) throw new WalkFault(`nothing moves it: ${whyHeld(drill.state)}`);
    if (retries >= RETRIES_MAX) return cancelKnown(walker);
    step(walker, retryAct(drill));
    retries += 1;
  }
  throw new WalkFault(`${STEPS_MAX} friendly steps, and no end`);
}

/** True for an end that nothing is wrong with. */
export function hasSucceeded({ life }: WorkflowState): boolean {
  return life.kind === "ended" && life.outcome === WorkflowOutcome.SUCCEEDED;
}

function makeFriendly(walker: Walker): void {
  const { drill, rules } = walker;
  if (rules.isThawed) {
    drill.isFrozen = false;
    drill.frozenTargets.clear();
  }
  drill.lockedTargets.clear();
  drill.isLimitFull = false;
  if (drill.state.isPaused) step(walker, { name: "unpause", take: () => drill.take({ kind: "unpause", by: "ann" }) });
  step(walker, { name: "the world is friendly", take: () => drill.lookAgain() });
}

/** Every attempt does its work; true: there was one. */
function endAttempts(walker: Walker): boolean {
  const { drill } = walker;
  const tasks = attemptsUnderWay(drill);
  for (const task of tasks) {
    if (!drill.state.running.has(task)) continue; // the end of another one stopped it
    if (onlyWaits(drill, task)) step(walker, awaitAct(drill, task));
    else if (drill.state.running.get(task)?.before === undefined) step(walker, applyAct(drill, task));
    if (drill.state.running.has(task) && !drill.state.awaiting.has(task)) step(walker, endAct(drill, task, AttemptOutcome.CHANGED));
  }
  return tasks.length > 0;
}

/** A person settles the first held task of the stage under way; true: there was one. */
function resolveHeld(walker: Walker, word: Resolution): boolean {
  const { drill } = walker;
  const { stageRun, blueprint } = drill.state;
  const held = heldTasks(drill).find((task) => placeOf(blueprint, task).stage === stageRun?.stage);
  if (held === undefined) return false;
  step(walker, resolutionAct(drill, held, word));
  return true;
}

/** Time passes to whatever is due next, where that is more than a deadline; true: something was. */
function letTimePass(walker: Walker): boolean {
  const { drill } = walker;
  const { state } = drill;
  const dueMs = Math.min(nextDueMs(state) ?? Infinity, pauseEndMs(drill));
  const boundsMs = [state.deadlineMs, state.stageRun?.deadlineMs, state.schedule.peek()?.atMs];
  const isAwaited = state.awaiting.due() !== undefined || state.backoff.size > 0 || pauseEndMs(drill) !== Infinity;
  if (dueMs === Infinity || (boundsMs.includes(dueMs) && !isAwaited)) return false;
  step(walker, timeAct(drill, dueMs));
  return true;
}

function cancelKnown(walker: Walker): FriendlyEnd {
  const { drill } = walker;
  const { state } = drill;
  const run = state.stageRun;
  if (run === undefined || !isKnownStandstill(state, run))
    throw new WalkFault(`it stands still after ${RETRIES_MAX} Retries: ${whyHeld(state)}`);
  step(walker, { name: "cancel", take: () => drill.take({ kind: "cancel", by: "ann", reason: "" }) });
  if (drill.state.life.kind !== "ended") throw new WalkFault("a cancel does not end what stands still");
  return "cancelled";
}

/** All targets at risk are of later waves than the one under way, and have work left to do. */
function isKnownStandstill(state: WorkflowState, run: StageRun): boolean {
  const { first = 0, count = 0 } = run.stage.waves[run.wave] ?? {};
  const atRisk = [...state.risk.keys()].filter((ordinal) => state.risk[ordinal] !== 0);
  const hasWork = (ordinal: number): boolean =>
    run.stage.actions.some(({ index }) => !isSettled(state.tasks.get(taskAt(run.stage, ordinal, index))));
  return atRisk.length > 0 && atRisk.every((ordinal) => ordinal >= first + count && hasWork(ordinal));
}

function whyHeld(state: WorkflowState): string {
  const holds = workflowHolds(state).map(({ message }) => message);
  return holds.length === 0 ? "and it does not say why" : holds.join("; ");
}
