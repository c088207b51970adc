// Limits, waves, a pause, a stage's lock and a freeze, killed at every append: what the guard promised holds over each restart.

import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { Mode } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { FreezeRequestSchema, ThawRequestSchema } from "../../internal/gen/holdfast/v1/guard_service_pb.ts";
import { FreezeMode } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { Phase } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { HoldfastError } from "../../internal/base/errors.ts";
import { TESTER } from "../fakes/principals.ts";
import { World, aSubmission, requestId } from "../fakes/world.ts";

/** Half of twelve hosts, in waves of five, with a minute between; two hosts of a rack share a lock. */
const erase = (half: string): JsonValue => ({
  name: `erase-${half}`,
  targets: { where: `target.labels.half == "${half}"` },
  stages: [
    {
      name: "erase",
      over: { targets: true },
      rollout: { waves: [{ count: 5 }], pause: "60s", parallel: 10 },
      locks: ["rack-${{ target.labels.rack }}"],
      actions: [{ name: "erase", uses: "send" }],
    },
  ],
});

const POLICY = `
name: erase
match: 'true'
rules:
  - { name: told, gates: [submit], expr: 'true', message: '""', enforcement: audit }
limits:
  - { name: one-site-an-hour, match: 'true', key: '"erase"', each: target.labels.site, tokens: 1, period: 1h }
  - { name: five-at-a-time, match: 'true', key: '"erase"', concurrency: 5 }
`;

const HOSTS = 12;
const HALVES = ["a", "b"] as const;
const ROUNDS_MAX = 600;
const HOUR_MS = 3_600_000;

/** Applies as the fleet saw them. */
interface Seen {
  readonly starts: { readonly host: string; readonly site: string; readonly atMs: number }[];
  /** Racks under change. */
  readonly open: string[];
  openMost: number;
  /** How often the service was killed. */
  life: number;
}

/** A world whose applies take ten seconds, by the machine's clock and not by the service's life. */
function aWorld(): { readonly world: World; readonly seen: Seen; readonly frozen: { isFrozen: boolean } } {
  const world = new World({ targets: HOSTS });
  world.targets = world.targets.map((target, index) =>
    create(TargetSchema, {
      ...target,
      labels: { site: index < 8 ? "ams" : "fra", half: HALVES[index % 2] ?? "a", rack: `r${index % 6}` },
    }),
  );
  const seen: Seen = { starts: [], open: [], openMost: 0, life: 0 };
  const frozen = { isFrozen: false };
  world.policies = world.policiesOf([POLICY]);
  world.fleet.onStep = async ({ host, kind }) => {
    if (kind === "apply") {
      expect(frozen.isFrozen, `${host.name} is changed while all is frozen`).toBe(false);
      const { site = "", rack = "" } = world.targets.find(({ name }) => name === host.name)?.labels ?? {};
      seen.starts.push({ host: host.name, site, atMs: world.clock.monotonicMs() });
      expect(seen.open, `${host.name} is changed, the second host of rack ${rack}`).not.toContain(rack);
      const { life } = seen;
      seen.open.push(rack);
      seen.openMost = Math.max(seen.openMost, seen.open.length);
      await new Promise<void>((resolve) => void world.clock.after(10_000, resolve));
      if (life === seen.life) seen.open.splice(seen.open.indexOf(rack), 1);
    }
  };
  const crash = world.crash.bind(world);
  world.crash = (survival) => {
    seen.open.length = 0;
    seen.life += 1;
    crash(survival);
  };
  return { world, seen, frozen };
}

/** Hands in until it is acknowledged, and lets time pass until the end; freezes and thaws on the way. */
async function runToEnd(at: ReturnType<typeof aWorld>, arm: () => void): Promise<void> {
  const { world, frozen } = at;
  let isArmed = false;
  const stops = { isFrozen: false, isThawed: false };
  for (let round = 0; round < ROUNDS_MAX; round++) {
    if (!world.isUp) await Promise.race([world.start(), world.settle(60)]);
    if (!isArmed) arm();
    isArmed = true;
    const phases = world.isUp ? await Promise.race([Promise.all(HALVES.map((half, n) => look(world, half, n))), world.settle(30)]) : [];
    if (Array.isArray(phases) && phases.length === 2 && phases.every((phase) => phase === Phase.SUCCEEDED)) return;
    if (world.isUp && round >= 2 && !stops.isFrozen) stops.isFrozen = await freeze(world, frozen);
    if (world.isUp && round >= 6 && stops.isFrozen && !stops.isThawed) stops.isThawed = await thaw(world, frozen);
    for (let step = 0; step < 6; step++) {
      world.clock.advance(stops.isThawed ? 30_000 : 1_000);
      await world.settle(5);
    }
  }
  throw new Error("the workflows did not come to their end");
}

