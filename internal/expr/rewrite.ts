// The pass over the syntax tree between parsing and planning. It checks names and calls (all errors at once), gathers what the
// expression reads, and rewrites: every call goes to the table of builtins.ts, every loop is charged, lists of loops grow in place.
// 1. A name is declared, or bound by a macro around it, or a type; anything else is refused. 2. The tree's depth is bounded before recursion.

import { didYouMean } from "../base/nearest.ts";
import { EXPR_TREE_DEPTH_MAX } from "../base/limits.ts";
import { rewriteCall } from "./rewrite-call.ts";
import { callNode, identNode, intNode, isResultName, listItemOf, stringNode } from "./nodes.ts";
import { dottedFunctions, freeRoot, refuse } from "./pass.ts";
import type { Binding, Bound, Pass, ExprCall } from "./pass.ts";
import type { Checked } from "./check.ts";
import type { Messages } from "./messages.ts";
import { rewriteList, rewriteMap } from "./rewrite-literal.ts";
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

const INT_MAX = 2n ** 63n - 1n;

/** What the pass works on. */
export interface RewriteInput {
  readonly syntax: Syntax;
  readonly root: Expr;
  readonly checked: Checked;
  readonly declared: readonly string[];
  readonly functions: readonly ExprFunction[];
  readonly messages: Messages | undefined;
}

/** Rewrites a checked expression; throws INVALID_ARGUMENT with everything that is wrong with it. */
export function rewrite({ syntax, root, checked, declared, functions, messages }: RewriteInput): Rewritten {
  const pass: Pass = {
    syntax,
    checked,
    messages,
    declared,
    functions: new Map(functions.map((entry) => [entry.name, entry])),
    issues: [],
    names: new Set(),
    paths: new Set(),
    calls: [],
    keys: new Set(),
    nodeCount: 0,
  };
  const rewritten = rewriteNode(pass, root, new Map(), 0);
  const issues = [...pass.issues, ...checked.issues];
  if (issues.length > 0) throw exprError(syntax.text, issues);
  return { ...pass, root: rewritten };
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
  const reference = rewriteReference(pass, node);
  if (reference !== undefined) return reference;
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
      return rewriteList(node, exprKind.value, below);
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

/** A name that the checker found to be a type, a constant, or a variable whose name is dotted. */
function rewriteReference(pass: Pass, node: Expr): Expr | undefined {
  if (node.exprKind.case !== "identExpr" && node.exprKind.case !== "selectExpr") return undefined;
  const reference = pass.checked.references.get(node);
  if (reference === undefined) return undefined;
  if (reference.kind === "variable") {
    pass.names.add(reference.name);
    pass.paths.add(reference.name);
  }
  if (reference.name === "optional_type") return callNode(node.id, "f @optionalType/0", []);
  return identNode(node.id, pass.messages === undefined ? reference.name : `.${reference.name}`);
}

function rewriteName(pass: Pass, node: Expr, written: string, bound: Bound): Expr {
  const name = written.replace(/^\./, "");
  const binding = bound.get(name);
  if (binding?.kind === "pair") return callNode(node.id, "_[_]", [identNode(node.id, binding.pair), intNode(node.id, binding.index)]);
  if (binding !== undefined || isResultName(name)) return node;
  if (pass.declared.includes(name)) {
    pass.names.add(name);
    pass.paths.add(name);
    return node;
  }
  const known = pass.declared.length === 0 ? "; no names are known here" : `; known here: ${pass.declared.slice(0, 20).join(", ")}`;
  const owned = dottedFunctions(pass).filter((dotted) => dotted.startsWith(`${name}.`));
  if (pass.functions.has(name)) refuse(pass, node, `"${name}" is a function: call it, ${name}(…)`);
  else if (owned.length > 0) refuse(pass, node, `"${name}" is no value; call one of its functions: ${owned.slice(0, 8).join(", ")}`);
  else refuse(pass, node, `no such name "${name}"${didYouMean(name, [...pass.declared, ...bound.keys()]) || known}`);
  return node;
}

function rewriteSelect(pass: Pass, node: Expr, select: Select, bound: Bound, below: (child: Expr) => Expr): Expr {
  const { operand, field, testOnly } = select;
  if (operand === undefined) return node;
  pass.keys.add(field);
  if (pass.checked.typeOf(operand).kind === "optional")
    return callNode(node.id, testOnly ? "f @hasField/2" : "f @select/2", [below(operand), stringNode(node.id, field)]);
  const root = freeRoot(pass, operand, bound);
  if (root !== undefined) {
    pass.names.add(root);
    pass.paths.add(`${root}.${field}`);
    pass.nodeCount++;
    return node;
  }
  return { ...node, exprKind: { case: "selectExpr", value: { ...select, operand: below(operand) } } };
}

/** A macro's loop: the range is charged for the whole body at once; a list that is gathered grows in place. */
function rewriteLoop(pass: Pass, node: Expr, loop: Loop, bound: Bound, depth: number): Expr {
  const { iterRange, accuInit, loopCondition, loopStep, result } = loop;
  if (iterRange === undefined || accuInit === undefined || loopCondition === undefined || loopStep === undefined || result === undefined)
    return node;
  const below = (child: Expr): Expr => rewriteNode(pass, child, bound, depth + 1);
  const outside = withVariables(bound, [loop.accuVar]);
  if (isBinding(loop)) {
    const value: Loop = { ...loop, accuInit: below(accuInit), result: rewriteNode(pass, result, outside, depth + 1) };
    return { ...node, exprKind: { case: "comprehensionExpr", value } };
  }
  const range = below(iterRange);
  const pair = `@pair${node.id}`;
  const inside = loop.iterVar2 === "" ? withVariables(outside, [loop.iterVar]) : withPair(outside, loop, pair);
  const isGathering = accuInit.exprKind.case === "listExpr";
  const nodesBefore = pass.nodeCount;
  const condition = rewriteNode(pass, loopCondition, inside, depth + 1);
  const step = rewriteNode(pass, isGathering ? appendingStep(loopStep) : loopStep, inside, depth + 1);
  const nodesInside = pass.nodeCount - nodesBefore;
  const charged = callNode(node.id, "f @iterate/2", [range, intNode(node.id, BigInt(nodesInside))]);
  const value: Loop = {
    ...loop,
    iterVar: loop.iterVar2 === "" ? loop.iterVar : pair,
    iterVar2: "",
    iterRange: loop.iterVar2 === "" ? charged : callNode(node.id, "f @pairs/1", [charged]),
    accuInit: isGathering ? callNode(node.id, "f @list/0", []) : below(accuInit),
    loopCondition: condition,
    loopStep: step,
    result: rewriteNode(pass, result, outside, depth + 1),
  };
  return { ...node, exprKind: { case: "comprehensionExpr", value } };
}

/** `cel.bind` is a loop over nothing. */
function isBinding({ iterVar }: Loop): boolean {
  return iterVar === "#unused";
}

function withVariables(bound: Bound, names: readonly string[]): Bound {
  return new Map<string, Binding>([...bound, ...names.map((name) => [name, { kind: "variable" }] as const)]);
}

function withPair(bound: Bound, { iterVar, iterVar2 }: Loop, pair: string): Bound {
  return new Map<string, Binding>([...bound, [iterVar, { kind: "pair", pair, index: 0n }], [iterVar2, { kind: "pair", pair, index: 1n }]]);
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
