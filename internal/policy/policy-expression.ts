// Compiles the expressions of a policy file: checked against what they may name, every fault at its line and column of the file.
// 1. A window of the ledger is written out, so that a misspelled one is refused here, and not at the third wave.

import { HoldfastError } from "../base/errors.ts";
import type { FileCursor } from "../base/file-cursor.ts";
import { didYouMean } from "../base/nearest.ts";
import { positionIn, positionOf } from "../base/place.ts";
import type { TextPosition } from "../base/place.ts";
import { compile } from "../expr/program.ts";
import type { Program } from "../expr/program.ts";
import type { ExprTypeDecl } from "../expr/type.ts";
import type { Gate } from "../gen/holdfast/v1/policy_pb.ts";
import { absenceReason } from "./vocabulary.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What an expression of a file may name, and what it must yield. */
export interface ExpressionOptions {
  readonly vocabulary: Vocabulary;
  readonly result: ExprTypeDecl;
  readonly where: "match" | "limit" | readonly Gate[];
}

/** The windows of the ledger, as expressions write them. */
export const WINDOWS = ["1h", "24h", "30d"] as const;

const RULE_FUNCTION = /^no such (?:method|function) "(?:(?:fleet|ledger)\.)?(?:touched\w*|count|total|values)"/;
const UNKNOWN_NAME = /^no such name "([^"]+)"/;

/** Compiles the text at a field; undefined, with faults noted, where it is not right. */
export function compileField(field: FileCursor, options: ExpressionOptions): Program | undefined {
  const source = typeof field.value === "boolean" ? String(field.value) : field.text();
  if (source === undefined) return undefined;
  const { faults, path } = field;
  const origin = faults.origin(path);
  try {
    const { vocabulary, result } = options;
    const program = compile(source, { place: faults.file.file, origin, ...vocabulary, result });
    return checkWindows(field, program, origin) ? program : undefined;
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    for (const { place, reason } of error.details) faults.addAt(positionIn(place) ?? origin, path, explained(reason, options));
    return undefined;
  }
}

/** A name that is known elsewhere is worth another reason than one that is known nowhere. */
function explained(reason: string, { where }: ExpressionOptions): string {
  const name = UNKNOWN_NAME.exec(reason)?.[1];
  const isCounted = typeof where === "string" && RULE_FUNCTION.test(reason);
  if (isCounted) return `${reason}; fleet and ledger change while a workflow runs: only rules read them`;
  return (name === undefined ? undefined : absenceReason(name, where)) ?? reason;
}

function checkWindows(field: FileCursor, program: Program, origin: TextPosition): boolean {
  let isRight = true;
  for (const { name, literals, offset } of program.calls) {
    if (!name.startsWith("ledger.")) continue;
    const [window] = literals;
    if (WINDOWS.some((known) => known === window)) continue;
    const hint = typeof window === "string" ? didYouMean(window, WINDOWS) : "";
    const reason = `${name}(): the window must be written out as "1h", "24h" or "30d"${hint}`;
    field.faults.addAt(within(program.source, offset, origin), field.path, reason);
    isRight = false;
  }
  return isRight;
}

function within(source: string, offset: number, origin: TextPosition): TextPosition {
  const { line, column } = positionOf(source, offset);
  return { line: origin.line + line - 1, column: line === 1 ? origin.column + column - 1 : column };
}
