// The `math` extension of cel-go, and base64: small functions on numbers and bytes, by name and type.
// 1. Integers stay in 64 bits: what leaves them is a fault. 2. `greatest` and `least` compare kinds of numbers by value.

import { celUint, isCelList, isCelUint } from "@bufbuild/cel";
import type { CelValue } from "@bufbuild/cel";
import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import type { Builtin } from "./builtins.ts";
import { EvaluationFault, charge, chargeText } from "./meter.ts";
import { noOverload } from "./standard.ts";
import type { Signature } from "./standard.ts";

const ARITY_MAX = 8;
const INT_MIN = -(2n ** 63n);

/** `math.greatest` to `math.bitShiftRight`, `base64.encode` and `base64.decode`. */
export function mathFunctions(): readonly Builtin[] {
  const arities = Array.from({ length: ARITY_MAX }, (_, index) => index + 1);
  return [
    ...arities.flatMap((arity) => [
      define("math.greatest", arity, (args, signature) => extreme(args, signature, (left, right) => left > right)),
      define("math.least", arity, (args, signature) => extreme(args, signature, (left, right) => left < right)),
    ]),
    double("math.ceil", Math.ceil),
    double("math.floor", Math.floor),
    double("math.trunc", Math.trunc),
    double("math.round", (x) => (Number.isFinite(x) ? Math.sign(x) * Math.round(Math.abs(x)) : x)),
    double("math.isNaN", Number.isNaN),
    double("math.isInf", (x) => x === Number.POSITIVE_INFINITY || x === Number.NEGATIVE_INFINITY),
    double("math.isFinite", Number.isFinite),
    define("math.abs", 1, absolute),
    define("math.sign", 1, sign),
    bits("math.bitAnd", (left, right) => left & right),
    bits("math.bitOr", (left, right) => left | right),
    bits("math.bitXor", (left, right) => left ^ right),
    define("math.bitNot", 1, bitNot),
    shift("math.bitShiftLeft", (value, by) => value << by),
    shift("math.bitShiftRight", (value, by) => BigInt.asUintN(64, value) >> by),
    define("base64.encode", 1, encode),
    define("base64.decode", 1, decode),
  ];
}

function define(name: string, arity: number, call: (args: readonly CelValue[], signature: Signature) => CelValue): Builtin {
  const signature: Signature = { name, kind: "function", arity };
  return { ...signature, call: (args) => call(args, signature) };
}

function extreme(
  args: readonly CelValue[],
  signature: Signature,
  wins: (left: bigint | number, right: bigint | number) => boolean,
): CelValue {
  const [only = null] = args;
  const candidates = args.length === 1 && isCelList(only) ? [...only] : args;
  charge(candidates.length);
  let best: CelValue | undefined;
  let bestNumber: bigint | number = 0;
  for (const candidate of candidates) {
    const number = numberOf(candidate);
    if (number === undefined) throw noOverload({ ...signature, arity: 1 }, [candidate]);
    if (best === undefined || wins(number, bestNumber)) [best, bestNumber] = [candidate, number];
  }
  if (best === undefined) throw new EvaluationFault(`${signature.name}(): the list is empty`);
  return best;
}

function numberOf(value: CelValue): bigint | number | undefined {
  if (typeof value === "bigint" || typeof value === "number") return value;
  return isCelUint(value) ? value.value : undefined;
}

function double(name: string, call: (value: number) => CelValue): Builtin {
  return define(name, 1, ([value = null], signature) => {
    if (typeof value !== "number") throw noOverload(signature, [value]);
    return call(value);
  });
}

function absolute([value = null]: readonly CelValue[], signature: Signature): CelValue {
  if (typeof value === "number") return Math.abs(value);
  if (isCelUint(value)) return value;
  if (typeof value !== "bigint") throw noOverload(signature, [value]);
  if (value === INT_MIN) throw new EvaluationFault("math.abs(): the number leaves the range of its type");
  return value < 0n ? -value : value;
}

function sign([value = null]: readonly CelValue[], signature: Signature): CelValue {
  if (typeof value === "number") return Math.sign(value);
  if (isCelUint(value)) return celUint(value.value === 0n ? 0n : 1n);
  if (typeof value !== "bigint") throw noOverload(signature, [value]);
  return value === 0n ? 0n : value < 0n ? -1n : 1n;
}

function bits(name: string, call: (left: bigint, right: bigint) => bigint): Builtin {
  return define(name, 2, ([left = null, right = null], signature) => {
    if (typeof left === "bigint" && typeof right === "bigint") return call(left, right);
    if (isCelUint(left) && isCelUint(right)) return celUint(call(left.value, right.value));
    throw noOverload(signature, [left, right]);
  });
}

function bitNot([value = null]: readonly CelValue[], signature: Signature): CelValue {
  if (typeof value === "bigint") return ~value;
  if (isCelUint(value)) return celUint(BigInt.asUintN(64, ~value.value));
  throw noOverload(signature, [value]);
}

/** Shifts by 64 or more give 0; a negative count is a fault. */
function shift(name: string, call: (value: bigint, by: bigint) => bigint): Builtin {
  return define(name, 2, ([value = null, by = null], signature) => {
    const isUint = isCelUint(value);
    const number = isUint ? value.value : value;
    if (typeof number !== "bigint" || typeof by !== "bigint") throw noOverload(signature, [value, by]);
    if (by < 0n) throw new EvaluationFault(`${name}(): the count is negative`);
    const shifted = by > 63n ? 0n : call(number, by);
    return isUint ? celUint(BigInt.asUintN(64, shifted)) : BigInt.asIntN(64, shifted);
  });
}

function encode([value = null]: readonly CelValue[], signature: Signature): CelValue {
  if (!(value instanceof Uint8Array)) throw noOverload(signature, [value]);
  chargeText(value.length * 2);
  return base64Encode(value);
}

function decode([value = null]: readonly CelValue[], signature: Signature): CelValue {
  if (typeof value !== "string") throw noOverload(signature, [value]);
  chargeText(value.length * 2);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw new EvaluationFault("base64.decode(): the text is no base64");
  return base64Decode(value);
}
