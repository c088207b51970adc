// Random workflow definitions that use everything the language has, of every size. Each names its own values, so that every change on
// a host is one task's and no other's. test/sim/workload.test.ts counts what they use, and fails for a field that nobody generates.
// 1. What is generated is valid: a refusal at Submit is meant, or a finding.

import { create } from "@bufbuild/protobuf";
import { isJsonObject } from "../../internal/base/json.ts";
import type { JsonValue } from "@bufbuild/protobuf";
import { TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Chance } from "./chance.ts";
import { randomContinue } from "./random-endless.ts";
import { randomParams } from "./random-params.ts";
import type { RandomParams } from "./random-params.ts";
import { signalDeclarations } from "./random-signals.ts";
import { randomStage } from "./random-stage.ts";
import type { StageSketch } from "./random-stage.ts";
import { SIZES } from "./scenario.ts";
import type { Size, SizeTerms } from "./scenario.ts";
import { WORKLOAD_TERMS } from "./workload-size.ts";

type Json = { [key: string]: JsonValue };
type Range = Pick<SizeTerms, "targetsMin" | "targetsMax">;

/** How many targets a rack holds in a large inventory. */
const RACK_SIZE = 20;

/** What a workflow is made for. */
export interface Workplace {
  /** In the name of every value that it sets. */
  readonly tag: string;
  readonly size: Size;
  /** The inventory. */
  readonly targets: readonly Target[];
}

/** A definition, and the parameters that fit it. */
interface RandomDefinition {
  readonly definition: Json;
  readonly params: RandomParams;
  /** How many targets it chooses. */
  readonly chosen: number;
}

/** Targets that a definition chooses in a run that is not small, when it chooses a few. */
const FEW_TARGETS_MAX = 40;

/** A definition. */
export function randomDefinition(chance: Chance, place: Workplace): RandomDefinition {
  const params = randomParams(chance);
  const { selector, chosen } = randomSelector(chance, place, params.names);
  const isSmall = chosen <= FEW_TARGETS_MAX && (place.size === "large" || place.size === "huge");
  const size = isSmall ? "usual" : place.size;
  const count = chance.int(...WORKLOAD_TERMS[size].stages);
  const hasSignals = chance.hit(0.4);
  const sketches: StageSketch[] = [];
  const stages: Json[] = [];
  for (let index = 0; index < count; index++) {
    const stage = randomStage(chance, {
      tag: place.tag,
      index,
      prefix: "s",
      size,
      targets: chosen,
      params: params.names,
      earlier: sketches,
      hasSignals,
    });
    sketches.push(stage.sketch);
    stages.push(stage.json);
  }
  const handlers: { [list: string]: Json[] } = {};
  for (const [prefix, list] of [
    ["g", "onSuccess"],
    ["f", "onFailure"],
    ["w", "always"],
  ] as const) {
    const own = chance.fork("handlers", place.tag, prefix);
    if (!own.hit(0.12)) continue;
    const at = {
      tag: place.tag,
      index: 0,
      prefix,
      size: size === "tiny" ? size : "usual",
      targets: chosen,
      params: params.names,
      earlier: sketches,
      hasSignals: false,
    } as const;
    handlers[list] = [randomStage(own, at).json];
  }
  const numbers = chance.fork("computed");
  const computed = numbers.hit(0.15) ? randomComputed(numbers, { stages, ...handlers }, params.names) : {};
  const definition: Json = {
    name: chance.hit(0.2) ? "delicate" : "random",
    targets: selector,
    ...(chance.hit(0.04) ? { deadline: `${chance.int(20, 400)}s` } : {}),
    stages,
    ...handlers,
    ...randomContinue(chance.fork("endless")),
    ...(hasSignals ? signalDeclarations(sketches.some(({ actions }) => actions.some(({ uses }) => uses === "signal"))) : {}),
    ...(chance.hit(0.1) ? { description: "Whatever comes." } : {}),
    ...(params.names.length === 0 ? {} : { params: params.declared }),
    ...(Object.keys(computed).length === 0 ? {} : { computed }),
    ...(chance.hit(0.4) ? { output: randomOutput(chance, sketches) } : {}),
    ...(chance.hit(0.2) ? { annotations: { ticket: "T-1", team: chance.one("sre", "dba") } } : {}),
  };
  return { definition, params, chosen };
}

/** Numbers of the first stages and actions that are told at Submit; a workflow with the parameter `count` uses it. */
function randomComputed(chance: Chance, lists: { readonly [list: string]: readonly Json[] }, params: readonly string[]): Json {
  const [stage] = lists["stages"] ?? [];
  const few = params.includes("count") ? "params.count + 1" : "1 + 2";
  const places: Json = {
    "stages[0].actions[0].retry.attempts": few,
    "stages[0].actions[0].retry.delay": `string(${few}) + 's'`,
    "stages[0].actions[0].timeout": `string(20 + ${few}) + 's'`,
    ...(stage?.["over"] === undefined ? {} : { "stages[0].rollout.parallel": few, "stages[0].rollout.max_failures": "'20%'" }),
  };
  const ways = Object.entries(lists).flatMap(([list, [first]]) => waysOf(first, `${LIST_NAMES[list] ?? list}[0]`));
  const timeouts = ways.map((way): [string, JsonValue] => [`${way}.timeout`, `string(20 + ${few}) + 's'`]);
  return Object.fromEntries([...chance.some(Object.entries(places), 0.5), ...chance.some(timeouts, 0.3)]);
}

