import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { GUARD_STREAM, WorkflowId, workflowStream } from "../base/ids.ts";
import { HoldKind, Phase, TaskOutcome } from "../gen/holdfast/v1/status_pb.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import { ListTasksRequestSchema, ListWorkflowsRequestSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { World, aSubmission, aWorkflow, requestId } from "../../test/fakes/world.ts";
import { TESTER } from "../../test/fakes/principals.ts";
import { retryOf } from "../../test/fakes/retry-request.ts";

const aSet = (value: string, parts: { readonly [key: string]: JsonValue } = {}): JsonValue =>
  aWorkflow({
    stages: [{ name: "fix", over: { targets: true }, actions: [{ name: "apply", uses: "set", with: { name: "a", value }, ...parts }] }],
  });

/** A workflow that the service was killed in, while it changed h0. */
async function killedInApply(definition: JsonValue): Promise<{ readonly world: World; readonly id: string }> {
  const world = new World({ targets: 1 });
  await world.start();
  world.fleet.onStep = async ({ kind }) => {
    if (kind !== "apply") return;
    world.fleet.onStep = async () => undefined;
    world.crash();
  };
  const { id } = await world.engine.submit(TESTER, aSubmission(definition, { key: "k" }), Mode.APPLY);
  void world.engine.exec(TESTER, { id, namespace: "" }, "").catch(() => undefined);
  await world.settle();
  return { world, id };
}

test("a damaged workflow says JOURNAL_CORRUPT everywhere, keeps its key and its locks, and the others go on", async () => {
  const { world, id } = await killedInApply(aSet("1"));
  world.journal.damage(workflowStream(WorkflowId.parse(id)), "a flipped bit");
  await world.start();
  const ref = { id, namespace: "" };
  const status = await world.status(id);
  expect(status).toMatchObject({ phase: Phase.WAITING, waitingFor: [{ kind: HoldKind.JOURNAL_CORRUPT }] });
  expect(status.error).toContain("JOURNAL_CORRUPT");
  expect((await world.engine.why(ref, "")).holds[0]?.kind).toBe(HoldKind.JOURNAL_CORRUPT);
  const dataLoss = { code: "DATA_LOSS" };
  await expect(world.engine.exec(TESTER, ref, "")).rejects.toMatchObject(dataLoss);
  await expect(world.engine.cancel(TESTER, ref, "")).rejects.toMatchObject(dataLoss);
  await expect(world.engine.retry(TESTER, retryOf(ref, ""))).rejects.toMatchObject(dataLoss);
  await expect(world.engine.listTasks(create(ListTasksRequestSchema, { workflow: { id } }))).rejects.toMatchObject(dataLoss);
  expect((await world.engine.listWorkflows(create(ListWorkflowsRequestSchema))).workflows).toMatchObject([{ id, phase: Phase.WAITING }]);
  await expect(
    world.engine.submit(TESTER, aSubmission(aSet("2"), { key: "k", requestId: requestId(2) }), Mode.APPLY),
  ).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  const other = await world.run(aSet("2"), { requestId: requestId(3) });
  expect(await world.status(other)).toMatchObject({ phase: Phase.RUNNING, waitingFor: [{ kind: HoldKind.LOCK, names: ["h0"] }] });
  expect(world.fleet.host("h0").changes).toEqual([]);
});

test("a damaged guard stops all dispatch and takes no new work", async () => {
  const { world, id } = await killedInApply(aSet("1"));
  world.journal.damage(GUARD_STREAM, "a flipped bit");
  await world.start();
  expect(await world.status(id)).toMatchObject({ phase: Phase.WAITING, waitingFor: [{ kind: HoldKind.JOURNAL_CORRUPT }] });
  await expect(world.engine.submit(TESTER, aSubmission(aSet("2"), { requestId: requestId(2) }), Mode.APPLY)).rejects.toMatchObject({
    code: "DATA_LOSS",
  });
  await expect(world.engine.exec(TESTER, { id, namespace: "" }, "")).rejects.toMatchObject({ code: "DATA_LOSS" });
  world.clock.advance(3_600_000);
  await world.settle();
  expect(world.fleet.host("h0").changes).toEqual([]);
});

