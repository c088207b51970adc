// Places in files: line and column, and the error that names them.
// 1. Lines and columns count from 1; columns count UTF-16 units.

import { HoldfastError } from "./errors.ts";
import type { ErrorDetail } from "./errors.ts";

/** Line and column, both from 1. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** A reason, and where in a file it holds; without a position it holds for the whole file. */
export interface PlacedReason {
  readonly position: TextPosition | undefined;
  readonly reason: string;
  /** The line it is about and a caret, as in ErrorDetail. */
  readonly snippet?: string;
}

/** The INVALID_ARGUMENT error of one place in a file: `rules.yaml:4:7: reason`. */
export function placeError(file: string, position: TextPosition | undefined, reason: string): HoldfastError {
  return placeErrors(file, [{ position, reason }]);
}

/** The INVALID_ARGUMENT error of several places in a file, in the given order, one line each, and the line with a caret where there is one. */
export function placeErrors(file: string, reasons: readonly PlacedReason[]): HoldfastError {
  const details: ErrorDetail[] = reasons.map(({ position, ...rest }) => ({ place: placeName(file, position), ...rest }));
  return new HoldfastError("INVALID_ARGUMENT", details.map(detailText).join("\n"), { details });
}

/** A detail as people read it: its place and reason, and under them the line with a caret where there is one. */
export function detailText({ place, reason, snippet }: ErrorDetail): string {
  return `${place}: ${reason}${snippet === undefined ? "" : `\n${snippet}`}`;
}

/** `file:line:column`, or the file alone. */
export function placeName(file: string, position: TextPosition | undefined): string {
  return position === undefined ? file : `${file}:${position.line}:${position.column}`;
}

/** The position that a place ends with, as placeName writes it; undefined: it names none. */
export function positionIn(place: string): TextPosition | undefined {
  const [, line, column] = /:(\d+):(\d+)$/.exec(place) ?? [];
  return line === undefined || column === undefined ? undefined : { line: Number(line), column: Number(column) };
}

/** Line and column of an offset into a text. */
export function positionOf(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}
