import { expect, test } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";
import { World, aSubmission, aWorkflow, requestId } from "../../test/fakes/world.ts";
import { TESTER } from "../../test/fakes/principals.ts";
import { retryOf } from "../../test/fakes/retry-request.ts";

const submit = (world: World, parts: { readonly [key: string]: JsonValue } = {}, definition = aWorkflow()) =>
  world.engine.submit(TESTER, aSubmission(definition, parts), Mode.APPLY);

async function aWorld(options: ConstructorParameters<typeof World>[0] = {}): Promise<World> {
  const world = new World(options);
  await world.start();
  return world;
}

test("a repeated Submit is the same workflow, also after a restart, after its end, and when both come at once", async () => {
  const world = await aWorld();
  const [first, second] = await Promise.all([submit(world), submit(world)]);
  expect(second).toEqual(first);
  world.crash();
  await world.start();
  expect(await submit(world)).toEqual(first);
  await world.engine.exec(TESTER, { id: first.id, namespace: "" }, first.digest);
  await world.settle();
  expect(await submit(world)).toEqual(first);
  expect(world.journal.entries.filter((entry) => entry.index?.kind === "opened")).toHaveLength(1);
});

test("a Submit of other content, or of a plan, under the same request ID is refused; in another namespace it is another", async () => {
  const world = await aWorld();
  const { id } = await submit(world);
  await expect(submit(world, { priority: 1 })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  await expect(world.engine.submit(TESTER, aSubmission(), Mode.PLAN)).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  expect((await submit(world, { namespace: "other" })).id).not.toBe(id);
});

test("two Submits of other content at once under one request ID: one is recorded, the other refused", async () => {
  const world = await aWorld();
  const results = await Promise.allSettled([submit(world), submit(world, { priority: 1 }), submit(world, { priority: 2 })]);
  expect(results.map((result) => result.status).toSorted()).toEqual(["fulfilled", "rejected", "rejected"]);
});

test("a key is unique among the open workflows of a namespace, found by Status, and free again after the end", async () => {
  const world = await aWorld();
  const first = await submit(world, { key: "ticket-1" });
  const again = { key: "ticket-1", requestId: requestId(2) };
  await expect(submit(world, again)).rejects.toMatchObject({ code: "ALREADY_EXISTS", message: expect.stringContaining(first.id) });
  expect((await submit(world, { ...again, namespace: "other" })).id).not.toBe(first.id);
  world.crash();
  await world.start();
  await expect(submit(world, { ...again, requestId: requestId(3) })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  expect((await world.engine.exec(TESTER, { id: "ticket-1", namespace: "" }, "")).id).toBe(first.id);
  await world.settle();
  const second = await submit(world, { key: "ticket-1", requestId: requestId(4) });
  expect((await world.engine.status({ id: "ticket-1", namespace: "default" })).id).toBe(second.id);
});

test("two Submits of one key at once: one is recorded", async () => {
  const world = await aWorld();
  const results = await Promise.allSettled([1, 2, 3].map((n) => submit(world, { key: "k", requestId: requestId(n) })));
  expect(results.map((result) => result.status).toSorted()).toEqual(["fulfilled", "rejected", "rejected"]);
});

test("an ended workflow is not opened again while another bears its key", async () => {
  const world = await aWorld({ targets: 1 });
  world.fleet.trouble("h0", "apply", "fail");
  const id = await world.run(aWorkflow(), { key: "k" });
  const second = await submit(world, { key: "k", requestId: requestId(2) });
  await expect(world.engine.retry(TESTER, retryOf({ id, namespace: "" }, ""))).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  await world.engine.cancel(TESTER, { id: second.id, namespace: "" }, "");
  await world.settle();
  expect((await world.engine.retry(TESTER, retryOf({ id, namespace: "" }, ""))).retries).toBe(1);
});

test("validate_only answers digest and scope, records nothing, and needs no disk to have been used", async () => {
  const world = await aWorld();
  const answer = await submit(world, { validateOnly: true });
  expect(answer).toMatchObject({ id: "", scope: { targets: 3, tasks: 3 } });
  expect(world.journal.entries).toEqual([]);
  expect((await submit(world)).digest).toBe(answer.digest);
});

test("a workflow that was not executed in time expires by itself, also across a restart, and says so", async () => {
  const world = await aWorld();
  const { id } = await submit(world);
  world.clock.advance(3_599_999);
  world.crash();
  await world.start();
  expect((await world.status(id)).phase).toBe(Phase.SUBMITTED);
  world.clock.advance(1);
  await world.settle();
  expect((await world.status(id)).phase).toBe(Phase.EXPIRED);
  await expect(world.engine.exec(TESTER, { id, namespace: "" }, "")).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
});

test("a timer that fires before the wall clock agrees does not lose the moment", async () => {
  const world = await aWorld();
  const { id } = await submit(world);
  world.clock.step(-10_000);
  world.clock.advance(3_600_000);
  await world.settle();
  expect((await world.status(id)).phase).toBe(Phase.SUBMITTED);
  world.clock.advance(10_000);
  await world.settle();
  expect((await world.status(id)).phase).toBe(Phase.EXPIRED);
});

test("Exec answers the same whether it is the first, comes again, at once, or after the end; another digest is refused", async () => {
  const world = await aWorld();
  const { id, digest } = await submit(world);
  const ref = { id, namespace: "" };
  await expect(world.engine.exec(TESTER, ref, `sha256:${"0".repeat(64)}`)).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  await Promise.all([world.engine.exec(TESTER, ref, digest), world.engine.exec(TESTER, ref, digest)]);
  await world.settle();
  expect(await world.engine.exec(TESTER, ref, digest)).toMatchObject({ phase: Phase.SUCCEEDED });
  for (const host of world.fleet.hosts.values()) expect(host.changes).toHaveLength(1);
});

test("Exec by key before the Submit is on disk starts nothing before both are (H3)", async () => {
  const world = new World({ mode: "manual" });
  await world.start();
  const submitted = submit(world, { key: "k" });
  await world.settle();
  const executed = world.engine.exec(TESTER, { id: "k", namespace: "" }, "");
  await world.settle();
  world.journal.sync(1);
  await world.settle();
  expect(world.fleet.hosts.size).toBe(0);
  world.journal.sync();
  await world.settle();
  expect(world.fleet.hosts.size).toBe(3);
  await Promise.all([submitted, executed]);
});

test("on a full disk no new Submit, Exec or Retry is taken, and what runs goes on to its end", async () => {
  const world = await aWorld({ targets: 1 });
  const { id } = await submit(world);
  world.freeBytes = 0;
  await expect(submit(world, { requestId: requestId(2) })).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  await expect(world.engine.exec(TESTER, { id, namespace: "" }, "")).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  await expect(world.engine.retry(TESTER, retryOf({ id, namespace: "" }, ""))).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  expect((await submit(world)).id).toBe(id);
  world.freeBytes = 1e12;
  world.fleet.onStep = async () => void (world.freeBytes = 0);
  await world.engine.exec(TESTER, { id, namespace: "" }, "");
  await world.settle();
  expect((await world.status(id)).phase).toBe(Phase.SUCCEEDED);
  expect(await world.engine.exec(TESTER, { id, namespace: "" }, "")).toMatchObject({ phase: Phase.SUCCEEDED });
});

test("what does not exist is NOT_FOUND by ID and by key", async () => {
  const world = await aWorld();
  for (const id of ["019a9f1e-5c3a-7d10-8f00-0123456789ab", "no-such-key", "../../etc/passwd"]) {
    await expect(world.status(id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  }
});

test("two Retries of an ended workflow at once: one is recorded, and each host is changed once", async () => {
  const world = await aWorld({ targets: 2 });
  world.fleet.trouble("h0", "apply", "fail");
  const id = await world.run();
  expect((await world.status(id)).phase).toBe(Phase.FAILED);
  const ref = { id, namespace: "" };
  const results = await Promise.allSettled([1, 2, 3].map(() => world.engine.retry(TESTER, retryOf(ref, ""))));
  expect(results.map((result) => result.status).toSorted()).toEqual(["fulfilled", "rejected", "rejected"]);
  await world.settle();
  expect(await world.status(id)).toMatchObject({ phase: Phase.SUCCEEDED, retries: 1 });
  for (const host of world.fleet.hosts.values()) expect(host.changes).toHaveLength(1);
});

test("a Retry keeps ID, digest and task keys, survives a restart, and quotes the digest when it is given", async () => {
  const world = await aWorld({ targets: 1 });
  world.fleet.trouble("h0", "apply", "fail");
  const keys: string[] = [];
  world.fleet.onStep = async ({ context }) => void keys.push(context.taskKey);
  const id = await world.run();
  const before = await world.status(id);
  world.crash();
  await world.start();
  await expect(world.engine.retry(TESTER, retryOf({ id, namespace: "" }, "", `sha256:${"0".repeat(64)}`))).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
  });
  await world.engine.retry(TESTER, retryOf({ id, namespace: "" }, "", before.digest));
  await world.settle();
  expect(await world.status(id)).toMatchObject({ id, digest: before.digest, phase: Phase.SUCCEEDED });
  expect(new Set(keys).size).toBe(1);
});

test("a request ID in other letters, and the default namespace by its name, are the same request", async () => {
  const world = new World();
  const engine = await world.start();
  const requestIdWithLetters = "abcdef00-0000-4000-8000-00000000000a";
  const first = await engine.submit(TESTER, aSubmission(aWorkflow(), { requestId: requestIdWithLetters }), Mode.APPLY);
  const again = { requestId: requestIdWithLetters.toUpperCase(), namespace: "default" };
  const second = await engine.submit(TESTER, aSubmission(aWorkflow(), again), Mode.APPLY);
  expect(second.id).toBe(first.id);
});
