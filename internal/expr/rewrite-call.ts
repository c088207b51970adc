// The part of the rewriting pass that handles calls: operators, functions, methods, functions of the scope, and macros gone wrong.
// 1. What is planned is a name of the table of builtins.ts, or one of the few operators that the planner itself knows.

import { didYouMean } from "../base/nearest.ts";
import { builtins } from "./builtins.ts";
import { bindNode } from "./macro-forms.ts";
import { callNode, identNode, literalOf, stringNode } from "./nodes.ts";
import { dottedFunctions, dottedName, freeRoot, refuse } from "./pass.ts";
import type { Bound, Pass } from "./pass.ts";
import { SCOPE_FUNCTION_ARITY_MAX, parameterKinds } from "./scope-functions.ts";
import type { ExprFunction } from "./scope-functions.ts";
import type { Expr } from "./source.ts";

type Call = Extract<Expr["exprKind"], { case: "callExpr" }>["value"];
type Below = (child: Expr) => Expr;

/** What the planner itself evaluates, because the right side may not be evaluated at all or is a place. */
const PLANNED: ReadonlySet<string> = new Set(["_&&_", "_||_", "_?_:_", "_[_]", "@not_strictly_false"]);
const SECRET_REASON =
  "secret('name') must be all of a ${{ }} in an action's arguments: text may stand around the ${{ }}, but no operator or call around secret()";
const MACROS: ReadonlySet<string> = new Set([
  "all",
  "exists",
  "exists_one",
  "existsOne",
  "filter",
  "map",
  "transformList",
  "transformMap",
  "transformMapEntry",
  "bind",
  "optMap",
  "optFlatMap",
]);

const SHOWN_FUNCTIONS_MAX = 6;

const PAIR_MACROS: ReadonlySet<string> = new Set(["transformList", "transformMap", "transformMapEntry"]);

/** Rewrites a call and its arguments. */
export function rewriteCall(pass: Pass, node: Expr, call: Call, bound: Bound, below: Below): Expr {
  const { function: name, target, args } = call;
  if (name === "_?._" || name === "_[?_]") return rewriteOptionalIndex(pass, node, call, bound, below);
  if (name === "_[_]") return rewriteIndex(pass, node, call, bound, below);
  if (PLANNED.has(name)) return callNode(node.id, name, args.map(below));
  const prefix = target === undefined ? undefined : dottedName(target);
  const qualified = prefix === undefined ? undefined : `${prefix}.${name}`;
  const provided = pass.functions.get(target === undefined ? name : (qualified ?? ""));
  if (provided !== undefined && !bound.has(provided.name)) return rewriteScopeCall(pass, node, provided, args, below);
  const table = builtins();
  if (qualified !== undefined && !bound.has(qualified.split(".")[0] ?? "") && table.arities(qualified, "function").length > 0)
    return rewriteBuiltin(pass, node, qualified, args, below);
  if (target === undefined) return rewriteBuiltin(pass, node, name, args, below);
  if ((name === "or" || name === "orValue") && args.length === 1 && args[0] !== undefined)
    return rewriteAlternative(node, { name, target: below(target), otherwise: below(args[0]) });
  const all = [target, ...args];
  const key = table.find({ name, kind: "method", arity: all.length });
  if (key !== undefined) return callNode(node.id, key, all.map(below));
  const reason = qualified === undefined ? undefined : dottedReason(pass, qualified, bound);
  if (reason !== undefined) refuse(pass, rootOf(target), reason);
  else {
    const arities = table.arities(name, "method").map((arity) => arity - 1);
    refuseCall(pass, node, name, args.length, arities, "method");
  }
  return node;
}

/** What is wrong with `ledger.tuched(…)`, where it was meant as a function with a dotted name; undefined where it was not. */
function dottedReason(pass: Pass, qualified: string, bound: Bound): string | undefined {
  const root = qualified.split(".")[0] ?? "";
  if (bound.has(root)) return undefined;
  const near = didYouMean(qualified, dottedFunctions(pass));
  const siblings = dottedFunctions(pass).filter((name) => name.startsWith(`${root}.`));
  if (near === "" && (siblings.length === 0 || pass.declared.includes(root))) return undefined;
  return `no such function "${qualified}"${near === "" ? `; there is ${siblings.slice(0, SHOWN_FUNCTIONS_MAX).join(", ")}` : near}`;
}

function rootOf(node: Expr): Expr {
  return node.exprKind.case === "selectExpr" && node.exprKind.value.operand !== undefined ? rootOf(node.exprKind.value.operand) : node;
}

function rewriteBuiltin(pass: Pass, node: Expr, name: string, args: readonly Expr[], below: Below): Expr {
  const table = builtins();
  const key = table.find({ name, kind: "function", arity: args.length });
  if (key !== undefined) return callNode(node.id, key, args.map(below));
  refuseCall(pass, node, name, args.length, table.arities(name, "function"), "function");
  return node;
}

