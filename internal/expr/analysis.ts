// Everything between parsing and planning, in order: macros, types, then the rewriting pass.
// 1. All that is wrong is told at once. 2. What callers declare is read once for all expressions over it.

import { checkExpression } from "./check.ts";
import { builtinOverloads } from "./extension-signatures.ts";
import { expandMacros } from "./macros.ts";
import type { Messages } from "./messages.ts";
import { rewrite } from "./rewrite.ts";
import type { Rewritten } from "./rewrite.ts";
import { scopeOverloads } from "./scope-functions.ts";
import type { ExprFunction } from "./scope-functions.ts";
import { mergeSignatures } from "./signatures.ts";
import type { OverloadTable } from "./signatures.ts";
import type { Syntax } from "./source.ts";
import { DYN, formatType, typeOf } from "./type.ts";
import type { ExprTypeDecl, Type } from "./type.ts";

/** What an expression may name, and what it must yield. */
export interface AnalysisOptions {
  readonly names?: readonly string[];
  readonly declarations?: Readonly<Record<string, ExprTypeDecl>>;
  readonly functions?: readonly ExprFunction[];
  readonly result?: ExprTypeDecl;
  /** "ignored": what the checker finds does not refuse the expression. */
  readonly types?: "ignored";
}

/** A checked expression, ready to be planned. */
export interface Analysed extends Rewritten {
  readonly type: string;
}

/** Checks and rewrites; throws INVALID_ARGUMENT with everything that is wrong. */
export function analyse(syntax: Syntax, options: AnalysisOptions, messages: Messages | undefined): Analysed {
  const root = expandMacros(syntax);
  const variables = variablesOf(options);
  const functions = options.functions ?? [];
  const wanted = options.result === undefined ? undefined : typeOf(options.result);
  const checked = checkExpression(syntax, root, { variables, functions: overloadsWith(functions), messages }, wanted);
  const heard = options.types === "ignored" ? { ...checked, issues: [] } : checked;
  const rewritten = rewrite({ syntax, root, checked: heard, declared: [...variables.keys()], functions, messages });
  return { ...rewritten, type: formatType(checked.type) };
}

const variableTables = new WeakMap<object, ReadonlyMap<string, Type>>();
const overloadTables = new WeakMap<object, OverloadTable>();

/** Callers compile many expressions over the same declarations: these are read once. */
function variablesOf({ names = [], declarations = {} }: AnalysisOptions): ReadonlyMap<string, Type> {
  const typed =
    variableTables.get(declarations) ?? new Map(Object.entries(declarations).map(([name, type]) => [name, typeOf(type)] as const));
  variableTables.set(declarations, typed);
  if (names.length === 0) return typed;
  return new Map([...names.map((name) => [name, DYN] as const), ...typed]);
}

function overloadsWith(functions: readonly ExprFunction[]): OverloadTable {
  if (functions.length === 0) return builtinOverloads();
  const known = overloadTables.get(functions);
  if (known !== undefined) return known;
  const table = mergeSignatures([builtinOverloads(), scopeOverloads(functions)]);
  overloadTables.set(functions, table);
  return table;
}
