// JSON as a type, and its canonical text: what is digested, compared and stored must have exactly one spelling.
// 1. Equal values have equal text: keys sorted by UTF-16 code unit (as in RFC 8785), no white space.
// 2. What has no JSON form (NaN, undefined, a class instance, too deep a tree) is refused, never dropped.

import { HoldfastError } from "./errors.ts";
import { JSON_DEPTH_MAX } from "./limits.ts";

/** A value that JSON can say; objects are plain and own their keys. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** A plain object of JSON values. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** The one text of a JSON value: sorted keys, no white space. Throws INVALID_ARGUMENT for what JSON cannot say. */
export function canonicalJson(value: JsonValue): string {
  return write(value, 0);
}

/** The one text of an object, made of the canonical texts of its values. */
export function canonicalObject(texts: { readonly [key: string]: string }): string {
  return objectText(Object.keys(texts), (key) => texts[key] ?? "");
}

/** True for a JSON object: not null, not a list, not a class instance. */
export function isJsonObject(value: unknown): value is JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Sets an own key, also one named `__proto__`, which plain assignment would turn into a prototype. */
export function setKey<T>(object: { [key: string]: T }, key: string, value: T): void {
  if (key === "__proto__") Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}

function write(value: unknown, depth: number): string {
  if (depth > JSON_DEPTH_MAX) throw refuse(`nested deeper than ${JSON_DEPTH_MAX}`);
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw refuse("a number that is not finite");
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((item: unknown) => write(item, depth + 1)).join(",")}]`;
  if (!isJsonObject(value)) throw refuse(`a value of type ${typeof value}`);
  return objectText(Object.keys(value), (key) => write(value[key], depth + 1));
}

function objectText(keys: string[], textOf: (key: string) => string): string {
  if (!isSorted(keys)) keys.sort(byCodeUnit);
  let text = "{";
  for (const key of keys) text += `${text.length === 1 ? "" : ","}${JSON.stringify(key)}:${textOf(key)}`;
  return `${text}}`;
}

/** Most keys are, and to sort them all the same would copy them. */
function isSorted(keys: readonly string[]): boolean {
  for (let at = 1; at < keys.length; at++) if ((keys[at - 1] ?? "") > (keys[at] ?? "")) return false;
  return true;
}

function byCodeUnit(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function refuse(found: string): HoldfastError {
  return new HoldfastError(
    "INVALID_ARGUMENT",
    `not a JSON value: found ${found}; use null, bool, finite numbers, strings, lists and plain objects`,
  );
}
