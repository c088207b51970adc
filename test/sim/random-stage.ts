// Random stages of workflows: over targets or once, with rollouts, locks and graphs of actions.
// 1. Bounds grow with the number of targets, so that a stage of ten thousand ends in reasonable time.

import type { JsonValue } from "@bufbuild/protobuf";
import type { Chance } from "./chance.ts";
import { randomAction } from "./random-action.ts";
import type { ActionSketch } from "./random-action.ts";
import type { Size } from "./scenario.ts";
import { WORKLOAD_TERMS } from "./workload-size.ts";

type Json = { [key: string]: JsonValue };

/** What later expressions need to know of a stage. */
export interface StageSketch {
  readonly name: string;
  /** Over targets, or a list: then it has no `actions` in expressions. */
  readonly isOver: boolean;
  readonly actions: readonly ActionSketch[];
}

/** Where a stage stands. */
export interface StagePlace {
  /** In the name of every value that it sets. */
  readonly tag: string;
  readonly index: number;
  /** Of its name: `s`, or another for what handles the workflow's end. */
  readonly prefix: string;
  readonly size: Size;
  /** How many targets the workflow has. */
  readonly targets: number;
  /** Names of its parameters. */
  readonly params: readonly string[];
  readonly earlier: readonly StageSketch[];
  /** True where the workflow has a variable and signals. */
  readonly hasSignals: boolean;
}

/** From so many targets on a lock that all of them share is no use to anybody. */
const CROWD = 60;

/** A stage. */
export function randomStage(chance: Chance, place: StagePlace): { readonly json: Json; readonly sketch: StageSketch } {
  const { tag, index, prefix, size, targets, params, earlier, hasSignals } = place;
  // Now and then it runs over a list instead; what else was drawn stays as it was.
  const lists = chance.fork("list", tag, prefix, index);
  const isList = lists.hit(0.1);
  const isOver = chance.hit(size === "large" || size === "huge" ? 0.95 : 0.8) && !isList;
  const sketches: ActionSketch[] = [];
  const actions: Json[] = [];
  const order = randomOrder(chance.fork("order", index), earlier);
  if (index > 0 && chance.fork("milestone", index).hit(0.06)) {
    const name = `${prefix}${index}`;
    return { json: { name, ...order }, sketch: { name, isOver: false, actions: [] } };
  }
  const count = chance.int(...WORKLOAD_TERMS[size].actions);
  for (let position = 0; position < count; position++) {
    const at = {
      value: `${tag}${prefix}${index}a${position}`,
      stage: `${prefix}${index}`,
      isOver,
      isList,
      targets,
      params,
      stages: earlier,
      before: sketches,
      hasSignals,
    };
    const action = randomAction(chance, at);
    sketches.push(action.sketch);
    actions.push(action.json);
  }
  const json: Json = {
    name: `${prefix}${index}`,
    actions,
    ...(isOver ? { over: { targets: true } } : {}),
    ...(isList && count > 0 ? { over: { list: randomList(lists, earlier) }, rollout: listRollout(lists) } : {}),
    ...(isOver && (targets > CROWD || chance.hit(0.8)) ? { rollout: randomRollout(chance, place) } : {}),
    ...(isOver && chance.hit(targets > CROWD ? 0.2 : 0.4) ? { locks: randomLocks(chance, place) } : {}),
    ...(chance.hit(0.08) ? { deadline: `${chance.int(5, 120)}s` } : {}),
    ...(chance.hit(0.1) ? { annotations: { step: String(index) } } : {}),
    ...order,
    ...(chance.fork("undo", tag, prefix, index).hit(0.4)
      ? { undo: chance.one("STAGE_UNDO_WAVE", "STAGE_UNDO_WAVE", "STAGE_UNDO_TARGET") }
      : {}),
    ...(count === 0 ? {} : randomHandlers(chance.fork("handlers", tag, index), place, { isOver, isList, main: sketches })),
    ...randomRepeat(chance.fork("repeat", tag, prefix, index), `${prefix}${index}`),
  };
  return { json, sketch: { name: `${prefix}${index}`, isOver: isOver || isList, actions: sketches } };
}

/** Until a whole iteration changed nothing, mostly; or never. */
function randomRepeat(chance: Chance, name: string): Json {
  if (!chance.hit(0.08)) return {};
  const until = chance.one(`stage('${name}').changed == 0`, `stage('${name}').changed == 0`, "true", `stage('${name}').tasks < 0`);
  return { repeat: { until, max: chance.int(1, 3), ...(chance.hit(0.6) ? { every: `${chance.int(1, 20)}s` } : {}) } };
}

/** Where it stands among the stages: what it needs, and whether its failure ends the workflow. */
function randomOrder(chance: Chance, earlier: readonly StageSketch[]): Json {
  const needed = chance.some(earlier, 0.4).map(({ name }) => name);
  return {
    ...(chance.hit(0.2) ? { needs: { stages: needed } } : {}),
    ...(chance.hit(0.2) ? { continueOnError: true } : {}),
  };
}

