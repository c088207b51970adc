// What one check knows and gathers, and the questions that all its parts ask: fields, fresh types, errors.
// 1. Types are kept by node object: macros share ids, never nodes.

import { didYouMean } from "../base/nearest.ts";
import { resolve } from "./assign.ts";
import type { ExprIssue } from "./expr-error.ts";
import { findMessage, messageFieldType, messageFields } from "./messages.ts";
import type { Messages } from "./messages.ts";
import type { OverloadTable } from "./signatures.ts";
import type { Expr, Syntax } from "./source.ts";
import { DYN, ERROR, formatType, optionalOf } from "./type.ts";
import type { Type } from "./type.ts";

const SHOWN_FIELDS_MAX = 12;

/** What an expression may name. */
export interface Declarations {
  readonly variables: ReadonlyMap<string, Type>;
  readonly functions: OverloadTable;
  readonly messages: Messages | undefined;
}

/** What a name means that is not a plain variable: a variable with a dotted name, or a constant. */
export interface Reference {
  readonly kind: "variable" | "constant";
  readonly name: string;
}

/** One check in progress. */
export interface Check {
  readonly syntax: Syntax;
  readonly declared: Declarations;
  readonly types: Map<Expr, Type>;
  readonly references: Map<Expr, Reference>;
  readonly bindings: Map<string, Type>;
  readonly issues: ExprIssue[];
  freshCount: number;
}

/** The types that macros bind around a node. */
export type Local = ReadonlyMap<string, Type>;

/** Notes an error at a node and goes on. */
export function refuseType(check: Check, node: Expr, reason: string): Type {
  check.issues.push({ offset: check.syntax.offsetOf(node.id), reason });
  return ERROR;
}

/** The type as people read it, as far as it is known by now. */
export function showType(check: Check, type: Type): string {
  return formatType(resolve(check.bindings, type, "dyn"));
}

/** A type that is not known yet. */
export function freshType(check: Check): Type {
  return { kind: "parameter", name: `?${++check.freshCount}` };
}

/** The type of a field of a value of the type; refuses a field that there is not. */
export function fieldType(check: Check, node: Expr, { operand, field }: { readonly operand: Type; readonly field: string }): Type {
  const type = resolve(check.bindings, operand);
  if (type.kind === "object") {
    const names = [...type.fields.keys()];
    return type.fields.get(field) ?? (type.isOpen ? DYN : refuseField(check, node, { field, name: type.name, names }));
  }
  if (type.kind === "message") {
    const message = findMessage(check.declared.messages, type.name);
    if (message === undefined) return DYN;
    return messageFieldType(message, field) ?? refuseField(check, node, { field, name: type.name, names: messageFields(message) });
  }
  if (type.kind === "map") return type.value;
  if (type.kind === "optional") return optionalOf(deref(fieldType(check, node, { operand: type.item, field })));
  if (["dyn", "error", "parameter"].includes(type.kind)) return DYN;
  return refuseType(check, node, `${formatType(type)} has no fields`);
}

/** What is inside an optional, or the type itself. */
export function deref(type: Type): Type {
  return type.kind === "optional" ? type.item : type;
}

function refuseField(
  check: Check,
  node: Expr,
  { field, name, names }: { readonly field: string; readonly name: string; readonly names: readonly string[] },
): Type {
  const known = names.length === 0 ? "; it has no fields" : `; it has ${names.slice(0, SHOWN_FIELDS_MAX).join(", ")}`;
  return refuseType(check, node, `no such field "${field}" in ${name}${didYouMean(field, names) || known}`);
}
