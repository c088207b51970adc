// The early end of a workflow: an action `finish` says that it has succeeded, or failed, before its last stage has run.
// 1. What has begun is brought to its end: the targets of the stage under way that were begun go through all of it, but the one that finished, of which
//    nothing more begins. Everything else of the main stages is closed as skipped, with a reason of its own.
// 2. What handles how targets, stages and the workflow ended is run as after any other end. The first that finishes decides.

import type { FinishDecided } from "../gen/holdfast/v1/event_pb.ts";
import { placeOf, taskAt } from "./blueprint.ts";
import { finishText } from "./early-finish.ts";
import type { StageRun, WorkflowState } from "./state.ts";
import { stageRunOf, waveEnd } from "./state.ts";
import { closeStage } from "./reopen.ts";
import { closeTask } from "./target-parts.ts";
import { followTask, isBegunOrDone, passBegun } from "./target-run.ts";
import { TaskState, isSettled } from "./task-state.ts";

/** FinishDecided. */
export function finishEarly(state: WorkflowState, decided: FinishDecided): void {
  state.finish ??= { decided, tasks: new Set() };
  state.finish.tasks.add(decided.task);
  const run = stageRunOf(state);
  const { ordinal } = placeOf(state.blueprint, decided.task);
  closeUnbegunActions(state, run, ordinal);
  for (let other = 0; other < run.stage.width; other++) if (!isBegunOrDone(state, run, other)) closeTarget(state, run, other);
  passBegun(state, run);
  followTask(state, run, ordinal);
  for (const { index, part } of state.blueprint.stages) {
    if (part !== "main" || state.stageResults[index] !== "pending") continue;
    state.stageResults[index] = "skipped";
    state.stageNotes.set(index, finishText(state));
    closeStage(state, index, TaskState.SKIPPED_FINISH);
  }
}

/** Main actions of the target that have not begun; further alternatives of one that has belong to it. */
function closeUnbegunActions(state: WorkflowState, { stage }: StageRun, ordinal: number): void {
  const isUnbegun = (index: number): boolean => {
    const now = state.tasks.get(taskAt(stage, ordinal, index));
    return now === TaskState.PENDING || now === TaskState.READY;
  };
  const unbegun = stage.actions.filter(
    ({ part, index, alternatives }) => part === "main" && isUnbegun(index) && isUnbegun(alternatives.first),
  );
  for (const { index } of unbegun) closeTask(state, taskAt(stage, ordinal, index), TaskState.SKIPPED_FINISH);
}

function closeTarget(state: WorkflowState, run: StageRun, ordinal: number): void {
  for (const { index } of run.stage.actions) {
    const task = taskAt(run.stage, ordinal, index);
    if (!isSettled(state.tasks.get(task))) closeTask(state, task, TaskState.SKIPPED_FINISH);
  }
  if (ordinal >= waveEnd(run)) return;
  run.openInWave -= 1;
  run.atRiskToBegin.delete(ordinal);
}
