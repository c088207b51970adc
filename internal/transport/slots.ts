// A bound on how many things go on at once; who comes later queues, first come first served, and may leave the queue.
// 1. `release` is called exactly once for each slot taken.

/** A counting semaphore with a queue that an abort leaves. */
export class Slots {
  readonly #countMax: number;
  readonly #queue: Array<() => void> = [];
  #taken = 0;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** How many are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Resolves with true when a slot is taken, with false when the signal aborted before. */
  async take(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.#taken < this.#countMax) {
      this.#taken += 1;
      return true;
    }
    return new Promise((resolve) => {
      const grant = (): void => {
        signal.removeEventListener("abort", leave);
        resolve(true);
      };
      const leave = (): void => {
        this.#queue.splice(this.#queue.indexOf(grant), 1);
        resolve(false);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#queue.push(grant);
    });
  }

  /** Gives a slot to the next in the queue, or back. */
  release(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#taken -= 1;
    else next();
  }
}
