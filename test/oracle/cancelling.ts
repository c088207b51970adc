// A cancel: nothing starts any more, what runs is ended, and all that is open is cancelled.
// 1. An attempt that had begun to change something says itself how far it came; one that only looks may have found that nothing is to be done.

import { release } from "./limit-release.ts";
import type { Move } from "./moves.ts";
import { noteHalfWay } from "./rounds.ts";
import type { Scene, WorkflowScene } from "./scene.ts";
import * as ask from "./scene.ts";

/** A person cancels it. */
export function cancelMoves(scene: Scene, workflow: WorkflowScene): readonly Move[] {
  const { nowMs } = scene;
  const { cancelAfterMs, execAtMs } = workflow.plan;
  if (cancelAfterMs === undefined || workflow.cancelledAtMs !== undefined || nowMs !== execAtMs + cancelAfterMs) return [];
  const make = (): void => {
    workflow.cancelledAtMs = nowMs;
    // A stage in which too many failed has ended, though a pause kept the workflow from its end.
    const runs = workflow.tasks.some(({ running, ending }) => running !== undefined || ending === "UNKNOWN");
    if (workflow.isStageOpen && !runs && ask.isStopped(scene, workflow)) workflow.isStageOpen = false;
  };
  return [{ text: `w${workflow.index} cancel`, make, isOpen: workflow.movedAtMs === nowMs }];
}

/** When nothing of it runs any more it has ended. */
export function cancelledEnd(scene: Scene, workflow: WorkflowScene): readonly Move[] {
  if (workflow.tasks.some(({ running }) => running !== undefined)) return [];
  const make = (): void => {
    noteHalfWay(workflow);
    const hasFailed = (at: { readonly stage: number; readonly target: number }): boolean =>
      workflow.tasks.some((task) => task.stage === at.stage && task.target === at.target && ask.isFailure(task));
    const isOpen = ({ stage }: { readonly stage: number }): boolean => workflow.isStageOpen || stage !== workflow.stage;
    for (const task of workflow.tasks) if (task.ending === undefined && isOpen(task) && !hasFailed(task)) task.ending = "CANCELLED";
    Object.assign(workflow, { isStageOpen: false, end: "CANCELLED" });
    release(scene, workflow, "all");
  };
  return [{ text: `w${workflow.index} ends CANCELLED`, make }];
}
