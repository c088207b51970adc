// A compiled expression: checked once, evaluated often. This is the door of the module for `when`, `until`, `output`, policies, limit keys.
// 1. What compiles names only what was declared; what fails at evaluation is an error with its place, never a value (H8: fail closed).
// 2. An exceeded meter fails the evaluation whatever its value: `(huge) || true` is no way around it.

import { isCelError, plan } from "@bufbuild/cel";
import type { CelInput } from "@bufbuild/cel";
import { HoldfastError } from "../base/errors.ts";
import type { TextPosition } from "../base/place.ts";
import { builtins } from "./builtins.ts";
import { exprError } from "./expr-error.ts";
import type { ExprText } from "./expr-error.ts";
import { lift } from "./lift.ts";
import { lower } from "./lower.ts";
import type { ExprValue } from "./lower.ts";
import { charge, createMeter, enter, faultReason, isExceeded, leave, readScope } from "./meter.ts";
import type { Meter, Scope } from "./meter.ts";
import type { ExprCall } from "./pass.ts";
import { analyse } from "./analysis.ts";
import type { Analysed } from "./analysis.ts";
import type { ExprTypeDecl } from "./type.ts";
import type { ExprFunction } from "./scope-functions.ts";
import { parseExpression } from "./source.ts";
import type { Expr, Syntax } from "./source.ts";

/** What an expression may name, and where it stands. */
export interface CompileOptions {
  /** Where the expression stands, for messages: `stages[1].actions[0].when`, or `rules.yaml`. Line and column are added. */
  readonly place: string;
  /** The names that a scope will provide, of any type; any other free name is refused, unless it is declared. */
  readonly names?: readonly string[];
  /** The names that a scope will provide, with their types. */
  readonly declarations?: Readonly<Record<string, ExprTypeDecl>>;
  /** The type that the expression must have, `bool` for a condition; any unless given. What is dyn is judged when it runs. */
  readonly result?: ExprTypeDecl;
  /** The functions that a scope will provide, such as `stage('x')`. */
  readonly functions?: readonly ExprFunction[];
  /** "ignored" for what was accepted before: it is not refused for its types, by a checker that has learned more since. */
  readonly types?: "ignored";
  /** Where the expression's first character is in the text of its place; line 1, column 1 unless given. */
  readonly origin?: TextPosition;
}

/** A checked expression. Immutable: keep it and evaluate it as often as you like. */
export interface Program extends ExprText {
  /** The declared names that it reads: `scan`, `target`. */
  readonly names: ReadonlySet<string>;
  /** What it reads of them, one field deep: `scan.output`, `target.labels`; the name alone where all of it is read. */
  readonly paths: ReadonlySet<string>;
  /** The type of its value, as far as it is known before it runs: `bool`, `list(string)`, `dyn`. */
  readonly type: string;
  /** Its calls of functions of the scope, with literal arguments where they are literals. */
  readonly calls: readonly ExprCall[];
  /** Its value as JSON. Throws HoldfastError with a place: INVALID_ARGUMENT, or RESOURCE_EXHAUSTED for an exceeded meter. */
  evaluate(scope: Scope, meter?: Meter): ExprValue;
}

const ORIGIN: TextPosition = { line: 1, column: 1 };
const UNKNOWN_KEY = /^field not found: (.*)$/s;

/** Parses, checks and plans an expression; throws INVALID_ARGUMENT with all that is wrong with it. */
export function compile(source: string, options: CompileOptions): Program {
  const text: ExprText = { source, place: options.place, origin: options.origin ?? ORIGIN };
  return compileSyntax(parseExpression(text), options);
}

/** Compiles what is parsed already. */
export function compileSyntax(syntax: Syntax, options: CompileOptions): Program {
  const rewritten = analyse(syntax, options, undefined);
  const evaluate = planned(syntax, rewritten);
  const { names, paths, calls, type } = rewritten;
  return { ...syntax.text, names, paths, calls, type, evaluate };
}

/** Evaluates what must be a bool; any other type is an error that names it: no truthiness. */
export function evaluateBoolean(program: Program, scope: Scope, meter?: Meter): boolean {
  const value = program.evaluate(scope, meter);
  if (typeof value === "boolean") return value;
  throw exprError(program, [{ offset: 0, reason: `expected true or false, found ${jsonType(value)}; compare it with something` }]);
}

function planned(syntax: Syntax, rewritten: Analysed): Program["evaluate"] {
  const run = planTree(syntax, rewritten.root);
  const bindings = bindingsFor(rewritten.names);
  return (scope, meter = createMeter()) => {
    const outer = enter(scope, meter);
    try {
      charge(rewritten.nodeCount);
      const result = run(bindings);
      if (isExceeded(meter)) throw costError(syntax, meter);
      if (isCelError(result)) throw evaluationError(syntax, rewritten, result.message, result.exprId);
      return lower(result);
    } catch (cause) {
      if (cause instanceof HoldfastError) throw cause;
      throw isExceeded(meter)
        ? costError(syntax, meter)
        : evaluationError(syntax, rewritten, cause instanceof Error ? cause.message : "", undefined);
    } finally {
      leave(outer);
    }
  };
}

function planTree(syntax: Syntax, root: Expr): (bindings: Record<string, CelInput>) => ReturnType<ReturnType<typeof plan>> {
  try {
    return plan(builtins().env, root);
  } catch {
    throw exprError(syntax.text, [
      { offset: 0, reason: "the expression cannot be planned: a key or an index in it has a type that cannot be one" },
    ]);
  }
}

/** The library reads names as properties: each is a getter that asks the scope of the evaluation in progress. */
function bindingsFor(names: ReadonlySet<string>): Record<string, CelInput> {
  const bindings: Record<string, CelInput> = Object.create(null);
  for (const name of names) Object.defineProperty(bindings, name, { get: () => lift(readScope(name)) });
  return bindings;
}

function costError(syntax: Syntax, meter: Meter): HoldfastError {
  const reason = `the expression costs more than ${meter.limit} steps; compare fewer things, or filter before nesting loops`;
  return exprError(syntax.text, [{ offset: 0, reason }], "RESOURCE_EXHAUSTED");
}

/** The error of an evaluation: its place from the node that failed, its reason without any value. */
function evaluationError(syntax: Syntax, rewritten: Analysed, message: string, id: bigint | undefined): HoldfastError {
  const offset = id === undefined ? 0 : syntax.offsetOf(id);
  return exprError(syntax.text, [{ offset, reason: evaluationReason(rewritten, message) }]);
}

function evaluationReason(rewritten: Analysed, message: string): string {
  const ours = faultReason(message);
  if (ours !== undefined) return ours;
  const key = UNKNOWN_KEY.exec(message)?.[1];
  // The library puts the key into its message. One that the author wrote may be shown; one that was computed is data.
  if (key !== undefined) return rewritten.keys.has(key) ? `no such key: ${key}` : "no such key (it is computed, so it is not shown)";
  if (message === "unresolved attribute") return "this is not known here yet";
  if (message.startsWith("index ")) return "index out of range";
  if (message.startsWith("type mismatch: expected bool")) return "&&, || and conditions take true or false, found another type";
  if (message.startsWith("found no matching overload for _?_:_")) return "the condition before ? must be true or false, found another type";
  if (message.startsWith("unsupported key type")) return "a key of a map must be a string, an int or a bool";
  if (message.startsWith("map key conflict")) return "a map has the same key twice";
  return "the evaluation failed";
}

function jsonType(value: ExprValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a map" : `a ${typeof value}`;
}
