// Chance from a seed, in words: the same seed makes the same run.
// 1. A fork depends on the seed and its labels alone, never on what was drawn before: leaving one part of a run out does not change the others.

import { seededRandom } from "../fakes/fake-ids.ts";

/** A seeded source of choices. */
export class Chance {
  readonly #seed: number;
  readonly #next: () => number;

  constructor(seed: number) {
    this.#seed = seed;
    this.#next = seededRandom(hash(seed, String(Math.floor(seed / 2 ** 32))));
  }

  /** Chance of its own for one part of a run: `chance.fork("step", 7)`. */
  fork(...labels: readonly (string | number)[]): Chance {
    return new Chance(labels.reduce<number>((seed, label) => hash(seed, String(label)), hash(this.#seed, "fork")));
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

  /** One of a list that is never empty. */
  one<T>(first: T, ...others: readonly T[]): T {
    return others[Math.floor(this.#next() * (others.length + 1)) - 1] ?? first;
  }

  /** Each of the items with a probability, in their order. */
  some<T>(items: readonly T[], probability: number): T[] {
    return items.filter(() => this.hit(probability));
  }
}

/** A stream of its own beside each chance that `now` says: whatever is drawn from it moves nothing of the other. */
export function streamOf(now: () => Chance, label: string): () => Chance {
  let [beside, stream]: readonly (Chance | undefined)[] = [];
  return () => {
    const chance = now();
    const known = beside === chance ? stream : undefined;
    const own = known ?? chance.fork(label);
    [beside, stream] = [chance, own];
    return own;
  };
}

/** FNV-1a over the text, begun with the seed and mixed at the end, so that neighbours have nothing in common. */
function hash(seed: number, text: string): number {
  let mixed = (seed ^ 0x811c9dc5) >>> 0;
  for (let at = 0; at < text.length; at++) mixed = Math.imul(mixed ^ text.charCodeAt(at), 0x01000193) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) >>> 0;
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
