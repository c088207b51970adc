import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { TURNS_IN_FLIGHT_MAX } from "../base/limits.ts";
import { ListTasksRequestSchema, ListWorkflowsRequestSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { GuardedWorld, OPERATOR } from "../../test/fakes/guarded-world.ts";
import { retryOf } from "../../test/fakes/retry-request.ts";

/** A call, and whether it was answered. */
function watched<T>(call: Promise<T>): { readonly call: Promise<T>; isAnswered: boolean } {
  const seen = { call, isAnswered: false };
  const note = (): void => {
    seen.isAnswered = true;
  };
  void call.then(note, note);
  return seen;
}

/** A journal that syncs only when it is told to, and one workflow under way that stands still before its first checks. */
async function aSlowDisk(): Promise<{ readonly world: GuardedWorld; readonly id: string }> {
  const world = new GuardedWorld({ mode: "manual" });
  await untilAnswered(world, world.start());
  world.holds = (step) => step.startsWith("check ");
  const { id } = await untilAnswered(world, world.submit());
  await untilAnswered(world, world.exec(id));
  await syncAll(world);
  expect(world.standingAt("check")).toEqual(["h0", "h1", "h2"]);
  return { world, id };
}

async function untilAnswered<T>(world: GuardedWorld, call: Promise<T>): Promise<T> {
  const seen = watched(call);
  while (!seen.isAnswered) {
    world.journal.sync();
    await world.settle(1);
  }
  return call;
}

async function syncAll(world: GuardedWorld): Promise<void> {
  for (let round = 0; round < 5; round++) {
    world.journal.sync();
    await world.settle(2);
  }
}

/** What a watcher is shown first. */
async function firstOf({ engine }: GuardedWorld, ref: { readonly id: string; readonly namespace: string }, isStatusOnly: boolean) {
  for await (const answer of engine.watch(ref, { afterSeq: 0, isStatusOnly, signal: new AbortController().signal })) return answer;
  return undefined;
}

type Question = (world: GuardedWorld, ref: { readonly id: string; readonly namespace: string }) => Promise<unknown>;

const QUESTIONS: readonly (readonly [name: string, ask: Question])[] = [
  ["a status", async ({ engine }, ref) => engine.status(ref)],
  ["a list of tasks", async ({ engine }, ref) => engine.listTasks(create(ListTasksRequestSchema, { workflow: ref }))],
  ["a list of workflows", async ({ engine }) => engine.listWorkflows(create(ListWorkflowsRequestSchema, { namespace: "default" }))],
  ["a reason", async ({ engine }, ref) => engine.why(ref, "")],
  ["an approval", async ({ engine }, ref) => engine.approval(ref)],
  ["the pause itself", async ({ engine }, ref) => engine.pause(OPERATOR, ref, "again")],
  ["a refusal", async ({ engine }, ref) => engine.retry(OPERATOR, retryOf(ref, "no")).catch((error: unknown) => error)],
  ["a watcher", (world, ref) => firstOf(world, ref, true)],
  ["a watcher of events", (world, ref) => firstOf(world, ref, false)],
];

test.each(QUESTIONS)("%s tells nothing of a command before that is on disk", async (_name, ask) => {
  const { world, id } = await aSlowDisk();
  const ref = { id, namespace: "" };
  const pausing = watched(world.engine.pause(OPERATOR, ref, "lunch"));
  await world.settle();
  const asked = watched(ask(world, ref));
  await world.settle();
  expect([pausing.isAnswered, asked.isAnswered]).toEqual([false, false]);
  await syncAll(world);
  expect([pausing.isAnswered, asked.isAnswered]).toEqual([true, true]);
});

test("a watcher that is woken by one turn is told nothing of the next one before that is on disk", async () => {
  const { world, id } = await aSlowDisk();
  const ref = { id, namespace: "" };
  const { seq } = await world.engine.status(ref);
  const seen: bigint[] = [];
  const abort = new AbortController();
  const watching = (async () => {
    const options = { afterSeq: Number(seq) - 1, isStatusOnly: false, signal: abort.signal };
    for await (const answer of world.engine.watch(ref, options)) seen.push(answer.status?.seq ?? 0n, answer.seq);
  })();
  await world.settle();
  const asked = [world.engine.pause(OPERATOR, ref, "lunch")];
  await world.settle();
  asked.push(world.engine.unpause(OPERATOR, ref));
  await world.settle();
  expect([world.journal.pendingCount, seen]).toEqual([2, [seq, seq]]);
  world.journal.sync(1);
  await world.settle();
  expect(seen).toEqual([seq, seq]);
  await syncAll(world);
  await Promise.all(asked);
  expect(seen).toEqual([seq, seq, seq + 2n, seq + 2n]);
  abort.abort();
  await watching;
});

test("Submit and Exec are answered when the workflow, and its start, are on disk", async () => {
  const world = new GuardedWorld({ mode: "manual" });
  await untilAnswered(world, world.start());
  const submitting = watched(world.submit());
  await world.settle();
  expect(submitting.isAnswered).toBe(false);
  const { id } = await untilAnswered(world, submitting.call);
  const executing = watched(world.exec(id));
  await world.settle();
  expect([executing.isAnswered, world.changes]).toEqual([false, 0]);
  await untilAnswered(world, executing.call);
});

test("an attempt whose report waits for its turn is not begun a second time", async () => {
  const { world, id } = await aSlowDisk();
  const ref = { id, namespace: "" };
  world.fleet.host("h0").values.set("a", "1");
  // As many turns as may wait for the disk: further commands gather in the mailbox.
  for (let turn = 0; turn < TURNS_IN_FLIGHT_MAX; turn++) {
    void (turn % 2 === 0 ? world.engine.pause(OPERATOR, ref, "lunch") : world.engine.unpause(OPERATOR, ref));
    await world.settle(1);
  }
  expect(world.journal.pendingCount).toBe(TURNS_IN_FLIGHT_MAX);
  let checks = 0;
  const { onStep } = world.fleet;
  world.fleet.onStep = async (step) => {
    if (step.kind === "check" && step.host.name === "h0") checks += 1;
    await onStep(step);
  };
  await world.release("check h0");
  world.journal.sync(1);
  await world.settle();
  await syncAll(world);
  expect(checks).toBe(0);
  expect((await untilAnswered(world, world.status(id))).counts).toMatchObject({ unchanged: 1 });
});
