// Items of lists where targets else stand: in history, feed, and what policies see.

import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { TESTER } from "../../test/fakes/principals.ts";
import { aGuardedWorld } from "../../test/fakes/guarded-world.ts";
import { aRule } from "../../test/fakes/policy-text.ts";
import { World } from "../../test/fakes/world.ts";
import type { HistoryEvent } from "../gen/holdfast/v1/status_pb.ts";
import { Decision, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import { RetryRequestSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { createEventFeed } from "./event-feed.ts";
import type { FeedEvent } from "./ports.ts";

const ref = (id: string) => ({ id, namespace: "" });

/** The list is another one each time the scan has run. */
const SWEEP = {
  name: "sweep",
  vars: { scans: { type: "PARAM_TYPE_INT", defaultValue: 0 } },
  stages: [
    {
      name: "scan",
      actions: [
        { name: "find", uses: "set", with: { name: "scan", value: "${{ string(vars.scans) }}" }, set: { scans: "vars.scans + 1" } },
      ],
    },
    {
      name: "each",
      over: { list: { items: "vars.scans == 1 ? ['a', 'b'] : ['c']", max: 3 } },
      actions: [{ name: "do", uses: "set", with: { name: "${{ item }}", value: "1" } }],
    },
  ],
};

async function swept(): Promise<{ readonly world: World; readonly id: string }> {
  const world = new World({ targets: 0 });
  await world.start();
  const id = await world.run(SWEEP);
  await world.engine.retry(TESTER, create(RetryRequestSchema, { workflow: { id }, again: { kind: { case: "all", value: true } } }));
  await world.settle();
  return { world, id };
}

async function history(world: World, id: string, afterSeq = 0): Promise<readonly HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  for await (const page of world.engine.history(ref(id), { afterSeq, hasDetails: false })) events.push(...page.events);
  return events;
}

/** The items of the attempts at them, in order. */
const itemsOf = (events: readonly HistoryEvent[]): readonly string[] =>
  events.filter(({ event, stage }) => event?.kind.case === "attemptEnded" && stage === "each").map(({ target }) => target);

test("history says of every round what its items were called, from wherever it is read", async () => {
  const { world, id } = await swept();
  const events = await history(world, id);
  expect(itemsOf(events)).toEqual(["a", "b", "c"]);
  for (const [at, event] of events.entries()) expect((await history(world, id, at))[0]).toEqual(event);
});

test("the feed says so too, to two who read it at different places", async () => {
  const { world } = await swept();
  const feed = createEventFeed(world.journal, world.clock);
  const kinds = new Set(["attemptEnded"]);
  const read = async (batch: number): Promise<readonly FeedEvent[]> =>
    (await feed.read({ batch, events: 0 }, kinds)).flatMap(({ events }) => events).filter(({ stage }) => stage === "each");
  expect((await read(0)).map(({ target }) => target)).toEqual(["a", "b", "c"]);
  // The other one is behind.
  expect((await read(0)).map(({ target }) => target)).toEqual(["a", "b", "c"]);
});

test("policies see items as targets by name, at the gate of their list and at that of their tasks", async () => {
  const rules = [
    aRule({ name: "a", gates: "expand", expr: 'targets.map(t, t.name) == ["a", "b"] && stage.over == "list"', enforcement: "wait" }),
    aRule({
      name: "b",
      gates: "task",
      expr: 'task.stage != "each" || (target.name == "a" && target.labels.size() == 0)',
      enforcement: "wait",
    }),
  ];
  const world = await aGuardedWorld({ targets: 1, policies: rules });
  const id = await world.launch(SWEEP);
  await world.pass(10);
  expect((await world.events(id, "verdictGiven")).slice(1)).toMatchObject([
    { verdict: { gate: Gate.EXPAND, decision: Decision.ALLOW } },
    { verdict: { gate: Gate.TASK, decision: Decision.WAIT } },
  ]);
  expect(await world.whyText(id)).toContain("each/do on b");
  expect((await world.status(id)).counts).toMatchObject({ succeeded: 2, waiting: 1 });
});

test("an endless workflow's history says of every generation what its items were called", async () => {
  const world = new World({ targets: 0 });
  await world.start();
  const id = await world.run({ ...SWEEP, continueAsNew: { while: "vars.scans < 2", keep: 1 } });
  await world.clock.advanceAsync(3_600_000);
  await world.settle();
  const events = await history(world, id);
  expect(itemsOf(events)).toEqual(["a", "b", "c"]);
  for (const [at, event] of events.entries()) expect((await history(world, id, Number(event.seq) - 1))[0], String(at)).toEqual(event);
});
