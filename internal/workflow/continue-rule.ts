// The rule of `continue_as_new`, ready to run: its condition compiled, its default filled in.
// 1. It follows from the definition alone, so a replay makes the same one.

import { GENERATIONS_KEPT_DEFAULT } from "../base/endless-limits.ts";
import type { Program } from "../expr/program.ts";
import type { ContinueAsNew } from "../gen/holdfast/v1/workflow_pb.ts";
import type { CompileContext } from "./names.ts";
import { compileIn } from "./names.ts";

/** When a workflow goes on, and what is kept of it then. */
export interface ContinueRule {
  readonly isWanted: Program;
  /** How many generations before the one under way are kept. */
  readonly keep: number;
}

/** Compiles the rule; undefined where there is none, or its condition is at fault. */
export function planContinue(rule: ContinueAsNew | undefined, context: Omit<CompileContext, "place">): ContinueRule | undefined {
  if (rule === undefined) return undefined;
  const isWanted = compileIn(rule.while, { ...context, place: "continue_as_new.while", isCondition: true });
  return isWanted === undefined ? undefined : { isWanted, keep: rule.keep ?? GENERATIONS_KEPT_DEFAULT };
}
