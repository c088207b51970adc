// The attempts of a workflow that await something, as the fold keeps them.
// 1. The first, and the one that is due next, are found without looking at the others (H9).

import { present } from "../base/assert.ts";
import type { TimeMs } from "../base/ids.ts";
import type { AttemptAwaits, Awaited, AwaitedPerson } from "../gen/holdfast/v1/event_pb.ts";
import { DueQueue } from "./queues.ts";

/** An attempt that awaits something. */
export interface Awaiting {
  readonly attempt: number;
  readonly awaited: Awaited;
  readonly sinceMs: TimeMs;
  /** When it ends because nothing came; undefined: never. */
  readonly endsMs: TimeMs | undefined;
  /** How its own work ended, where it awaits a completion. */
  readonly done: Pick<AttemptAwaits, "outcome" | "before" | "after">;
}

/** All of them, by task. */
export class AwaitingTable {
  readonly #tasks = new Map<number, Awaiting>();
  readonly #due = new DueQueue();
  /** By the signal that they await, the longest first. */
  readonly #signals = new Map<string, Set<number>>();

  get size(): number {
    return this.#tasks.size;
  }

  has(task: number): boolean {
    return this.#tasks.has(task);
  }

  get(task: number): Awaiting {
    return present(this.#tasks.get(task), "the attempt that awaits something");
  }

  /** How many of them await a person. */
  people = 0;

  /** The person that the attempt awaits; undefined: none. */
  personOf(task: number): AwaitedPerson | undefined {
    const kind = this.#tasks.get(task)?.awaited.kind;
    return kind?.case === "person" ? kind.value : undefined;
  }

  /** The one that has awaited longest. */
  first(): number | undefined {
    return this.#tasks.keys().next().value;
  }

  /** All of them, the one that has awaited longest first. */
  tasks(): Iterable<number> {
    return this.#tasks.keys();
  }

  /** The one that ends next by the passing of time. */
  due(): { readonly task: number; readonly atMs: number } | undefined {
    return this.#due.peek();
  }

  /** Signals that are awaited, each with the attempt that has awaited it longest. */
  *signals(): Iterable<readonly [name: string, task: number]> {
    for (const [name, tasks] of this.#signals) {
      const task = tasks.keys().next().value;
      if (task !== undefined) yield [name, task];
    }
  }

  add(task: number, awaiting: Awaiting): void {
    this.#tasks.set(task, awaiting);
    const { kind } = awaiting.awaited;
    if (kind.case === "person") this.people += 1;
    if (kind.case === "signal") this.#signals.set(kind.value.name, (this.#signals.get(kind.value.name) ?? new Set()).add(task));
    const dueMs = awaitDueMs(awaiting);
    if (dueMs !== undefined) this.#due.set(task, dueMs);
  }

  delete(task: number): void {
    const kind = this.#tasks.get(task)?.awaited.kind;
    if (kind?.case === "person") this.people -= 1;
    if (kind?.case === "signal") this.#signals.get(kind.value.name)?.delete(task);
    this.#tasks.delete(task);
    this.#due.delete(task);
  }
}

/** When it ends by the passing of time; undefined: never. */
export function awaitDueMs({ awaited: { kind }, endsMs }: Awaiting): number | undefined {
  if (kind.case !== "moment") return endsMs;
  return Math.min(Number(kind.value.atMs), endsMs ?? Infinity);
}
