// What expressions do with optional values. `or` and `orValue` evaluate their argument only when it is needed: the rewriting pass
// makes conditions of them, over `@hasValue` and `@value`.

import { celType, isCelList, isCelMap } from "@bufbuild/cel";
import type { CelValue } from "@bufbuild/cel";
import type { Builtin } from "./builtins.ts";
import { growingMap, insertInto } from "./growing-map.ts";
import { growingList } from "./lift.ts";
import { EvaluationFault, charge } from "./meter.ts";
import { OPTIONAL_TYPE, asOptional, isZeroValue, optionalValue, selectOptional } from "./optional.ts";
import { Optional } from "./optional-value.ts";

/** `optional.of`, `hasValue`, `value` and the others, and `type`, which knows optionals. */
export function optionalFunctions(): readonly Builtin[] {
  return [
    define("optional.of", 1, ([item]) => optionalValue(item)),
    define("optional.none", 0, () => optionalValue(undefined)),
    define("optional.ofNonZeroValue", 1, ([item = null]) => optionalValue(isZeroValue(item) ? undefined : item)),
    define("optional.unwrap", 1, ([list = null]) => unwrap(list)),
    { ...define("unwrapOpt", 1, ([list = null]) => unwrap(list)), kind: "method" },
    { ...define("hasValue", 1, hasValue), kind: "method" },
    { ...define("value", 1, valueOf), kind: "method" },
    define("@hasValue", 1, hasValue),
    define("@value", 1, valueOf),
    define("@some", 2, ([item = null, isOptional = null]) => (isOptional === true ? listOfOptional(item) : growingList([item]))),
    define("@select", 2, ([operand = null, key = null]) => selectOptional(operand, key)),
    define("@hasField", 2, ([operand = null, key = null]) => asOptional(selectOptional(operand, key)).item !== undefined),
    define("@entry", 3, ([key = null, item = null, isOptional = null]) => entry(key, item, isOptional === true)),
    define("@merge", 2, ([left = null, right = null]) => merge(left, right)),
    define("@optionalType", 0, () => OPTIONAL_TYPE),
    define("type", 1, ([value = null]) => (value instanceof Optional ? OPTIONAL_TYPE : celType(value))),
  ];
}

function define(name: string, arity: number, call: (args: readonly CelValue[]) => CelValue): Builtin {
  return { name, kind: "function", arity, call };
}

function hasValue([value]: readonly CelValue[]): CelValue {
  return asOptional(value).item !== undefined;
}

function valueOf([value]: readonly CelValue[]): CelValue {
  const { item } = asOptional(value);
  if (item === undefined) throw new EvaluationFault("the optional has no value; use orValue()");
  return item;
}

function unwrap(list: CelValue): CelValue {
  if (!isCelList(list)) throw new EvaluationFault("unwrapOpt() takes a list of optional values");
  charge(1 + list.size);
  const items = [...list].map((item) => asOptional(item).item);
  return growingList(items.filter((item) => item !== undefined));
}

function listOfOptional(item: CelValue): CelValue {
  const { item: inner } = asOptional(item);
  return growingList(inner === undefined ? [] : [inner]);
}

/** A map of one entry, or of none for an optional without a value. */
function entry(key: CelValue, item: CelValue, isOptional: boolean): CelValue {
  const map = growingMap();
  const value = isOptional ? asOptional(item).item : item;
  if (value !== undefined) insertInto(map, key, value);
  return map;
}

/** Both maps in one that is new; a key in both is a fault. */
function merge(left: CelValue, right: CelValue): CelValue {
  if (!isCelMap(left) || !isCelMap(right)) throw new EvaluationFault("only maps have entries");
  charge(1 + left.size + right.size);
  const map = growingMap();
  for (const [key, value] of left) insertInto(map, key, value);
  for (const [key, value] of right) insertInto(map, key, value);
  return map;
}
