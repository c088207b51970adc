// An action whose thrown expected errors are made values, as its contract has them.
// 1. What may have changed something when it threw is unknown, until somebody looked. 2. Bugs go through.

import { HoldfastError } from "../base/errors.ts";
import type { AttemptContext, Failure, PreparedAction } from "./ports.ts";

/** The same action; it throws bugs only. */
export function guardAction(action: PreparedAction): PreparedAction {
  const guarded: PreparedAction = {
    effects: action.effects,
    isAtomic: action.isAtomic,
    isSensitive: action.isSensitive,
    check: (context) => orFailure(() => action.check(context), "failed"),
    apply: (context, before) => orFailure(() => action.apply(context, before), "unknown"),
  };
  const look = action.look?.bind(action);
  const prepare = action.prepare?.bind(action);
  return {
    ...guarded,
    ...(look === undefined ? {} : { look: (context: AttemptContext) => orFailure(() => look(context), "unreachable") }),
    ...(prepare === undefined ? {} : { prepare: (context: AttemptContext) => orFailure(() => prepare(context), "failed") }),
  };
}

async function orFailure<T>(work: () => Promise<T>, kind: Failure["kind"]): Promise<T | Failure> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    const isCancelled = error.code === "CANCELLED" && kind === "failed";
    return { kind: isCancelled ? "cancelled" : kind, message: error.message };
  }
}
