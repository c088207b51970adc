import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ListLimitsRequestSchema } from "../gen/holdfast/v1/guard_service_pb.ts";
import { ResolveTaskRequestSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { Resolution } from "../gen/holdfast/v1/event_pb.ts";
import type { GuardedWorld } from "../../test/fakes/guarded-world.ts";
import { OPERATOR, aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";
import { aLimit } from "../../test/fakes/policy-text.ts";
import { retryOf } from "../../test/fakes/retry-request.ts";

const ref = (id: string) => ({ id, namespace: "" });
const some = (...names: string[]) => ({ targets: { names } });
const holdChecks = (world: GuardedWorld): void => {
  world.holds = (step) => step.startsWith("check ");
};
const limited = (terms: string, targets: number, more: Parameters<typeof aLimit>[0] = { terms }) =>
  aGuardedWorld({ targets, policies: [aLimit({ ...more, terms })] });
const slots = async (world: GuardedWorld): Promise<readonly number[]> =>
  (await world.engine.limits(create(ListLimitsRequestSchema, {}))).limits.map((limit) => limit.slots);

test("a limit of concurrency holds across two workflows and a crash, and both come to their end", async () => {
  const world = await limited("concurrency: 3", 8);
  holdChecks(world);
  const first = await world.launch(some("h0", "h1", "h2", "h3"));
  const second = await world.launch(some("h4", "h5", "h6", "h7"));
  expect(world.standing.size).toBe(3);
  expect(await world.whyText(second, "h5")).toContain("limit l/one/k is used up");
  await world.restart();
  expect(world.standing.size).toBe(3);
  while (world.standing.size > 0) {
    expect(world.standing.size).toBeLessThanOrEqual(3);
    await world.release([...world.standing.keys()][0] ?? "");
  }
  expect([await world.phase(first), await world.phase(second)]).toEqual(["SUCCEEDED", "SUCCEEDED"]);
  expect(await slots(world)).toEqual([0]);
});

test("tokens in a period hold through crash, steps of the wall clock, and reboots: backward holds, forward is trusted", async () => {
  const world = await limited("tokens: 1, period: 60s", 6);
  const id = await world.launch();
  expect(world.changes).toBe(1);
  expect(await world.whyText(id, "h1")).toContain("is used up");
  world.clock.step(3_600_000);
  await world.pass(30);
  expect(world.changes).toBe(1);
  await world.restart();
  world.clock.step(-7_200_000);
  await world.pass(29);
  expect(world.changes).toBe(1);
  await world.pass(2);
  expect(world.changes).toBe(2);
  world.clock.step(-3_600_000);
  world.clock.reboot();
  await world.restart();
  await world.pass(57);
  expect(world.changes).toBe(2);
  await world.pass(4);
  expect(world.changes).toBe(3);
  world.clock.step(60_000);
  world.clock.reboot();
  await world.restart();
  expect(world.changes).toBe(4);
  await world.pass(121);
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("one token for each new value: a second site waits its hour, the first goes on", async () => {
  const world = await limited("each: target.labels.site, tokens: 1, period: 1h", 6);
  const id = await world.launch();
  const sites = () => [0, 1, 2, 3, 4, 5].filter((n) => world.fleet.host(`h${n}`).changes.length > 0);
  expect(sites()).toEqual([0, 2, 4]);
  await world.pass(3_000);
  await world.restart();
  await world.pass(599);
  expect(sites()).toEqual([0, 2, 4]);
  await world.pass(2);
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("spacing keeps starts apart, over a crash too", async () => {
  const world = await limited("spacing: 10s", 4);
  const id = await world.launch();
  expect(world.changes).toBe(1);
  await world.pass(9);
  await world.restart();
  expect(world.changes).toBe(1);
  await world.pass(1);
  expect(world.changes).toBe(2);
  await world.pass(20);
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("what was unchanged gives its token back", async () => {
  const world = await limited("tokens: 1, period: 1h", 4);
  for (const name of ["h0", "h1", "h2"]) world.fleet.host(name).values.set("a", "1");
  const id = await world.launch(oneStage({ rollout: { parallel: 1 } }));
  expect(await world.phase(id)).toBe("SUCCEEDED");
  const again = await world.launch({ ...some("h3"), ...oneStage({}, [{ name: "b", uses: "set", with: { name: "b", value: "1" } }]) });
  expect(await world.phase(again)).toBe("RUNNING");
});

test("a stage's rate begins so many targets in a time, over a crash and a step of the clock", async () => {
  const world = await aGuardedWorld({ targets: 4 });
  const id = await world.launch(oneStage({ rollout: { rate: { tokens: 1, period: "30s" } } }));
  expect(world.changes).toBe(1);
  world.clock.step(100_000);
  await world.pass(29);
  expect(world.changes).toBe(1);
  await world.restart();
  await world.pass(1);
  expect(world.changes).toBe(2);
  await world.pass(61);
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("a stage's rate holds for targets whose first action is skipped", async () => {
  const world = await aGuardedWorld({ targets: 3 });
  const set = (name: string) => ({ name, uses: "set", with: { name, value: "1" } });
  await world.launch(oneStage({ rollout: { rate: { tokens: 1, period: "30s" } } }, [{ ...set("a"), when: "false" }, set("b")]));
  expect(world.changes).toBe(1);
});

test("a stage's rate holds after a Retry also for targets of which something had succeeded, and whose next action is skipped", async () => {
  const world = await aGuardedWorld({ targets: 3 });
  const set = (name: string) => ({ name, uses: "set", with: { name, value: "1" } });
  const actions = [set("a"), { ...set("b"), when: "false" }, set("c")];
  const rollout = { parallel: 3, rate: { tokens: 1, period: "1s" } };
  world.holds = (step) => step.startsWith("applied ");
  const id = await world.launch(oneStage({ rollout }, actions));
  await world.pass(3);
  await world.engine.cancel(OPERATOR, ref(id), "enough");
  await world.release();
  expect((await world.status(id)).counts).toMatchObject({ changed: 3, cancelled: 6 });
  await world.engine.retry(OPERATOR, retryOf(ref(id), "again"));
  await world.settle();
  expect((await world.status(id)).counts).toMatchObject({ changed: 4 });
});

test("a stage's rate holds for a target that was put off for its lock", async () => {
  const world = await aGuardedWorld({ targets: 2 });
  world.holds = (step) => step.startsWith("apply ");
  await world.launch(oneStage({}, [{ name: "b", uses: "set", with: { name: "b", value: "1" } }]));
  const id = await world.launch(oneStage({ rollout: { rate: { tokens: 1, period: "30s" } } }));
  await world.pass(31);
  await world.release("apply h0", "apply h1");
  await world.pass(30);
  expect(world.standingAt("apply")).toHaveLength(1);
  await world.release();
  await world.pass(61);
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("a target whose first action was unchanged does not give back the stage's rate when its second one changes it", async () => {
  const world = await aGuardedWorld({ targets: 3 });
  for (const name of ["h0", "h1", "h2"]) world.fleet.host(name).values.set("a", "1");
  const set = (name: string) => ({ name, uses: "set", with: { name, value: "1" } });
  await world.launch(oneStage({ rollout: { rate: { tokens: 1, period: "30s" } } }, [set("a"), set("b")]));
  expect(world.changes).toBe(1);
});

test("an unknown task keeps its slot until a person settles it, over a crash too", async () => {
  const world = await limited("concurrency: 1", 3);
  world.fleet.trouble("h0", "apply", "lost-answer");
  const touch = [{ name: "apply", uses: "touch" }];
  const first = await world.launch({ ...some("h0"), ...oneStage({}, touch) });
  const second = await world.launch({ ...some("h1"), ...oneStage({}, touch) });
  expect(await world.phase(first)).toBe("WAITING");
  await world.restart();
  expect(world.fleet.host("h1").changes).toEqual([]);
  const resolution = {
    workflow: ref(first),
    stage: "fix",
    action: "apply",
    target: "h0",
    resolution: Resolution.SUCCEEDED,
    reason: "looked",
  };
  await world.engine.resolveTask(OPERATOR, create(ResolveTaskRequestSchema, resolution));
  await world.settle();
  expect([await world.phase(first), await world.phase(second)]).toEqual(["SUCCEEDED", "SUCCEEDED"]);
});

test("a frozen task keeps its slot, and one that is paused while it runs does", async () => {
  const world = await limited("concurrency: 1", 2);
  world.holds = (step) => step.startsWith("check ");
  const first = await world.launch({ name: "one", ...some("h0") });
  await world.freezeScope({ case: "workflowName", value: "one" });
  await world.release();
  expect(world.changes).toBe(0);
  const second = await world.launch({ name: "two", ...some("h1") });
  expect(await world.phase(second)).toBe("RUNNING");
  expect(world.changes).toBe(0);
  await world.restart();
  expect(world.changes).toBe(0);
  await world.thaw("f1");
  expect([await world.phase(first), await world.phase(second)]).toEqual(["SUCCEEDED", "SUCCEEDED"]);
});

test("a workflow that is paused, frozen or past its budget does not stand in others' way while it waits for a limit", async () => {
  const stops: ((world: GuardedWorld, id: string) => Promise<unknown>)[] = [
    (world, id) => world.engine.pause(OPERATOR, ref(id), "lunch"),
    (world) => world.freezeScope({ case: "workflowName", value: "one" }),
    (world, id) => world.engine.cancel(OPERATOR, ref(id), "no"),
  ];
  for (const terms of ["concurrency: 1", "tokens: 1, period: 60s"]) {
    for (const stop of stops) {
      const world = await limited(terms, 3);
      holdChecks(world);
      await world.launch({ name: "zero", ...some("h0") });
      const one = await world.launch({ name: "one", ...some("h1") });
      const two = await world.launch({ name: "two", ...some("h2") });
      await stop(world, one);
      await world.settle();
      await world.release();
      await world.pass(61);
      expect(await world.phase(two)).toBe("SUCCEEDED");
    }
  }
});

test("a workflow whose own `parallel` is used up does not keep others from a limit's free slot", async () => {
  const world = await limited("concurrency: 1", 4, { match: 'task.action == "b"', terms: "" });
  holdChecks(world);
  const set = (name: string, more = {}) => ({ name, uses: "set", with: { name, value: "1" }, ...more });
  const parts = (when: string) => oneStage({ rollout: { parallel: 1 } }, [set("a", { when }), set("b", { when: `!(${when})` })]);
  await world.launch({ name: "zero", ...some("h3"), ...parts("false") });
  expect(world.standingAt("check")).toEqual(["h3"]);
  // h0 of `one` would take the limit, is passed by, and h1 takes the only place.
  const one = await world.launch({
    name: "one",
    ...some("h0", "h1"),
    ...oneStage({ rollout: { parallel: 1 } }, [set("b", { when: 'target.name == "h0"' })]),
  });
  const two = await world.launch({ name: "two", ...some("h2"), ...parts("false") });
  await world.release("check h3");
  await world.release();
  expect([await world.phase(one), await world.phase(two)]).toEqual(["SUCCEEDED", "SUCCEEDED"]);
});

test("who has the higher priority goes first, and among equals each workflow has its turn", async () => {
  const world = await limited("concurrency: 1", 30);
  const order: string[] = [];
  world.holds = (step) => step.startsWith("apply ");
  const names = (from: number, count: number) => Array.from({ length: count }, (_, at) => `h${String(from + at).padStart(2, "0")}`);
  const a = await world.launch(some(...names(0, 20)));
  const b = await world.launch(some(...names(20, 5)));
  const urgent = await world.launch(some(...names(25, 5)), { parts: { priority: 10 } });
  for (let step = 0; step < 200 && world.standing.size > 0; step++) {
    const [name = ""] = world.standing.keys();
    order.push(name.slice(7));
    await world.release(name);
  }
  const last = (from: number, to: number) => order.findLastIndex((host) => Number(host) >= from && Number(host) < to);
  expect(last(25, 30)).toBeLessThanOrEqual(6);
  expect(last(20, 25)).toBeLessThanOrEqual(17);
  for (const id of [a, b, urgent]) expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("a workflow of 10,000 targets under a limit does not starve one of five", async () => {
  const world = await limited("concurrency: 5", 10_005, { match: "true", terms: "" });
  let done = 0;
  world.fleet.onStep = async ({ kind }) => {
    if (kind === "applied") done += 1;
  };
  const names = world.targets.map(({ name }) => name);
  const { id: large } = await world.submit(some(...names.slice(0, 10_000)));
  const { id: small } = await world.submit(some(...names.slice(10_000)));
  await world.engine.exec(OPERATOR, ref(large), "");
  const before = done;
  await world.engine.exec(OPERATOR, ref(small), "");
  await world.engine.waitStill(ref(small), new AbortController().signal);
  expect(before).toBeLessThan(10_000);
  expect(done - before).toBeLessThan(200);
  await world.engine.waitStill(ref(large), new AbortController().signal);
  expect(await world.phase(large)).toBe("SUCCEEDED");
});

test("what waits for a limit is asked again although another action of the workflow took it in between", async () => {
  const world = await limited("concurrency: 1", 3);
  const set = (name: string) => ({ name, uses: "set", with: { name, value: "1" } });
  const id = await world.launch(oneStage({}, [set("a"), set("b")]));
  expect(await world.phase(id)).toBe("SUCCEEDED");
});
