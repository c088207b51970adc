// The time that a workflow and each of its stages are given, and what happens when it is over.
// 1. A deadline counts from Exec (or Retry), or from the stage's start, by the times of events: no restart moves it.
// 2. The stage whose time is over is past its budget of failures: no main action of it starts any more,
//    what runs of those is ended, and it has failed; what handles the end of a target that had begun is still done.

import type { TimeMs } from "../base/ids.ts";
import { durationText } from "../base/duration.ts";
import type { DeadlinePassed, Event } from "../gen/holdfast/v1/event_pb.ts";
import type { ActionPlan } from "./blueprint.ts";
import { happened } from "./events.ts";
import type { WorkflowState } from "./state.ts";
import { stageRunOf } from "./state.ts";
import { stopTargets } from "./target-run.ts";

/** The event of a deadline that has passed now; undefined: none has. */
export function nextDeadline(state: WorkflowState, nowMs: TimeMs): Event | undefined {
  const run = state.stageRun;
  if (!isOverdue(state) && nowMs >= state.deadlineMs) return happened("deadlinePassed", {});
  if (run !== undefined && !run.isOverdue && nowMs >= run.deadlineMs) return happened("deadlinePassed", { stage: run.stage.index });
  return undefined;
}

/** When the next deadline passes; Infinity: never. */
export function nextDeadlineMs(state: WorkflowState): number {
  const run = state.stageRun;
  return Math.min(isOverdue(state) ? Infinity : state.deadlineMs, run === undefined || run.isOverdue ? Infinity : run.deadlineMs);
}

/** DeadlinePassed. */
export function passDeadline(state: WorkflowState, { stage }: DeadlinePassed): void {
  state.overdue = stage ?? "workflow";
  if (stage === undefined && state.stageRun === undefined) return;
  const run = stageRunOf(state);
  run.isOverdue = true;
  stopTargets(state, run);
}

/** True when the workflow's own time is over. */
export function isOverdue(state: WorkflowState): boolean {
  return state.overdue === "workflow";
}

/** True for what is to be ended because the stage's time is over: its main actions, not those that handle their end. */
export function isOverdueHere({ stageRun }: WorkflowState, { part }: Pick<ActionPlan, "part">): boolean {
  return stageRun?.isOverdue === true && part === "main";
}

/** The deadline that has passed, for people. */
export function deadlineText({ blueprint, overdue }: WorkflowState): string {
  const stage = typeof overdue === "number" ? blueprint.stages[overdue] : undefined;
  if (stage !== undefined) return `the deadline of stage "${stage.name}" has passed, ${durationText(stage.deadlineMs)} after its start`;
  return `the workflow's deadline has passed, ${durationText(blueprint.deadlineMs)} after it was executed or retried`;
}
