// The places of a workflow's definition where a number may be an expression over the parameters, and what each of them takes.
// 1. One table for the reader of workflow files and for the service: what one lets through the other can fill in.

import { assertNever } from "./assert.ts";
import {
  ATTEMPTS_MAX,
  AWAIT_MS_MAX,
  BACKOFF_MS_MAX,
  DURATION_MS_MAX,
  HEARTBEAT_MS_MAX,
  HEARTBEAT_MS_MIN,
  ITERATIONS_MAX,
  LIST_ITEMS_MAX,
  PARALLEL_MAX,
} from "./limits.ts";

/** What stands at a place. */
export type NumberForm =
  | { readonly kind: "whole"; readonly min: number; readonly max: number }
  | { readonly kind: "share" }
  | { readonly kind: "duration"; readonly msMin: number; readonly msMax: number }
  | { readonly kind: "amount"; readonly isPositive: boolean }
  | { readonly kind: "rate" };

const WORKFLOW = { deadline: { kind: "duration", msMin: 1, msMax: AWAIT_MS_MAX } } as const;

/** Of an alternative of `try` and of `undo`; an action has them too. */
const WAY = {
  timeout: { kind: "duration", msMin: 1, msMax: DURATION_MS_MAX },
  total_timeout: { kind: "duration", msMin: 1, msMax: DURATION_MS_MAX },
  heartbeat: { kind: "duration", msMin: HEARTBEAT_MS_MIN, msMax: HEARTBEAT_MS_MAX },
  "retry.attempts": { kind: "whole", min: 1, max: ATTEMPTS_MAX },
  "retry.backoff": { kind: "duration", msMin: 0, msMax: BACKOFF_MS_MAX },
  "retry.backoff_max": { kind: "duration", msMin: 0, msMax: BACKOFF_MS_MAX },
  "retry.delay": { kind: "duration", msMin: 0, msMax: BACKOFF_MS_MAX },
  "retry.jitter": { kind: "share" },
} as const;

const ACTION = {
  schedule_timeout: { kind: "duration", msMin: 1, msMax: DURATION_MS_MAX },
  "repeat.max": { kind: "whole", min: 1, max: ITERATIONS_MAX },
  "repeat.every": { kind: "duration", msMin: 0, msMax: DURATION_MS_MAX },
  "completion.within": { kind: "duration", msMin: 1, msMax: AWAIT_MS_MAX },
} as const;

const STAGE = {
  deadline: { kind: "duration", msMin: 1, msMax: AWAIT_MS_MAX },
  "over.max": { kind: "whole", min: 1, max: LIST_ITEMS_MAX },
  "repeat.max": { kind: "whole", min: 1, max: ITERATIONS_MAX },
  "repeat.every": { kind: "duration", msMin: 0, msMax: DURATION_MS_MAX },
  "rollout.waves[]": { kind: "amount", isPositive: true },
  "rollout.pause": { kind: "duration", msMin: 0, msMax: DURATION_MS_MAX },
  "rollout.parallel": { kind: "whole", min: 1, max: PARALLEL_MAX },
  "rollout.max_failures": { kind: "amount", isPositive: false },
  "rollout.max_at_risk": { kind: "amount", isPositive: false },
  "rollout.rate": { kind: "rate" },
} as const;

const FIELDS = { workflow: WORKFLOW, stage: STAGE, action: { ...WAY, ...ACTION }, way: WAY } as const;

/** A field of a way to do an action. */
export type WayNumber = keyof typeof WAY;
/** A field of an action alone. */
export type ActionNumber = keyof typeof ACTION;
/** A field of a stage. */
export type StageNumber = keyof typeof STAGE;

/** Which list of the definition a stage is of, and which of its stage an action. */
export type PartList = "main" | "on_success" | "on_failure" | "always";

/** Where a stage stands. */
export interface StageAt {
  readonly stages: PartList;
  readonly stage: number;
}

/** Where an action stands. */
export interface ActionAt extends StageAt {
  readonly actions: PartList;
  readonly action: number;
  /** An alternative of its `try` by position, or its `undo`; undefined: the action itself. */
  readonly way: number | "undo" | undefined;
}

/** A place that takes an expression. */
export type ComputedPlace =
  | { readonly of: "workflow"; readonly form: NumberForm }
  | { readonly of: "stage"; readonly at: StageAt; readonly item: number; readonly field: StageNumber; readonly form: NumberForm }
  | { readonly of: "action"; readonly at: ActionAt; readonly field: WayNumber | ActionNumber; readonly form: NumberForm };

const PLACE =
  /^(stages|on_success|on_failure|always)\[(\d{1,2})\]\.(?:(actions|on_success|on_failure|always)\[(\d{1,2})\]\.(?:(?:try\[(\d{1,2})\]|(undo))\.)?)?([a-z_.]+)(?:\[(\d{1,2})\])?$/;

/** The place of that name; undefined: there is none that takes an expression. */
export function computedPlace(text: string): ComputedPlace | undefined {
  if (text === "deadline") return { of: "workflow", form: WORKFLOW.deadline };
  const [, stages, stage, actions, action, alternative, undo, name = "", item] = PLACE.exec(text) ?? [];
  if (stages === undefined) return undefined;
  const at = { stages: partOf(stages), stage: Number(stage) };
  if (actions === undefined) {
    const field = item === undefined ? name : `${name}[]`;
    return isStageNumber(field) ? { of: "stage", at, item: Number(item ?? 0), field, form: STAGE[field] } : undefined;
  }
  if (item !== undefined) return undefined;
  const way = undo !== undefined ? "undo" : alternative === undefined ? undefined : Number(alternative);
  const place: ActionAt = { ...at, actions: partOf(actions), action: Number(action), way };
  if (isWayNumber(name)) return { of: "action", at: place, field: name, form: WAY[name] };
  return way === undefined && isActionNumber(name) ? { of: "action", at: place, field: name, form: ACTION[name] } : undefined;
}

/** The fields that take an expression, of whatever has the one of that name: for messages. */
export function computedFields(place: string): readonly string[] {
  const of = !place.includes(".") ? "workflow" : /\.(?:try\[\d+\]|undo)\./.test(place) ? "way" : undefined;
  const isAction = /^[a-z_]+\[\d+\]\.[a-z_]+\[\d+\]\./.test(place) && !place.includes(".waves[");
  return Object.keys(FIELDS[of ?? (isAction ? "action" : "stage")]);
}

/** What is right at a place, for messages. */
export function formText(form: NumberForm): string {
  switch (form.kind) {
    case "whole":
      return `a whole number between ${form.min} and ${form.max}`;
    case "share":
      return "a number between 0 and 1";
    case "duration":
      return `a duration such as "30s", ${form.msMin >= 1_000 ? `at least ${form.msMin / 1_000}s, ` : form.msMin > 0 ? "longer than nothing and " : ""}at most ${form.msMax / 3_600_000}h`;
    case "amount":
      return `a whole number such as 3, or a percentage such as "10%"${form.isPositive ? ", above zero" : ""}`;
    case "rate":
      return 'so many in a time, such as "30/m" or "5/10m"';
    default:
      return assertNever(form);
  }
}

function partOf(list: string): PartList {
  return list === "on_success" || list === "on_failure" || list === "always" ? list : "main";
}

function isWayNumber(name: string): name is WayNumber {
  return Object.hasOwn(WAY, name);
}

function isActionNumber(name: string): name is ActionNumber {
  return Object.hasOwn(ACTION, name);
}

function isStageNumber(name: string): name is StageNumber {
  return Object.hasOwn(STAGE, name);
}
