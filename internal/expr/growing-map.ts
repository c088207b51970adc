// A map of CEL values that grows in place: what `transformMap`, `countBy` and optional entries make.
// 1. Numbers are one key by value, whatever their type. 2. It grows only where nobody else can hold it yet.

import { isCelMap, isCelUint } from "@bufbuild/cel";
import type { CelMap, CelUint, CelValue } from "@bufbuild/cel";
import { assert } from "../base/assert.ts";
import { EvaluationFault } from "./meter.ts";

const MAP_BRAND = Symbol.for("@bufbuild/cel/map");

type Key = string | bigint | boolean | CelUint;

/** An empty map. */
export function growingMap(): CelMap {
  const map: unknown = new GrowingMap();
  assert(isCelMap(map), "the library takes our map for its own");
  return map;
}

/** Sets a new key, in constant time; a key that is there already, or cannot be one, is a fault. */
export function insertInto(map: CelValue, key: CelValue, value: CelValue): CelValue {
  assert(map instanceof GrowingMap, "only a map of ours grows");
  if (!isKey(key)) throw new EvaluationFault("a key of a map must be a string, an int or a bool");
  map.insert(key, value);
  return map;
}

function isKey(key: CelValue): key is Key {
  return typeof key === "string" || typeof key === "bigint" || typeof key === "boolean" || isCelUint(key);
}

class GrowingMap {
  readonly [MAP_BRAND] = true;
  readonly #entries = new Map<string | bigint | boolean, readonly [Key, CelValue]>();

  insert(key: Key, value: CelValue): void {
    const identity = isCelUint(key) ? key.value : key;
    if (this.#entries.has(identity)) throw new EvaluationFault("a map has the same key twice");
    this.#entries.set(identity, [key, value]);
  }
  get size(): number {
    return this.#entries.size;
  }
  get(key: unknown): CelValue | undefined {
    if (typeof key === "number") return Number.isInteger(key) ? this.get(BigInt(key)) : undefined;
    if (typeof key === "string" || typeof key === "bigint" || typeof key === "boolean") return this.#entries.get(key)?.[1];
    return isCelUint(key) ? this.get(key.value) : undefined;
  }
  has(key: unknown): boolean {
    return this.get(key) !== undefined;
  }
  *keys(): IterableIterator<Key> {
    for (const [key] of this.#entries.values()) yield key;
  }
  *values(): IterableIterator<CelValue> {
    for (const [, value] of this.#entries.values()) yield value;
  }
  *entries(): IterableIterator<[Key, CelValue]> {
    for (const [key, value] of this.#entries.values()) yield [key, value];
  }
  forEach(callback: (value: CelValue, key: Key, map: unknown) => void, thisArgument?: unknown): void {
    for (const [key, value] of this.entries()) callback.call(thisArgument, value, key, this);
  }
  [Symbol.iterator](): IterableIterator<[Key, CelValue]> {
    return this.entries();
  }
}
