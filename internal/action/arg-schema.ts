// The one way in which arguments of actions are declared and parsed: built-in ones and those of actions/*.yaml alike.
// 1. Every fault is found at once, each with its place; messages name types and arguments, never values.
// 2. At submit a string that holds `${{` passes as any type; at dispatch it is text like any other.
// 3. An argument that is null counts as absent, so that `${{ params.mode }}` may leave one out.

import { HoldfastError } from "../base/errors.ts";
import type { ErrorDetail } from "../base/errors.ts";
import { isJsonObject, setKey } from "../base/json.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { indexPath, keyPath } from "../base/json-path.ts";
import { ERRORS_SHOWN_MAX } from "../base/limits.ts";
import { didYouMean } from "../base/nearest.ts";
import { faultOfValue } from "./arg-bounds.ts";

/** The types that an argument can have. */
export type ArgType = "string" | "int" | "number" | "bool" | "list" | "object" | "any";

/** The declaration of one argument. */
export interface ArgSpec {
  /** One type, or several of which a value must have one. */
  readonly type: ArgType | readonly ArgType[];
  /** One sentence for the table in docs/actions/. */
  readonly description: string;
  readonly required?: boolean;
  readonly default?: JsonValue;
  /** The smallest number, or the shortest string (UTF-16 units), list or object. */
  readonly min?: number;
  readonly max?: number;
  /** An RE2 pattern that a string must match somewhere. */
  readonly pattern?: string;
  /** What the pattern means, for people: `a mode such as "0644"`. */
  readonly patternMeaning?: string;
  /** The only values allowed. */
  readonly allowed?: readonly JsonValue[];
  /** What a list holds; absent: any JSON. */
  readonly items?: ArgSpec;
  /** What an object holds under keys of the author's choice; absent, and no `fields`: any JSON. */
  readonly values?: ArgSpec;
  /** The only keys that an object may have. */
  readonly fields?: ArgSchema;
  /** A further condition on a string: the reason why it is refused, or undefined. */
  readonly refuse?: (text: string) => string | undefined;
}

/** Arguments by name. */
export type ArgSchema = Readonly<Record<string, ArgSpec>>;

interface TypeMap {
  int: number;
  number: number;
  bool: boolean;
  any: JsonValue;
}

type ValueOfType<T extends ArgType, S extends ArgSpec> = T extends "list"
  ? readonly (S extends { readonly items: infer I extends ArgSpec } ? ValueOf<I> : JsonValue)[]
  : T extends "object"
    ? S extends { readonly fields: infer F extends ArgSchema }
      ? ArgsOf<F>
      : S extends { readonly values: infer V extends ArgSpec }
        ? Readonly<Record<string, ValueOf<V>>>
        : JsonObject
    : T extends "string"
      ? S extends { readonly allowed: readonly (infer A extends string)[] }
        ? A
        : string
      : T extends keyof TypeMap
        ? TypeMap[T]
        : never;

/** The type of a value that has passed its declaration. */
export type ValueOf<S extends ArgSpec> = S["type"] extends readonly (infer T extends ArgType)[]
  ? ValueOfType<T, S>
  : S["type"] extends ArgType
    ? ValueOfType<S["type"], S>
    : never;

/** The type of arguments that have passed their schema: defaults filled in, undefined where absent. */
export type ArgsOf<F extends ArgSchema> = {
  readonly [K in keyof F]: F[K] extends { readonly required: true } | { readonly default: JsonValue }
    ? ValueOf<F[K]>
    : ValueOf<F[K]> | undefined;
};

/** True for text that has no value before the workflow runs. */
export function isTemplated(value: JsonValue | undefined): value is string {
  return typeof value === "string" && value.includes("${{");
}

/** All faults of arguments as written; strings that hold `${{` pass. */
export function validateArgs(schema: ArgSchema, raw: JsonObject, place: string): readonly ErrorDetail[] {
  const reading: Reading = { isRendered: false, faults: [] };
  readObject(schema, raw, place, reading);
  return reading.faults;
}

/** All faults of a tree in which `${{` is text like any other. */
export function renderedFaults(schema: ArgSchema, raw: JsonObject): readonly ErrorDetail[] {
  const reading: Reading = { isRendered: true, faults: [] };
  readObject(schema, raw, "", reading);
  return reading.faults;
}

/** The values of rendered arguments; throws INVALID_ARGUMENT with all faults. */
export function parseArgs<S extends ArgSchema>(schema: S, raw: JsonObject): ArgsOf<S> {
  const reading: Reading = { isRendered: true, faults: [] };
  const values = readObject(schema, raw, "", reading);
  refuseFaults(reading.faults);
  return values as ArgsOf<S>;
}

/** Throws INVALID_ARGUMENT for faults, if there are any. */
export function refuseFaults(faults: readonly ErrorDetail[]): void {
  if (faults.length === 0) return;
  const shown = faults.slice(0, ERRORS_SHOWN_MAX).map((fault) => `${fault.place === "" ? "" : `${fault.place}: `}${fault.reason}`);
  throw new HoldfastError("INVALID_ARGUMENT", shown.join("; "), { details: faults });
}

interface Reading {
  readonly isRendered: boolean;
  readonly faults: ErrorDetail[];
}

function readObject(schema: ArgSchema, raw: JsonObject, place: string, reading: Reading): JsonObject {
  const names = Object.keys(schema);
  for (const key of Object.keys(raw)) {
    if (Object.hasOwn(schema, key)) continue;
    const known = names.length === 0 ? "there are no arguments here" : `known are ${names.join(", ")}`;
    reading.faults.push({ place: keyPath(place, key), reason: `unknown argument${didYouMean(key, names) || `; ${known}`}` });
  }
  const values: { [key: string]: JsonValue } = {};
  for (const [name, spec] of Object.entries(schema)) {
    const value = Object.hasOwn(raw, name) ? (raw[name] ?? null) : null;
    if (value !== null) setKey(values, name, readValue(spec, value, keyPath(place, name), reading));
    else if (spec.default !== undefined) setKey(values, name, spec.default);
    else if (spec.required === true)
      reading.faults.push({ place: keyPath(place, name), reason: `required argument is missing: ${spec.description}` });
  }
  return values;
}

function readValue(spec: ArgSpec, value: JsonValue, place: string, reading: Reading): JsonValue {
  if (!reading.isRendered && isTemplated(value)) return value;
  const reason = faultOfValue(spec, value);
  if (reason !== undefined) {
    reading.faults.push({ place, reason });
    return value;
  }
  if (isList(value)) {
    const { items } = spec;
    return items === undefined ? value : value.map((item, index) => readValue(items, item, indexPath(place, index), reading));
  }
  if (!isJsonObject(value)) return value;
  if (spec.fields !== undefined) return readObject(spec.fields, value, place, reading);
  if (spec.values === undefined) return value;
  const read: { [key: string]: JsonValue } = {};
  for (const [key, item] of Object.entries(value)) setKey(read, key, readValue(spec.values, item, keyPath(place, key), reading));
  return read;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
