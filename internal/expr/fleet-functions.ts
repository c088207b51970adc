// The functions of the field: counting by a label or a path, percentages, windows, networks, versions, patterns of names.
// 1. What lacks the key is counted under "": a limit that counts must not overlook it.

import { isCelList, isCelMap, isCelUint } from "@bufbuild/cel";
import type { CelMap, CelValue } from "@bufbuild/cel";
import type { Builtin } from "./builtins.ts";
import { isInNetwork } from "./cidr.ts";
import { matchesGlob } from "./glob.ts";
import { growingMap, insertInto } from "./growing-map.ts";
import { EvaluationFault, charge, chargeText } from "./meter.ts";
import { compareVersions } from "./semver.ts";
import { noOverload } from "./standard.ts";
import type { Signature } from "./standard.ts";
import { isInWindow } from "./window.ts";

/** `countBy`, `percent`, `inWindow`, `inCidr`, `semverCompare`, `glob`. */
export function fleetFunctions(): readonly Builtin[] {
  return [
    define("countBy", 2, countBy),
    define("percent", 2, percent),
    define("inWindow", 3, ([now = null, windows = null, zone = null], signature) => {
      if (typeof windows !== "string" || typeof zone !== "string") throw noOverload(signature, [now, windows, zone]);
      return isInWindow(now, windows, zone);
    }),
    texts("inCidr", isInNetwork),
    texts("semverCompare", compareVersions),
    texts("glob", matchesGlob),
  ];
}

function define(name: string, arity: number, call: (args: readonly CelValue[], signature: Signature) => CelValue): Builtin {
  const signature: Signature = { name, kind: "function", arity };
  return { ...signature, call: (args) => call(args, signature) };
}

function texts(name: string, call: (left: string, right: string) => CelValue): Builtin {
  return define(name, 2, ([left = null, right = null], signature) => {
    if (typeof left !== "string" || typeof right !== "string") throw noOverload(signature, [left, right]);
    chargeText(left.length + right.length);
    return call(left, right);
  });
}

/**
 * `countBy(list, key)`: how many elements have which value. The key is a label of the element's `labels`, or else a path to a field:
 * `countBy(targets, "site")`, `countBy(tasks, "target.name")`.
 */
function countBy([list = null, key = null]: readonly CelValue[], signature: Signature): CelValue {
  if (!isCelList(list) || typeof key !== "string") throw noOverload(signature, [list, key]);
  const path = key.split(".");
  charge(1 + list.size * (3 + path.length));
  const counts = new Map<string, bigint>();
  for (const item of list) {
    const text = keyText(valueAt(item, key, path));
    counts.set(text, (counts.get(text) ?? 0n) + 1n);
  }
  const result = growingMap();
  for (const [text, count] of counts) insertInto(result, text, count);
  return result;
}

function valueAt(item: CelValue, key: string, path: readonly string[]): CelValue | undefined {
  if (!isCelMap(item)) throw new EvaluationFault("countBy(): the list holds something that has no fields");
  const labels = item.get("labels");
  const label = isCelMapValue(labels) ? labels.get(key) : undefined;
  if (label !== undefined) return label;
  let found: CelValue | undefined = item;
  for (const name of path) found = isCelMapValue(found) ? found.get(name) : undefined;
  return found;
}

function isCelMapValue(value: CelValue | undefined): value is CelMap {
  return value !== undefined && isCelMap(value);
}

function keyText(value: CelValue | undefined): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  if (typeof value === "bigint" || typeof value === "boolean") return String(value);
  throw new EvaluationFault("countBy(): the key leads to something that is not text, a whole number or a bool");
}

/** `percent(n, of)` is n * 100 / of, as a double; a part of nothing is a fault, never 0. */
function percent(args: readonly CelValue[], signature: Signature): CelValue {
  const [part, whole] = args.map((value) => numberOf(value));
  if (part === undefined || whole === undefined) throw noOverload(signature, args);
  if (whole <= 0) throw new EvaluationFault("percent(): the whole is not above 0");
  return (part * 100) / whole;
}

function numberOf(value: CelValue): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  return isCelUint(value) ? Number(value.value) : undefined;
}
