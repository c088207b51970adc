// RE2 patterns of argument declarations, matched by the expression engine: bounded, whatever text a client sends.
// 1. What cannot be matched within the bound does not match: an argument is then refused, never let through.

import { HoldfastError } from "../base/errors.ts";
import { compile, evaluateBoolean } from "../expr/program.ts";
import type { Program } from "../expr/program.ts";

/** True when the pattern matches somewhere in the text; false also where the text is too long to be matched within the cost bound. */
export function isPatternMatch(pattern: string, text: string): boolean {
  try {
    return evaluateBoolean(matcher(), { text, pattern });
  } catch (cause) {
    if (cause instanceof HoldfastError) return false;
    throw cause;
  }
}

/** True for a pattern that RE2 takes. */
export function isPattern(pattern: string): boolean {
  try {
    evaluateBoolean(matcher(), { text: "", pattern });
    return true;
  } catch (cause) {
    if (cause instanceof HoldfastError) return false;
    throw cause;
  }
}

function matcher(): Program {
  return compile("text.matches(pattern)", { place: "pattern", names: ["text", "pattern"] });
}