test("an idempotent apply that was not done is done again, one that was done is not", async () => {
  const notDone = await killedInApply(aSet("1"));
  await notDone.world.start();
  expect((await notDone.world.status(notDone.id)).phase).toBe(Phase.SUCCEEDED);
  const done = await killedInApply(aSet("1"));
  done.world.fleet.host("h0").values.set("a", "1");
  await done.world.start();
  expect(await done.world.status(done.id)).toMatchObject({ phase: Phase.SUCCEEDED, counts: { changed: 1 } });
  expect(done.world.fleet.host("h0").changes).toEqual([]);
});

test("an idempotent apply that leaves nothing to look at is done again, an unsafe one is held", async () => {
  const act = (uses: string): JsonValue =>
    aWorkflow({ stages: [{ name: "fix", over: { targets: true }, actions: [{ name: "apply", uses }] }] });
  const idempotent = await killedInApply(act("send"));
  await idempotent.world.start();
  expect((await idempotent.world.status(idempotent.id)).phase).toBe(Phase.SUCCEEDED);
  expect(idempotent.world.fleet.host("h0").changes).toEqual(["send"]);
  const unsafe = await killedInApply(act("touch"));
  await unsafe.world.start();
  expect((await unsafe.world.status(unsafe.id)).phase).toBe(Phase.WAITING);
  expect(unsafe.world.fleet.host("h0").changes).toEqual([]);
  const { holds } = await unsafe.world.engine.why({ id: unsafe.id, namespace: "" }, "h0");
  expect(holds).toMatchObject([
    { kind: HoldKind.UNKNOWN, message: expect.stringMatching(/; its attempt said: the service stopped while/) },
  ]);
});

test("what somebody else changed meanwhile is not overwritten: the task fails with both checksums", async () => {
  const { world, id } = await killedInApply(aSet("1", { retry: { attempts: 3, delay: "1s" } }));
  world.fleet.host("h0").values.set("a", "somebody's");
  await world.start();
  expect((await world.status(id)).phase).toBe(Phase.FAILED);
  const [task] = (await world.engine.listTasks(create(ListTasksRequestSchema, { workflow: { id } }))).tasks;
  expect(task).toMatchObject({ outcome: TaskOutcome.FAILED, attempts: 1, error: expect.stringContaining("somebody else changed it") });
  expect(world.fleet.host("h0").values.get("a")).toBe("somebody's");
});

test("a workflow that is being cancelled begins no apply anew after a restart", async () => {
  const { world, id } = await killedInApply(aSet("1"));
  world.fleet.trouble("h0", "check", "hang");
  await world.start();
  await world.engine.cancel(TESTER, { id, namespace: "" }, "");
  await world.settle();
  expect((await world.status(id)).phase).toBe(Phase.CANCELLED);
  expect(world.fleet.host("h0").changes).toEqual([]);
});

test("a lock that others wait for is handed on across a restart, the first come first", async () => {
  const { world, id } = await killedInApply(
    aWorkflow({ stages: [{ name: "fix", over: { targets: true }, actions: [{ name: "apply", uses: "touch" }] }] }),
  );
  await world.start();
  expect((await world.status(id)).phase).toBe(Phase.WAITING);
  const others: string[] = [];
  for (const n of [2, 3]) {
    world.clock.advance(1);
    others.push(await world.run(aSet(String(n)), { requestId: requestId(n) }));
  }
  world.crash();
  await world.start();
  await world.engine.cancel(TESTER, { id, namespace: "" }, "");
  await world.settle();
  for (const other of others) expect((await world.status(other)).phase).toBe(Phase.SUCCEEDED);
  expect(world.fleet.host("h0").changes).toEqual(["set a=2", "set a=3"]);
});

test("a service that stops answers UNAVAILABLE and takes nothing more", async () => {
  const world = new World();
  const engine = await world.start();
  const { id } = await engine.submit(TESTER, aSubmission(), Mode.APPLY);
  await engine.close();
  await expect(engine.exec(TESTER, { id, namespace: "" }, "")).rejects.toMatchObject({ code: "UNAVAILABLE" });
});
