// What is given back where a target, or a workflow, needs it no more: locks, limits, and places in lines.

import { holderOf } from "./admission.ts";
import { returnLimits } from "./limit-starts.ts";
import type { Scene, WorkflowScene } from "./scene.ts";

/** A target, or all of the workflow, gives its locks and limits back and waits for none. */
export function release(scene: Scene, workflow: WorkflowScene, target: number | "all"): void {
  for (const [key, holder] of scene.locks)
    if (target === "all" ? holder.startsWith(`${workflow.index}/`) : holder === holderOf(workflow, target)) scene.locks.delete(key);
  for (const task of workflow.tasks)
    if (target === "all" || (task.target === target && task.stage === workflow.stage)) returnLimits(scene, task);
  if (target !== "all") return stopWaiting(scene, workflow, target);
  for (const wait of scene.lockWaits.filter((other) => other.workflow === workflow.index)) stopWaiting(scene, workflow, wait.target);
}

export function stopWaiting(scene: Scene, workflow: WorkflowScene, target: number): void {
  const at = scene.lockWaits.findIndex((wait) => wait.workflow === workflow.index && wait.target === target);
  if (at >= 0) scene.lockWaits.splice(at, 1);
}
