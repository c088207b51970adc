// Splits a string into text and ${{ expressions }}.
// 1. `$${{` is the text `${{`. 2. An expression ends at the first `}}` outside its strings, comments and braces.
// 3. A `${{` that does not end is an error with its place: a typo never becomes plain text.

import { positionOf } from "../base/place.ts";
import type { TextPosition } from "../base/place.ts";
import { exprError } from "./expr-error.ts";
import { scanTokens } from "./scan.ts";

/** A piece of a string: literal text, or an expression and where its first character stands in the string. */
export type TemplatePiece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "expression"; readonly source: string; readonly origin: TextPosition };

const OPEN = "${{";

/** True for a string that splitTemplate has something to do for. */
export function isTemplate(text: string): boolean {
  return text.includes(OPEN);
}

/** The pieces of a string in order; texts that touch are one piece. */
export function splitTemplate(text: string, place: string): readonly TemplatePiece[] {
  const pieces: TemplatePiece[] = [];
  let literal = "";
  let offset = 0;
  for (let open = text.indexOf(OPEN); open !== -1; open = text.indexOf(OPEN, offset)) {
    const isEscaped = open > offset && text[open - 1] === "$";
    literal += text.slice(offset, isEscaped ? open - 1 : open);
    offset = open + OPEN.length;
    if (isEscaped) {
      literal += OPEN;
      continue;
    }
    const end = endOf(text, offset);
    if (end === undefined) throw unclosed(text, open, place);
    if (literal !== "") pieces.push({ kind: "text", text: literal });
    literal = "";
    const source = text.slice(offset, end).trimEnd();
    const start = source.length - source.trimStart().length;
    pieces.push({ kind: "expression", source: source.slice(start), origin: positionOf(text, offset + start) });
    offset = end + 2;
  }
  literal += text.slice(offset);
  if (literal !== "") pieces.push({ kind: "text", text: literal });
  return pieces;
}

/** The offset of the `}}` that ends the expression. */
function endOf(text: string, from: number): number | undefined {
  let braces = 0;
  for (const token of scanTokens(text, from)) {
    if (token.kind === "unclosed") return undefined;
    if (token.kind === "open" && token.close === "}") braces++;
    if (token.kind !== "close" || text[token.start] !== "}") continue;
    if (braces > 0) braces--;
    else if (text[token.start + 1] === "}") return token.start;
  }
  return undefined;
}

function unclosed(text: string, open: number, place: string): Error {
  const reason = "this ${{ has no }} (outside strings and braces); for the text itself write $${{";
  return exprError({ source: text, place, origin: { line: 1, column: 1 } }, [{ offset: open, reason }]);
}
