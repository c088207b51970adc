// `signals`, `queries` and `set` of a workflow file: what comes from outside, what can be asked, and which variables change.
// 1. It parses: what comes out is within the bounds of the wire, or is a fault with its place.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SignalDeclarationSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FileCursor } from "./file-cursor.ts";
import { readParams } from "./workflow-params.ts";

const SIGNAL_FIELDS = ["fields", "set", "description"] as const;
const NAME = /^[a-z][a-z0-9_]{0,63}$/;
const NAMES_MAX = 64;

type SignalInit = MessageInitShape<typeof SignalDeclarationSchema>;

/** Reads the declarations of signals. */
export function readSignals(field: FileCursor): { [name: string]: SignalInit } {
  const signals: { [name: string]: SignalInit } = {};
  for (const [name, entry] of named(field, "signals")) {
    const fields = entry.fields(SIGNAL_FIELDS, "a signal");
    if (fields === undefined) continue;
    signals[name] = {
      fields: fields.read("fields", (item) => readParams(item, "fields")) ?? {},
      set: fields.read("set", readExpressions) ?? {},
      description: fields.read("description", (item) => item.text()) ?? "",
    };
  }
  return signals;
}

/** Reads expressions by name: queries, or what is set. A number, true and false are expressions too. */
export function readExpressions(field: FileCursor): { [name: string]: string } {
  const expressions: { [name: string]: string } = {};
  for (const [name, entry] of named(field, "a map of expressions")) {
    const { value } = entry;
    const text = typeof value === "number" || typeof value === "boolean" ? String(value) : entry.text();
    if (text !== undefined) expressions[name] = text;
  }
  return expressions;
}

function named(field: FileCursor, what: string): readonly (readonly [string, FileCursor])[] {
  const entries = field.entries(what);
  if (entries.length > NAMES_MAX) field.refuse(`at most ${NAMES_MAX}; found ${entries.length}`);
  for (const [name, entry] of entries)
    if (!NAME.test(name)) entry.faults.addKey(entry.path, "a name is lower-case letters, digits and _, at most 64, a letter first");
  return entries;
}
