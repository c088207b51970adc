// What the rewriting pass puts into the loops that macros (all, exists, filter, map) become: a charge for the whole loop before it
// starts, and lists that grow in place. The library's own list in a loop is quadratic and overflows the stack above 4,000 elements.

import { isCelList, isCelMap } from "@bufbuild/cel";
import type { CelValue } from "@bufbuild/cel";
import type { Builtin } from "./builtins.ts";
import { appendTo, growingList } from "./lift.ts";
import { typeName } from "./lower.ts";
import { EvaluationFault, charge } from "./meter.ts";

/** `@iterate(range, nodes)`, `@list()` and `@append(list, item)`: no author can write these names. */
export function loops(): readonly Builtin[] {
  return [
    { name: "@iterate", kind: "function", arity: 2, call: iterate },
    { name: "@list", kind: "function", arity: 0, call: () => growingList() },
    { name: "@append", kind: "function", arity: 2, call: ([list = null, item = null]) => appendTo(list, item) },
  ];
}

/** Charges the nodes of the loop's body once for each element; the range goes on unchanged. */
function iterate([range = null, nodes = null]: readonly CelValue[]): CelValue {
  if (!isCelList(range) && !isCelMap(range)) throw new EvaluationFault(`cannot go through ${typeName(range)}; expected a list or a map`);
  charge(1 + range.size * (typeof nodes === "bigint" ? Number(nodes) : 1));
  return range;
}
