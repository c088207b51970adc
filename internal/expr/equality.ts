// CEL's equality over values of ours and the library's, metered: two trees that share branches cost what they show, not what they store.
// 1. Numbers compare by value across int, uint and double; other types never equal each other; NaN equals nothing.

import { isCelList, isCelMap, isCelType, isCelUint } from "@bufbuild/cel";
import type { CelList, CelMap, CelValue } from "@bufbuild/cel";
import { equals as equalMessages } from "@bufbuild/protobuf";
import { isReflectMessage } from "@bufbuild/protobuf/reflect";
import { charge } from "./meter.ts";
import { checkDepth } from "./lower.ts";
import { Optional } from "./optional-value.ts";

/** True when two CEL values are equal. */
export function isEqual(left: CelValue, right: CelValue, depth = 0): boolean {
  if (typeof left === "string" && typeof right === "string") return left === right;
  const number = numberOf(left);
  if (number !== undefined) {
    const other = numberOf(right);
    return other !== undefined && isSameNumber(number, other);
  }
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return left === right;
  charge(1);
  checkDepth(depth);
  if (left instanceof Optional) return right instanceof Optional && isSameOptional(left, right, depth);
  if (isCelList(left)) return isCelList(right) && isSameList(left, right, depth);
  if (isCelMap(left)) return isCelMap(right) && isSameMap(left, right, depth);
  if (left instanceof Uint8Array) return right instanceof Uint8Array && isSameBytes(left, right);
  if (isReflectMessage(left)) {
    return isReflectMessage(right) && left.desc.typeName === right.desc.typeName && equalMessages(left.desc, left.message, right.message);
  }
  return isCelType(left) && isCelType(right) && left.kind === right.kind && left.name === right.name;
}

function numberOf(value: CelValue): bigint | number | undefined {
  if (typeof value === "bigint" || typeof value === "number") return value;
  return isCelUint(value) ? value.value : undefined;
}

function isSameNumber(left: bigint | number, right: bigint | number): boolean {
  if (typeof left === typeof right) return left === right;
  if (typeof left === "number") return Number.isInteger(left) && BigInt(left) === right;
  return typeof right === "number" && Number.isInteger(right) && BigInt(right) === left;
}

function isSameList(left: CelList, right: CelList, depth: number): boolean {
  if (left.size !== right.size) return false;
  charge(left.size);
  for (let index = 0; index < left.size; index++) {
    if (!isEqual(left.get(index) ?? null, right.get(index) ?? null, depth + 1)) return false;
  }
  return true;
}

function isSameMap(left: CelMap, right: CelMap, depth: number): boolean {
  if (left.size !== right.size) return false;
  charge(left.size);
  for (const [key, value] of left) {
    const other = right.get(key);
    if (other === undefined || !isEqual(value, other, depth + 1)) return false;
  }
  return true;
}

function isSameOptional(left: Optional, right: Optional, depth: number): boolean {
  if (left.item === undefined || right.item === undefined) return left.item === right.item;
  return isEqual(left.item, right.item, depth + 1);
}

function isSameBytes(left: Uint8Array, right: Uint8Array): boolean {
  charge(left.length >> 2);
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
