// What a name means to the checker: a variable, a type, a constant of an enum.
// 1. Dotted names are tried whole before their parts.

import type { Check } from "./check-state.ts";
import { candidateNames, findMessage, isEnumValue, messageType } from "./messages.ts";
import { dottedName } from "./pass.ts";
import type { Expr } from "./source.ts";
import { DYN, INT, STRING, listOf, mapOf } from "./type.ts";
import type { Type } from "./type.ts";

/** The types that have a name in every expression. */
export const TYPE_NAMES: ReadonlyMap<string, Type> = new Map<string, Type>([
  ["bool", { kind: "bool" }],
  ["int", INT],
  ["uint", { kind: "uint" }],
  ["double", { kind: "double" }],
  ["string", STRING],
  ["bytes", { kind: "bytes" }],
  ["list", listOf(DYN)],
  ["map", mapOf(DYN, DYN)],
  ["null_type", { kind: "null" }],
  ["type", { kind: "type", of: DYN }],
  ["optional_type", { kind: "optional", item: DYN }],
  ["google.protobuf.Timestamp", { kind: "timestamp" }],
  ["google.protobuf.Duration", { kind: "duration" }],
]);

/** `a.b.c` for a chain of names. */
export function nodeName(node: Expr): string | undefined {
  return dottedName(node);
}

/** The type of what a name refers to, or undefined for an unknown one; keeps what the name means. */
export function readReference(check: Check, node: Expr, written: string): Type | undefined {
  const { messages, variables } = check.declared;
  for (const name of candidateNames(messages, written)) {
    const variable = variables.get(name);
    if (variable !== undefined) {
      if (name !== written || name.includes(".")) check.references.set(node, { kind: "variable", name });
      return variable;
    }
    if (isEnumValue(messages, name)) {
      check.references.set(node, { kind: "constant", name });
      return INT;
    }
    const named = TYPE_NAMES.get(name) ?? (findMessage(messages, name) === undefined ? undefined : messageType(name));
    if (named === undefined) continue;
    check.references.set(node, { kind: "constant", name });
    return { kind: "type", of: named };
  }
  return undefined;
}
