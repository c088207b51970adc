// What was made lately, by what it was made of: a cache of few things that cost much to make and never change.
// 1. It holds at most as many as it was told; the one that was asked for the longest time ago goes first.
// 2. What throws is not kept.

/** A bounded map that makes what it does not hold. */
export class RecentMap<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #countMax: number;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** What is held for the key, else what `make` returns, which is held from then on. */
  take(key: K, make: () => V): V {
    const value = this.get(key) ?? make();
    this.put(key, value);
    return value;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** Holds it as the one that was asked for last. */
  put(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#countMax && oldest !== undefined) this.#entries.delete(oldest);
  }
}
