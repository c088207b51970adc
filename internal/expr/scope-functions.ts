// Functions that the caller provides with each evaluation, such as `stage('fix')` or `ledger.touched(…)`: declared at compile time by
// name and parameters, found at evaluation in the scope under that name as a plain JS function over JSON values.

import type { CelValue } from "@bufbuild/cel";
import { HoldfastError } from "../base/errors.ts";
import type { Builtin } from "./builtins.ts";
import { lift } from "./lift.ts";
import { lower, typeName } from "./lower.ts";
import { overloadKey } from "./signatures.ts";
import type { Overload, OverloadTable } from "./signatures.ts";
import { DYN, typeOf } from "./type.ts";
import type { ExprTypeDecl, Type } from "./type.ts";
import { EvaluationFault, charge, readScope } from "./meter.ts";

/** A function that the scope provides: `{ name: "stage", parameters: ["string"] }` with `scope.stage = (name) => …`. */
export interface ExprFunction {
  /** The name as written; it may be dotted, `ledger.touched`, and is then looked up in the scope as one dotted name. */
  readonly name: string;
  readonly parameters: readonly ExprTypeDecl[];
  /** What it yields; dyn unless given. */
  readonly result?: ExprTypeDecl;
  /** What it yields for these arguments (undefined: not a literal), where that says more than `result`. */
  readonly resultOf?: (literals: readonly unknown[]) => ExprTypeDecl | undefined;
}

/** How many parameters a function in the scope may have. */
export const SCOPE_FUNCTION_ARITY_MAX = 6;
const SCOPE_CALL_COST = 10;

/** The calls that the rewriting pass makes of such functions: `@scope("stage", "string", 'fix')`, parameter types joined by commas. */
export function scopeCalls(): readonly Builtin[] {
  return Array.from({ length: SCOPE_FUNCTION_ARITY_MAX + 1 }, (_, count) => ({
    name: "@scope",
    kind: "function" as const,
    arity: count + 2,
    call: callScope,
  }));
}

/** The kinds of a function's parameters, as its calls are checked when they run: `string,any,map`. */
export function parameterKinds({ parameters }: ExprFunction): string {
  return parameters.map((parameter) => kindOf(parameter)).join(",");
}

/** The types of functions in the scope, for the checker. */
export function scopeOverloads(functions: readonly ExprFunction[]): OverloadTable {
  const table = new Map<string, readonly Overload[]>();
  for (const { name, parameters, result, resultOf } of functions) {
    const overload = { parameters: parameters.map(typeOf), result: result === undefined ? DYN : typeOf(result) };
    const narrowed = resultOf === undefined ? {} : { resultOf: narrowing(resultOf) };
    table.set(overloadKey("function", name), [{ ...overload, ...narrowed }]);
  }
  return table;
}

function narrowing(
  resultOf: (literals: readonly unknown[]) => ExprTypeDecl | undefined,
): (literals: readonly unknown[]) => Type | undefined {
  return (literals) => {
    const declared = resultOf(literals);
    return declared === undefined ? undefined : typeOf(declared);
  };
}

/** True when a value of this type name may be given for the parameter. */
export function isOfType(found: string, wanted: string): boolean {
  return wanted === "any" || wanted === found;
}

function kindOf(declaration: ExprTypeDecl): string {
  const { kind } = typeOf(declaration);
  if (kind === "dyn" || kind === "number") return "any";
  return kind === "object" ? "map" : kind;
}

function callScope([name = null, types = null, ...args]: readonly CelValue[]): CelValue {
  if (typeof name !== "string" || typeof types !== "string") throw new EvaluationFault("a call into the scope without a name");
  charge(SCOPE_CALL_COST);
  types.split(",").forEach((wanted, index) => {
    const argument = args[index];
    if (argument === undefined || isOfType(typeName(argument), wanted)) return;
    throw new EvaluationFault(`${name}(): argument ${index + 1} is ${typeName(argument)}, expected ${wanted}`);
  });
  const provided = readScope(name);
  if (typeof provided !== "function") throw new EvaluationFault(`${name}() is not available here`);
  const result = lift(callProvided(name, provided, args));
  if (result === undefined) throw new EvaluationFault(`${name}(): there is no such thing here`);
  return result;
}

function callProvided(name: string, provided: Function, args: readonly CelValue[]): unknown {
  try {
    const result: unknown = Reflect.apply(
      provided,
      undefined,
      args.map((argument) => lower(argument)),
    );
    return result;
  } catch (cause) {
    if (cause instanceof EvaluationFault) throw cause;
    throw new EvaluationFault(`${name}(): ${cause instanceof HoldfastError ? cause.message : "it failed"}`);
  }
}
