import { expect, test } from "vitest";
import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { Mode, Resolution } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { Phase } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { ListTasksRequestSchema, ResolveTaskRequestSchema } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { World, aSubmission } from "../fakes/world.ts";
import { TESTER } from "../fakes/principals.ts";

/** A scan, a fix and an unsafe command on six hosts: two waves, one host that fails for good, one that needs a second try. */
const SCAN_AND_FIX: JsonValue = {
  name: "scan-and-fix",
  targets: { where: "true" },
  stages: [
    {
      name: "fix",
      over: { targets: true },
      rollout: { waves: [{ count: 2 }], pause: "5s", parallel: 2, maxFailures: { count: 1 } },
      actions: [
        { name: "scan", uses: "probe", with: { n: 1 } },
        {
          name: "apply",
          uses: "set",
          with: { name: "a", value: "${{ target.name }}" },
          when: "scan.output.n == 1",
          retry: { attempts: 2, delay: "1s" },
        },
        { name: "restart", uses: "touch", when: "apply.changed" },
        { name: "rescan", uses: "probe", with: { n: 2 } },
      ],
    },
    { name: "report", actions: [{ name: "note", uses: "set", with: { name: "failed", value: "${{ stage('fix').failed_targets }}" } }] },
  ],
  output: "{'changed': stage('fix').changed, 'failed': stage('fix').failed}",
};

const HOSTS = 6;

/** The state of the world at the end, as far as it must not depend on crashes. */
async function endState(world: World, id: string) {
  const status = await world.status(id);
  const { tasks } = await world.engine.listTasks(create(ListTasksRequestSchema, { workflow: { id }, pageSize: 1_000 }));
  const hosts = [...world.fleet.hosts.values()].map(({ name, values, changes }) => [name, Object.fromEntries(values), changes] as const);
  return {
    phase: status.phase,
    output: status.output,
    counts: { ...status.counts, $typeName: "" },
    tasks: tasks.map(({ stage, action, target, outcome, changed }) => `${stage}/${action} ${target} ${outcome} ${changed}`),
    hosts: hosts.toSorted(([left], [right]) => (left < right ? -1 : 1)),
  };
}

function aWorld(): World {
  const world = new World({ targets: HOSTS });
  // Every attempt at h3 fails, the first one at h4 too: tied to the host and not to the call, so that a crash does not change who fails.
  world.fleet.onStep = async ({ host, kind, context }) => {
    const fails = host.name === "h3" || (host.name === "h4" && context.attempt === 1);
    if (kind === "check" && fails && !host.troubles.get("check")?.length) world.fleet.trouble(host.name, "check", "fail");
  };
  return world;
}

/** What a client does: hand in again what was not acknowledged, until it was; then time passes until the end. */
async function runToEnd(world: World, afterStart: () => void = () => undefined): Promise<string> {
  let id: string | undefined;
  let isArmed = false;
  for (let round = 0; round < 200; round++) {
    if (!world.isUp) await Promise.race([world.start(), world.settle(60)]);
    if (!isArmed) afterStart();
    isArmed = true;
    if (!world.isUp) continue;
    const submitted = world.engine.submit(TESTER, aSubmission(SCAN_AND_FIX), Mode.APPLY).then(async (response) => {
      id = response.id;
      const status = await world.engine.exec(TESTER, { id: response.id, namespace: "" }, response.digest);
      return status.phase;
    });
    const phase = await Promise.race([submitted, world.settle(30).then(() => undefined)]);
    if (phase === Phase.SUCCEEDED || phase === Phase.FAILED) return id ?? "";
    if (phase === Phase.WAITING && id !== undefined) await resolveHeld(world, id);
    world.clock.advance(1_000);
    await world.settle(5);
  }
  throw new Error("the workflow did not come to its end");
}

/** A person looks at each host with an unknown command, and says what is true. */
async function resolveHeld(world: World, id: string): Promise<void> {
  const { tasks } = await world.engine.listTasks(create(ListTasksRequestSchema, { workflow: { id }, filter: 'task.outcome == "UNKNOWN"' }));
  for (const { stage, action, target } of tasks) {
    const isDone = world.fleet.host(target).changes.includes("touch");
    const resolution = isDone ? Resolution.SUCCEEDED : Resolution.RUN_AGAIN;
    const request = create(ResolveTaskRequestSchema, { workflow: { id }, stage, action, target, resolution, reason: "looked" });
    await Promise.race([world.engine.resolveTask(TESTER, request), world.settle(30)]);
  }
}

async function undisturbed() {
  const world = aWorld();
  const id = await runToEnd(world);
  return { end: await endState(world, id), appends: world.journal.entries.length };
}

test("without a crash every host but the broken one is changed once", async () => {
  const { end, appends } = await undisturbed();
  expect(end.phase).toBe(Phase.SUCCEEDED);
  expect(end.counts).toMatchObject({ tasks: 25, changed: 11, failed: 1, skipped: 2 });
  expect(appends).toBeGreaterThan(30);
  for (const [name, , changes] of end.hosts) {
    if (name === "h3") expect(changes).toEqual([]);
    else if (name !== "service") expect(changes).toEqual([`set a=${name}`, "touch"]);
  }
});

test.each([
  ["is lost", false],
  ["is on disk and was not acknowledged", true],
])("killed at any append that %s, the service ends in the same state and changes each host once", async (_, isDurable) => {
  const { end, appends } = await undisturbed();
  for (let n = 0; n < appends; n++) {
    const world = aWorld();
    const id = await runToEnd(world, () => world.crashAtAppend(n, isDurable));
    expect(await endState(world, id), `killed at append ${n}`).toEqual(end);
  }
});

test("killed at two appends in a row, it still does", async () => {
  const { end, appends } = await undisturbed();
  for (let n = 0; n < appends; n++) {
    const world = aWorld();
    let lives = 0;
    const arm = (): void => {
      world.crashAtAppend(lives === 0 ? n : n % 5, n % 2 === 0);
    };
    const start = world.start.bind(world);
    world.start = async () => {
      const starting = start();
      if (lives === 1) arm();
      lives += 1;
      return starting;
    };
    const id = await runToEnd(world, arm);
    expect(await endState(world, id), `killed at append ${n} and again`).toEqual(end);
  }
});

test.each(["apply", "applied", "check", "run"] as const)(
  "killed at any %s of a host, between the deed and its record, it still does",
  async (step) => {
    const { end } = await undisturbed();
    for (let n = 0; ; n++) {
      const world = aWorld();
      const { onStep } = world.fleet;
      let seen = 0;
      world.fleet.onStep = async (at) => {
        if (at.kind === step && seen++ === n) world.crash();
        else await onStep(at);
      };
      const id = await runToEnd(world);
      if (seen <= n) break;
      expect(await endState(world, id), `killed at ${step} ${n}`).toEqual(end);
    }
  },
);
