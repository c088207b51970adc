// The pass over the syntax tree between parsing and planning. It checks names and calls (all errors at once), gathers what the
// expression reads, and rewrites: every call goes to the table of builtins.ts, every loop is charged, lists of loops grow in place.
// 1. A name is declared, or bound by a macro around it, or a type; anything else is refused. 2. The tree's depth is bounded before recursion.

import { didYouMean } from "../base/nearest.ts";
import { EXPR_TREE_DEPTH_MAX } from "../base/limits.ts";
import { rewriteCall } from "./rewrite-call.ts";
import { callNode, intNode, isResultName, listItemOf } from "./nodes.ts";
import { dottedName, freeRoot, refuse } from "./pass.ts";
import type { Bound, ExprCall, Pass } from "./pass.ts";
import type { ExprFunction } from "./scope-functions.ts";
import type { Expr, Syntax } from "./source.ts";
import { exprError } from "./expr-error.ts";

/** A checked expression, ready to be planned. */
export interface Rewritten {
  readonly root: Expr;
  readonly names: ReadonlySet<string>;
  readonly paths: ReadonlySet<string>;
  readonly calls: readonly ExprCall[];
  /** The names of fields and keys that the author wrote: an error may show these. */
  readonly keys: ReadonlySet<string>;
  readonly nodeCount: number;
}

const TYPE_NAMES: ReadonlySet<string> = new Set(["int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type"]);
const TIME_TYPES: ReadonlySet<string> = new Set(["Timestamp", "Duration"]);
const INT_MAX = 2n ** 63n - 1n;

/** Checks and rewrites a parsed expression; throws INVALID_ARGUMENT with everything that is wrong. */
export function rewrite(syntax: Syntax, declared: readonly string[], functions: readonly ExprFunction[]): Rewritten {
  const pass: Pass = {
    syntax,
    declared,
    functions: new Map(functions.map((entry) => [entry.name, entry])),
    issues: [],
    names: new Set(),
    paths: new Set(),
    calls: [],
    keys: new Set(),
    nodeCount: 0,
  };
  const root = rewriteNode(pass, syntax.root, new Set(), 0);
  if (pass.issues.length > 0) throw exprError(syntax.text, pass.issues);
  return { ...pass, root };
}

/** Rewrites one node and all below it. */
export function rewriteNode(pass: Pass, node: Expr, bound: Bound, depth: number): Expr {
  pass.nodeCount++;
  if (depth > EXPR_TREE_DEPTH_MAX) {
    throw exprError(pass.syntax.text, [
      { offset: pass.syntax.offsetOf(node.id), reason: `the expression is nested deeper than ${EXPR_TREE_DEPTH_MAX}` },
    ]);
  }
  const below = (child: Expr): Expr => rewriteNode(pass, child, bound, depth + 1);
  const { exprKind } = node;
  switch (exprKind.case) {
    case "constExpr":
      return checkConstant(pass, node);
    case "identExpr":
      return rewriteName(pass, node, exprKind.value.name, bound);
    case "selectExpr":
      return rewriteSelect(pass, node, exprKind.value, bound, below);
    case "callExpr":
      return rewriteCall(pass, node, exprKind.value, bound, below);
    case "listExpr":
      return { ...node, exprKind: { case: "listExpr", value: { ...exprKind.value, elements: exprKind.value.elements.map(below) } } };
    case "structExpr":
      return rewriteMap(pass, node, exprKind.value, below);
    case "comprehensionExpr":
      return rewriteLoop(pass, node, exprKind.value, bound, depth);
    case undefined:
    default:
      refuse(pass, node, "this part of the expression is not understood");
      return node;
  }
}

type Kind<Case extends Expr["exprKind"]["case"]> = Extract<Expr["exprKind"], { case: Case }> extends { value: infer Value } ? Value : never;
type Select = Kind<"selectExpr">;
type Struct = Kind<"structExpr">;
type Loop = Kind<"comprehensionExpr">;

function checkConstant(pass: Pass, node: Expr): Expr {
  if (node.exprKind.case !== "constExpr") return node;
  const { constantKind } = node.exprKind.value;
  if (constantKind.case === "int64Value" && (constantKind.value > INT_MAX || constantKind.value < -INT_MAX - 1n)) {
    refuse(pass, node, "this integer does not fit into 64 bits");
  }
  if (constantKind.case === "uint64Value" && constantKind.value > 2n * INT_MAX + 1n)
    refuse(pass, node, "this integer does not fit into 64 bits");
  if (constantKind.case === "stringValue") pass.keys.add(constantKind.value);
  return node;
}

