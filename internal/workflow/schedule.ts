// When tasks with a `schedule_timeout` must have ended: counted from the moment at which each may start.
// 1. It is part of the fold: the moment is the time of the event that let the task start, so a restart counts on from there (H4).
// 2. Only tasks with such a bound are here; those that wait are in a queue by when their time is over, so that no turn looks at all (H9).

import { DueQueue } from "./queues.ts";

/** The bounds of a workflow's tasks. */
export class Schedule {
  readonly #ends = new Map<number, number>();
  /** Of those, the ones that wait: what runs is ended by its own time. */
  readonly #waiting = new DueQueue();

  /** The task may start from now on; what is known already stays. */
  begin(task: number, endsMs: number): void {
    if (endsMs === Infinity || this.#ends.has(task)) return;
    this.#ends.set(task, endsMs);
    this.#waiting.set(task, endsMs);
  }

  /** An attempt at it runs. */
  run(task: number): void {
    this.#waiting.delete(task);
  }

  /** It waits again, between two attempts or for what holds it back. */
  wait(task: number): void {
    const endsMs = this.#ends.get(task);
    if (endsMs !== undefined) this.#waiting.set(task, endsMs);
  }

  /** It has ended, or is to begin anew. */
  end(task: number): void {
    this.#ends.delete(task);
    this.#waiting.delete(task);
  }

  /** When it must have ended; Infinity: no bound. */
  endsMs(task: number): number {
    return this.#ends.get(task) ?? Infinity;
  }

  /** The waiting task whose time is over first, and when; undefined: none waits. */
  peek(): { readonly task: number; readonly atMs: number } | undefined {
    return this.#waiting.peek();
  }
}
