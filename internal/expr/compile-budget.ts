// How much text may be compiled in one go. Compiling takes 2 to 10 µs a character on the event loop, and a request has room for millions:
// so one submission compiles no more than a named number of characters, wherever in it the expressions stand.
// 1. As an evaluation, a compilation is one synchronous call: the budget in force stands in one variable of this module.

import { HoldfastError } from "../base/errors.ts";

interface CompileBudget {
  readonly limit: number;
  spent: number;
}

let current: CompileBudget | undefined;

/** Runs work in which all compiled expressions together have at most so many characters; beyond it compiling is refused. */
export function withCompileBudget<T>(limit: number, work: () => T): T {
  const outer = current;
  current = { limit, spent: 0 };
  try {
    return work();
  } finally {
    current = outer;
  }
}

/** Takes the characters of one expression; throws RESOURCE_EXHAUSTED when there are too many. */
export function takeCompiled(length: number, place: string): void {
  if (current === undefined) return;
  current.spent += length;
  if (current.spent <= current.limit) return;
  const reason = `all expressions together are longer than ${current.limit} characters; split the workflow, or move data into params`;
  throw new HoldfastError("RESOURCE_EXHAUSTED", `${place}: ${reason}`, { details: [{ place, reason }] });
}
