// Changes to a JSON tree: syntax stays whole, so that what reads meaning is reached.
// 1. A place is a list of numbers, each taken modulo the children there are: the same edit means something in any tree.

import fc from "fast-check";
import { isJsonObject } from "../../internal/base/json.ts";
import type { JsonValue } from "../../internal/base/json.ts";
import { objectOf, oddJson, oddKey } from "./odd-values.ts";

/** One change of a tree. */
export interface TreeEdit {
  readonly kind: "replace" | "remove" | "rename" | "twice" | "wrap" | "add";
  readonly place: readonly number[];
  readonly key: string;
  readonly value: JsonValue;
}

/** Changes of a tree. */
export const treeEdits: fc.Arbitrary<readonly TreeEdit[]> = fc.array(
  fc.record<TreeEdit>({
    kind: fc.constantFrom("replace", "replace", "remove", "rename", "twice", "wrap", "add"),
    place: fc.array(fc.nat({ max: 40 }), { maxLength: 7 }),
    key: oddKey,
    value: oddJson,
  }),
  { minLength: 1, maxLength: 4 },
);

/** The tree after the changes. */
export function edited(tree: JsonValue, edits: readonly TreeEdit[]): JsonValue {
  return edits.reduce((value, edit) => at(value, edit, 0), tree);
}

type Entry = readonly [string, JsonValue];

function at(value: JsonValue, edit: TreeEdit, depth: number): JsonValue {
  const step = edit.place[depth];
  if (Array.isArray(value)) return inList(value, edit, { depth, step });
  if (isJsonObject(value)) return inMap(Object.entries(value), edit, { depth, step });
  return edit.kind === "wrap" ? [value] : edit.value;
}

interface Step {
  readonly depth: number;
  readonly step: number | undefined;
}

function inList(items: readonly JsonValue[], edit: TreeEdit, { depth, step }: Step): JsonValue {
  if (step === undefined || items.length === 0) return edit.kind === "add" ? [...items, edit.value] : whole(items, edit);
  const index = step % items.length;
  const item = items[index] ?? null;
  if (edit.place.length === depth + 1) {
    if (edit.kind === "remove") return items.toSpliced(index, 1);
    if (edit.kind === "twice") return items.toSpliced(index, 0, item);
  }
  return items.toSpliced(index, 1, at(item, edit, depth + 1));
}

function inMap(entries: readonly Entry[], edit: TreeEdit, { depth, step }: Step): JsonValue {
  if (step === undefined || entries.length === 0) {
    return edit.kind === "add" ? objectOf([...entries, [edit.key, edit.value]]) : whole(objectOf(entries), edit);
  }
  const index = step % entries.length;
  const [name, value] = entries[index] ?? ["", null];
  if (edit.place.length === depth + 1) {
    if (edit.kind === "remove") return objectOf(entries.toSpliced(index, 1));
    if (edit.kind === "rename") return objectOf(entries.toSpliced(index, 1, [edit.key, value]));
  }
  return objectOf(entries.toSpliced(index, 1, [name, at(value, edit, depth + 1)]));
}

function whole(value: JsonValue, edit: TreeEdit): JsonValue {
  return edit.kind === "wrap" ? [value] : edit.value;
}
