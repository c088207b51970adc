import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ListLocksRequestSchema } from "../gen/holdfast/v1/guard_service_pb.ts";
import { FreezeMode } from "../gen/holdfast/v1/policy_pb.ts";
import { ResolveTaskRequestSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { Resolution } from "../gen/holdfast/v1/event_pb.ts";
import { applyGuardEvent, emptyGuard } from "../guard/guard.ts";
import { ledgerTouched } from "../guard/ledger.ts";
import { GuardedWorld, OPERATOR, oneStage } from "../../test/fakes/guarded-world.ts";
import type { ScopeKind } from "../../test/fakes/guarded-world.ts";
import { aLimit, aRule } from "../../test/fakes/policy-text.ts";
import { Chance } from "../../test/sim/chance.ts";

const ref = (id: string) => ({ id, namespace: "" });
const POLICIES = [
  aLimit({ name: "three", terms: "concurrency: 3" }),
  aLimit({ name: "site", match: 'task.action == "b"', key: '"s/" + target.labels.site', terms: "concurrency: 1, tokens: 6, period: 60s" }),
  aRule({ name: "blast", gates: "wave", expr: 'ledger.touchedTotal("1h") + size(targets) <= 12', enforcement: "wait" }),
  aRule({ name: "even", gates: "task", expr: 'target.name != "h3" || now.getSeconds() % 20 < 10', enforcement: "wait" }),
];
const EVERYTHING: ScopeKind = { case: "everything", value: true };
const SCOPES: readonly ScopeKind[] = [
  EVERYTHING,
  { case: "workflowName", value: "w1" },
  { case: "label", value: { label: "site", value: "ams" } },
];

/** Some steps stand still until the test lets them go; nothing is changed while the file FREEZE is there. */
function watch(world: GuardedWorld, chance: Chance): void {
  world.fleet.onStep = async ({ host, kind, context }) => {
    if (kind === "apply") expect(world.stopFile.look().kind, `${host.name} is changed while it is frozen`).toBe("absent");
    if (!chance.hit(0.2)) return;
    await new Promise<void>((resolve) => world.standing.set(`${kind} ${context.taskKey}.${context.attempt}`, resolve));
  };
}

async function disturb(world: GuardedWorld, chance: Chance, ids: readonly string[]): Promise<void> {
  const id = ids[chance.int(0, ids.length - 1)] ?? "";
  const quietly = async (work: Promise<unknown>): Promise<void> => void (await work.catch(() => undefined));
  switch (chance.int(0, 12)) {
    case 0:
      return quietly(world.engine.pause(OPERATOR, ref(id), "lunch"));
    case 1:
      return quietly(world.engine.unpause(OPERATOR, ref(id)));
    case 2:
      return quietly(world.freezeScope(chance.pick(SCOPES) ?? EVERYTHING, chance.hit(0.5) ? FreezeMode.ABORT : FreezeMode.FINISH));
    case 3:
    case 4: {
      const [freeze] = (await world.engine.freezes()).proof?.freezes ?? [];
      return freeze === undefined ? undefined : quietly(world.thaw(freeze.id));
    }
    case 5:
      world.stopFile.set({ kind: "present", path: "/data/FREEZE" });
      return undefined;
    case 6:
      world.stopFile.set({ kind: "absent" });
      return undefined;
    case 7:
      return world.restart();
    case 8:
      world.clock.step(chance.hit(0.5) ? 3_600_000 : -20_000);
      return undefined;
    case 9:
      if (chance.hit(0.2)) await quietly(world.engine.cancel(OPERATOR, ref(id), "no"));
      return undefined;
    case 10:
      world.fleet.trouble(`h${chance.int(0, 7)}`, "apply", chance.hit(0.5) ? "fail" : "lost-answer");
      return undefined;
    default:
      return world.pass(1 + chance.int(0, 19));
  }
}

/** Lets everything go on that a person keeps from going on. */
async function calm(world: GuardedWorld, ids: readonly string[]): Promise<void> {
  world.stopFile.set({ kind: "absent" });
  for (const host of world.fleet.hosts.values()) host.troubles.clear();
  world.fleet.onStep = async () => undefined;
  await world.release();
  for (const { id } of (await world.engine.freezes()).proof?.freezes ?? []) await world.thaw(id);
  for (const id of ids) await world.engine.unpause(OPERATOR, ref(id)).catch(() => undefined);
}

async function resolveAll(world: GuardedWorld, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    for (let target = 0; target < 8; target++) {
      for (const action of ["a", "b"]) {
        const what = { workflow: ref(id), stage: "fix", action, target: `h${target}`, resolution: Resolution.SUCCEEDED, reason: "looked" };
        await world.engine.resolveTask(OPERATOR, create(ResolveTaskRequestSchema, what)).catch(() => undefined);
      }
    }
  }
  await world.settle();
}

