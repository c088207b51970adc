import { create, toJsonString } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { Phase, TaskOutcome } from "../gen/holdfast/v1/status_pb.ts";
import { ListTasksRequestSchema, ListTasksResponseSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { World, aWorkflow } from "../../test/fakes/world.ts";
import { TESTER } from "../../test/fakes/principals.ts";
import { retryOf } from "../../test/fakes/retry-request.ts";

const one = (action: { readonly [key: string]: JsonValue }): JsonValue =>
  aWorkflow({ stages: [{ name: "fix", over: { targets: true }, actions: [{ name: "apply", ...action }] }] });
const SET = { uses: "set", with: { name: "a", value: "1" } };

async function aWorld(): Promise<World> {
  const world = new World({ targets: 1 });
  await world.start();
  return world;
}

const tasks = async (world: World, id: string) =>
  (await world.engine.listTasks(create(ListTasksRequestSchema, { workflow: { id } }))).tasks;

test("an attempt that keeps no time is ended by the watchdog, well after its time, and may be tried again", async () => {
  const world = await aWorld();
  world.fleet.trouble("h0", "apply", "hang");
  const id = await world.run(one({ ...SET, timeout: "30s", retry: { attempts: 2, delay: "1s" } }));
  await world.clock.advanceAsync(49_999);
  expect((await world.status(id)).counts?.running).toBe(1);
  await world.clock.advanceAsync(1);
  await world.settle();
  expect((await tasks(world, id))[0]).toMatchObject({
    outcome: TaskOutcome.WAITING,
    error: expect.stringContaining("did not end in its time"),
  });
  await world.clock.advanceAsync(1_000);
  await world.settle();
  expect((await world.status(id)).phase).toBe(Phase.SUCCEEDED);
});

test.each([
  ["5s", 5_000, "gave no sign of life"],
  [undefined, 50_000, "did not end in its time"],
] as const)(
  "a command that goes silent is ended by its heartbeat (%s), and tried again as one that was out of time",
  async (heartbeat, endMs, said) => {
    const world = await aWorld();
    world.fleet.trouble("h0", "apply", "silent");
    const retry = { attempts: 2, delay: "1s", on: ["RETRY_ON_TIMED_OUT"] };
    const id = await world.run(
      one({ uses: "touch", with: { n: 1 }, timeout: "30s", retry, ...(heartbeat === undefined ? {} : { heartbeat }) }),
    );
    await world.clock.advanceAsync(endMs - 1);
    expect((await world.status(id)).counts?.running).toBe(1);
    await world.clock.advanceAsync(1);
    await world.settle();
    expect((await tasks(world, id))[0]).toMatchObject({ outcome: TaskOutcome.WAITING, error: expect.stringContaining(said) });
    await world.clock.advanceAsync(1_000);
    await world.settle();
    expect((await world.status(id)).phase).toBe(Phase.SUCCEEDED);
  },
);

test("only the work has to give signs of life, not the looks before and after it; nor an alternative that has a heartbeat of its own", async () => {
  const world = await aWorld();
  const asked: [string, number][] = [];
  world.fleet.onStep = async ({ kind, context }) => void asked.push([`${kind} ${context.attempt}`, context.heartbeatMs]);
  const action = world.fleet.find("set");
  if (action === undefined) throw new Error("there is a set");
  world.fleet.add({ ...action, hasPulse: true });
  const ways = [{ ...SET, heartbeat: "7s" }];
  await world.run(one({ try: ways, heartbeat: "5s", undo: { ...SET } }));
  const requestId = "00000000-0000-4000-8000-000000000002";
  await world.run(one({ uses: "probe", with: { n: 1 }, heartbeat: "5s" }), { requestId });
  await world.settle();
  expect(asked).toEqual([
    ["check 1", Infinity],
    ["apply 1", 7_000],
    ["applied 1", 7_000],
    ["check 1", Infinity],
    ["run 1", 5_000],
  ]);
});

test("the watchdog knows the total time too", async () => {
  const world = await aWorld();
  world.fleet.trouble("h0", "apply", "hang");
  const id = await world.run(one({ ...SET, totalTimeout: "5s" }));
  await world.clock.advanceAsync(25_000);
  await world.settle();
  expect((await world.status(id)).phase).toBe(Phase.FAILED);
});

test("a cancel ends what hangs; the answer to it is on disk before the workflow has ended", async () => {
  const world = await aWorld();
  world.fleet.trouble("h0", "apply", "hang");
  const id = await world.run(one(SET));
  expect((await world.engine.cancel(TESTER, { id, namespace: "" }, "enough")).phase).not.toBe(Phase.SUBMITTED);
  await world.settle();
  expect(await world.status(id)).toMatchObject({ phase: Phase.CANCELLED, counts: { cancelled: 1 } });
  expect(world.clock.timerCount).toBe(0);
});

test("a secret reaches the action and nothing else: no event, detail, task, error or diff holds it", async () => {
  const world = await aWorld();
  world.secrets.set("db", "hunter2-long");
  const id = await world.run(one({ uses: "set", with: { name: "a", value: "password=${{ secret('db') }}" } }));
  expect(world.fleet.host("h0").values.get("a")).toBe("password=hunter2-long");
  const journal = JSON.stringify(world.journal.entries, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
  expect(journal).not.toContain("hunter2");
  const listed = await world.engine.listTasks(create(ListTasksRequestSchema, { workflow: { id } }));
  expect(toJsonString(ListTasksResponseSchema, listed)).not.toContain("hunter2");
  expect(listed.tasks[0]?.diff).toContain("password=***");
});

test("a secret that is missing fails the task before anything is looked at, and trying again is left to a Retry", async () => {
  const world = await aWorld();
  const id = await world.run(one({ uses: "set", with: { name: "a", value: "${{ secret('db') }}" }, retry: { attempts: 5, delay: "1s" } }));
  expect((await tasks(world, id))[0]).toMatchObject({
    outcome: TaskOutcome.FAILED,
    attempts: 1,
    error: expect.stringContaining("no secret db"),
  });
  world.secrets.set("db", "x");
  await world.engine.retry(TESTER, retryOf({ id, namespace: "" }, ""));
  await world.settle();
  expect((await world.status(id)).phase).toBe(Phase.SUCCEEDED);
});

test.each([
  ["check", TaskOutcome.FAILED, []],
  ["apply", TaskOutcome.FAILED, []],
  ["applied", TaskOutcome.SUCCEEDED, ["set a=1"]],
] as const)(
  "an expected error that an action throws at %s is a failure, and what may have been changed is looked at",
  async (step, outcome, changes) => {
    const world = await aWorld();
    world.fleet.onStep = async ({ kind }) => {
      if (kind !== step) return;
      world.fleet.onStep = async () => undefined;
      throw new HoldfastError("UNAVAILABLE", "thrown on the way");
    };
    const id = await world.run(one(SET));
    expect((await tasks(world, id))[0]?.outcome).toBe(outcome);
    expect(world.fleet.host("h0").changes).toEqual(changes);
  },
);

test("any other error that an action throws is a bug and ends the process", async () => {
  const world = await aWorld();
  world.fleet.onStep = async () => {
    throw new TypeError("a bug");
  };
  await expect(world.run(one(SET))).rejects.toThrow("a bug");
});

test("an attempt that succeeds after a failed one shows nothing of the failed one's output", async () => {
  const world = await aWorld();
  world.fleet.trouble("h0", "apply", "fail");
  const id = await world.run(one({ ...SET, retry: { attempts: 2, delay: "1s" } }));
  expect((await tasks(world, id))[0]).toMatchObject({ outcome: TaskOutcome.WAITING, error: "h0 says no" });
  await world.clock.advanceAsync(1_000);
  await world.settle();
  expect((await tasks(world, id))[0]).toMatchObject({ outcome: TaskOutcome.SUCCEEDED, changed: true, error: "", attempts: 2 });
});

test("a connection that is lost while an idempotent action applies is settled by looking, not by a person", async () => {
  const world = await aWorld();
  world.fleet.trouble("h0", "apply", "lost-answer");
  const id = await world.run(one(SET));
  expect(await world.status(id)).toMatchObject({ phase: Phase.SUCCEEDED, counts: { changed: 1 } });
  expect(world.fleet.host("h0").changes).toEqual(["set a=1"]);
});
