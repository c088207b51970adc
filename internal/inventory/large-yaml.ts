// Reads a large inventory in slices: the YAML reader needs many times a file's size in memory, and a fleet's file is one long list.
// 1. A slice begins where an item of `targets` does; what cannot be cut so (or holds a fault) is left to the whole-file parser.
// 2. The value is the same as that of the whole file: an alias whose anchor is in another slice is a fault in its slice, so nothing is cut then.

import { HoldfastError } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonValue } from "../base/json.ts";
import { INVENTORY_SLICE_LENGTH, YAML_SLICED_LENGTH_MIN } from "../base/limits.ts";
import { readYaml } from "../base/yaml.ts";

interface Cut {
  /** Everything but the items; the list is empty in it. */
  readonly frame: string;
  readonly slices: readonly string[];
}

/** The value of a large file, or undefined when it is small, or can only be read as a whole. */
export function readLargeYaml(text: string, options: { readonly file: string; readonly bytesMax: number }): JsonValue | undefined {
  if (text.length < YAML_SLICED_LENGTH_MIN || text.length > options.bytesMax) return undefined;
  const cut = cutList(text);
  if (cut === undefined) return undefined;
  try {
    const frame = readYaml(cut.frame, options).value;
    if (!isJsonObject(frame)) return undefined;
    const targets: JsonValue[] = [];
    for (const slice of cut.slices) {
      const { value } = readYaml(slice, options);
      if (!Array.isArray(value)) return undefined;
      for (const item of value) targets.push(item);
    }
    return { ...frame, targets };
  } catch (cause) {
    if (cause instanceof HoldfastError) return undefined;
    throw cause;
  }
}

/** Cuts at the lines that begin an item: in YAML, nothing inside an item can stand as far left as its dash. */
function cutList(text: string): Cut | undefined {
  const head = /^targets:[ \t]*(?:#[^\n]*)?\r?\n/m.exec(text);
  if (head === null) return undefined;
  const listStart = head.index + head[0].length;
  const first = /^(?:[ \t]*(?:#[^\n]*)?\r?\n)*( *)- /.exec(text.slice(listStart));
  if (first === null) return undefined;
  const indent = first[1] ?? "";
  const next = new RegExp(indent === "" ? "^[^\\s#-]" : "^[^\\s#]", "m").exec(text.slice(listStart));
  const listEnd = next === null ? text.length : listStart + next.index;
  const slices: string[] = [];
  for (let start = listStart; start < listEnd;) {
    const end = itemAfter(text, { from: start + INVENTORY_SLICE_LENGTH, indent, listEnd });
    slices.push(text.slice(start, end));
    start = end;
  }
  return { frame: `${text.slice(0, head.index)}targets: []\n${text.slice(listEnd)}`, slices };
}

function itemAfter(text: string, { from, indent, listEnd }: { from: number; indent: string; listEnd: number }): number {
  const at = text.indexOf(`\n${indent}- `, from);
  return at === -1 || at >= listEnd ? listEnd : at + 1;
}