/** In the end nothing is held or reserved any more. */
function checkLedger(world: GuardedWorld): void {
  const rebuilt = emptyGuard();
  for (const { guardEvents } of world.journal.entries) for (const event of guardEvents) applyGuardEvent(rebuilt, event);
  const at = rebuilt.clock.lastMs;
  expect(ledgerTouched(rebuilt, "1h", { kind: "all" }, at).count).toBeLessThanOrEqual(12);
  expect(rebuilt.limits.held.size).toBe(0);
  expect(rebuilt.ledger.reservations.size).toBe(0);
}

const SEED = Number(process.env["SEED"] ?? "0");
const SEEDS = SEED > 0 ? [SEED] : Array.from({ length: 60 }, (_, at) => at + 1);

test.each(SEEDS)("whatever is frozen, paused, stepped and killed, in the end everything that can run has run (seed %i)", runSeed, 60_000);

test("a target that comes back with its locks does not wait for one of its workflow that waits for locks", () => runSeed(39), 60_000);

async function runSeed(seed: number): Promise<void> {
  const chance = new Chance(seed);
  const world = new GuardedWorld({ targets: 8, policies: POLICIES, seed });
  await world.start();
  watch(world, chance);
  const set = (name: string) => ({
    name,
    uses: chance.hit(0.7) ? "set" : "touch",
    ...(name === "" ? {} : { with: { name, value: String(seed) } }),
    retry: { attempts: 2, delay: "5s" },
  });
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) {
    const rollout = {
      parallel: 1 + chance.int(0, 7),
      maxFailures: { count: 8 },
      ...(chance.hit(0.5) ? { waves: [{ count: 3 }], pause: "10s" } : {}),
    };
    const locks = chance.hit(0.4) ? { locks: ["db-${{ target.labels.site }}"] } : {};
    const stage = oneStage({ rollout, ...locks }, [set("a"), set("b")]);
    ids.push((await world.submit({ name: `w${n}`, ...stage }, { parts: { priority: chance.int(0, 1) } })).id);
  }
  for (const id of ids) await world.exec(id).catch(() => undefined);
  for (let step = 0; step < 40; step++) {
    await disturb(world, chance, ids);
    const names = [...world.standing.keys()];
    const [name] = names.slice(chance.int(0, Math.max(1, names.length - 1)));
    if (name !== undefined) {
      world.standing.get(name)?.();
      world.standing.delete(name);
    }
    await world.settle(3);
    const held = (await world.engine.locks(create(ListLocksRequestSchema, {}))).locks.filter(({ target }) => target !== "");
    expect(new Set(held.map(({ key }) => key)).size).toBe(held.length);
  }
  await calm(world, ids);
  for (let round = 0; round < 6; round++) {
    await world.pass(120);
    await resolveAll(world, ids);
    for (const name of Array.from(world.standing.keys())) await world.release(name);
  }
  await world.pass(4_000);
  await resolveAll(world, ids);
  await world.pass(200);
  const phases = await Promise.all(ids.map((id) => world.phase(id)));
  const whys = await Promise.all(ids.map(async (id) => `${id}: ${await world.whyText(id)}`));
  for (const phase of phases) expect(["SUCCEEDED", "FAILED", "CANCELLED", "SUBMITTED", "EXPIRED"], whys.join("\n")).toContain(phase);
  checkLedger(world);
}