/** `a.?b` and `a[?k]`; on a message, `has(a.b) ? optional.of(a.b) : optional.none()`. */
function rewriteOptionalIndex(pass: Pass, node: Expr, call: Call, bound: Bound, below: Below): Expr {
  const [operand, index] = call.args;
  if (operand === undefined || index === undefined) return node;
  const key = literalOf(index);
  if (typeof key === "string") pass.keys.add(key);
  if (typeof key === "string" && pass.checked.typeOf(operand).kind === "message") return optionalField(node.id, below(operand), key);
  const root = freeRoot(pass, operand, bound);
  if (root === undefined || typeof key !== "string") return callNode(node.id, "f @select/2", [below(operand), below(index)]);
  pass.names.add(root);
  pass.paths.add(`${root}.${key}`);
  return callNode(node.id, "f @select/2", [operand, below(index)]);
}

function optionalField(id: bigint, operand: Expr, field: string): Expr {
  const select = (testOnly: boolean): Expr => ({
    $typeName: "cel.expr.Expr",
    id,
    exprKind: { case: "selectExpr", value: { $typeName: "cel.expr.Expr.Select", operand, field, testOnly } },
  });
  return callNode(id, "_?_:_", [select(true), callNode(id, "f optional.of/1", [select(false)]), callNode(id, "f optional.none/0", [])]);
}

/** `a.or(b)` and `a.orValue(b)`: b is evaluated only where a has no value. */
function rewriteAlternative(node: Expr, { name, target, otherwise }: { name: string; target: Expr; otherwise: Expr }): Expr {
  const { id } = node;
  const temporary = `@or${id}`;
  const found = identNode(id, temporary);
  const value = name === "or" ? found : callNode(id, "f @value/1", [found]);
  const body = callNode(id, "_?_:_", [callNode(id, "f @hasValue/1", [identNode(id, temporary)]), value, otherwise]);
  return bindNode(id, { name: temporary, value: target, body });
}

/** `params["change"]` reads the same path as `params.change`. */
function rewriteIndex(pass: Pass, node: Expr, call: Call, bound: Bound, below: Below): Expr {
  const [operand, index] = call.args;
  if (operand === undefined || index === undefined) return node;
  if (pass.checked.typeOf(operand).kind === "optional") return rewriteOptionalIndex(pass, node, call, bound, below);
  const root = freeRoot(pass, operand, bound);
  const key = literalOf(index);
  if (root === undefined || typeof key !== "string") return callNode(node.id, call.function, [below(operand), below(index)]);
  pass.names.add(root);
  pass.paths.add(`${root}.${key}`);
  return callNode(node.id, call.function, [operand, below(index)]);
}

function rewriteScopeCall(pass: Pass, node: Expr, declared: ExprFunction, args: readonly Expr[], below: Below): Expr {
  const { name, parameters } = declared;
  const literals = args.map(literalOf);
  if (args.length !== parameters.length || parameters.length > SCOPE_FUNCTION_ARITY_MAX) {
    refuse(pass, node, `${name}() takes ${countOf(parameters.length)}, found ${args.length}`);
  }
  pass.calls.push({ name, literals, offset: pass.syntax.offsetOf(node.id) });
  const key = builtins().find({ name: "@scope", kind: "function", arity: args.length + 2 });
  if (key === undefined) return node;
  return callNode(node.id, key, [stringNode(node.id, name), stringNode(node.id, parameterKinds(declared)), ...args.map(below)]);
}

function refuseCall(pass: Pass, node: Expr, name: string, found: number, arities: readonly number[], kind: "function" | "method"): void {
  refuse(pass, node, callReason(pass, name, found, arities, kind));
}

function callReason(pass: Pass, name: string, found: number, arities: readonly number[], kind: "function" | "method"): string {
  if (name === "secret") return SECRET_REASON;
  if (name === "has") return "has() takes one field, such as has(target.labels.role)";
  if (name === "bind") return "cel.bind() takes a plain name, its value and an expression, such as cel.bind(n, size(list), n > 0 && n < 9)";
  if (PAIR_MACROS.has(name)) return `${name}() takes two plain names and an expression, such as map.${name}(key, value, value)`;
  if (MACROS.has(name)) return `${name}() takes a plain name and an expression, such as list.${name}(item, item > 0)`;
  if (arities.length > 0)
    return `${name}() takes ${[...new Set(arities)].sort((left, right) => left - right).join(" or ")} argument(s), found ${found}`;
  const table = builtins();
  if (kind === "method" && table.arities(name, "function").length > 0)
    return `no such method "${name}"; it is a function: write ${name}(…)`;
  if (kind === "function" && table.arities(name, "method").length > 0)
    return `no such function "${name}"; it is a method: write value.${name}(…)`;
  const candidates = [...table.names(kind), ...(kind === "method" ? MACROS : ["has", ...pass.functions.keys()])];
  return `no such ${kind} "${name}"${didYouMean(name, candidates)}`;
}

function countOf(count: number): string {
  return `${count} argument${count === 1 ? "" : "s"}`;
}
