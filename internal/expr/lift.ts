// Plain JSON-like values as CEL sees them. Lifting is lazy: a map or a list is wrapped, not copied.
// 1. JS integers become CEL int (BigInt), all other numbers double; `exprDouble` makes a double of an integer.
// 2. Only own keys of plain objects are seen: nothing of a prototype, no class instance, no function.
// 3. The library knows its lists and maps by a registered symbol; our wrappers bear it, and its own guards then type them.

import { isCelList, isCelMap } from "@bufbuild/cel";
import type { CelList, CelMap, CelValue } from "@bufbuild/cel";
import { isMessage } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { DurationSchema, TimestampSchema, durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { assert } from "../base/assert.ts";
import { isJsonObject } from "../base/json.ts";

const LIST_BRAND = Symbol.for("@bufbuild/cel/list");
const MAP_BRAND = Symbol.for("@bufbuild/cel/map");

/** A moment for a scope: expressions see a CEL timestamp. */
export function exprTimestamp(epochMs: number): Timestamp {
  return timestampFromMs(epochMs);
}

/** A length of time for a scope: expressions see a CEL duration. */
export function exprDuration(lengthMs: number): Duration {
  return durationFromMs(lengthMs);
}

/** A number that is a CEL double even where it is whole: `exprDouble(3)` is 3.0, as 3.5 is. */
export function exprDouble(value: number): object {
  return new Double(value);
}

class Double {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A plain value as CEL sees it; undefined, and what is not data, is absent. */
export function lift(value: unknown): CelValue | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isSafeInteger(value) ? BigInt(value) : value;
    case "bigint":
      return BigInt.asIntN(64, value) === value ? value : Number(value);
    case "object":
      return value === null ? null : liftObject(value);
    default:
      return undefined;
  }
}

/** A list of CEL values; it starts with these (the array is taken, not copied), and `appendTo` makes it grow. */
export function growingList(values: CelValue[] = []): CelList {
  const list: unknown = new GrowingList(values);
  assert(isCelList(list), "the library takes our list for its own");
  return list;
}

/** Appends in place, in constant time. Sound where nobody else can hold the list yet: in the loop that makes it. */
export function appendTo(list: CelValue, item: CelValue): CelValue {
  assert(list instanceof GrowingList, "only a list of ours grows");
  list.push(item);
  return list;
}

function liftObject(value: object): CelValue | undefined {
  if (value instanceof Double) return value.value;
  if (Array.isArray(value)) return brandedList(value);
  if (isMessage(value)) return liftMessage(value);
  if (isJsonObject(value)) return brandedMap(value);
  return value instanceof Uint8Array ? value : undefined;
}

function liftMessage(value: object): CelValue | undefined {
  if (isMessage(value, TimestampSchema)) return reflect(TimestampSchema, value);
  return isMessage(value, DurationSchema) ? reflect(DurationSchema, value) : undefined;
}

function brandedList(items: readonly unknown[]): CelList {
  const list: unknown = new LazyList(items);
  assert(isCelList(list), "the library takes our list for its own");
  return list;
}

function brandedMap(object: { readonly [key: string]: unknown }): CelMap {
  const map: unknown = new LazyMap(object);
  assert(isCelMap(map), "the library takes our map for its own");
  return map;
}

/** What a list holds where a value has no meaning in CEL: null, so that positions stay. */
function liftItem(item: unknown): CelValue {
  return lift(item) ?? null;
}

class LazyList {
  readonly [LIST_BRAND] = true;
  readonly #items: readonly unknown[];
  constructor(items: readonly unknown[]) {
    this.#items = items;
  }
  get size(): number {
    return this.#items.length;
  }
  get(index: number): CelValue | undefined {
    return index >= 0 && index < this.#items.length ? liftItem(this.#items[index]) : undefined;
  }
  *values(): IterableIterator<CelValue> {
    for (const item of this.#items) yield liftItem(item);
  }
  [Symbol.iterator](): IterableIterator<CelValue> {
    return this.values();
  }
}

class GrowingList {
  readonly [LIST_BRAND] = true;
  readonly #items: CelValue[];
  constructor(items: CelValue[]) {
    this.#items = items;
  }
  push(item: CelValue): void {
    this.#items.push(item);
  }
  get size(): number {
    return this.#items.length;
  }
  get(index: number): CelValue | undefined {
    return this.#items[index];
  }
  values(): IterableIterator<CelValue> {
    return this.#items.values();
  }
  [Symbol.iterator](): IterableIterator<CelValue> {
    return this.#items.values();
  }
}

class LazyMap {
  readonly [MAP_BRAND] = true;
  readonly #object: { readonly [key: string]: unknown };
  constructor(object: { readonly [key: string]: unknown }) {
    this.#object = object;
  }
  get size(): number {
    return Object.keys(this.#object).length;
  }
  get(key: unknown): CelValue | undefined {
    return typeof key === "string" && Object.hasOwn(this.#object, key) ? lift(this.#object[key]) : undefined;
  }
  has(key: unknown): boolean {
    return this.get(key) !== undefined;
  }
  keys(): IterableIterator<string> {
    return Object.keys(this.#object).values();
  }
  *values(): IterableIterator<CelValue> {
    for (const key of Object.keys(this.#object)) yield liftItem(this.#object[key]);
  }
  *entries(): IterableIterator<[string, CelValue]> {
    for (const key of Object.keys(this.#object)) yield [key, liftItem(this.#object[key])];
  }
  forEach(callback: (value: CelValue, key: string, map: unknown) => void, thisArgument?: unknown): void {
    for (const [key, value] of this.entries()) callback.call(thisArgument, value, key, this);
  }
  [Symbol.iterator](): IterableIterator<[string, CelValue]> {
    return this.entries();
  }
}
