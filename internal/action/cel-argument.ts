// Arguments that are CEL themselves, such as assert's `that`: checked at submit against the declared names, evaluated at run time.
// 1. Such text holds no `${{`: rendering would splice data into code. 2. An evaluation that fails is a value with its reason, not an exception.

import type { ErrorDetail } from "../base/errors.ts";
import { HoldfastError } from "../base/errors.ts";
import { CEL_PROGRAMS_KEPT_MAX } from "../base/limits.ts";
import { RecentMap } from "../base/recent-map.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { keyPath } from "../base/json-path.ts";
import type { ValidateContext } from "../engine/ports.ts";
import { compile } from "../expr/program.ts";
import type { Program } from "../expr/program.ts";
import type { ExprValue } from "../expr/lower.ts";
import type { ExprTypeDecl } from "../expr/type.ts";

/** The functions that a workflow's scope provides besides its names. */
const SCOPE_FUNCTIONS = [{ name: "stage", parameters: ["string"] }] as const;

/** The value at a path of keys in raw arguments. */
export function argumentAt(raw: JsonObject, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = raw;
  for (const key of path) value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

/** The faults of the CEL argument at a path of raw arguments; none where there is none, or no string. */
export function celFaults(
  raw: JsonObject,
  path: readonly string[],
  context: ValidateContext & { readonly result?: ExprTypeDecl },
): readonly ErrorDetail[] {
  const source = argumentAt(raw, path);
  if (typeof source !== "string") return [];
  const place = path.reduce(keyPath, context.place);
  if (source.includes("${{")) return [{ place, reason: "is CEL itself: write the expression without ${{ }}" }];
  try {
    const { names, types, result } = context;
    const { declarations, functions } = types ?? { declarations: {}, functions: SCOPE_FUNCTIONS };
    compile(source, { place, names, declarations, functions, ...(result === undefined ? {} : { result }) });
    return [];
  } catch (cause) {
    if (cause instanceof HoldfastError) return cause.details.length > 0 ? cause.details : [{ place, reason: cause.message }];
    throw cause;
  }
}

/** By place and text: 100,000 tasks of a stage, and workflows that are submitted again and again, compile theirs once. */
const programs = new RecentMap<string, Program>(CEL_PROGRAMS_KEPT_MAX);

/** A CEL argument at run time; throws INVALID_ARGUMENT where the text is no expression. What it may name was checked at submit. */
export function celProgram(source: string, place: string): Program {
  return programs.take(`${place}\n${source}`, () => compileAccepted(source, place));
}

function compileAccepted(source: string, place: string): Program {
  const names = [...new Set(source.match(/[A-Za-z_][A-Za-z0-9_]*/g) ?? [])];
  const functions = SCOPE_FUNCTIONS.filter(({ name }) => names.includes(name));
  const declared = names.filter((name) => !functions.some((each) => each.name === name));
  return compile(source, { place, names: declared, functions, types: "ignored" });
}

/** What a program says in a scope: its value, or the reason why it has none. */
export function celValue(program: Program, scope: (name: string) => unknown): { readonly value: ExprValue } | { readonly fault: string } {
  try {
    return { value: program.evaluate(scope) };
  } catch (cause) {
    if (cause instanceof HoldfastError) return { fault: cause.message };
    throw cause;
  }
}
