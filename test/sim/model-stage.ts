// The stage under way as the model sees it: which targets were begun, failed, are in flight, or under change.
// 1. After each change of a target only that target is looked at again.

import type { ModelTask, ModelTasks } from "./model-tasks.ts";

/** One stage under way. */
export class ModelStage {
  readonly index: number;
  readonly begun = new Set<number>();
  readonly failed = new Set<number>();
  /** Targets that were under way when too many others had failed. */
  readonly stopped = new Set<number>();
  /** Targets that had ended, and were opened again to be undone with their wave. */
  readonly recalled = new Set<number>();
  /** True once targets of a failed wave that had ended were opened again to be undone. */
  isRecalled = false;
  /** Targets of which it is known how their main actions ended. */
  readonly judged = new Set<number>();
  /** Targets that were held, and wait to be taken in flight again. */
  readonly parked = new Set<number>();
  /** Tasks that were put off for locks and have not started since, in the order in which they began to wait. */
  readonly waitingForLock = new Set<ModelTask>();
  /** Begun, not done, and not held. */
  readonly flying = new Set<number>();
  /** Targets that an apply began to change, and that are not done. */
  readonly underChange = new Set<number>();
  wave: { readonly first: number; readonly count: number } | undefined;
  /** Which iteration of its `repeat`. */
  iteration = 1;
  nextWaveAtMs = 0;
  /** Its time, or that of the workflow, is over. */
  isOverdue = false;
  #hasStopped = false;
  readonly #tasks: ModelTasks;

  constructor(index: number, tasks: ModelTasks) {
    this.index = index;
    this.#tasks = tasks;
  }

  /** True when nothing of the target is open in this stage. */
  isDone(target: number): boolean {
    return this.#tasks.isDone(this.index, target);
  }

  /** Targets in flight but for one: `starting` is about to start. */
  flyingBeside(starting: number): number {
    return this.flying.size - (this.flying.has(starting) ? 1 : 0);
  }

  /** One that comes back need not wait for the place of one that only waits for locks: such a one gives its place up, and comes back itself. */
  yieldPlaces(starting: number, parallel: number): void {
    for (const { target, standing } of this.waitingForLock) {
      if (this.flyingBeside(starting) < parallel) return;
      if (standing !== "open" || target === starting || !this.flying.has(target) || this.#isRunning(target)) continue;
      this.parked.add(target);
      this.look(target);
    }
  }

  /** The targets that were begun, the first time that too many have failed; none later: what is undone with its wave had ended. */
  toStop(): readonly number[] {
    if (this.#hasStopped) return [];
    this.#hasStopped = true;
    return [...this.begun];
  }

  /** A target that had ended, perhaps before a Retry, is opened again to be undone with its wave. */
  recall(target: number): void {
    this.begun.add(target);
    this.parked.add(target);
    this.recalled.add(target);
  }

  /** True when something of the target waits for locks, whatever else of it may go on. */
  isWaitingForLock(target: number): boolean {
    for (const task of this.waitingForLock) if (task.target === target && task.standing === "open") return true;
    return false;
  }

  get waveTargets(): readonly number[] {
    return Array.from({ length: this.wave?.count ?? 0 }, (_, at) => (this.wave?.first ?? 0) + at);
  }

  /** Something of the target changed. */
  look(target: number): void {
    const isDone = this.isDone(target);
    if (isDone) this.underChange.delete(target);
    if (this.begun.has(target) && !isDone && !this.#isHeld(target)) this.flying.add(target);
    else this.flying.delete(target);
  }

  /** Held by an unknown task, or back from that, with nothing that goes on: it is not in flight. */
  #isHeld(target: number): boolean {
    if (this.#isRunning(target)) return false;
    return this.parked.has(target) || this.#tasks.of(this.index, target).some((task) => task.standing === "unknown");
  }

  #isRunning(target: number): boolean {
    return this.#tasks.of(this.index, target).some((task) => task.standing === "running");
  }
}