function rewriteName(pass: Pass, node: Expr, written: string, bound: Bound): Expr {
  const name = written.replace(/^\./, "");
  if (bound.has(name) || isResultName(name)) return node;
  if (pass.declared.includes(name)) {
    pass.names.add(name);
    pass.paths.add(name);
    return node;
  }
  if (TYPE_NAMES.has(name)) return node;
  const known = pass.declared.length === 0 ? "; no names are known here" : `; known here: ${pass.declared.slice(0, 20).join(", ")}`;
  if (pass.functions.has(name)) refuse(pass, node, `"${name}" is a function: call it, ${name}(…)`);
  else refuse(pass, node, `no such name "${name}"${didYouMean(name, [...pass.declared, ...bound]) || known}`);
  return node;
}

function rewriteSelect(pass: Pass, node: Expr, select: Select, bound: Bound, below: (child: Expr) => Expr): Expr {
  const { operand, field } = select;
  if (operand === undefined) return node;
  pass.keys.add(field);
  if (TIME_TYPES.has(field) && dottedName(node) === `google.protobuf.${field}` && !bound.has("google")) return node;
  const root = freeRoot(pass, operand, bound);
  if (root !== undefined) {
    pass.names.add(root);
    pass.paths.add(`${root}.${field}`);
    pass.nodeCount++;
    return node;
  }
  return { ...node, exprKind: { case: "selectExpr", value: { ...select, operand: below(operand) } } };
}

function rewriteMap(pass: Pass, node: Expr, struct: Struct, below: (child: Expr) => Expr): Expr {
  if (struct.messageName !== "") {
    refuse(pass, node, `messages such as ${struct.messageName}{…} cannot be made here; write a map: {"key": value}`);
    return node;
  }
  const entries = struct.entries.map((entry) => ({
    ...entry,
    keyKind: entry.keyKind.case === "mapKey" ? { case: "mapKey" as const, value: below(entry.keyKind.value) } : entry.keyKind,
    ...(entry.value === undefined ? {} : { value: below(entry.value) }),
  }));
  return { ...node, exprKind: { case: "structExpr", value: { ...struct, entries } } };
}

/** A macro's loop: the range is charged for the whole body at once; a list that is gathered grows in place. */
function rewriteLoop(pass: Pass, node: Expr, loop: Loop, bound: Bound, depth: number): Expr {
  const { iterRange, accuInit, loopCondition, loopStep, result } = loop;
  if (iterRange === undefined || accuInit === undefined || loopCondition === undefined || loopStep === undefined || result === undefined)
    return node;
  const range = rewriteNode(pass, iterRange, bound, depth + 1);
  const inside = new Set([...bound, loop.iterVar]);
  const isGathering = accuInit.exprKind.case === "listExpr";
  const nodesBefore = pass.nodeCount;
  const condition = rewriteNode(pass, loopCondition, inside, depth + 1);
  const step = rewriteNode(pass, isGathering ? appendingStep(loopStep) : loopStep, inside, depth + 1);
  const nodesInside = pass.nodeCount - nodesBefore;
  const value: Loop = {
    ...loop,
    iterRange: callNode(node.id, "f @iterate/2", [range, intNode(node.id, BigInt(nodesInside))]),
    accuInit: isGathering ? callNode(node.id, "f @list/0", []) : accuInit,
    loopCondition: condition,
    loopStep: step,
    result: rewriteNode(pass, result, inside, depth + 1),
  };
  return { ...node, exprKind: { case: "comprehensionExpr", value } };
}

/** `@result + [x]`, alone or as the first branch of a condition, becomes `@append(@result, x)`. */
function appendingStep(step: Expr): Expr {
  const item = listItemOf(step);
  if (item !== undefined) return callNode(step.id, "@append", item);
  if (step.exprKind.case !== "callExpr" || step.exprKind.value.function !== "_?_:_") return step;
  const [test, then, otherwise] = step.exprKind.value.args;
  const gathered = then === undefined ? undefined : listItemOf(then);
  if (test === undefined || then === undefined || otherwise === undefined || gathered === undefined) return step;
  return callNode(step.id, "_?_:_", [test, callNode(then.id, "@append", gathered), otherwise]);
}
