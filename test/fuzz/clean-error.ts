// What an error that people get may be: an expected one, with a code, a message and places; never a trace of the program's insides.
// 1. TypeError, RangeError, an assertion: whatever is not a HoldfastError is a bug, whoever made the input.

import { HoldfastError } from "../../internal/base/errors.ts";
import type { ErrorCode } from "../../internal/base/errors.ts";

const INSIDES =
  /\n[ \t]{1,8}at [^\n]{0,200}[(/:]|node_modules|\/internal\/\w+\/[\w-]+\.ts|file:\/\/\/\w|\[object Object\]|TypeError|RangeError|ERR_[A-Z]+_|is not a function|of undefined|of null/;
const MESSAGE_LENGTH_MAX = 1024 * 1024;

/** What an error must be. */
export interface CleanRule {
  readonly codes: readonly ErrorCode[];
  /** How each place begins; undefined: places are free. */
  readonly place?: string;
  /** Parts of the input that a message may show, whatever they look like. */
  readonly mayShow?: string;
}

/** Throws for an error that people must not get. */
export function assertClean(error: unknown, { codes, place, mayShow = "" }: CleanRule): void {
  if (!(error instanceof HoldfastError)) throw error;
  const { code, message, details } = error;
  if (!codes.includes(code)) throw new Error(`the code ${code} is not one for this input: ${message}`);
  if (message === "") throw new Error("an error without a message");
  if (message.length > MESSAGE_LENGTH_MAX) throw new Error(`a message of ${message.length} characters`);
  assertNoInsides(message, mayShow);
  if (place === undefined) return;
  if (details.length === 0) throw new Error(`an error without a place: ${message}`);
  for (const { place: found, reason } of details) {
    if (!found.startsWith(place)) throw new Error(`the place ${JSON.stringify(found)} does not begin with ${place}: ${reason}`);
    if (reason === "") throw new Error(`a place without a reason: ${found}`);
  }
}

/** Throws for a text that shows the program's insides, unless the input itself holds them. */
export function assertNoInsides(text: string, input: string): void {
  const [found] = INSIDES.exec(text) ?? [];
  if (found !== undefined && !input.includes(found.trim()))
    throw new Error(`shows the program's insides (${JSON.stringify(found)}): ${text}`);
}
