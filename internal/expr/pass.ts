// What one rewriting pass over a syntax tree knows and gathers, and the small questions that its parts ask.
// 1. Errors are noted, not thrown, so that an author sees all of them at once.

import { builtins } from "./builtins.ts";
import type { Checked } from "./check.ts";
import type { ExprIssue } from "./expr-error.ts";
import type { Messages } from "./messages.ts";
import type { ExprFunction } from "./scope-functions.ts";
import type { Expr, Syntax } from "./source.ts";

/** A call of a function in the scope, with the arguments that are literals: so that `stage('fix')` can be checked at submit. */
export interface ExprCall {
  readonly name: string;
  /** One entry an argument; undefined where it is not a literal. */
  readonly literals: readonly (string | number | boolean | null | undefined)[];
  readonly offset: number;
}

/** What one pass gathers and knows. */
export interface Pass {
  readonly syntax: Syntax;
  readonly checked: Checked;
  readonly messages: Messages | undefined;
  readonly declared: readonly string[];
  readonly functions: ReadonlyMap<string, ExprFunction>;
  readonly issues: ExprIssue[];
  readonly names: Set<string>;
  readonly paths: Set<string>;
  readonly calls: ExprCall[];
  readonly keys: Set<string>;
  nodeCount: number;
}

/** A name that a macro binds: a variable of its own, or the first or second of a loop's pair. */
export type Binding = { readonly kind: "variable" } | { readonly kind: "pair"; readonly pair: string; readonly index: bigint };

/** The names that macros bind around a node. */
export type Bound = ReadonlyMap<string, Binding>;

/** Notes an error at a node and goes on. */
export function refuse(pass: Pass, node: { readonly id: bigint }, reason: string): void {
  pass.issues.push({ offset: pass.syntax.offsetOf(node.id), reason });
}

/** The declared name that a node is, where nothing around it binds the same name. */
export function freeRoot(pass: Pass, node: Expr, bound: Bound): string | undefined {
  if (node.exprKind.case !== "identExpr") return undefined;
  const { name } = node.exprKind.value;
  return !bound.has(name) && pass.declared.includes(name) ? name : undefined;
}

/** The functions with dotted names, ours and the scope's: `math.ceil`, `ledger.touched`. */
export function dottedFunctions(pass: Pass): readonly string[] {
  return [...pass.functions.keys(), ...builtins().names("function")].filter((name) => /^[a-z].*\./i.test(name));
}

/** `a.b.c` for a chain of names, else undefined. */
export function dottedName(node: Expr): string | undefined {
  const { exprKind } = node;
  if (exprKind.case === "identExpr") return exprKind.value.name;
  if (exprKind.case !== "selectExpr" || exprKind.value.operand === undefined || exprKind.value.testOnly) return undefined;
  const parent = dottedName(exprKind.value.operand);
  return parent === undefined ? undefined : `${parent}.${exprKind.value.field}`;
}
