// What the worker holds, as the event loop knows it: keys by item, the least recently used forgotten first.
// 1. What was used since `begin` is never forgotten, so that a question finds everything that it names.

import type { HeldKey } from "./worker-message.ts";

interface Place {
  readonly key: HeldKey;
  readonly weight: number;
  usedIn: number;
}

/** Makes keys that are unique among all shelves of one worker. */
export function keyMaker(): () => HeldKey {
  let last = 0;
  return () => ++last;
}

/** Places for items, bounded by weight. */
export class Shelf<T> {
  readonly #weightMax: number;
  readonly #nextKey: () => HeldKey;
  readonly #places = new Map<T, Place>();
  #weight = 0;
  #round = 0;

  constructor(weightMax: number, nextKey: () => HeldKey) {
    this.#weightMax = weightMax;
    this.#nextKey = nextKey;
  }

  /** A new question: what it uses from now on stays until the next one. */
  begin(): void {
    this.#round++;
  }

  /** The key of an item that is held; it is the last used then. */
  find(item: T): HeldKey | undefined {
    const place = this.#places.get(item);
    if (place === undefined) return undefined;
    place.usedIn = this.#round;
    this.#places.delete(item);
    this.#places.set(item, place);
    return place.key;
  }

  /** A place for an item that is not held, and the keys of what has to be forgotten for it. */
  put(item: T, weight: number): { readonly key: HeldKey; readonly forgotten: readonly HeldKey[] } {
    const forgotten: HeldKey[] = [];
    for (const [other, { key, weight: freed, usedIn }] of this.#places) {
      if (this.#weight + weight <= this.#weightMax || usedIn === this.#round) break; // the oldest come first
      this.#places.delete(other);
      this.#weight -= freed;
      forgotten.push(key);
    }
    const key = this.#nextKey();
    this.#places.set(item, { key, weight, usedIn: this.#round });
    this.#weight += weight;
    return { key, forgotten };
  }
}
