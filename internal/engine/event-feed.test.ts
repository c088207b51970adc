// The feed: all events in the journal's order, what follows from them, and the same again from every cursor.

import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { TESTER } from "../../test/fakes/principals.ts";
import { World, aWorkflow } from "../../test/fakes/world.ts";
import { Resolution } from "../gen/holdfast/v1/event_pb.ts";
import { FreezeRequestSchema, ThawRequestSchema } from "../gen/holdfast/v1/guard_service_pb.ts";
import { FreezeScopeSchema } from "../gen/holdfast/v1/policy_pb.ts";
import { ResolveTaskRequestSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { createEventFeed } from "./event-feed.ts";
import type { FeedCursor, FeedEvent, FeedStep } from "./ports.ts";

const START: FeedCursor = { batch: 0, events: 0 };

function feedOf(world: World) {
  return createEventFeed(world.journal, world.clock);
}

/** Everything after a cursor, as whoever reads to the end gets it. */
async function everything(world: World, kinds: readonly string[], after = START): Promise<FeedEvent[]> {
  const feed = feedOf(world);
  const events: FeedEvent[] = [];
  let cursor = after;
  for (;;) {
    const steps: readonly FeedStep[] = await feed.read(cursor, new Set(kinds));
    const last = steps.at(-1);
    if (last === undefined) return events;
    events.push(...steps.flatMap((step) => step.events));
    cursor = last.cursor;
  }
}

const shown = (events: readonly FeedEvent[]): string[] =>
  events.map(({ kind, stage, action, target }) => [kind, stage, action, target].join(" ").trim());

test("all that happened to a workflow is told in its order, with names, and without what was submitted", async () => {
  const world = new World({ targets: 1 });
  await world.start();
  const id = await world.run(aWorkflow({ annotations: { owner: "ann" } }), { key: "k1" });
  const events = await everything(world, feedOf(world).kinds);
  const numbers = events.filter(({ workflow }) => workflow?.id === id).map((event) => event.id);
  expect(numbers).toEqual(numbers.map((_, at) => `${id}/${at + 1}`));
  expect(shown(events)).toEqual([
    "workflowSubmitted",
    "workflowExecuted",
    "stageStarted fix",
    "waveStarted fix",
    "attemptStarted fix apply h0",
    "applyStarted fix apply h0",
    "attemptEnded fix apply h0",
    "waveEnded fix",
    "stageEnded fix",
    "workflowEnded",
  ]);
  const workflow = { id, name: "test", namespace: "default", key: "k1", submittedBy: TESTER.name, annotations: { owner: "ann" } };
  expect(events[0]).toMatchObject({ by: TESTER.name, workflow, event: { mode: "MODE_APPLY", targets: 1 } });
  expect(events[0]?.event).not.toHaveProperty("definition");
  expect(events.at(-1)).toMatchObject({ workflow, event: { outcome: "WORKFLOW_OUTCOME_SUCCEEDED" } });
});

test("from the cursor of each step the rest is told, and nothing twice", async () => {
  const world = new World({ targets: 3 });
  await world.start();
  world.fleet.trouble("h1", "apply", "fail");
  await world.run();
  const kinds = ["attemptEnded", "workflowEnded", "workflowFailed"];
  const all = await everything(world, kinds);
  expect(shown(all).slice(-2)).toEqual(["workflowEnded", "workflowFailed"]);
  const steps = await feedOf(world).read(START, new Set(kinds));
  let done = 0;
  for (const step of steps) {
    done += step.events.length;
    expect(await everything(world, kinds, step.cursor)).toEqual(all.slice(done));
  }
});

test("a workflow that waits for a person is told once for each new reason", async () => {
  const world = new World({ targets: 3 });
  await world.start();
  for (const host of ["h0", "h2"]) world.fleet.trouble(host, "apply", "lost-answer");
  const id = await world.run(
    aWorkflow({ stages: [{ name: "fix", over: { targets: true }, actions: [{ name: "apply", uses: "touch" }] }] }),
  );
  const waiting = await everything(world, ["workflowWaiting"]);
  expect(shown(waiting)).toEqual(["workflowWaiting"]);
  expect(waiting[0]?.event).toMatchObject({ waitingFor: [{ kind: "HOLD_KIND_UNKNOWN", names: ["h0", "h2"] }] });
  const settle = async (target: string, resolution: Resolution): Promise<void> => {
    const task = { stage: "fix", action: "apply", target };
    await world.engine.resolveTask(TESTER, create(ResolveTaskRequestSchema, { workflow: { id }, ...task, resolution, reason: "looked" }));
    await world.settle();
  };
  await settle("h0", Resolution.SUCCEEDED);
  expect(await everything(world, ["workflowWaiting"]), "it never stopped waiting").toEqual(waiting);
  world.fleet.trouble("h2", "apply", "lost-answer");
  await settle("h2", Resolution.RUN_AGAIN);
  const again = await everything(world, ["workflowWaiting"]);
  expect(again.map((event) => event.id)).toEqual([waiting[0]?.id, expect.stringMatching(/\/\d+\/workflowWaiting$/)]);
});

test("a freeze placed and lifted is told, of the guard's events no other", async () => {
  const world = new World({ targets: 1 });
  await world.start();
  await world.run();
  const scope = create(FreezeScopeSchema, { kind: { case: "everything", value: true } });
  await world.engine.freeze(TESTER, create(FreezeRequestSchema, { scope, reason: "wrong site" }));
  await world.engine.thaw(TESTER, create(ThawRequestSchema, { scope, reason: "it was the right one" }));
  const events = (await everything(world, feedOf(world).kinds)).filter(({ workflow }) => workflow === undefined);
  expect(shown(events)).toEqual(["freezePlaced", "freezeLifted"]);
  expect(events[0]).toMatchObject({ by: TESTER.name, event: { id: "f1", reason: "wrong site" } });
});

test("two readers at different places get the same answers", async () => {
  const world = new World({ targets: 2 });
  await world.start();
  world.fleet.trouble("h0", "apply", "lost-answer");
  await world.run(aWorkflow({ stages: [{ name: "fix", over: { targets: true }, actions: [{ name: "apply", uses: "touch" }] }] }));
  const feed = feedOf(world);
  const kinds = new Set(["workflowWaiting", "attemptEnded"]);
  const first = await feed.read(START, kinds);
  const [second, third] = await Promise.all([feed.read(START, kinds), feed.read(START, kinds)]);
  expect(second).toEqual(first);
  expect(third).toEqual(first);
  expect(first.flatMap(({ events }) => events).some(({ kind }) => kind === "workflowWaiting")).toBe(true);
});
