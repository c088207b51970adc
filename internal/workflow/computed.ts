// Numbers of a definition that are expressions over the parameters: evaluated once, at Submit, and written where they stand.
// 1. What is frozen and digested is the value: a replay finds it in the definition and evaluates nothing (H4).
// 2. A value is taken as if it had been written at its place, in the same form and within the same bounds; all faults are found at once.

import { clone, create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { assertNever } from "../base/assert.ts";
import type { ComputedPlace, NumberForm, WayNumber } from "../base/computed-place.ts";
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
function write(definition: WorkflowDefinition, { place, value }: Placed): string | undefined {
  const at = computedPlace(place);
  if (at === undefined) return `no expression can stand at this place${meant(place)}`;
  if (at.of === "workflow") {
    const ms = numberOf(at.form, value);
    if (ms === undefined) return `it must be ${formText(at.form)}`;
    definition.deadline = durationFromMs(ms);
    return undefined;
  }
  const stages = { main: definition.stages, on_success: definition.onSuccess, on_failure: definition.onFailure, always: definition.always };
  const list = stages[at.at.stages];
  const stage = list[at.at.stage];
  if (stage === undefined) return `there is no stage ${at.at.stage}, counted from 0; there are ${list.length}`;
  return at.of === "stage" ? writeToStage(stage, at, value) : writeToAction(stage, at, value);
}

function meant(place: string): string {
  const [, field = ""] = /([a-z_]+(?:\.[a-z_]+)?)$/.exec(place.replace(/^.*\]\.(?:undo\.)?/, "")) ?? [];
  const known = computedFields(place);
  return didYouMean(field, known) || `; it can at ${known.join(", ")}`;
}

type AtAction = Extract<ComputedPlace, { of: "action" }>;

function writeToAction(stage: Stage, { at, field, form }: AtAction, value: JsonValue): string | undefined {
  const actions = { main: stage.actions, on_success: stage.onSuccess, on_failure: stage.onFailure, always: stage.always }[at.actions];
  const action = actions[at.action];
  if (action === undefined) return `stage "${stage.name}" has no action ${at.action} here, counted from 0; it has ${actions.length}`;
  const way = at.way === undefined ? action : at.way === "undo" ? action.undo : action.try[at.way];
  if (way === undefined)
    return at.way === "undo"
      ? "there is no `undo` here"
      : `there is no alternative ${at.way}, counted from 0; there are ${action.try.length}`;
  const number = numberOf(form, value);
  if (number === undefined) return `it must be ${formText(form)}`;
  switch (field) {
    case "schedule_timeout":
      action.scheduleTimeout = durationFromMs(number);
      return undefined;
    case "completion.within":
      if (action.completion === undefined) return "there is no `completion` here";
      action.completion.within = durationFromMs(number);
      return undefined;
    case "repeat.max":
    case "repeat.every":
      return writeToRepeat(action, field, number);
    default:
      writeToWay(way, field, number);
      return undefined;
  }
}

/** A duration is in milliseconds. */
function writeToWay(way: Pick<Action, "timeout" | "totalTimeout" | "heartbeat" | "retry">, field: WayNumber, number: number): void {
  const duration = durationFromMs(Math.max(0, Math.round(number)));
  const retry = (): NonNullable<Action["retry"]> => (way.retry ??= create(RetrySchema, { attempts: 1 }));
  switch (field) {
    case "timeout":
      way.timeout = duration;
      return;
    case "total_timeout":
      way.totalTimeout = duration;
      return;
    case "heartbeat":
      way.heartbeat = duration;
      return;
    case "retry.attempts":
      retry().attempts = number;
      return;
    case "retry.backoff":
      retry().backoff = duration;
      return;
    case "retry.backoff_max":
      retry().backoffMax = duration;
      return;
    case "retry.delay":
      retry().delay = duration;
      return;
    case "retry.jitter":
      retry().jitter = number;
      return;
    default:
      return assertNever(field);
  }
}

function writeToStage(stage: Stage, { field, form, item }: Extract<ComputedPlace, { of: "stage" }>, value: JsonValue): string | undefined {
  const wrong = `it must be ${formText(form)}`;
  if (field === "repeat.max" || field === "repeat.every" || field === "deadline" || field === "over.max") {
    const number = numberOf(form, value);
    if (number === undefined) return wrong;
    if (field === "over.max") return writeToList(stage, number);
    if (field !== "deadline") return writeToRepeat(stage, field, number);
    stage.deadline = durationFromMs(number);
    return undefined;
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

function writeToList({ over }: Stage, number: number): string | undefined {
  if (over?.kind.case !== "list") return "there is no list here; say `over.list` too";
  over.kind.value.max = number;
  return undefined;
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
      const ms = typeof value === "string" ? parseDurationMs(value, form.msMax) : undefined;
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
