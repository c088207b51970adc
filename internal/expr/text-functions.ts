// Functions on text in place of the library's: its `replace` is quadratic, `int("…")` takes megabytes of digits, `format` and
// `join` follow shared branches without end, and `matches` is charged by pattern and text.

import { isCelList } from "@bufbuild/cel";
import type { CelValue } from "@bufbuild/cel";
import type { Builtin } from "./builtins.ts";
import { chargeTree } from "./lower.ts";
import { EvaluationFault, charge, chargeText, createMeter, enter, leave } from "./meter.ts";
import { callStandard, noOverload } from "./standard.ts";
import type { Signature } from "./standard.ts";

const PATTERN_LENGTH_MAX = 1_000;
/** RE2 takes some 10 ns for each character of pattern times text: a step for 8 of them. */
const MATCH_SHIFT = 3;
const FORMAT_WEIGHT = 6;
const INT_TEXT = /^[+-]?\d{1,20}$/;
const UINT_TEXT = /^\+?\d{1,20}$/;
const DOUBLE_TEXT = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?Infinity|NaN)$/;

/** The functions on text that are bounded here. */
export function textFunctions(): readonly Builtin[] {
  return [
    method("replace", 3, replace),
    method("replace", 4, replace),
    method("join", 1, join),
    method("join", 2, join),
    method("matches", 2, matches),
    { ...method("matches", 2, matches), kind: "function" },
    method("reverse", 1, reverse),
    method("format", 2, (args, signature) => {
      // Once for going through the tree, and the rest for the text that it becomes, which the library makes piece by piece.
      for (let times = 0; times < FORMAT_WEIGHT; times++) for (const argument of args) chargeTree(argument);
      return callStandard(signature, args);
    }),
    conversion("int", INT_TEXT),
    conversion("uint", UINT_TEXT),
    conversion("double", DOUBLE_TEXT),
  ];
}

/** True for a pattern that RE2 takes; for the check at load, outside any evaluation. */
export function isPattern(pattern: string): boolean {
  const outer = enter({}, createMeter());
  try {
    matches(["", pattern], { name: "matches", kind: "method", arity: 2 });
    return true;
  } catch (cause) {
    if (cause instanceof EvaluationFault) return false;
    throw cause;
  } finally {
    leave(outer);
  }
}

function method(name: string, arity: number, call: (args: readonly CelValue[], signature: Signature) => CelValue): Builtin {
  const signature: Signature = { name, kind: "method", arity };
  return { ...signature, call: (args) => call(args, signature) };
}

function conversion(name: string, form: RegExp): Builtin {
  const signature: Signature = { name, kind: "function", arity: 1 };
  const call = ([value = null]: readonly CelValue[]): CelValue => {
    if (typeof value === "string" && (value.length > 400 || !form.test(value)))
      throw new EvaluationFault(`${name}(): the text is no ${name}`);
    return callStandard(signature, [value]);
  };
  return { ...signature, call };
}

/** Replaces from the left, `limit` times or (absent or negative) everywhere. */
function replace(args: readonly CelValue[], signature: Signature): CelValue {
  const [text = null, from = null, to = null, limit = -1n] = args;
  if (typeof text !== "string" || typeof from !== "string" || typeof to !== "string" || typeof limit !== "bigint")
    throw noOverload(signature, args);
  chargeText(text.length);
  const most = limit < 0n ? Number.POSITIVE_INFINITY : Number(limit);
  const parts: string[] = [];
  let done = 0;
  for (let found = text.indexOf(from); found !== -1 && parts.length < most; found = nextMatch(text, from, found)) {
    parts.push(text.slice(done, found));
    chargeText(16 + to.length);
    done = found + from.length;
  }
  parts.push(text.slice(done));
  return parts.join(to);
}

/** The next match after one; an empty pattern matches before each character and at the end. */
function nextMatch(text: string, from: string, found: number): number {
  if (from !== "") return text.indexOf(from, found + from.length);
  if (found >= text.length) return -1;
  return found + ((text.codePointAt(found) ?? 0) > 0xffff ? 2 : 1);
}

function join(args: readonly CelValue[], signature: Signature): CelValue {
  const [list = null, separator = ""] = args;
  if (!isCelList(list) || typeof separator !== "string") throw noOverload(signature, args);
  const parts: string[] = [];
  for (const item of list) {
    if (typeof item !== "string") throw new EvaluationFault("join(): the list holds something that is not a string");
    chargeText(16 + item.length + separator.length);
    parts.push(item);
  }
  return parts.join(separator);
}

/** RE2 is linear in the text, times the size of the program that the pattern becomes: counted repetitions make it large. */
function matches(args: readonly CelValue[], signature: Signature): CelValue {
  const [text = null, pattern = null] = args;
  if (typeof text !== "string" || typeof pattern !== "string") throw noOverload(signature, args);
  if (pattern.length > PATTERN_LENGTH_MAX) throw new EvaluationFault(`matches(): the pattern is longer than ${PATTERN_LENGTH_MAX}`);
  const repeats = pattern.match(/\d+/g) ?? [];
  const weight = repeats.reduce((sum, count) => sum + Math.min(Number(count), PATTERN_LENGTH_MAX), pattern.length);
  charge(100 + ((weight * (text.length + 64)) >> MATCH_SHIFT));
  return callStandard({ ...signature, kind: "method" }, args);
}

function reverse(args: readonly CelValue[], signature: Signature): CelValue {
  const [text = null] = args;
  if (typeof text !== "string") throw noOverload(signature, args);
  chargeText(text.length * 4);
  return Array.from(text).reverse().join("");
}
