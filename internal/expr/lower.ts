// From CEL's values back to JSON, and the names of their types. Lowering copies, and charges the meter for what it copies:
// a tree that shares its branches (`[x, x]` again and again) would otherwise grow without bound.
// 1. The result is plain data that nobody else holds; keys keep their order; `__proto__` is a key like any other.

import { celType, isCelList, isCelMap, isCelType, isCelUint } from "@bufbuild/cel";
import type { CelMap, CelValue } from "@bufbuild/cel";
import { isMessage, toJson } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { isReflectMessage } from "@bufbuild/protobuf/reflect";
import { DurationSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { setKey } from "../base/json.ts";
import { EXPR_VALUE_DEPTH_MAX } from "../base/limits.ts";
import { EvaluationFault, charge, chargeText } from "./meter.ts";
import { Optional } from "./optional-value.ts";

/** Steps of copying one element of a list or one entry of a map. */
const COPY_COST = 4;

/**
 * What an expression yields, as JSON: timestamps are RFC 3339 text, durations `1.5s`, bytes base64, and ints beyond 2^53 decimal
 * text, as in protobuf's JSON.
 */
export type ExprValue = null | boolean | number | string | ExprValue[] | { [key: string]: ExprValue };

/** The value as JSON; throws EvaluationFault for what has no JSON form. */
export function lower(value: CelValue, depth = 0): ExprValue {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (!Number.isFinite(value)) throw new EvaluationFault("the result is a double that is not finite; it has no JSON form");
      return value;
    case "bigint":
      return lowerInt(value);
    case "object":
      return value === null ? null : lowerObject(value, depth);
    default:
      throw new EvaluationFault("the result has no JSON form");
  }
}

/** The name of a value's type as CEL users know it: `int`, `list`, `timestamp`. */
export function typeName(value: CelValue): string {
  if (isReflectMessage(value, TimestampSchema)) return "timestamp";
  if (isReflectMessage(value, DurationSchema)) return "duration";
  if (value instanceof Optional) return "optional";
  const { name } = celType(value);
  return name === "null_type" ? "null" : name;
}

/** Charges for every node of a value: the cost of going through all of it. */
export function chargeTree(value: CelValue, depth = 0): void {
  if (typeof value === "string") return chargeText(value.length);
  charge(1);
  checkDepth(depth);
  if (value instanceof Uint8Array) charge(value.length >> 2);
  else if (isCelList(value)) for (const item of value) chargeTree(item, depth + 1);
  else if (isCelMap(value)) for (const [, item] of value) chargeTree(item, depth + 1);
  else if (value instanceof Optional && value.item !== undefined) chargeTree(value.item, depth + 1);
}

/** Refuses a tree that is nested too deep to be gone through by recursion. */
export function checkDepth(depth: number): void {
  if (depth > EXPR_VALUE_DEPTH_MAX) throw new EvaluationFault(`a value is nested deeper than ${EXPR_VALUE_DEPTH_MAX}`);
}

function lowerObject(value: CelValue & object, depth: number): ExprValue {
  checkDepth(depth);
  if (isCelList(value)) {
    charge(value.size * COPY_COST);
    return Array.from(value, (item) => lower(item, depth + 1));
  }
  if (isCelMap(value)) return lowerMap(value, depth);
  if (isCelUint(value)) return lowerInt(value.value);
  if (value instanceof Uint8Array) {
    charge(value.length >> 2);
    return base64Encode(value);
  }
  if (isReflectMessage(value) && isMessage(value.message, TimestampSchema)) return toJson(TimestampSchema, value.message);
  if (isReflectMessage(value) && isMessage(value.message, DurationSchema)) return toJson(DurationSchema, value.message);
  if (value instanceof Optional) throw new EvaluationFault("the result is an optional value; end with orValue(…) or value()");
  if (isCelType(value)) return value.name;
  throw new EvaluationFault("the result has no JSON form");
}

function lowerMap(map: CelMap, depth: number): ExprValue {
  charge(map.size * COPY_COST);
  const object: { [key: string]: ExprValue } = {};
  for (const [key, item] of map) {
    const name = isCelUint(key) ? key.value.toString() : String(key);
    if (Object.hasOwn(object, name)) throw new EvaluationFault("two keys of a map are the same in JSON");
    setKey(object, name, lower(item, depth + 1));
  }
  return object;
}

function lowerInt(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}
