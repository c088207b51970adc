// The keeper of the feed finds what it is there for.

import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { Phase, WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { MemoryJournal } from "../fakes/memory-journal.ts";
import { World, aWorkflow } from "../fakes/world.ts";
import { FeedKeeper } from "./feed-keeper.ts";
import { INVARIANTS } from "./invariants.ts";

const TOUCH = aWorkflow({ stages: [{ name: "fix", over: { targets: true }, actions: [{ name: "apply", uses: "touch" }] }] });

async function aRun(isHeld: boolean) {
  const world = new World({ targets: 2 });
  await world.start();
  if (isHeld) world.fleet.trouble("h0", "apply", "lost-answer");
  return { world, id: await world.run(TOUCH) };
}

test("a run in which everything was told keeps the rule, from every place", async () => {
  expect(INVARIANTS["feed"]).toBeDefined();
  const { world } = await aRun(true);
  for (let seed = 0; seed < 20; seed++) await new FeedKeeper().check(world, seed);
});

test("a wait that was shown and is not told is found, one that is told is not", async () => {
  const held = await aRun(true);
  const told = new FeedKeeper();
  told.told(await held.world.status(held.id));
  await told.check(held.world, 0);
  const { world, id } = await aRun(false);
  const keeper = new FeedKeeper();
  keeper.told(create(WorkflowStatusSchema, { id, seq: 9n, phase: Phase.WAITING }));
  await expect(keeper.check(world, 0)).rejects.toThrow(/^feed: .* was shown as waiting at event 9, and it was not told$/);
});

test("an event that the feed leaves out is found", async () => {
  const { world } = await aRun(false);
  const journal = new MemoryJournal("auto", world.journal.entries);
  const { readBatches } = journal;
  journal.readBatches = async function* without(range) {
    for await (const batch of readBatches.call(journal, range)) if (batch.number !== 2) yield batch;
  };
  await expect(new FeedKeeper().check({ journal, clock: world.clock }, 0)).rejects.toThrow(/^feed: /);
});
