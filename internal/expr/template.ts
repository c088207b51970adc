// Arguments with ${{ … }} in them: compiled once for an action, rendered once for each task.
// 1. Keys are never templates. 2. A string that is one ${{ e }} takes e's type; inside text strings, numbers and bools are text,
//    lists and maps JSON, and null is an error. 3. A secret's value never comes here: `secret('name')` renders to a SecretText.
// 4. What holds no expression is shared by all renderings and must not be changed; without any, rendering costs nothing.

import { assertNever } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import { indexPath, keyPath } from "../base/json-path.ts";
import { setKey } from "../base/json.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { TEMPLATE_DEPTH_MAX, TEMPLATE_EXPRESSIONS_MAX, TEMPLATE_SOURCE_LENGTH_MAX } from "../base/limits.ts";
import { createMeter } from "./meter.ts";
import type { Meter, Scope } from "./meter.ts";
import type { ExprCall } from "./pass.ts";
import type { CompileOptions, Program } from "./program.ts";
import type { Rendered } from "./rendered.ts";
import { compilePieces, renderText } from "./template-string.ts";
import type { StringPart } from "./template-string.ts";
import { isTemplate, splitTemplate } from "./template-text.ts";
import type { TemplatePiece } from "./template-text.ts";

/** What a template may name; `place` is the path of its root, such as `stages[1].actions[0].with`. */
export type TemplateOptions = Omit<CompileOptions, "origin">;

/** A compiled tree of arguments. */
export interface Template {
  readonly names: ReadonlySet<string>;
  /** As Program.paths, over all expressions. */
  readonly paths: ReadonlySet<string>;
  readonly calls: readonly ExprCall[];
  /** False when rendering always gives the same tree (it may still hold secrets). */
  readonly hasExpressions: boolean;
  /** The names of the secrets it uses, sorted. */
  readonly secrets: readonly string[];
  /** The arguments for one task. Throws HoldfastError with the place of the expression that failed. */
  render(scope: Scope, meter?: Meter): Rendered;
}

type Node =
  | { readonly kind: "constant"; readonly value: Rendered }
  | { readonly kind: "value"; readonly program: Program }
  | { readonly kind: "text"; readonly parts: readonly StringPart[]; readonly place: string }
  | { readonly kind: "list"; readonly items: readonly Node[] }
  | { readonly kind: "map"; readonly entries: readonly (readonly [key: string, item: Node])[] };

interface Gathered {
  readonly options: TemplateOptions;
  readonly programs: Program[];
  readonly secrets: Set<string>;
  expressionCount: number;
  sourceLength: number;
}

/** Compiles a JSON tree; throws INVALID_ARGUMENT with the place of what is wrong in it. */
export function compileTemplate(value: JsonValue, options: TemplateOptions): Template {
  const gathered: Gathered = { options, programs: [], secrets: new Set(), expressionCount: 0, sourceLength: 0 };
  const root = compileNode(gathered, value, options.place, 0);
  const { programs } = gathered;
  return {
    names: new Set(programs.flatMap((program) => [...program.names])),
    paths: new Set(programs.flatMap((program) => [...program.paths])),
    calls: programs.flatMap((program) => program.calls),
    hasExpressions: programs.length > 0,
    secrets: [...gathered.secrets].sort(),
    render: root.kind === "constant" ? () => root.value : (scope, meter = createMeter()) => renderNode(root, scope, meter),
  };
}

function compileNode(gathered: Gathered, value: JsonValue, place: string, depth: number): Node {
  if (depth > TEMPLATE_DEPTH_MAX) throw refuse(gathered.options.place, `arguments are nested deeper than ${TEMPLATE_DEPTH_MAX}`);
  if (typeof value === "string") return isTemplate(value) ? compileString(gathered, value, place) : { kind: "constant", value };
  if (typeof value !== "object" || value === null) return { kind: "constant", value };
  if (isList(value)) {
    const items = value.map((item, index) => compileNode(gathered, item, indexPath(place, index), depth + 1));
    const constants = items.map(constantOf);
    return items.every(isConstant) ? { kind: "constant", value: constants } : { kind: "list", items };
  }
  return compileMap(gathered, value, place, depth);
}

function compileMap(gathered: Gathered, value: JsonObject, place: string, depth: number): Node {
  const entries = Object.entries(value).map(([key, item]) => [key, compileNode(gathered, item, keyPath(place, key), depth + 1)] as const);
  if (!entries.every(([, item]) => isConstant(item))) return { kind: "map", entries };
  const constants: { [key: string]: Rendered } = {};
  for (const [key, item] of entries) setKey(constants, key, constantOf(item));
  return { kind: "constant", value: constants };
}

function compileString(gathered: Gathered, text: string, place: string): Node {
  const pieces = splitTemplate(text, place);
  takeExpressions(gathered, pieces, place);
  const parts = compilePieces(pieces, { ...gathered.options, place });
  for (const part of parts) {
    if (part.kind === "secret") gathered.secrets.add(part.name);
    if (part.kind === "program") gathered.programs.push(part.program);
  }
  const [first] = parts;
  if (parts.length === 1 && first?.kind === "program") return { kind: "value", program: first.program };
  if (parts.some((part) => part.kind === "program")) return { kind: "text", parts, place };
  return { kind: "constant", value: renderText(parts, {}, createMeter(), place) };
}

/** Counts expressions before they are compiled: compiling takes some 5 µs a character. */
function takeExpressions(gathered: Gathered, pieces: readonly TemplatePiece[], place: string): void {
  for (const piece of pieces) {
    if (piece.kind !== "expression") continue;
    gathered.expressionCount++;
    gathered.sourceLength += piece.source.length;
  }
  if (gathered.expressionCount > TEMPLATE_EXPRESSIONS_MAX)
    throw refuse(place, `more than ${TEMPLATE_EXPRESSIONS_MAX} expressions in one action's arguments`);
  if (gathered.sourceLength > TEMPLATE_SOURCE_LENGTH_MAX) {
    throw refuse(place, `more than ${TEMPLATE_SOURCE_LENGTH_MAX} characters of expressions in one action's arguments`);
  }
}

function renderNode(node: Node, scope: Scope, meter: Meter): Rendered {
  switch (node.kind) {
    case "constant":
      return node.value;
    case "value":
      return node.program.evaluate(scope, meter);
    case "text":
      return renderText(node.parts, scope, meter, node.place);
    case "list":
      return node.items.map((item) => renderNode(item, scope, meter));
    case "map": {
      const object: { [key: string]: Rendered } = {};
      for (const [key, item] of node.entries) setKey(object, key, renderNode(item, scope, meter));
      return object;
    }
    default:
      return assertNever(node);
  }
}

function isConstant(node: Node): boolean {
  return node.kind === "constant";
}

function constantOf(node: Node): Rendered {
  return node.kind === "constant" ? node.value : null;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function refuse(place: string, reason: string): HoldfastError {
  return new HoldfastError("INVALID_ARGUMENT", `${place}: ${reason}`, { details: [{ place, reason }] });
}
