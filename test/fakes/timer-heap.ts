// Timers in order of their due time, equal ones in order of their start: a binary heap, for a large run has thousands of them.

/** A timer. */
export interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
  isGone: boolean;
}

/** The timers that are pending. */
export class TimerHeap {
  #timers: Timer[] = [];
  #live = 0;

  get size(): number {
    return this.#live;
  }

  add(timer: Timer): void {
    const timers = this.#timers;
    this.#live += 1;
    let at = timers.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = timers[parent];
      if (above === undefined || isBefore(above, timer)) break;
      timers[at] = above;
      at = parent;
    }
    timers[at] = timer;
  }

  /** Takes it away, wherever it stands. */
  remove(timer: Timer): void {
    if (timer.isGone) return;
    timer.isGone = true;
    this.#live -= 1;
  }

  clear(): void {
    this.#timers = [];
    this.#live = 0;
  }

  /** The next one; it stays. */
  next(): Timer | undefined {
    while (this.#timers[0]?.isGone === true) this.#dropFirst();
    return this.#timers[0];
  }

  #dropFirst(): void {
    const timers = this.#timers;
    const last = timers.pop();
    if (last === undefined || timers.length === 0) return;
    let at = 0;
    for (;;) {
      const [left, right] = [timers[2 * at + 1], timers[2 * at + 2]];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (isBefore(last, child)) break;
      timers[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    timers[at] = last;
  }
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
}
