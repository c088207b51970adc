// What the service that a backup was taken from may have done since, in a workflow that was open in it: noted by task.
// 1. Doubt is about what had not come to a good end, and about what a `repeat` or a further generation would begin anew: the former service may have
//    come that far as well.
// 2. A person's word takes the note of a task away. Doubt ends with the generation of which nothing was found done and something was said not to be: the
//    former service did not get past it. Past what may fail, or may be left out, it may have gone on: then doubt comes again with the next iteration or
//    generation.

import { create } from "@bufbuild/protobuf";
import { timeMs } from "../base/ids.ts";
import type { TimeMs } from "../base/ids.ts";
import type { ContinuedAsNew, WorkflowRestored } from "../gen/holdfast/v1/event_pb.ts";
import { WorkflowRestoredSchema } from "../gen/holdfast/v1/event_pb.ts";
import { placeOf } from "./blueprint.ts";
import type { StagePlan } from "./blueprint.ts";
import type { WorkflowState } from "./state.ts";
import { isRetriable, isSettled } from "./task-state.ts";

/** Noted of a task that a person has spoken about: it may begin, and is in doubt again when it comes again. */
const FREE_FOR_NOW = 2;

/** The journal was brought back from a backup while the workflow was open in it. */
export interface Restoration {
  /** Names the restore. */
  readonly restore: string;
  readonly backupMs: TimeMs;
  /** One byte a task; 1: the service that the backup was taken from may have done it since, and no person has said what became of it. */
  readonly mayBeDone: Uint8Array;
  /** How far it came in this generation: something was found done; it was not, as a person says; nothing is known. */
  came: "far" | "not-far" | "unknown";
}

/** WorkflowRestored, or the generation that follows one: whatever may begin by itself may have been done. */
export function restoreWorkflow(state: WorkflowState, { restore, backupMs }: WorkflowRestored): void {
  const mayBeDone = state.tasks.states.map((now) => Number(isRetriable(now) || !isSettled(now)));
  for (const stage of state.blueprint.stages)
    if (mayComeAgain(state, stage)) mayBeDone.fill(1, stage.firstTask, stage.firstTask + stage.width * stage.actions.length);
  state.restored = { restore, backupMs: timeMs(Number(backupMs)), mayBeDone, came: "unknown" };
}

/** A person says that the task was not done, or has failed: it is free to begin. */
export function noteUndone({ restored, blueprint }: WorkflowState, task: number): void {
  if (restored?.mayBeDone[task] !== 1) return;
  const { stage, action } = placeOf(blueprint, task);
  const mayBePassed = !action.failsTarget || action.when !== undefined || action.part !== "main" || stage.failuresMax > 0;
  restored.mayBeDone[task] = mayBePassed ? FREE_FOR_NOW : 0;
  if (mayBePassed || stage.continuesOnError || stage.part !== "main") return;
  if (restored.came === "unknown") restored.came = "not-far";
}

/** The stage is repeated: what was free only in the iteration before may have been done in this one. */
export function noteRepeated({ restored }: WorkflowState, { firstTask, width, actions }: StagePlan): void {
  for (let task = firstTask; restored !== undefined && task < firstTask + width * actions.length; task++)
    if (restored.mayBeDone[task] === FREE_FOR_NOW) restored.mayBeDone[task] = 1;
}

/** A person says that the task was done; of its next iteration that says nothing. */
export function noteDone(state: WorkflowState, task: number): void {
  if (state.restored?.mayBeDone[task] !== 1) return;
  if (!mayComeAgain(state, placeOf(state.blueprint, task).stage)) state.restored.mayBeDone[task] = 0;
  state.restored.came = "far";
}

/** The task was found done, without having been begun here. */
export function noteFound({ restored }: WorkflowState, task: number): void {
  if (restored?.mayBeDone[task] === 1) restored.came = "far";
}

/** What the next generation is told of it. */
export function doubtAhead({ restored }: WorkflowState): Pick<ContinuedAsNew, "restored"> {
  if (restored === undefined || restored.came === "not-far") return {};
  const { restore, backupMs } = restored;
  return { restored: create(WorkflowRestoredSchema, { restore, backupMs: BigInt(backupMs) }) };
}

/** True while the stage may be run once more by its `repeat`. */
function mayComeAgain({ stageResults }: WorkflowState, { index, repeat }: StagePlan): boolean {
  return repeat !== undefined && (stageResults[index] === "pending" || stageResults[index] === "running");
}
