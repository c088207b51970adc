// What the rewriting pass puts into the loops that macros (all, exists, filter, map) become: a charge for the whole loop before it
// starts, and lists that grow in place. The library's own list in a loop is quadratic and overflows the stack above 4,000 elements.

import { isCelList, isCelMap } from "@bufbuild/cel";
import type { CelValue } from "@bufbuild/cel";
import type { Builtin } from "./builtins.ts";
import { growingMap, insertInto } from "./growing-map.ts";
import { appendTo, growingList } from "./lift.ts";
import { typeName } from "./lower.ts";
import { EvaluationFault, charge } from "./meter.ts";

/** `@iterate(range, nodes)`, `@pairs(range)`, `@list()`, `@append(list, item)`, `@map()` and so on: no author can write these names. */
export function loops(): readonly Builtin[] {
  return [
    { name: "@iterate", kind: "function", arity: 2, call: iterate },
    { name: "@list", kind: "function", arity: 0, call: () => growingList() },
    { name: "@pairs", kind: "function", arity: 1, call: pairs },
    { name: "@map", kind: "function", arity: 0, call: () => growingMap() },
    {
      name: "@insert",
      kind: "function",
      arity: 3,
      call: ([map = null, key = null, item = null]) => insertInto(map, key, item),
    },
    { name: "@insertEntry", kind: "function", arity: 2, call: insertEntry },
    { name: "@append", kind: "function", arity: 2, call: ([list = null, item = null]) => appendTo(list, item) },
  ];
}

/** Charges the nodes of the loop's body once for each element; the range goes on unchanged. */
function iterate([range = null, nodes = null]: readonly CelValue[]): CelValue {
  if (!isCelList(range) && !isCelMap(range)) throw new EvaluationFault(`cannot go through ${typeName(range)}; expected a list or a map`);
  charge(1 + range.size * (typeof nodes === "bigint" ? Number(nodes) : 1));
  return range;
}

/** Index and element, or key and value, of each step of a loop over two variables. */
function pairs([range = null]: readonly CelValue[]): CelValue {
  const list: CelValue[] = [];
  if (isCelMap(range)) for (const [key, value] of range) list.push(growingList([key, value]));
  else if (isCelList(range)) {
    let index = 0n;
    for (const item of range) list.push(growingList([index++, item]));
  } else throw new EvaluationFault(`cannot go through ${typeName(range)}; expected a list or a map`);
  charge(2 * list.length);
  return growingList(list);
}

/** The entries of a small map go into the map that the loop gathers. */
function insertEntry([map = null, entries = null]: readonly CelValue[]): CelValue {
  if (!isCelMap(entries)) throw new EvaluationFault(`transformMapEntry() takes a map of one entry, found ${typeName(entries)}`);
  charge(1 + entries.size);
  for (const [key, value] of entries) insertInto(map, key, value);
  return map;
}
