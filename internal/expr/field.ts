// One field of a map or one element of a list.
// 1. Absent is undefined, never an error.

import { isCelList, isCelMap, isCelType, isCelUint } from "@bufbuild/cel";
import type { CelType, CelValue } from "@bufbuild/cel";
import { typeName } from "./lower.ts";
import { EvaluationFault } from "./meter.ts";

/** What stands under a key. Throws EvaluationFault for what has no keys. */
export function fieldOf(operand: CelValue, key: CelValue): CelValue | undefined {
  if (isCelMap(operand)) {
    if (typeof key === "number") return Number.isInteger(key) ? operand.get(BigInt(key)) : undefined;
    return typeof key === "string" || typeof key === "bigint" || typeof key === "boolean" || isCelUint(key) ? operand.get(key) : undefined;
  }
  if (isCelList(operand)) return typeof key === "bigint" ? operand.get(Number(key)) : undefined;
  throw new EvaluationFault(`${typeName(operand)} has no fields and no elements`);
}

/** True for what the library takes for a type. */
export function isCelTypeValue(value: unknown): value is CelType {
  return isCelType(value);
}
