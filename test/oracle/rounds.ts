// A Retry: what failed, was unknown or never started is open again, in a round that asks for everything anew.
// 1. What succeeded stays, and so does what a condition skipped; a stage whose `until` never came true runs again whole.

import { release } from "./limit-release.ts";
import type { Move } from "./moves.ts";
import type { Scene, TaskScene, WorkflowScene } from "./scene.ts";
import * as ask from "./scene.ts";

/** A person retries it, once; what cannot be retried is refused, and that is no move. */
export function retryMoves(scene: Scene, workflow: WorkflowScene): readonly Move[] {
  const { retryAfterMs, execAtMs } = workflow.plan;
  if (retryAfterMs === undefined || workflow.wasRetried || scene.nowMs !== execAtMs + retryAfterMs) return [];
  if (!workflow.isExecuted || !canRetry(scene, workflow)) return [];
  // Whether it came before or after what else happens to the workflow in this instant nobody can say.
  const isOpen =
    workflow.movedAtMs === scene.nowMs ||
    ask.backoffOf(workflow).includes(scene.nowMs) ||
    (workflow.end === undefined && !isHeld(workflow));
  return [{ text: `w${workflow.index} retry`, make: () => retry(scene, workflow), isOpen }];
}

/** It has ended, or stands still until a person acts. */
function canRetry(scene: Scene, workflow: WorkflowScene): boolean {
  if (workflow.tasks.some(({ running }) => running !== undefined)) return false;
  // Past its failures what waits for another attempt does not matter any more.
  if (workflow.end === undefined)
    return workflow.isStageOpen && (ask.isStopped(scene, workflow) || ask.backoffOf(workflow).every((atMs) => atMs <= scene.nowMs));
  return workflow.exhausted !== undefined || workflow.tasks.some((task) => !isGood(task) && !task.isFinishSkip);
}

/** True when it waits for what a person says of an unknown task. */
function isHeld(workflow: WorkflowScene): boolean {
  return workflow.tasks.some(({ stage, ending }) => stage === workflow.stage && ending === "UNKNOWN");
}

function isGood({ ending, isFinishSkip }: TaskScene): boolean {
  return ending === "CHANGED" || ending === "UNCHANGED" || (ending === "SKIPPED" && !isFinishSkip);
}

function retry(scene: Scene, workflow: WorkflowScene): void {
  release(scene, workflow, "all");
  forgetHalfWay(workflow);
  noteHalfWay(workflow);
  const hasFinished = ({ plan, ending }: TaskScene): boolean =>
    workflow.finished !== undefined && plan.uses === "finish" && (ending === "UNCHANGED" || ending === "FAILED");
  for (const task of workflow.tasks) {
    const isOpened = !isGood(task) || !scene.rules.isDoneKept || hasFinished(task) || task.stage === workflow.exhausted;
    if (isOpened) workflow.done.delete(task.stage);
    if (isOpened) ask.openAgain(task);
    Object.assign(task, { attemptsBefore: task.attempts, isFinishSkip: false });
  }
  workflow.begun.splice(0);
  workflow.rateStarts = workflow.rateStarts.map((start) => ({ ...start, target: -2 }));
  scene.waiting = new Map([...scene.waiting].filter(([task]) => !workflow.tasks.includes(task)));
  Object.assign(workflow, {
    wasRetried: true,
    end: undefined,
    finished: undefined,
    exhausted: undefined,
    pausedAtMs: undefined,
    cancelledAtMs: undefined,
  });
  Object.assign(workflow, { stage: -1, isStageOpen: false, wave: -1, isWaveOpen: false, waitsSinceMs: Infinity });
}

/** What came to its end since is half-way no more, also where it is opened again. */
export function forgetHalfWay(workflow: WorkflowScene): void {
  const left = workflow.halfWay.filter((at) => !ask.hasEndedIn(workflow, at));
  workflow.halfWay.splice(0, workflow.halfWay.length, ...left);
}

/** Targets that a round leaves between their first change and their last action stay at risk. */
export function noteHalfWay(workflow: WorkflowScene): void {
  for (const { stage, target, hasChanged } of workflow.begun)
    if (hasChanged && !ask.hasEndedIn(workflow, { stage, target })) workflow.halfWay.push({ stage, target });
}
