// Operators of ours in place of the library's: metered by size, and quick for the types that predicates use most.
// 1. Whatever is not handled here goes to the library's overloads (times, durations, uint, bytes).

import { isCelList, isCelMap } from "@bufbuild/cel";
import type { CelList, CelValue } from "@bufbuild/cel";
import type { Builtin } from "./builtins.ts";
import { isEqual } from "./equality.ts";
import { growingList } from "./lift.ts";
import { charge, chargeText } from "./meter.ts";
import { callStandard, noOverload } from "./standard.ts";
import type { Signature } from "./standard.ts";

/** `==`, `<`, `+`, `in`, `!` and the other operators, and `size`. */
export function operators(): readonly Builtin[] {
  return [
    binary("_==_", (left, right) => isEqual(left, right)),
    binary("_!=_", (left, right) => !isEqual(left, right)),
    comparison("_<_", (order) => order < 0),
    comparison("_<=_", (order) => order <= 0),
    comparison("_>_", (order) => order > 0),
    comparison("_>=_", (order) => order >= 0),
    binary("_+_", add),
    binary("@in", isIn),
    { name: "!_", kind: "function", arity: 1, call: not },
    { name: "size", kind: "function", arity: 1, call: size },
    { name: "size", kind: "method", arity: 1, call: size },
  ];
}

function binary(name: string, call: (left: CelValue, right: CelValue, signature: Signature) => CelValue): Builtin {
  const signature: Signature = { name, kind: "function", arity: 2 };
  return { ...signature, call: ([left = null, right = null]) => call(left, right, signature) };
}

function comparison(name: string, holds: (order: number) => boolean): Builtin {
  return binary(name, (left, right, signature) => {
    if (typeof left === "bigint" && typeof right === "bigint") return holds(left < right ? -1 : left > right ? 1 : 0);
    if (typeof left !== "string" || typeof right !== "string") return callStandard(signature, [left, right]);
    chargeText(Math.min(left.length, right.length));
    return holds(left < right ? -1 : left > right ? 1 : 0);
  });
}

function add(left: CelValue, right: CelValue, signature: Signature): CelValue {
  if (typeof left === "string" && typeof right === "string") {
    chargeText(left.length + right.length);
    return left + right;
  }
  if (!isCelList(left) || !isCelList(right)) return callStandard(signature, [left, right]);
  charge(1 + left.size + right.size);
  return growingList([...left, ...right]);
}

function isIn(item: CelValue, container: CelValue, signature: Signature): boolean {
  if (isCelMap(container)) {
    const isKey = typeof item === "string" || typeof item === "bigint" || typeof item === "boolean";
    return isKey ? container.get(item) !== undefined : callStandard(signature, [item, container]) === true;
  }
  if (!isCelList(container)) throw noOverload(signature, [item, container]);
  charge(1 + container.size);
  if (typeof item === "string" || typeof item === "boolean") return holdsSame(container, item);
  for (const other of container) if (isEqual(other, item)) return true;
  return false;
}

/** Text and bools equal only what is the same in JS: no need to ask for each type. */
function holdsSame(container: CelList, item: string | boolean): boolean {
  const { size } = container;
  for (let index = 0; index < size; index++) if (container.get(index) === item) return true;
  return false;
}

function not([operand = null]: readonly CelValue[]): CelValue {
  if (typeof operand !== "boolean") throw noOverload({ name: "!_", kind: "function", arity: 1 }, [operand]);
  return !operand;
}

function size([value = null]: readonly CelValue[]): CelValue {
  if (typeof value === "string") {
    chargeText(value.length);
    return BigInt(codePoints(value));
  }
  if (isCelList(value) || isCelMap(value)) return BigInt(value.size);
  if (value instanceof Uint8Array) return BigInt(value.length);
  throw noOverload({ name: "size", kind: "function", arity: 1 }, [value]);
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
