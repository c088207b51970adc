// Making optional values and looking inside: `optional.of(x)`, `optional.none()`, and what `a.?b` and `a[?k]` yield.
// 1. What is absent is none; what can have no fields is a fault.

import { celType, isCelList, isCelMap, isCelUint, objectType } from "@bufbuild/cel";
import type { CelType, CelValue } from "@bufbuild/cel";
import { isReflectMessage } from "@bufbuild/protobuf/reflect";
import { assert } from "../base/assert.ts";
import { fieldOf, isCelTypeValue } from "./field.ts";
import { EvaluationFault } from "./meter.ts";
import { Optional } from "./optional-value.ts";

/** The type of optional values, as `type(x)` gives it. */
export const OPTIONAL_TYPE: CelType = objectType("optional_type");

/** An optional with a value, or (undefined) without. */
export function optionalValue(item: CelValue | undefined): CelValue {
  const value: unknown = new Optional(item);
  assert(isCelTypeValue(value), "the library hands our optionals through");
  return value;
}

/** `a.?b` and `a[?k]`: what is absent is none; what cannot have fields is a fault. */
export function selectOptional(operand: CelValue, key: CelValue): CelValue {
  if (operand instanceof Optional) return operand.item === undefined ? operand : selectOptional(operand.item, key);
  return optionalValue(fieldOf(operand, key));
}

/** False for zero, empty text, lists and maps, null, false and an optional without a value. */
export function isZeroValue(value: CelValue): boolean {
  if (value instanceof Optional) return value.item === undefined;
  if (value === null || value === false || value === "" || value === 0 || value === 0n) return true;
  if (isCelUint(value)) return value.value === 0n;
  if (isCelList(value) || isCelMap(value)) return value.size === 0;
  if (value instanceof Uint8Array) return value.length === 0;
  return isReflectMessage(value) && value.fields.every((field) => !value.isSet(field));
}

/** The optional that a function was given. */
export function asOptional(value: CelValue | undefined): Optional {
  if (value instanceof Optional) return value;
  throw new EvaluationFault(`expected an optional value, found ${value === undefined ? "nothing" : celType(value).name}`);
}