/** Hands in what was not acknowledged; where it stands. Refusals are answers: all may be frozen. */
async function look(world: World, half: string, n: number): Promise<Phase> {
  try {
    const { id, digest } = await world.engine.submit(TESTER, aSubmission(erase(half), { requestId: requestId(n + 1) }), Mode.APPLY);
    const { phase } = await world.engine.status({ id, namespace: "" });
    return phase === Phase.SUBMITTED ? (await world.engine.exec(TESTER, { id, namespace: "" }, digest)).phase : phase;
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return Phase.UNSPECIFIED;
  }
}

/** True once it was answered; from then on it holds, whatever happens to the service. */
async function freeze(world: World, frozen: { isFrozen: boolean }): Promise<boolean> {
  const request = create(FreezeRequestSchema, {
    scope: { kind: { case: "everything", value: true } },
    mode: FreezeMode.FINISH,
    reason: "look",
  });
  const asked = world.engine.freeze(TESTER, request).then(() => (frozen.isFrozen = true));
  return (await Promise.race([asked, world.settle(30)])) === true;
}

/** True once nothing is frozen by the service's own word. What was answered is in force until somebody asks for its end. */
async function thaw(world: World, frozen: { isFrozen: boolean }): Promise<boolean> {
  const { proof } = await world.engine.freezes();
  const ids = proof?.freezes.map(({ id }) => id) ?? [];
  if (frozen.isFrozen) expect(ids, "a freeze that was answered").toEqual(["f1"]);
  frozen.isFrozen = false;
  const asked = ids.map((id) => world.engine.thaw(TESTER, create(ThawRequestSchema, { id })));
  await Promise.race([Promise.all(asked), world.settle(30)]);
  return ids.length === 0;
}

function expectKept({ starts, openMost }: Seen, what: string): void {
  expect(openMost, `${what}: at a time`).toBeLessThanOrEqual(5);
  const first = new Map<string, number>();
  for (const { site, atMs } of starts) if (!first.has(site)) first.set(site, atMs);
  const [one = 0, other = HOUR_MS] = [...first.values()];
  expect(other - one, `${what}: between the first site and the second`).toBeGreaterThanOrEqual(HOUR_MS);
  expect(new Set(starts.map(({ host }) => host)).size, what).toBe(HOSTS);
}

test("undisturbed, five are changed at a time, one site an hour", async () => {
  const at = aWorld();
  await runToEnd(at, () => undefined);
  expectKept(at.seen, "undisturbed");
  expect(at.seen.openMost).toBe(5);
});

async function appendsUndisturbed(): Promise<number> {
  const at = aWorld();
  await runToEnd(at, () => undefined);
  return at.world.journal.entries.length;
}

test.each([
  ["is lost", false],
  ["is on disk and was not acknowledged", true],
])(
  "killed at any append that %s, no sixth host and no second site get through, and a freeze that was answered holds",
  async (_, isDurable) => {
    const appends = await appendsUndisturbed();
    for (let n = 0; n < appends; n++) {
      const at = aWorld();
      await runToEnd(at, () => at.world.crashAtAppend(n, isDurable));
      expectKept(at.seen, `killed at append ${n}`);
    }
  },
);

test("killed at two appends in a row, neither", async () => {
  const appends = await appendsUndisturbed();
  for (let n = 0; n < appends; n++) {
    const at = aWorld();
    const { world } = at;
    const start = world.start.bind(world);
    let lives = 0;
    world.start = async () => {
      const engine = await start();
      if (lives++ === 1) world.crashAtAppend(n % 5, n % 2 === 0);
      return engine;
    };
    await runToEnd(at, () => world.crashAtAppend(n, n % 2 === 1));
    expectKept(at.seen, `killed at append ${n} and again`);
  }
});
