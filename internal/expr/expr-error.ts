// The one error of expressions: HoldfastError with a place, the line of the expression and a caret under the spot.
// 1. A message shows what the author wrote and types that were found; never the values that an expression read.
// 2. `details` hold one {place, reason, snippet} for each error; a place is `PLACE:LINE:COLUMN`, counted from 1.

import { HoldfastError } from "../base/errors.ts";
import type { ErrorCode } from "../base/errors.ts";
import { ERRORS_SHOWN_MAX, EXPR_SNIPPET_LENGTH_MAX } from "../base/limits.ts";
import { detailText, placeName, positionOf } from "../base/place.ts";
import type { TextPosition } from "../base/place.ts";

/** An expression's text and where it stands: `place` names it, `origin` is where its first character is in that place's text. */
export interface ExprText {
  readonly source: string;
  readonly place: string;
  readonly origin: TextPosition;
}

/** One thing wrong with an expression, at an offset into its source. */
export interface ExprIssue {
  readonly offset: number;
  readonly reason: string;
}

/** The error for what is wrong with one expression: all issues at once, in the order of the text. */
export function exprError(text: ExprText, issues: readonly ExprIssue[], code: ErrorCode = "INVALID_ARGUMENT"): HoldfastError {
  const ordered = [...issues].sort((left, right) => left.offset - right.offset).slice(0, ERRORS_SHOWN_MAX);
  const details = ordered.map(({ offset, reason }) => ({ place: placeOf(text, offset), reason, snippet: snippet(text.source, offset) }));
  const message = details.map(detailText).join("\n");
  return new HoldfastError(code, message, { details });
}

function placeOf(text: ExprText, offset: number): string {
  const { line, column } = positionOf(text.source, offset);
  const shown = { line: text.origin.line + line - 1, column: line === 1 ? text.origin.column + column - 1 : column };
  return placeName(text.place, shown);
}

/** The line around the offset, cut to a bounded length, and a caret under the offset. */
function snippet(source: string, offset: number): string {
  // From -1 lastIndexOf looks at the first character all the same: a text that begins with a line break has its first line before it.
  const lineStart = offset === 0 ? 0 : source.lastIndexOf("\n", offset - 1) + 1;
  const newline = source.indexOf("\n", offset);
  const lineEnd = newline === -1 ? source.length : newline;
  const from = Math.max(lineStart, offset - EXPR_SNIPPET_LENGTH_MAX / 2);
  const to = Math.min(lineEnd, from + EXPR_SNIPPET_LENGTH_MAX);
  const prefix = from > lineStart ? "…" : "";
  const line = source.slice(from, to).replace(/\p{Cc}|\p{Surrogate}/gu, " ");
  return `  ${prefix}${line}${to < lineEnd ? "…" : ""}\n  ${" ".repeat(prefix.length + offset - from)}^`;
}