const LIST_NAMES: { readonly [list: string]: string } = { onSuccess: "on_success", onFailure: "on_failure" };

/** The first action of each list of a stage, its first alternative, and what undoes it, by their places. */
function waysOf(stage: Json | undefined, place: string): readonly string[] {
  return ["actions", "onSuccess", "onFailure", "always"].flatMap((list) => {
    const all: unknown = stage?.[list];
    const first: unknown = Array.isArray(all) ? all[0] : undefined;
    if (!isJsonObject(first)) return [];
    const at = `${place}.${LIST_NAMES[list] ?? list}[0]`;
    return [at, ...(first["try"] === undefined ? [] : [`${at}.try[0]`]), ...(first["undo"] === undefined ? [] : [`${at}.undo`])];
  });
}

interface Choice {
  readonly selector: Json;
  readonly chosen: number;
}

function randomSelector(chance: Chance, { targets, size }: Workplace, params: readonly string[]): Choice {
  const isFew = (size === "large" || size === "huge") && chance.hit(0.5);
  const choice = isFew || chance.hit(0.15) ? byNames(chance, targets) : byCondition(chance, targets, params);
  const expect = chance.hit(0.15) ? { expect: choice.chosen } : {};
  return { ...choice, selector: { ...choice.selector, ...expect } };
}

function byNames(chance: Chance, targets: readonly Target[]): Choice {
  const first = chance.int(0, Math.max(0, targets.length - FEW_TARGETS_MAX));
  const names = chance.some(targets.slice(first, first + FEW_TARGETS_MAX), 0.5).map(({ name }) => name);
  const chosen = names.length === 0 ? targets.slice(0, 1).map(({ name }) => name) : names;
  return { selector: { names: chosen }, chosen: chosen.length };
}

/** Conditions on targets, and what they mean. The first target is of site `ams`, rack `r1` and tier `web`: none chooses nothing. */
const CONDITIONS: readonly { readonly where: string; accepts(target: Target): boolean }[] = [
  { where: "true", accepts: () => true },
  { where: "true", accepts: () => true },
  { where: 'target.labels.site == "ams"', accepts: ({ labels }) => labels["site"] === "ams" },
  { where: 'target.labels.rack in ["r1", "r2"]', accepts: ({ labels }) => ["r1", "r2"].includes(labels["rack"] ?? "") },
  { where: 'target.name.startsWith("h")', accepts: () => true },
  // A target that lacks the label is not chosen, even by `!=`.
  { where: 'target.labels.tier != "db"', accepts: ({ labels }) => labels["tier"] !== undefined && labels["tier"] !== "db" },
  { where: '!has(target.labels.tier) || target.labels.tier == "web"', accepts: ({ labels }) => (labels["tier"] ?? "web") === "web" },
];

function byCondition(chance: Chance, targets: readonly Target[], params: readonly string[]): Choice {
  const { where, accepts } = chance.pick(CONDITIONS) ?? { where: "true", accepts: () => true };
  const chosen = targets.filter(accepts).length;
  const aside = params.includes("ratio") && chance.hit(0.3) ? `(${where}) && params.ratio >= 0.0` : where;
  return { selector: { where: aside }, chosen };
}

function randomOutput(chance: Chance, stages: readonly StageSketch[]): string {
  const last = stages.at(-1)?.name ?? "s0";
  return chance.one(
    `stage('${last}').failed`,
    `{"changed": stage('${last}').changed, "of": workflow.targets}`,
    `stage('${last}').failed_targets`,
    'workflow.name + "/" + workflow.key',
    "params",
  );
}

/** Hosts with labels; the first is of site `ams`, rack `r1` and tier `web`. */
export function randomTargets(chance: Chance, { targetsMin, targetsMax }: Range = SIZES.usual): readonly Target[] {
  const count = chance.int(targetsMin, Math.max(targetsMin, targetsMax));
  const width = String(count - 1).length;
  const racks = Array.from({ length: Math.max(3, Math.ceil(count / RACK_SIZE)) }, (_, index) => `r${index + 1}`);
  return Array.from({ length: count }, (_, index) => {
    const isFirst = index === 0;
    const labels: Record<string, string> = {
      site: isFirst ? "ams" : chance.one("ams", "fra", "gva"),
      rack: isFirst ? "r1" : (chance.pick(racks) ?? "r1"),
    };
    if (isFirst || chance.hit(0.7)) labels["tier"] = isFirst ? "web" : chance.one("web", "db");
    const name = `h${String(index).padStart(width, "0")}`;
    return create(TargetSchema, { name, labels, connection: { kind: { case: "local", value: {} } } });
  });
}
