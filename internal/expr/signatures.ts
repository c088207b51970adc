// The types of functions, as text that reads like documentation: `size(string) -> int`.
// 1. A capital letter stands for any type, the same one throughout its signature. 2. A method's first parameter is its target.

import { assert } from "../base/assert.ts";
import { parseType } from "./type.ts";
import type { Type } from "./type.ts";

/** One overload of a function or method. */
export interface Overload {
  readonly parameters: readonly Type[];
  readonly result: Type;
  /** A narrower result for literal arguments. */
  readonly resultOf?: (literals: readonly unknown[]) => Type | undefined;
}

/** Overloads by kind and name: `f size`, `m size`. */
export type OverloadTable = ReadonlyMap<string, readonly Overload[]>;

/** The key of a function or method in an OverloadTable. */
export function overloadKey(kind: "function" | "method", name: string): string {
  return `${kind === "method" ? "m" : "f"} ${name}`;
}

/** Reads the lines of functions and of methods into one table. */
export function parseSignatures(lines: { readonly functions: string; readonly methods: string }): OverloadTable {
  const table = new Map<string, Overload[]>();
  for (const kind of ["function", "method"] as const) {
    for (const line of (kind === "function" ? lines.functions : lines.methods).split("\n")) {
      if (line.trim() === "") continue;
      const { name, overload } = parseLine(line.trim());
      const key = overloadKey(kind, name);
      const overloads = table.get(key) ?? [];
      table.set(key, [...overloads, overload]);
    }
  }
  return table;
}

/** Tables in one: overloads of the same name are put together. */
export function mergeSignatures(tables: readonly OverloadTable[]): OverloadTable {
  const merged = new Map<string, readonly Overload[]>();
  for (const table of tables) for (const [key, overloads] of table) merged.set(key, [...(merged.get(key) ?? []), ...overloads]);
  return merged;
}

function parseLine(line: string): { readonly name: string; readonly overload: Overload } {
  const arrow = line.lastIndexOf(" -> ");
  const open = line.indexOf("(");
  assert(arrow > open && open > 0 && line[arrow - 1] === ")", "a signature reads name(types) -> type");
  const inside = line.slice(open + 1, arrow - 1);
  const parameters = inside === "" ? [] : splitParameters(inside).map(parseType);
  return { name: line.slice(0, open), overload: { parameters, result: parseType(line.slice(arrow + 4)) } };
}

/** Splits at the commas that stand outside of brackets. */
function splitParameters(text: string): readonly string[] {
  const parts: string[] = [""];
  let depth = 0;
  for (const character of text) {
    if (character === "(") depth++;
    if (character === ")") depth--;
    if (character === "," && depth === 0) parts.push("");
    else parts.push(`${parts.pop() ?? ""}${character}`);
  }
  return parts;
}
