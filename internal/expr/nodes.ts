// Making and recognizing nodes of the syntax tree.
// 1. New nodes take the id of the node that they stand for, so that errors keep their place.

import type { Expr } from "./source.ts";

type Loop = Extract<Expr["exprKind"], { case: "comprehensionExpr" }>["value"];

/** The name of the accumulator of macros' loops; no author can write it. */
const RESULT_NAME = "@result";

/** True for the accumulator of a macro's loop. */
export function isResultName(name: string): boolean {
  return name === RESULT_NAME;
}

/** A call of a function with its arguments. */
export function callNode(id: bigint, name: string, args: readonly Expr[]): Expr {
  return {
    $typeName: "cel.expr.Expr",
    id,
    exprKind: { case: "callExpr", value: { $typeName: "cel.expr.Expr.Call", function: name, args: [...args] } },
  };
}

/** A literal int. */
export function intNode(id: bigint, value: bigint): Expr {
  return constantNode(id, { case: "int64Value", value });
}

/** A literal string. */
export function stringNode(id: bigint, value: string): Expr {
  return constantNode(id, { case: "stringValue", value });
}

/** A literal bool. */
export function boolNode(id: bigint, value: boolean): Expr {
  return constantNode(id, { case: "boolValue", value });
}

/** A name. */
export function identNode(id: bigint, name: string): Expr {
  return { $typeName: "cel.expr.Expr", id, exprKind: { case: "identExpr", value: { $typeName: "cel.expr.Expr.Ident", name } } };
}

/** A list of the elements. */
export function listNode(id: bigint, elements: readonly Expr[]): Expr {
  const value = { $typeName: "cel.expr.Expr.CreateList" as const, elements: [...elements], optionalIndices: [] };
  return { $typeName: "cel.expr.Expr", id, exprKind: { case: "listExpr", value } };
}

/** A loop, as macros become. */
export function loopNode(id: bigint, loop: Omit<Loop, "$typeName" | "$unknown">): Expr {
  return {
    $typeName: "cel.expr.Expr",
    id,
    exprKind: { case: "comprehensionExpr", value: { $typeName: "cel.expr.Expr.Comprehension", ...loop } },
  };
}

/** The value of a literal as plain data; undefined for a node that is none. */
export function literalOf(node: Expr): string | number | boolean | null | undefined {
  if (node.exprKind.case !== "constExpr") return undefined;
  const { constantKind } = node.exprKind.value;
  switch (constantKind.case) {
    case "stringValue":
    case "boolValue":
    case "doubleValue":
      return constantKind.value;
    case "int64Value":
      return Number(constantKind.value);
    case "nullValue":
      return null;
    default:
      return undefined;
  }
}

/** The arguments `[@result, x]` of a step `@result + [x]`, else undefined. */
export function listItemOf(step: Expr): readonly [Expr, Expr] | undefined {
  if (step.exprKind.case !== "callExpr" || step.exprKind.value.function !== "_+_") return undefined;
  const [result, list] = step.exprKind.value.args;
  if (result?.exprKind.case !== "identExpr" || !isResultName(result.exprKind.value.name)) return undefined;
  if (list?.exprKind.case !== "listExpr") return undefined;
  const [item] = list.exprKind.value.elements;
  return item === undefined ? undefined : [result, item];
}

function constantNode(id: bigint, constantKind: Extract<Expr["exprKind"], { case: "constExpr" }>["value"]["constantKind"]): Expr {
  return { $typeName: "cel.expr.Expr", id, exprKind: { case: "constExpr", value: { $typeName: "cel.expr.Constant", constantKind } } };
}
