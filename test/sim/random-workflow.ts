// Random workflow definitions: stages, waves, budgets, rates, locks, graphs of needs, conditions, retries. Each names its own values, so that
// every change on a host is one task's and no other's.

import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Chance } from "./chance.ts";

type Json = { [key: string]: JsonValue };

/** Hosts of a few sites and racks; the first is of site `ams`. */
export function randomTargets(chance: Chance): readonly Target[] {
  return Array.from({ length: chance.int(1, 7) }, (_, index) => {
    const site = index === 0 ? "ams" : (chance.pick(["ams", "fra", "gva"]) ?? "ams");
    const labels = { site, rack: chance.pick(["r1", "r2", "r3"]) ?? "r1" };
    return create(TargetSchema, { name: `h${index}`, labels, connection: { kind: { case: "local", value: {} } } });
  });
}

/** A definition; `tag` is in the name of every value that it sets. */
export function randomWorkflow(chance: Chance, tag: string): JsonValue {
  const stages = Array.from({ length: chance.int(1, 3) }, (_, index) => randomStage(chance, { tag, index }));
  return {
    name: chance.hit(0.2) ? "delicate" : "random",
    targets: chance.hit(0.7) ? { where: "true" } : { where: 'target.labels.site == "ams"' },
    stages,
    ...(chance.hit(0.3) ? { output: "stage('s0').failed" } : {}),
  };
}

function randomStage(chance: Chance, at: { readonly tag: string; readonly index: number }): Json {
  const isOver = chance.hit(0.8);
  const actions: Json[] = [];
  const count = chance.int(1, 4);
  for (let index = 0; index < count; index++) actions.push(randomAction(chance, actions, `${at.tag}s${at.index}a${index}`, index));
  return {
    name: `s${at.index}`,
    actions,
    ...(isOver ? { over: { targets: true } } : {}),
    ...(isOver && chance.hit(0.8) ? { rollout: randomRollout(chance) } : {}),
    ...(isOver && chance.hit(0.4) ? { locks: randomLocks(chance) } : {}),
  };
}

function randomLocks(chance: Chance): string[] {
  const keys = ["shared", "db-${{ target.labels.site }}", "rack-${{ target.labels.rack }}"];
  return Array.from({ length: chance.int(1, 2) }, () => chance.pick(keys) ?? "shared");
}

function randomRollout(chance: Chance): Json {
  const amount = (): Json => (chance.hit(0.5) ? { count: chance.int(1, 3) } : { percent: chance.int(1, 60) });
  return {
    parallel: chance.int(1, 4),
    ...(chance.hit(0.5) ? { waves: Array.from({ length: chance.int(1, 3) }, amount) } : {}),
    ...(chance.hit(0.4) ? { pause: `${chance.int(0, 20)}s` } : {}),
    ...(chance.hit(0.6) ? { maxFailures: chance.hit(0.7) ? { count: chance.int(0, 3) } : { percent: chance.int(0, 60) } } : {}),
    ...(chance.hit(0.5) ? { maxAtRisk: { count: chance.int(chance.hit(0.1) ? 0 : 1, 3) } } : {}),
    ...(chance.hit(0.3) ? { rate: { tokens: chance.int(1, 7), period: chance.pick(["10s", "60s"]) ?? "10s" } } : {}),
  };
}
function randomAction(chance: Chance, earlier: readonly Json[], value: string, index: number): Json {
  const uses = chance.pick(["set", "set", "set", "touch", "probe"]) ?? "set";
  const isGraph = chance.hit(0.4);
  const needs = isGraph ? earlier.map((_, position) => `a${position}`).filter(() => chance.hit(0.4)) : undefined;
  const before = needs ?? (index === 0 ? [] : [`a${index - 1}`]);
  const when = randomWhen(chance, before);
  return {
    name: `a${index}`,
    uses,
    with: uses === "set" ? { name: value, value: "1" } : { n: 1 },
    timeout: "30s",
    ...(needs === undefined ? {} : { needs: { actions: needs } }),
    ...(when === undefined ? {} : { when }),
    ...(chance.hit(0.4) ? { retry: randomRetry(chance) } : {}),
    ...(chance.hit(0.2) ? { totalTimeout: `${chance.int(10, 90)}s` } : {}),
  };
}

function randomWhen(chance: Chance, before: readonly string[]): string | undefined {
  const name = chance.pick(before);
  if (name === undefined || chance.hit(0.6)) return chance.hit(0.05) ? "false" : undefined;
  return chance.pick([
    `${name}.changed`,
    `${name}.outcome == "SUCCEEDED"`,
    `has(${name}.output)`,
    `!${name}.changed`,
    `${name}.output.n == 1`,
  ]);
}

function randomRetry(chance: Chance): Json {
  const attempts = chance.int(1, 3);
  return chance.hit(0.5) ? { attempts, delay: `${chance.int(0, 5)}s` } : { attempts, backoff: `${chance.int(1, 5)}s`, backoffMax: "20s" };
}
