// The type checker: what every node of an expression yields, before anything runs. It goes on after an error, so that an author sees all.
// 1. Unknown names, functions and counts of arguments are the rewriting pass's to refuse; here they are of type `error`.

import { assign, joinTypes, resolve } from "./assign.ts";
import { checkCall } from "./check-call.ts";
import { nodeName, readReference } from "./check-name.ts";
import { deref, fieldType, freshType, refuseType, showType } from "./check-state.ts";
import type { Check, Declarations, Local, Reference } from "./check-state.ts";
import { didYouMean } from "../base/nearest.ts";
import type { ExprIssue } from "./expr-error.ts";
import { candidateNames, findMessage, messageFieldType, messageFields, messageType } from "./messages.ts";
import type { Expr, Syntax } from "./source.ts";
import { BOOL, DYN, ERROR, INT, NULL, STRING, formatType, listOf, mapOf } from "./type.ts";
import type { Type } from "./type.ts";

/** What the checker found out. */
export interface Checked {
  /** The type of the whole expression. */
  readonly type: Type;
  readonly references: ReadonlyMap<Expr, Reference>;
  readonly issues: readonly ExprIssue[];
  typeOf(node: Expr): Type;
}

/** Checks a whole expression, and that it yields `wanted`. */
export function checkExpression(syntax: Syntax, root: Expr, declared: Declarations, wanted: Type | undefined): Checked {
  const check: Check = { syntax, declared, types: new Map(), references: new Map(), bindings: new Map(), issues: [], freshCount: 0 };
  const type = checkNode(check, root, new Map());
  if (wanted !== undefined && !assign(check.bindings, type, wanted))
    refuseType(check, root, `expected ${formatType(wanted)}, found ${showType(check, type)}`);
  const typeOf = (node: Expr): Type => resolve(check.bindings, check.types.get(node) ?? DYN, "dyn");
  return { type: resolve(check.bindings, type, "dyn"), references: check.references, issues: check.issues, typeOf };
}

/** The type of one node; checks all below it. */
export function checkNode(check: Check, node: Expr, local: Local): Type {
  const type = typeOfNode(check, node, local);
  check.types.set(node, type);
  return type;
}

function typeOfNode(check: Check, node: Expr, local: Local): Type {
  const { exprKind } = node;
  switch (exprKind.case) {
    case "constExpr":
      return constantType(exprKind.value.constantKind.case);
    case "identExpr":
      return identType(check, node, local);
    case "selectExpr":
      return selectType(check, node, local);
    case "callExpr":
      return checkCall(check, node, { call: exprKind.value, local, below: (child) => checkNode(check, child, local) });
    case "listExpr":
      return listType(check, exprKind.value, local);
    case "structExpr":
      return exprKind.value.messageName === "" ? mapType(check, exprKind.value, local) : checkMessage(check, node, exprKind.value, local);
    case "comprehensionExpr":
      return loopType(check, exprKind.value, local);
    case undefined:
    default:
      return DYN;
  }
}

type Kind<Case extends Expr["exprKind"]["case"]> = Extract<Expr["exprKind"], { case: Case }> extends { value: infer Value } ? Value : never;

function constantType(kind: string | undefined): Type {
  const types: Readonly<Record<string, Type>> = {
    boolValue: BOOL,
    int64Value: INT,
    uint64Value: { kind: "uint" },
    doubleValue: { kind: "double" },
    stringValue: STRING,
    bytesValue: { kind: "bytes" },
    nullValue: NULL,
  };
  return types[kind ?? ""] ?? DYN;
}

function identType(check: Check, node: Expr, local: Local): Type {
  const name = nodeName(node) ?? "";
  return local.get(name) ?? readReference(check, node, name) ?? ERROR;
}

function selectType(check: Check, node: Expr, local: Local): Type {
  if (node.exprKind.case !== "selectExpr") return DYN;
  const { operand, field, testOnly } = node.exprKind.value;
  if (operand === undefined) return DYN;
  const dotted = testOnly ? undefined : nodeName(node);
  const root = dotted?.split(".")[0] ?? "";
  const whole = dotted === undefined || local.has(root) ? undefined : readReference(check, node, dotted);
  if (whole !== undefined) return whole;
  const found = fieldType(check, node, { operand: checkNode(check, operand, local), field });
  return testOnly && found.kind !== "error" ? BOOL : found;
}

function listType(check: Check, list: Kind<"listExpr">, local: Local): Type {
  let element: Type | undefined;
  list.elements.forEach((child, index) => {
    const found = resolve(check.bindings, checkNode(check, child, local));
    const isOptional = list.optionalIndices.includes(index);
    if (isOptional && !["optional", "dyn", "error"].includes(found.kind))
      refuseType(check, child, `[?…] takes an optional value, found ${showType(check, found)}`);
    const type = isOptional ? deref(found) : found;
    element = element === undefined ? type : joinTypes(check.bindings, element, type);
  });
  return listOf(element ?? freshType(check));
}

