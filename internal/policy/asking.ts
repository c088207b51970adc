// Asks one expression within a budget. What fails or costs too much is an answer of its own, never a value (H8).
// 1. Each expression has a budget, and all of a gate share another: whichever ends first.

import { HoldfastError } from "../base/errors.ts";
import { createMeter } from "../expr/meter.ts";
import type { Scope } from "../expr/meter.ts";
import type { Program } from "../expr/program.ts";

/** What the expressions of one gate may cost. */
export interface Budget {
  readonly exprCostMax: number;
  /** What is left for the whole gate. */
  left: number;
  /** True once an expression could not be asked to its end for its cost: a larger budget may say otherwise. */
  isExceeded: boolean;
}

/** What an expression said, or why it could not. */
export type Answer<T> = { readonly kind: "value"; readonly value: T } | { readonly kind: "fault"; readonly reason: string };

/** A fresh budget. */
export function budgetOf({ exprCostMax, gateCostMax }: { readonly exprCostMax: number; readonly gateCostMax: number }): Budget {
  return { exprCostMax, left: gateCostMax, isExceeded: false };
}

/** True, false, or a fault. */
export function askBoolean(program: Program, scope: Scope, budget: Budget): Answer<boolean> {
  return ask(program, scope, budget, (value) => (typeof value === "boolean" ? value : undefined));
}

/** A text, or a fault. */
export function askText(program: Program, scope: Scope, budget: Budget): Answer<string> {
  return ask(program, scope, budget, (value) => (typeof value === "string" ? value : undefined));
}

function ask<T>(program: Program, scope: Scope, budget: Budget, take: (value: unknown) => T | undefined): Answer<T> {
  const limit = Math.min(budget.exprCostMax, budget.left);
  const isGateBound = budget.left < budget.exprCostMax;
  const fault = (reason: string): Answer<T> => ({ kind: "fault", reason });
  if (limit <= 0) {
    budget.isExceeded = true;
    return fault(`${placeOf(program)}: the expressions of this gate together cost too much`);
  }
  const meter = createMeter(limit);
  try {
    const value = take(program.evaluate(scope, meter));
    return value === undefined ? fault(`${placeOf(program)}: its value is of another type than it should be`) : { kind: "value", value };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    if (error.code === "RESOURCE_EXHAUSTED") budget.isExceeded = true;
    const [detail] = error.details;
    const reason = detail === undefined ? error.message : `${detail.place}: ${detail.reason}`;
    return fault(isGateBound && error.code === "RESOURCE_EXHAUSTED" ? `${reason} (all expressions of a gate share one budget)` : reason);
  } finally {
    budget.left -= meter.spent;
  }
}

function placeOf({ place, origin }: Program): string {
  return `${place}:${origin.line}:${origin.column}`;
}
