// From text to the library's syntax tree, or one clear error: all bounds are checked before its parser sees the text.
// 1. Length, nesting and lone surrogates are refused first: the parser recurses, and overflows the stack at 5,000 brackets.
// 2. Comments are blanked here (the parser knows only one in a row); every offset stays as the author wrote it.

import { parse } from "@bufbuild/cel";
import { EXPR_DEPTH_MAX, EXPR_LENGTH_MAX } from "../base/limits.ts";
import { takeCompiled } from "./compile-budget.ts";
import { exprError } from "./expr-error.ts";
import type { ExprText } from "./expr-error.ts";
import { readOptionalSyntax } from "./optional-syntax.ts";
import type { OptionalSyntax } from "./optional-syntax.ts";
import { scanTokens } from "./scan.ts";

type ParsedByLibrary = ReturnType<typeof parse>;

/** A node of CEL's syntax tree. */
export type Expr = ParsedByLibrary["expr"];

/** A parsed expression with the offset of each of its nodes. */
export interface Syntax {
  readonly text: ExprText;
  readonly root: Expr;
  /** The offset of a node in the source, by the node's id; 0 for an id that is not known. */
  offsetOf(id: bigint | number): number;
  /** Where the library's parser puts a node. */
  positionOf(id: bigint): number | undefined;
  /** What of it is optional. */
  readonly optional: OptionalSyntax;
}

const EXPECTED_SHOWN_MAX = 80;

/** Parses an expression, or throws INVALID_ARGUMENT with its place. */
export function parseExpression(text: ExprText): Syntax {
  const { source } = text;
  takeCompiled(Math.min(source.length, EXPR_LENGTH_MAX), text.place);
  if (source.length > EXPR_LENGTH_MAX) {
    const reason = `the expression is ${source.length} characters long; at most ${EXPR_LENGTH_MAX} are allowed, so split it or move data into params`;
    throw exprError({ ...text, source: source.slice(0, 80) }, [{ offset: 0, reason }]);
  }
  if (source.trim() === "") throw exprError(text, [{ offset: 0, reason: "the expression is empty; write for example true" }]);
  const surrogate = source.search(/\p{Surrogate}/u);
  if (surrogate >= 0)
    throw exprError(text, [{ offset: surrogate, reason: "a lone surrogate is not a character; write \\u{…} inside a string" }]);
  const optional = readOptionalSyntax(blankComments(text));
  const parsed = parseBlanked(text, optional.text);
  const positions = parsed.sourceInfo?.positions ?? {};
  return {
    text,
    root: parsed.expr,
    offsetOf: (id) => nodeOffset(source, positions[String(id)] ?? 0),
    positionOf: (id) => positions[String(id)],
    optional,
  };
}

function parseBlanked(text: ExprText, blanked: string): ParsedByLibrary {
  try {
    return parse(blanked);
  } catch (cause) {
    throw exprError(text, [syntaxIssue(text.source, cause)]);
  }
}

/** Replaces comments by blanks of the same length; refuses brackets and strings that do not close, and nesting that is too deep. */
function blankComments(text: ExprText): string {
  const { source } = text;
  const open: { readonly close: string; readonly offset: number }[] = [];
  let blanked = source;
  for (const token of scanTokens(source, 0)) {
    const refuse = (reason: string) => exprError(text, [{ offset: token.start, reason }]);
    if (token.kind === "unclosed") throw refuse("this string is never closed");
    if (token.kind === "comment") blanked = blanked.slice(0, token.start) + " ".repeat(token.end - token.start) + blanked.slice(token.end);
    if (token.kind === "open") open.push({ close: token.close, offset: token.start });
    if (open.length > EXPR_DEPTH_MAX) throw refuse(`brackets are nested deeper than ${EXPR_DEPTH_MAX}`);
    if (token.kind === "close" && open.pop()?.close !== source[token.start])
      throw refuse(`this ${source[token.start] ?? ""} closes nothing`);
  }
  const unclosed = open.pop();
  if (unclosed !== undefined)
    throw exprError(text, [{ offset: unclosed.offset, reason: `this ${source[unclosed.offset] ?? ""} is never closed` }]);
  return blanked;
}

/** What the library says of a syntax error, without its place and shortened. */
function syntaxIssue(source: string, cause: unknown): { offset: number; reason: string } {
  const offset = Math.min(startOffset(cause), source.length);
  const said = cause instanceof Error ? cause.message.replace(/^<input>:\d+:\d+: /, "") : "";
  const [, expected = ""] = /but expecting (.*)$/s.exec(said) ?? [];
  const found = offset >= source.length ? "the end" : `"${String.fromCodePoint(source.codePointAt(offset) ?? 0xfffd)}"`;
  const hint = expected === "" || expected.length > EXPECTED_SHOWN_MAX ? "" : `, expected ${expected}`;
  return { offset, reason: `syntax error: found ${found}${hint}` };
}

function startOffset(cause: unknown): number {
  if (typeof cause !== "object" || cause === null || !("location" in cause)) return 0;
  const { location } = cause;
  if (typeof location !== "object" || location === null || !("start" in location)) return 0;
  const { start } = location;
  if (typeof start !== "object" || start === null || !("offset" in start)) return 0;
  return typeof start.offset === "number" ? start.offset : 0;
}

/** The library points at the dot or the blank before a name; people want the name. */
function nodeOffset(source: string, position: number): number {
  let offset = Math.min(position, source.length);
  while (offset < source.length && /[\s.]/.test(source[offset] ?? "")) offset++;
  return offset < source.length ? offset : Math.min(position, source.length);
}
