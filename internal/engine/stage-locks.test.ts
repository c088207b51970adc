import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ListLocksRequestSchema } from "../gen/holdfast/v1/guard_service_pb.ts";
import { Resolution } from "../gen/holdfast/v1/event_pb.ts";
import { ResolveTaskRequestSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { OPERATOR, aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";
import type { GuardedWorld } from "../../test/fakes/guarded-world.ts";

const ref = (id: string) => ({ id, namespace: "" });
const some = (...names: string[]) => ({ targets: { names } });
const LOCKED = { locks: ["db-${{ target.labels.site }}"] };
const set = (name: string) => ({ name, uses: "set", with: { name, value: "1" } });
const lockKeys = async (world: GuardedWorld): Promise<readonly string[]> =>
  (await world.engine.locks(create(ListLocksRequestSchema, {}))).locks.map(({ key, target }) => `${key} by ${target}`);

/** Lets steps go on one at a time, and says which hosts were between their first apply and their last action at once. */
async function walk(world: GuardedWorld, seen: (hosts: readonly string[]) => void): Promise<void> {
  for (let step = 0; step < 200 && world.standing.size > 0; step++) {
    seen(world.standingAt("apply"));
    await world.release([...world.standing.keys()][0] ?? "");
  }
}

test("two targets of one workflow with one key are never both between their first change and their last action", async () => {
  const world = await aGuardedWorld({ targets: 6 });
  world.holds = (step) => step.startsWith("apply ");
  const id = await world.launch(oneStage(LOCKED, [set("a"), set("b")]));
  expect(world.standingAt("apply")).toEqual(["h0", "h1"]);
  await walk(world, (hosts) => {
    expect(hosts.filter((host) => Number(host.slice(1)) % 2 === 0).length).toBeLessThanOrEqual(1);
    expect(hosts.filter((host) => Number(host.slice(1)) % 2 === 1).length).toBeLessThanOrEqual(1);
  });
  expect(await world.phase(id)).toBe("SUCCEEDED");
  expect(await lockKeys(world)).toEqual([]);
});

test("targets of two workflows with one key wait for each other, over a crash; why names the holder", async () => {
  const world = await aGuardedWorld({ targets: 4 });
  world.holds = (step) => step.startsWith("apply ");
  const first = await world.launch({ ...some("h0"), ...oneStage(LOCKED, [set("a"), set("b")]) });
  const second = await world.launch({ ...some("h2"), ...oneStage(LOCKED, [set("a"), set("b")]) });
  expect(world.standingAt("apply")).toEqual(["h0"]);
  expect(await lockKeys(world)).toEqual(["lock:db-ams by h0", "target:h0 by h0", "target:h2 by "]);
  expect(await world.whyText(second, "h2")).toContain(`lock:db-ams is held by workflow ${first} for h0`);
  await world.restart();
  expect(world.standingAt("apply")).toEqual(["h0"]);
  await walk(world, (hosts) => expect(hosts.length).toBeLessThanOrEqual(1));
  expect([await world.phase(first), await world.phase(second)]).toEqual(["SUCCEEDED", "SUCCEEDED"]);
});

test("an unknown target keeps its stage's locks until a person settles it, over a crash", async () => {
  const world = await aGuardedWorld({ targets: 4 });
  world.fleet.trouble("h0", "apply", "lost-answer");
  const touch = oneStage(LOCKED, [{ name: "apply", uses: "touch" }]);
  const first = await world.launch({ ...some("h0"), ...touch });
  const second = await world.launch({ ...some("h2"), ...touch });
  expect(await world.phase(first)).toBe("WAITING");
  await world.restart();
  await world.pass(100);
  expect(await world.phase(second)).toBe("RUNNING");
  expect(world.fleet.host("h2").changes).toEqual([]);
  const looked = { workflow: ref(first), stage: "fix", action: "apply", target: "h0", resolution: Resolution.FAILED, reason: "looked" };
  await world.engine.resolveTask(OPERATOR, create(ResolveTaskRequestSchema, looked));
  await world.settle();
  expect(await world.phase(second)).toBe("SUCCEEDED");
});

test("a frozen target keeps its stage's locks", async () => {
  const world = await aGuardedWorld({ targets: 4 });
  world.holds = (step) => step === "apply h0";
  const first = await world.launch({ name: "one", ...some("h0"), ...oneStage(LOCKED, [set("a"), set("b")]) });
  await world.freezeScope({ case: "workflowName", value: "one" });
  await world.release();
  const second = await world.launch({ name: "two", ...some("h2"), ...oneStage(LOCKED) });
  await world.restart();
  expect([await world.phase(first), await world.phase(second)]).toEqual(["FROZEN", "RUNNING"]);
  await world.thaw("f1");
  expect([await world.phase(first), await world.phase(second)]).toEqual(["SUCCEEDED", "SUCCEEDED"]);
});

test("a lock expression that fails refuses the task, with the reason, before anything is looked at", async () => {
  const world = await aGuardedWorld({ targets: 3 });
  world.targets = world.targets.map((target, at) => ({ ...target, labels: at === 1 ? {} : target.labels }));
  const id = await world.launch(oneStage({ ...LOCKED, rollout: { parallel: 5, maxFailures: { count: 3 } } }));
  expect(world.fleet.host("h1").reads + world.fleet.host("h1").changes.length).toBe(0);
  expect((await world.status(id)).counts).toMatchObject({ changed: 2, failed: 1 });
  expect(await world.events(id, "taskRefused")).toMatchObject([{ task: 1, error: expect.stringContaining("lock") }]);
});

test("crossing locks of two workflows do not end in a deadlock", async () => {
  const world = await aGuardedWorld({ targets: 4 });
  world.holds = (step) => step.startsWith("apply ");
  const locks = (a: string, b: string) => ({ locks: [a, b] });
  const one = await world.launch({ ...some("h0", "h1"), ...oneStage(locks("x", "y"), [set("a"), set("b")]) });
  const two = await world.launch({ ...some("h1", "h2"), ...oneStage(locks("y", "x"), [set("a"), set("c")]) });
  const three = await world.launch({ ...some("h2", "h0"), ...oneStage({}, [set("a"), set("d")]) });
  await walk(world, () => undefined);
  await world.release();
  for (const id of [one, two, three]) expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("after a restart the older one goes on whose place in line was behind the younger, though its own locks are free", async () => {
  const world = await aGuardedWorld({ targets: 2 });
  const on = (target: string, locks: string[], name: string) => ({ ...some(target), ...oneStage({ locks }, [set(name)]) });
  world.holds = (step) => step === "apply h0";
  const { id: holder } = await world.submit(on("h0", ["shared"], "c"));
  const { id: older } = await world.submit(on("h1", [], "a"));
  const { id: younger } = await world.submit(on("h1", ["shared"], "b"));
  // The younger is in line for the shared lock and for h1; the older is behind it for h1, which is free.
  for (const id of [holder, younger, older]) await world.exec(id);
  await world.restart();
  await world.release();
  for (const id of [holder, older, younger]) expect(await world.phase(id)).toBe("SUCCEEDED");
  expect(await lockKeys(world)).toEqual([]);
});

test("where all that is left waits for a target of the workflow itself that is unknown, it waits for a person; for another's it does not", async () => {
  const world = await aGuardedWorld({ targets: 6 });
  world.fleet.trouble("h0", "apply", "lost-answer");
  const touch = oneStage(LOCKED, [{ name: "apply", uses: "touch" }]);
  // h2 waits for h0, which nobody can say anything of; h4 for h2, which is before it in the line.
  const own = await world.launch({ targets: { names: ["h0", "h2", "h4"] }, ...touch });
  expect(await world.phase(own)).toBe("WAITING");
  expect(await lockKeys(world)).toContain("target:h4 by ");
  await world.restart();
  expect(await world.phase(own)).toBe("WAITING");
  const other = await world.launch({ ...some("h2"), ...touch });
  expect(await world.phase(other)).toBe("RUNNING");
  const task = { stage: "fix", action: "apply", target: "h0" };
  const resolution = create(ResolveTaskRequestSchema, { workflow: ref(own), ...task, resolution: Resolution.FAILED, reason: "seen" });
  await world.engine.resolveTask(OPERATOR, resolution);
  await world.settle();
  expect([await world.phase(own), await world.phase(other)]).toEqual(["FAILED", "SUCCEEDED"]);
});
