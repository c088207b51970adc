// Two small queues of task positions that the fold keeps: first in first out, and earliest due first.
// 1. Taking and adding cost constant or logarithmic time, whatever the size of the workflow (H9).

/** How many taken items a queue keeps before it lets go of them: so that taking costs constant time on average. */
const HEAD_MAX = 1_024;
/** Stands where a task was taken from the middle. */
const TAKEN = -1;

/** First in, first out. */
export class WorkQueue {
  #items: number[] = [];
  #head = 0;

  push(task: number): void {
    this.#items.push(task);
  }

  /** The first that is still wanted; those before it stay. */
  firstWhere(isWanted: (task: number) => boolean): number | undefined {
    for (let at = this.#head; at < this.#items.length; at++) {
      const task = this.#items[at];
      if (this.#isWaiting(task, isWanted)) return task;
    }
    return undefined;
  }

  /** Takes out a task, and what is no longer wanted at the front. Nothing happens when it is not in the queue. */
  take(task: number, isWanted: (task: number) => boolean): void {
    const at = this.#items.indexOf(task, this.#head);
    if (at === -1) return;
    this.#items[at] = TAKEN;
    while (this.#head < this.#items.length && !this.#isWaiting(this.#items[this.#head], isWanted)) this.#head += 1;
    const isWorthIt = this.#head === this.#items.length || (this.#head > HEAD_MAX && this.#head * 2 > this.#items.length);
    if (!isWorthIt) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }

  #isWaiting(item: number | undefined, isWanted: (task: number) => boolean): item is number {
    return item !== undefined && item !== TAKEN && isWanted(item);
  }
}

interface Due {
  readonly task: number;
  readonly atMs: number;
}

/** Earliest first; a task is in it at most once. A binary heap whose dropped entries are passed over when they come up. */
export class DueQueue {
  readonly #heap: Due[] = [];
  readonly #due = new Map<number, number>();

  get size(): number {
    return this.#due.size;
  }

  /** When the task is due; undefined: it is not in the queue. */
  dueAtMs(task: number): number | undefined {
    return this.#due.get(task);
  }

  set(task: number, atMs: number): void {
    this.#due.set(task, atMs);
    this.#heap.push({ task, atMs });
    this.#rise(this.#heap.length - 1);
  }

  delete(task: number): void {
    this.#due.delete(task);
  }

  /** The earliest task. */
  peek(): Due | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#due.get(top.task) === top.atMs) return top;
      this.#dropTop();
    }
    return undefined;
  }

  #dropTop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink();
  }

  #rise(start: number): void {
    for (let index = start; index > 0;) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfEarlier(index, parent)) return;
      index = parent;
    }
  }

  #sink(): void {
    for (let index = 0; ;) {
      const left = 2 * index + 1;
      const child = this.#isEarlier(left + 1, left) ? left + 1 : left;
      if (!this.#swapIfEarlier(child, index)) return;
      index = child;
    }
  }

  /** Of two that are due at once the lower task comes first, whatever was taken out before: so a replay has the same order. */
  #isEarlier(one: number, other: number): boolean {
    const left = this.#heap[one];
    const right = this.#heap[other];
    if (left === undefined || right === undefined) return false;
    return left.atMs < right.atMs || (left.atMs === right.atMs && left.task < right.task);
  }

  #swapIfEarlier(lower: number, upper: number): boolean {
    const below = this.#heap[lower];
    const above = this.#heap[upper];
    if (below === undefined || above === undefined || !this.#isEarlier(lower, upper)) return false;
    this.#heap[lower] = above;
    this.#heap[upper] = below;
    return true;
  }
}
