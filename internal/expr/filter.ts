// A filter: an expression that says true or false of each thing of a list, for `where` and for listing.
// 1. It fails closed: what is not exactly true or false is an error, never "keep" or "drop".

import { compile, evaluateBoolean } from "./program.ts";
import type { Program } from "./program.ts";
import type { Meter, Scope } from "./meter.ts";
import type { ExprTypeDecl } from "./type.ts";

/** A compiled filter. */
export interface Filter {
  readonly program: Program;
  /** True for what the filter keeps; throws when the expression fails or says anything but true or false. */
  matches(scope: Scope, meter?: Meter): boolean;
}

/** Compiles a filter over what is declared; throws INVALID_ARGUMENT with its place. */
export function compileFilter(source: string, declarations: Readonly<Record<string, ExprTypeDecl>>, place: string): Filter {
  const program = compile(source, { place, declarations, result: "bool" });
  return { program, matches: (scope, meter) => evaluateBoolean(program, scope, meter) };
}