function mapType(check: Check, struct: Kind<"structExpr">, local: Local): Type {
  let key: Type | undefined;
  let value: Type | undefined;
  for (const entry of struct.entries) {
    if (entry.keyKind.case !== "mapKey" || entry.value === undefined) continue;
    const keyType = checkKey(check, entry.keyKind.value, checkNode(check, entry.keyKind.value, local));
    const valueType = entryType(check, entry.value, entry.optionalEntry, local);
    key = key === undefined ? keyType : joinTypes(check.bindings, key, keyType);
    value = value === undefined ? valueType : joinTypes(check.bindings, value, valueType);
  }
  return mapOf(key ?? freshType(check), value ?? freshType(check));
}

/** A key is of a plain type; were it not, `{x: x}` again and again would double the type each time. */
function checkKey(check: Check, node: Expr, type: Type): Type {
  const { kind } = resolve(check.bindings, type);
  if (["int", "uint", "bool", "string", "dyn", "error"].includes(kind)) return type;
  if (kind === "parameter") return DYN;
  return refuseType(check, node, `a key of a map must be a string, an int or a bool, found ${showType(check, type)}`);
}

function entryType(check: Check, node: Expr, isOptional: boolean, local: Local): Type {
  const found = resolve(check.bindings, checkNode(check, node, local));
  if (!isOptional) return found;
  if (!["optional", "dyn", "error"].includes(found.kind))
    refuseType(check, node, `{?…} takes an optional value, found ${showType(check, found)}`);
  return deref(found);
}

function checkMessage(check: Check, node: Expr, struct: Kind<"structExpr">, local: Local): Type {
  const name = candidateNames(check.declared.messages, struct.messageName).find(
    (candidate) => findMessage(check.declared.messages, candidate) !== undefined,
  );
  const message = name === undefined ? undefined : findMessage(check.declared.messages, name);
  for (const entry of struct.entries) {
    if (entry.value === undefined || entry.keyKind.case !== "fieldKey") continue;
    const found = entryType(check, entry.value, entry.optionalEntry, local);
    if (message === undefined || name === undefined) continue;
    const field = entry.keyKind.value;
    const wanted = messageFieldType(message, field);
    if (wanted === undefined) refuseType(check, node, `no such field "${field}" in ${name}${didYouMean(field, messageFields(message))}`);
    else if (!assign(check.bindings, found, wanted))
      refuseType(check, entry.value, `field "${field}" is ${formatType(wanted)}, found ${showType(check, found)}`);
  }
  if (name === undefined) return ERROR;
  check.references.set(node, { kind: "constant", name });
  return messageType(name);
}

function loopType(check: Check, loop: Kind<"comprehensionExpr">, local: Local): Type {
  const { iterRange, accuInit, loopCondition, loopStep, result } = loop;
  if (iterRange === undefined || accuInit === undefined || loopCondition === undefined || loopStep === undefined || result === undefined)
    return DYN;
  const range = resolve(check.bindings, checkNode(check, iterRange, local));
  const [first, second] = rangeTypes(check, iterRange, range);
  const accumulated = checkNode(check, accuInit, local);
  const outside = new Map([...local, [loop.accuVar, accumulated] as const]);
  const variables =
    loop.iterVar2 === ""
      ? [[loop.iterVar, range.kind === "list" ? second : first] as const]
      : [[loop.iterVar, first] as const, [loop.iterVar2, second] as const];
  const inside = new Map([...outside, ...variables]);
  expectType(check, loopCondition, checkNode(check, loopCondition, inside), BOOL);
  expectType(check, loopStep, checkNode(check, loopStep, inside), accumulated);
  return checkNode(check, result, outside);
}

/** What the two variables of a loop are: index and element, or key and value. */
function rangeTypes(check: Check, node: Expr, range: Type): readonly [Type, Type] {
  if (range.kind === "list") return [INT, range.element];
  if (range.kind === "map") return [range.key, range.value];
  if (range.kind === "object") return [STRING, DYN];
  if (range.kind === "parameter") assign(check.bindings, DYN, range);
  if (["dyn", "error", "parameter"].includes(range.kind)) return [DYN, DYN];
  refuseType(check, node, `cannot go through ${formatType(range)}; expected a list or a map`);
  return [ERROR, ERROR];
}

function expectType(check: Check, node: Expr, found: Type, wanted: Type): void {
  if (!assign(check.bindings, found, wanted))
    refuseType(check, node, `expected ${showType(check, wanted)}, found ${showType(check, found)}`);
}
