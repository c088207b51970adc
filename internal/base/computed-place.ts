// The places of a workflow's definition where a number may be an expression over the parameters, and what each of them takes.
// 1. One table for the reader of workflow files and for the service: what one lets through the other can fill in.

import { assertNever } from "./assert.ts";
import { ATTEMPTS_MAX, BACKOFF_MS_MAX, DURATION_MS_MAX, ITERATIONS_MAX, PARALLEL_MAX } from "./limits.ts";

/** What stands at a place. */
export type NumberForm =
  | { readonly kind: "whole"; readonly min: number; readonly max: number }
  | { readonly kind: "share" }
  | { readonly kind: "duration"; readonly msMin: number; readonly msMax: number }
  | { readonly kind: "amount"; readonly isPositive: boolean }
  | { readonly kind: "rate" };

const ACTION = {
  timeout: { kind: "duration", msMin: 1, msMax: DURATION_MS_MAX },
  total_timeout: { kind: "duration", msMin: 1, msMax: DURATION_MS_MAX },
  schedule_timeout: { kind: "duration", msMin: 1, msMax: DURATION_MS_MAX },
  "retry.attempts": { kind: "whole", min: 1, max: ATTEMPTS_MAX },
  "retry.backoff": { kind: "duration", msMin: 0, msMax: BACKOFF_MS_MAX },
  "retry.backoff_max": { kind: "duration", msMin: 0, msMax: BACKOFF_MS_MAX },
  "retry.delay": { kind: "duration", msMin: 0, msMax: BACKOFF_MS_MAX },
  "retry.jitter": { kind: "share" },
  "repeat.max": { kind: "whole", min: 1, max: ITERATIONS_MAX },
  "repeat.every": { kind: "duration", msMin: 0, msMax: DURATION_MS_MAX },
} as const;

const STAGE = {
  "repeat.max": { kind: "whole", min: 1, max: ITERATIONS_MAX },
  "repeat.every": { kind: "duration", msMin: 0, msMax: DURATION_MS_MAX },
  "rollout.waves[]": { kind: "amount", isPositive: true },
  "rollout.pause": { kind: "duration", msMin: 0, msMax: DURATION_MS_MAX },
  "rollout.parallel": { kind: "whole", min: 1, max: PARALLEL_MAX },
  "rollout.max_failures": { kind: "amount", isPositive: false },
  "rollout.max_at_risk": { kind: "amount", isPositive: false },
  "rollout.rate": { kind: "rate" },
} as const;

/** A field of an action that takes an expression. */
export type ActionNumber = keyof typeof ACTION;

/** A field of a stage that takes an expression. */
export type StageNumber = keyof typeof STAGE;

/** A place that takes an expression. */
export type ComputedPlace =
  | { readonly of: "action"; readonly stage: number; readonly action: number; readonly field: ActionNumber; readonly form: NumberForm }
  | { readonly of: "stage"; readonly stage: number; readonly item: number; readonly field: StageNumber; readonly form: NumberForm };

const PLACE = /^stages\[(\d{1,2})\]\.(?:actions\[(\d{1,2})\]\.)?([a-z_.]+)(?:\[(\d{1,2})\])?$/;

/** The place of that name; undefined: there is none that takes an expression. */
export function computedPlace(text: string): ComputedPlace | undefined {
  const [, stageText, actionText, name = "", item] = PLACE.exec(text) ?? [];
  if (stageText === undefined) return undefined;
  const stage = Number(stageText);
  if (actionText !== undefined) {
    if (!isActionNumber(name) || item !== undefined) return undefined;
    return { of: "action", stage, action: Number(actionText), field: name, form: ACTION[name] };
  }
  const field = item === undefined ? name : `${name}[]`;
  return isStageNumber(field) ? { of: "stage", stage, item: Number(item ?? 0), field, form: STAGE[field] } : undefined;
}

/** The fields of an action, and of a stage, that take an expression: for messages. */
export function computedFields(of: ComputedPlace["of"]): readonly string[] {
  return Object.keys(of === "action" ? ACTION : STAGE);
}

/** What is right at a place, for messages. */
export function formText(form: NumberForm): string {
  switch (form.kind) {
    case "whole":
      return `a whole number between ${form.min} and ${form.max}`;
    case "share":
      return "a number between 0 and 1";
    case "duration":
      return `a duration such as "30s", ${form.msMin > 0 ? "longer than nothing and " : ""}at most ${form.msMax / 3_600_000}h`;
    case "amount":
      return `a whole number such as 3, or a percentage such as "10%"${form.isPositive ? ", above zero" : ""}`;
    case "rate":
      return 'so many in a time, such as "30/m" or "5/10m"';
    default:
      return assertNever(form);
  }
}

function isActionNumber(name: string): name is ActionNumber {
  return Object.hasOwn(ACTION, name);
}

function isStageNumber(name: string): name is StageNumber {
  return Object.hasOwn(STAGE, name);
}