/** What handles how the main actions of a target ended. */
function randomHandlers(
  chance: Chance,
  place: StagePlace,
  of: { readonly isOver: boolean; readonly isList: boolean; readonly main: readonly ActionSketch[] },
): Json {
  const { tag, index, prefix, targets, params, earlier } = place;
  const json: Json = {};
  for (const [letter, list] of [
    ["g", "onSuccess"],
    ["f", "onFailure"],
    ["w", "always"],
  ] as const) {
    if (!chance.hit(0.15)) continue;
    const sketches: ActionSketch[] = [];
    const actions: Json[] = [];
    for (let position = 0; position < chance.int(1, 2); position++) {
      const at = {
        value: `${tag}${prefix}${index}${letter}${position}`,
        stage: `${prefix}${index}`,
        isOver: of.isOver,
        isList: of.isList,
        targets,
        params,
        stages: earlier,
        before: sketches,
        hasSignals: false,
      };
      const action = randomAction(chance, at, { prefix: letter, main: of.main });
      sketches.push(action.sketch);
      actions.push(action.json);
    }
    json[list] = actions;
  }
  return json;
}

/** Mostly a few items; now and then too many, none, or what is no list of items. */
function randomList(chance: Chance, earlier: readonly StageSketch[]): Json {
  const names = ["i0", "i1", "i2", "i3"].slice(0, chance.int(0, 4));
  const objects = names.map((name, n) => `{'name': '${name}', 'n': ${n}}`);
  const before = chance.pick(earlier)?.name;
  const failed = before === undefined ? "[workflow.name]" : `stage('${before}').failed_targets`;
  const items = chance.one(`[${names.map((name) => `'${name}'`).join(", ")}]`, `[${objects.join(", ")}]`, failed);
  return { items: chance.hit(0.05) ? chance.one("['a', 'a']", "[1]", "workflow") : items, max: chance.int(2, 6) };
}

function listRollout(chance: Chance): Json {
  return {
    parallel: chance.int(1, 3),
    ...(chance.hit(0.4) ? { waves: [{ count: 1 }, { percent: 50 }] } : {}),
    ...(chance.hit(0.4) ? { pause: `${chance.int(0, 20)}s` } : {}),
    ...(chance.hit(0.6) ? { maxFailures: chance.hit(0.5) ? { count: chance.int(0, 2) } : { percent: chance.int(0, 60) } } : {}),
    ...(chance.hit(0.2) ? { rate: { tokens: chance.int(1, 7), period: "10s" } } : {}),
  };
}

function randomLocks(chance: Chance, { targets, params }: StagePlace): string[] {
  const own = ["host-${{ target.name }}", "rack-${{ target.labels.rack }}"];
  const wide = ["shared", "db-${{ target.labels.site }}", "job-${{ workflow.name }}-${{ target.labels.site }}"];
  const keys = targets > CROWD ? own : [...own, ...wide, ...(params.includes("channel") ? ["channel-${{ params.channel }}"] : [])];
  return [...new Set(Array.from({ length: chance.int(1, 3) }, () => chance.pick(keys) ?? "shared"))];
}

function randomRollout(chance: Chance, { size, targets }: StagePlace): Json {
  const isCrowd = targets > CROWD;
  // In a crowd some always fail: a budget of none would end every workflow at its first wave.
  const failures = isCrowd
    ? { percent: chance.int(5, 60) }
    : chance.hit(0.7)
      ? { count: chance.int(0, 3) }
      : { percent: chance.int(0, 60) };
  const atRisk = isCrowd ? { percent: chance.int(10, 100) } : randomAtRisk(chance);
  return {
    ...(isCrowd || chance.hit(0.9) ? { parallel: chance.int(...WORKLOAD_TERMS[size].parallel) } : {}),
    ...(chance.hit(0.5) ? { waves: Array.from({ length: chance.int(1, 4) }, () => randomWave(chance, targets)) } : {}),
    ...(chance.hit(0.4) ? { pause: `${chance.int(0, 20)}s` } : {}),
    ...(chance.hit(isCrowd ? 0.9 : 0.6) ? { maxFailures: failures } : {}),
    ...(chance.hit(isCrowd ? 0.3 : 0.5) ? { maxAtRisk: atRisk } : {}),
    ...(chance.hit(0.25) ? { rate: randomRate(chance, targets) } : {}),
  };
}

function randomAtRisk(chance: Chance): Json {
  if (chance.hit(0.3)) return { percent: chance.int(20, 100) };
  return { count: chance.int(chance.hit(0.1) ? 0 : 1, 3) };
}

function randomWave(chance: Chance, targets: number): Json {
  if (chance.hit(0.5)) return { percent: targets > CROWD ? chance.int(10, 100) : chance.int(1, 60) };
  return { count: targets > CROWD ? chance.int(Math.ceil(targets / 10), targets) : chance.int(1, 3) };
}

/** A crowd has begun after a minute or so. */
function randomRate(chance: Chance, targets: number): Json {
  if (targets > CROWD) return { tokens: targets, period: chance.one("30s", "60s") };
  return { tokens: chance.int(1, 7), period: chance.one("10s", "60s", "0.5s") };
}
