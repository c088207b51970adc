// What one value must satisfy by its declaration: type, bounds, pattern, allowed values. Pure.
// 1. Messages name what was found by its type, never by its value.
// 2. Patterns are RE2, as everywhere in Holdfast: a client's text cannot make the service hang.

import { assertNever } from "../base/assert.ts";
import { canonicalJson, isJsonObject } from "../base/json.ts";
import type { JsonValue } from "../base/json.ts";
import type { ArgSpec, ArgType } from "./arg-schema.ts";
import { isPatternMatch } from "./pattern.ts";

/** Why the value does not satisfy its declaration, or undefined. Looks at the value itself, not into lists and objects. */
export function faultOfValue(spec: ArgSpec, value: JsonValue): string | undefined {
  const types = typesOf(spec);
  if (!types.some((type) => isOfType(value, type))) return typeFault(types, value);
  return (
    boundsFault(spec, value) ??
    (typeof value === "string" ? textFault(spec, value) : undefined) ??
    (spec.allowed === undefined || spec.allowed.some((one) => canonicalJson(one) === canonicalJson(value))
      ? undefined
      : `must be one of ${spec.allowed.map((one) => JSON.stringify(one)).join(", ")}`)
  );
}

/** The types of a declaration, as a list. */
export function typesOf(spec: ArgSpec): readonly ArgType[] {
  return typeof spec.type === "string" ? [spec.type] : spec.type;
}

/** The name of a JSON value's type, with its article. */
export function typeOfJson(value: JsonValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "number") return Number.isSafeInteger(value) ? "an int" : "a number";
  return typeof value === "boolean" ? "a bool" : "a string";
}

function isOfType(value: JsonValue, type: ArgType): boolean {
  switch (type) {
    case "string":
      return typeof value === "string";
    case "int":
      return Number.isSafeInteger(value);
    case "number":
      return typeof value === "number";
    case "bool":
      return typeof value === "boolean";
    case "list":
      return Array.isArray(value);
    case "object":
      return isJsonObject(value);
    case "any":
      return true;
    default:
      return assertNever(type);
  }
}

function typeFault(types: readonly ArgType[], value: JsonValue): string {
  const wanted = types.map((type) => (/^[aio]/.test(type) ? `an ${type}` : `a ${type}`)).join(" or ");
  const isQuotable = types.includes("string") && (typeof value === "number" || typeof value === "boolean");
  return `must be ${wanted}, found ${typeOfJson(value)}${isQuotable ? "; write it in quotes" : ""}`;
}

function boundsFault({ min, max }: ArgSpec, value: JsonValue): string | undefined {
  const size = sizeOf(value);
  if (size === undefined) return undefined;
  const { count, unit } = size;
  if (min !== undefined && count < min) {
    return min === 1 && unit !== "" ? "must not be empty" : `must be at least ${min}${unit}, found ${count}`;
  }
  if (max !== undefined && count > max) return `must be at most ${max}${unit}, found ${count}`;
  return undefined;
}

function sizeOf(value: JsonValue): { readonly count: number; readonly unit: string } | undefined {
  if (typeof value === "number") return { count: value, unit: "" };
  if (typeof value === "string") return { count: value.length, unit: " characters long" };
  if (Array.isArray(value)) return { count: value.length, unit: " items long" };
  if (isJsonObject(value)) return { count: Object.keys(value).length, unit: " keys long" };
  return undefined;
}

function textFault(spec: ArgSpec, text: string): string | undefined {
  if (spec.pattern !== undefined && !isPatternMatch(spec.pattern, text)) {
    return `must be ${spec.patternMeaning ?? `text that matches ${spec.pattern}`}`;
  }
  return spec.refuse?.(text);
}
