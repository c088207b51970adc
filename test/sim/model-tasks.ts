// The tasks of a workflow as the model sees them: where each stands, and the counts that its rules ask for.
// 1. A change costs as much as its target has actions in the stage: nothing here looks at all tasks but what begins or ends the workflow.

import { widthOf } from "../../internal/expr/workflow-parts.ts";
import type { Stage } from "../../internal/gen/holdfast/v1/workflow_pb.ts";

/** Where a task stands, in the words of the model. */
export type Standing = "open" | "running" | "good" | "skipped" | "failed" | "unknown" | "cancelled" | "after" | "finished" | "absent";

/** One task. */
export interface ModelTask {
  readonly stage: number;
  readonly target: number;
  readonly action: number;
  standing: Standing;
  attempt: number;
  /** Which run it is: a good end is the end of one. */
  run: number;
  /** Attempts since the last fresh start. */
  tries: number;
  isApplying: boolean;
  /** Its last attempt was put off: it goes on. */
  isPutOff: boolean;
  /** What it did changed something, or a person said so. */
  hasChanged: boolean;
  /** It began to change something in the stage under way. */
  isTouched: boolean;
}

/** True while something may still come of it. */
export function isOpenStanding(standing: Standing): boolean {
  return standing === "open" || standing === "running" || standing === "unknown";
}

/** True for one of which no attempt was made since the last fresh start, but for one that was put off. */
export function isUnbegun({ standing, tries, isPutOff }: ModelTask): boolean {
  return standing === "open" && tries === 0 && !isPutOff;
}

/** All tasks of a workflow, in the order of their positions: by stage, target, action. */
export class ModelTasks {
  readonly all: ModelTask[] = [];
  /** Positions of tasks that are unknown. */
  readonly unknown = new Set<number>();
  running = 0;
  /** Tasks that are open, by stage. */
  readonly #open: number[] = [];
  readonly #first: number[] = [];
  readonly #actions: number[] = [];

  /** `attempt` is the number of the last attempt of all generations before. */
  constructor(stages: readonly Stage[], { targets, attempt }: { readonly targets: number; readonly attempt: number }) {
    for (const [stage, { over, actions }] of stages.entries()) {
      const width = widthOf({ over }, targets);
      this.#first.push(this.all.length);
      this.#actions.push(actions.length);
      this.#open.push(width * actions.length);
      for (let target = 0; target < width; target++) {
        for (let action = 0; action < actions.length; action++)
          this.all.push({
            stage,
            target,
            action,
            standing: "open",
            attempt,
            run: 1,
            tries: 0,
            isApplying: false,
            isPutOff: false,
            hasChanged: false,
            isTouched: false,
          });
      }
    }
  }

  /** The position of a task. */
  at(stage: number, target: number, action: number): number {
    return (this.#first[stage] ?? 0) + target * (this.#actions[stage] ?? 0) + action;
  }

  /** The tasks of a target in a stage. */
  of(stage: number, target: number): readonly ModelTask[] {
    const first = this.at(stage, target, 0);
    return stage < 0 ? [] : this.all.slice(first, first + (this.#actions[stage] ?? 0));
  }

  /** True when nothing of the target is open in the stage. */
  isDone(stage: number, target: number): boolean {
    if (stage < 0) return true;
    const first = this.at(stage, target, 0);
    for (let at = first; at < first + (this.#actions[stage] ?? 0); at++) if (isOpenStanding(this.all[at]?.standing ?? "good")) return false;
    return true;
  }

  /** How many tasks of the stages below this one are open. */
  openBefore(stage: number): number {
    return this.#open.slice(0, stage).reduce((sum, count) => sum + count, 0);
  }

  get open(): number {
    return this.openBefore(this.#open.length);
  }

  set(index: number, standing: Standing): void {
    const task = this.all[index];
    if (task === undefined || task.standing === standing) return;
    this.#count(index, task, -1);
    task.standing = standing;
    this.#count(index, task, 1);
  }

  #count(index: number, { standing, stage }: ModelTask, by: 1 | -1): void {
    if (standing === "running") this.running += by;
    if (standing === "open") this.#open[stage] = (this.#open[stage] ?? 0) + by;
    if (standing !== "unknown") return;
    if (by === 1) this.unknown.add(index);
    else this.unknown.delete(index);
  }
}
