// A random definition of what makes the core hard: undo, handlers, alternatives, waves, budgets, repeats and deadlines, all beside each other.
// 1. It is small on purpose: few targets and few actions meet more often than many.

import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Chance } from "../sim/chance.ts";

/** What is submitted. */
export interface RandomWorkflow {
  readonly definition: JsonValue;
  readonly targets: number;
}

const ONCE_MORE: JsonObject = { retry: { attempts: 2, delay: "1s" } };
const TWICE: JsonObject = { until: "false", max: 2, every: "1s" };

/** Draws one. */
export function randomWorkflow(chance: Chance): RandomWorkflow {
  const targets = chance.one(1, 2, 2, 3);
  const stages: JsonObject[] = [mainStage(chance, targets)];
  if (chance.hit(0.2)) stages.push({ name: "second", actions: [{ name: "z", uses: "set" }] });
  const endless = maybe(chance, 0.15, { continueAsNew: { while: "workflow.generation < 2", keep: 0 } });
  return { targets, definition: { name: "test", targets: { where: "true" }, stages, ...endless } };
}

function mainStage(chance: Chance, targets: number): JsonObject {
  const isList = chance.hit(0.15);
  return {
    name: "up",
    over: isList ? { list: { items: "['p', 'q']", max: 3 } } : { targets: true },
    rollout: isList ? listRollout(chance) : targetRollout(chance, targets),
    actions: mainActions(chance, isList),
    ...maybe(chance, 0.7, { undo: "STAGE_UNDO_WAVE" }),
    ...handlers(chance, { field: "onSuccess", name: "good", probability: 0.5 }),
    ...handlers(chance, { field: "onFailure", name: "bad", probability: 0.4 }),
    ...handlers(chance, { field: "always", name: "last", probability: 0.6 }),
    ...(isList ? {} : maybe(chance, 0.3, { locks: ["one"] })),
    ...maybe(chance, 0.3, { deadline: "30s" }),
    ...maybe(chance, 0.2, { repeat: TWICE }),
    ...maybe(chance, 0.2, { continueOnError: true }),
  };
}

function targetRollout(chance: Chance, targets: number): JsonObject {
  return {
    parallel: chance.int(1, 3),
    ...maybe(chance, targets > 1 ? 0.3 : 0, { waves: [{ count: 1 }] }),
    ...maybe(chance, 0.3, { maxFailures: { count: 1 } }),
    ...maybe(chance, 0.5, { maxAtRisk: { count: chance.int(1, 2) } }),
  };
}

function listRollout(chance: Chance): JsonObject {
  return { parallel: chance.int(1, 2), ...maybe(chance, 0.4, { maxFailures: { count: 1 } }) };
}

function mainActions(chance: Chance, isList: boolean): JsonObject[] {
  const names = ["m0", "m1", "m2"].slice(0, chance.one(1, 2, 2, 3));
  return names.map((name, at) => ({
    name,
    ...(chance.hit(0.3) ? alternatives(chance) : plainWork(chance, isList)),
    ...maybe(chance, 0.75, undo(chance)),
    ...needs(chance, names.slice(0, at)),
  }));
}

function plainWork(chance: Chance, isList: boolean): JsonObject {
  const when = maybe(chance, isList ? 0 : 0.05, { when: "target.name != 'h0'" });
  return { uses: "set", ...troubled(chance), ...maybe(chance, 0.015, repeated()), ...when };
}

function alternatives(chance: Chance): JsonObject {
  return { try: [{ uses: "set" }, { uses: "set", ...maybe(chance, 0.3, ONCE_MORE) }] };
}

function undo(chance: Chance): JsonObject {
  return { undo: { uses: "set", ...chance.one<JsonObject>({}, {}, {}, ONCE_MORE, { timeout: "9s" }) } };
}

/** Without `needs` an action needs the one before it. */
function needs(chance: Chance, earlier: readonly string[]): JsonObject {
  const one = chance.pick(earlier);
  return chance.one<JsonObject>({}, {}, one === undefined ? {} : { needs: { actions: [one] } }, { needs: { actions: [] } });
}

function handlers(chance: Chance, of: { readonly field: string; readonly name: string; readonly probability: number }): JsonObject {
  if (!chance.hit(of.probability)) return {};
  const names = chance.hit(0.3) ? [of.name, `${of.name}2`] : [of.name];
  return { [of.field]: names.map((name) => handler(chance, name)) };
}

function handler(chance: Chance, name: string): JsonObject {
  const again = maybe(chance, 0.15, repeated());
  return chance.one<JsonObject>(
    { name, uses: "wait", with: { for: "5s" }, ...maybe(chance, 0.15, { continueOnError: true }) },
    { name, uses: "probe", ...maybe(chance, 0.3, ONCE_MORE), ...again },
    { name, uses: "set", ...troubled(chance), ...again },
  );
}

function troubled(chance: Chance): JsonObject {
  return {
    ...maybe(chance, 0.3, ONCE_MORE),
    ...maybe(chance, 0.15, { continueOnError: true }),
    ...maybe(chance, 0.15, { scheduleTimeout: "20s" }),
  };
}

/** An iteration that never comes to what it waits for is no failure here. */
function repeated(): JsonObject {
  return { repeat: TWICE, continueOnError: true };
}

function maybe(chance: Chance, probability: number, fields: JsonObject): JsonObject {
  return chance.hit(probability) ? fields : {};
}
