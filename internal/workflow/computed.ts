// Numbers of a definition that are expressions over the parameters: evaluated once, at Submit, and written where they stand.
// 1. What is frozen and digested is the value: a replay finds it in the definition and evaluates nothing (H4).
// 2. A value is taken as if it had been written at its place, in the same form and within the same bounds; all faults are found at once.

import { clone, create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { assertNever } from "../base/assert.ts";
import type { ComputedPlace, NumberForm } from "../base/computed-place.ts";
import { computedFields, computedPlace, formText } from "../base/computed-place.ts";
import { parseDurationMs } from "../base/duration.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { TARGETS_MAX } from "../base/limits.ts";
import { didYouMean } from "../base/nearest.ts";
import { parseRate } from "../base/rate.ts";
import { compile } from "../expr/program.ts";
import { paramsScope } from "../expr/workflow-types.ts";
import type { Action, Amount, Rate, Stage, WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import { AmountSchema, RateSchema, RetrySchema, RolloutSchema, WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FaultList } from "./fault-list.ts";
import { expressionParams } from "./params.ts";

/** How much of a value a message shows. */
const VALUE_SHOWN_MAX = 64;

/** Where the expression stands in what a workflow file has at the place: after `${{ `. */
const ORIGIN = { line: 1, column: 5 };

/** The definition with the values of its expressions written in; the definition itself where it has none. Faults go to the list. */
export function withComputed(definition: WorkflowDefinition, params: JsonObject, faults: FaultList): WorkflowDefinition {
  const places = Object.keys(definition.computed).sort();
  if (places.length === 0) return definition;
  const filled = clone(WorkflowDefinitionSchema, definition);
  const seen = { params: expressionParams(definition.params, params) };
  for (const place of places) {
    const source = definition.computed[place] ?? "";
    faults.collect(place, () => {
      const value = compile(source, { place, origin: ORIGIN, ...paramsScope(definition.params) }).evaluate(seen);
      const fault = write(filled, { place, value });
      if (fault !== undefined) faults.add(place, `\${{ ${source} }} gives ${shown(value)}: ${fault}`);
    });
  }
  return filled;
}

interface Placed {
  readonly place: string;
  readonly value: JsonValue;
}

/** Writes a value where it belongs; says what is wrong instead. */
function write({ stages }: WorkflowDefinition, { place, value }: Placed): string | undefined {
  const at = computedPlace(place);
  if (at === undefined) return `no expression can stand at this place${meant(place)}`;
  const stage = stages[at.stage];
  if (stage === undefined) return `there is no stage ${at.stage}, counted from 0; there are ${stages.length}`;
  if (at.of === "stage") return writeToStage(stage, at, value);
  const action = stage.actions[at.action];
  if (action === undefined) return `stage "${stage.name}" has no action ${at.action}, counted from 0; it has ${stage.actions.length}`;
  return writeToAction(action, at, value);
}

function meant(place: string): string {
  const [, field = ""] = /^stages\[\d+\]\.(?:actions\[\d+\]\.)?(.*)$/.exec(place) ?? [];
  const known = computedFields(place.includes(".actions[") ? "action" : "stage");
  return didYouMean(field, known) || `; it can at ${known.join(", ")}`;
}

function writeToAction(action: Action, { field, form }: Extract<ComputedPlace, { of: "action" }>, value: JsonValue): string | undefined {
  const number = numberOf(form, value);
  if (number === undefined) return `it must be ${formText(form)}`;
  const duration = durationFromMs(Math.max(0, Math.round(number)));
  const retry = (): NonNullable<Action["retry"]> => (action.retry ??= create(RetrySchema, { attempts: 1 }));
  switch (field) {
    case "timeout":
      action.timeout = duration;
      return undefined;
    case "total_timeout":
      action.totalTimeout = duration;
      return undefined;
    case "schedule_timeout":
      action.scheduleTimeout = duration;
      return undefined;
    case "retry.attempts":
      retry().attempts = number;
      return undefined;
    case "retry.backoff":
      retry().backoff = duration;
      return undefined;
    case "retry.backoff_max":
      retry().backoffMax = duration;
      return undefined;
    case "retry.delay":
      retry().delay = duration;
      return undefined;
    case "retry.jitter":
      retry().jitter = number;
      return undefined;
    case "repeat.max":
    case "repeat.every":
      return writeToRepeat(action, field, number);
    default:
      return assertNever(field);
  }
}

function writeToStage(stage: Stage, { field, form, item }: Extract<ComputedPlace, { of: "stage" }>, value: JsonValue): string | undefined {
  const wrong = `it must be ${formText(form)}`;
  if (field === "repeat.max" || field === "repeat.every") {
    const number = numberOf(form, value);
    return number === undefined ? wrong : writeToRepeat(stage, field, number);
  }
  const rollout = (stage.rollout ??= create(RolloutSchema));
  switch (field) {
    case "rollout.waves[]": {
      if (item > rollout.waves.length) return `there are ${rollout.waves.length} waves before it; write them in order`;
      const amount = amountOf(value);
      if (amount?.kind.value === undefined || amount.kind.value <= 0) return wrong;
      rollout.waves[item] = amount;
      return undefined;
    }
    case "rollout.max_failures":
    case "rollout.max_at_risk": {
      const amount = amountOf(value);
      if (amount === undefined) return wrong;
      if (field === "rollout.max_failures") rollout.maxFailures = amount;
      else rollout.maxAtRisk = amount;
      return undefined;
    }
    case "rollout.rate": {
      const rate = rateOf(value);
      if (rate === undefined) return wrong;
      rollout.rate = rate;
      return undefined;
    }
    case "rollout.pause":
    case "rollout.parallel": {
      const number = numberOf(form, value);
      if (number === undefined) return wrong;
      if (field === "rollout.pause") rollout.pause = durationFromMs(number);
      else rollout.parallel = number;
      return undefined;
    }
    default:
      return assertNever(field);
  }
}

function writeToRepeat({ repeat }: Stage | Action, field: "repeat.max" | "repeat.every", number: number): string | undefined {
  if (repeat === undefined) return "there is no `repeat` here; say `until` too";
  if (field === "repeat.max") repeat.max = number;
  else repeat.every = durationFromMs(number);
  return undefined;
}

/** A number within its bounds; a duration in milliseconds. */
function numberOf(form: NumberForm, value: JsonValue): number | undefined {
  switch (form.kind) {
    case "whole":
      return typeof value === "number" && Number.isInteger(value) && value >= form.min && value <= form.max ? value : undefined;
    case "share":
      return typeof value === "number" && value >= 0 && value <= 1 ? value : undefined;
    case "duration": {
      const ms = typeof value === "string" ? parseDurationMs(value) : undefined;
      return ms !== undefined && ms >= form.msMin && ms <= form.msMax ? ms : undefined;
    }
    case "amount":
    case "rate":
      return undefined;
    default:
      return assertNever(form);
  }
}

function amountOf(value: JsonValue): Amount | undefined {
  if (typeof value === "number")
    return Number.isInteger(value) && value >= 0 && value <= TARGETS_MAX
      ? create(AmountSchema, { kind: { case: "count", value } })
      : undefined;
  const [, percent] = typeof value === "string" ? (/^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(value) ?? []) : [];
  return percent === undefined || Number(percent) > 100
    ? undefined
    : create(AmountSchema, { kind: { case: "percent", value: Number(percent) } });
}

function rateOf(value: JsonValue): Rate | undefined {
  const rate = typeof value === "string" ? parseRate(value) : undefined;
  return rate === undefined ? undefined : create(RateSchema, { tokens: rate.tokens, period: durationFromMs(rate.periodMs) });
}

function shown(value: JsonValue): string {
  const text = JSON.stringify(value);
  return text.length <= VALUE_SHOWN_MAX ? text : `${text.slice(0, VALUE_SHOWN_MAX)}…`;
}
