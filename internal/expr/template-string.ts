// One string with expressions: its parts, and how they become text.
// 1. secret('name') is a part of its own, recognized in the syntax tree; any other use of secret() does not compile.

import { assertNever } from "../base/assert.ts";
import { TEMPLATE_TEXT_LENGTH_MAX } from "../base/limits.ts";
import { exprError } from "./expr-error.ts";
import type { ExprText } from "./expr-error.ts";
import type { ExprValue } from "./lower.ts";
import type { Meter, Scope } from "./meter.ts";
import { literalOf } from "./nodes.ts";
import { compileSyntax } from "./program.ts";
import type { CompileOptions, Program } from "./program.ts";
import { SecretText } from "./rendered.ts";
import type { SecretPart } from "./rendered.ts";
import { parseExpression } from "./source.ts";
import type { Syntax } from "./source.ts";
import type { TemplatePiece } from "./template-text.ts";

/** A part of a string: text, an expression, or a secret's name. */
export type StringPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "program"; readonly program: Program }
  | { readonly kind: "secret"; readonly name: string };

/** A secret's name is safe as a file's name: no slash, no leading dot. */
const SECRET_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** Compiles the expressions of a string. */
export function compilePieces(pieces: readonly TemplatePiece[], options: CompileOptions): readonly StringPart[] {
  return pieces.map((piece) => {
    if (piece.kind === "text") return piece;
    const syntax = parseExpression({ source: piece.source, place: options.place, origin: piece.origin });
    const name = secretName(syntax);
    return name === undefined ? { kind: "program", program: compileSyntax(syntax, options) } : { kind: "secret", name };
  });
}

/** The string: a SecretText where there is a secret in it. */
export function renderText(parts: readonly StringPart[], scope: Scope, meter: Meter, place: string): string | SecretText {
  const rendered: SecretPart[] = [];
  let text = "";
  let length = 0;
  for (const part of parts) {
    if (part.kind === "secret") {
      if (text !== "") rendered.push(text);
      rendered.push({ secret: part.name });
      text = "";
      continue;
    }
    const piece = part.kind === "text" ? part.text : textOf(part.program.evaluate(scope, meter), part.program);
    length += piece.length;
    if (length > TEMPLATE_TEXT_LENGTH_MAX) throw tooLong(place);
    text += piece;
  }
  if (rendered.length === 0) return text;
  if (text !== "") rendered.push(text);
  return new SecretText(rendered);
}

/** The name in an expression that is `secret('name')` and nothing else; a bad name or a name that is not a literal is refused. */
function secretName(syntax: Syntax): string | undefined {
  const { exprKind } = syntax.root;
  if (exprKind.case !== "callExpr" || exprKind.value.function !== "secret" || exprKind.value.target !== undefined) return undefined;
  const [argument, ...others] = exprKind.value.args;
  const name = argument === undefined ? undefined : literalOf(argument);
  if (typeof name === "string" && others.length === 0 && SECRET_NAME.test(name)) return name;
  const reason = "secret() takes one literal name of letters, digits, _, - and ., such as secret('api-token')";
  throw exprError(syntax.text, [{ offset: syntax.offsetOf(syntax.root.id), reason }]);
}

function textOf(value: ExprValue, text: ExprText): string {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
    case "boolean":
      return String(value);
    case "object":
      if (value === null) throw exprError(text, [{ offset: 0, reason: 'null inside text; write for example has(x.y) ? x.y : ""' }]);
      return JSON.stringify(value);
    default:
      return assertNever(value);
  }
}

function tooLong(place: string): Error {
  const reason = `the rendered text is longer than ${TEMPLATE_TEXT_LENGTH_MAX} characters`;
  return exprError({ source: "", place, origin: { line: 1, column: 1 } }, [{ offset: 0, reason }], "RESOURCE_EXHAUSTED");
}
