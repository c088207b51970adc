// Chance from a seed, in words: the same seed makes the same run.

import { seededRandom } from "../fakes/fake-ids.ts";

/** A seeded source of choices. */
export class Chance {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seededRandom(seed);
  }

  /** True with a probability. */
  hit(probability: number): boolean {
    return this.#next() < probability;
  }

  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1));
  }

  /** One of a list; undefined: it is empty. */
  pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#next() * items.length)];
  }
}
