// The cost meter, and the evaluation in progress. An evaluation is one synchronous call, and the library hands its functions no
// context: so the evaluation stands in one variable of this module from `enter` to `leave`, and may be nested.
// 1. Every node, iteration, compared or copied element and 16 characters of text cost one step.
// 2. A meter that is exceeded stays exceeded: each further charge throws, and the evaluation fails whatever its value is.

import { assert } from "../base/assert.ts";
import { EXPR_COST_LOOP_MAX } from "../base/limits.ts";

/** Where an expression's names come from: an object of plain values, or a function that is asked once for each name and evaluation. */
export type Scope = Readonly<Record<string, unknown>> | ((name: string) => unknown);

/** A budget of evaluation steps; give the same meter to several evaluations to bound them together. */
export interface Meter {
  readonly limit: number;
  spent: number;
}

/** Steps for each UTF-16 unit of text are 1 / 2^TEXT_SHIFT. */
const TEXT_SHIFT = 4;

interface Evaluation {
  readonly scope: Scope;
  readonly meter: Meter;
  /** What a scope that is a function has answered, by name. */
  readonly answers: Map<string, unknown> | undefined;
  /** How long stack traces were outside. */
  readonly traceOutside: number;
}

let current: Evaluation | undefined;

/** Starts the message of each EvaluationFault: the library keeps only messages when it merges errors, and quotes values in its own. */
const FAULT_MARK = "\u0001";

/** A reason why an evaluation failed that is fit for people: it holds names and types, no values. */
export class EvaluationFault extends Error {
  override readonly name = "EvaluationFault";
  constructor(reason: string) {
    super(FAULT_MARK + reason);
  }
}

/** The reason inside the message of an EvaluationFault, or undefined for a message that is not ours. */
export function faultReason(message: string): string | undefined {
  return message.startsWith(FAULT_MARK) ? message.slice(FAULT_MARK.length) : undefined;
}

/** A fresh meter with a budget of steps: that of the event loop unless given. */
export function createMeter(limit: number = EXPR_COST_LOOP_MAX): Meter {
  return { limit, spent: 0 };
}

/** True when the budget did not suffice: the evaluation's value then means nothing. */
export function isExceeded(meter: Meter): boolean {
  return meter.spent > meter.limit;
}

/**
 * No stack traces while an evaluation runs: an error is a value there (`1/0 > 0 || true`), and taking a trace costs 20 µs. What leaves
 * an evaluation is an error with a place in the expression, made after `leave`.
 */
const EVALUATION_TRACE = 0;

/** Starts an evaluation; hand what it returns to `leave`, whatever happens. */
export function enter(scope: Scope, meter: Meter): Evaluation | undefined {
  const outer = current;
  current = { scope, meter, answers: typeof scope === "function" ? new Map() : undefined, traceOutside: Error.stackTraceLimit };
  Error.stackTraceLimit = EVALUATION_TRACE;
  return outer;
}

/** Ends the evaluation in progress. */
export function leave(outer: Evaluation | undefined): void {
  if (current !== undefined) Error.stackTraceLimit = current.traceOutside;
  current = outer;
}

/** Takes steps from the budget of the evaluation in progress; throws when it is exceeded. */
export function charge(steps: number): void {
  assert(current !== undefined, "steps are charged during an evaluation only");
  const { meter } = current;
  meter.spent += steps;
  if (meter.spent > meter.limit) throw new EvaluationFault("the expression costs too much");
}

/** Takes the steps of handling a text of this length. */
export function chargeText(length: number): void {
  charge(1 + (length >> TEXT_SHIFT));
}

/** What the scope of the evaluation in progress has under a name, or undefined. */
export function readScope(name: string): unknown {
  assert(current !== undefined, "names are read during an evaluation only");
  const { scope, answers } = current;
  if (answers === undefined || typeof scope !== "function") return ownValue(scope, name);
  if (answers.has(name)) return answers.get(name);
  const answer: unknown = scope(name);
  answers.set(name, answer);
  return answer;
}

function ownValue(scope: Scope, name: string): unknown {
  if (typeof scope === "function") return scope(name);
  return Object.hasOwn(scope, name) ? scope[name] : undefined;
}
