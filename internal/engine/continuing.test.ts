import { expect, test } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import { GuardedWorld } from "../../test/fakes/guarded-world.ts";
import { TESTER } from "../../test/fakes/principals.ts";
import { aRule } from "../../test/fakes/policy-text.ts";
import { World, aSubmission } from "../../test/fakes/world.ts";
import { createEventFeed } from "./event-feed.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";

const SET: JsonValue = { name: "apply", uses: "set", with: { name: "a", value: "${{ workflow.generation }}" } };

function endless(parts: { readonly [name: string]: JsonValue } = {}): { readonly [name: string]: JsonValue } {
  return {
    name: "w",
    targets: { where: "true" },
    stages: [{ name: "fix", over: { targets: true }, actions: [SET] }],
    continueAsNew: { while: "workflow.generation < 4", keep: 0 },
    ...parts,
  };
}

test("policies are asked again in each generation, and one that they do not let go on begins nothing", async () => {
  const world = new GuardedWorld({ targets: 1 });
  await world.openDirectory({ "p.yaml": aRule({ gates: "exec", expr: "true" }) });
  await world.start();
  const { id, digest } = await world.engine.submit(TESTER, aSubmission(endless()), Mode.APPLY);
  await world.engine.exec(TESTER, { id, namespace: "" }, digest);
  await world.settle();
  await world.edit("p.yaml", aRule({ gates: "exec", expr: "false", enforcement: "wait" }));
  await world.pass(5);
  const { changes } = world;
  await world.pass(60);
  expect([world.changes, (await world.status(id)).generation, await world.phase(id)]).toEqual([changes, changes + 1, "RUNNING"]);
  expect(changes).toBeLessThan(4);
  expect(await world.whyText(id)).toContain("policy p/r holds its execution");
  await world.edit("p.yaml", aRule({ gates: "exec", expr: "true" }));
  await world.pass(60);
  expect([world.changes, (await world.status(id)).generation, await world.phase(id)]).toEqual([4, 4, "SUCCEEDED"]);
});

test("killed at any append, it goes on: each generation happens once, and what it does is done once", async () => {
  for (let at = 0; at < 24; at++)
    for (const isDurable of [true, false]) {
      const world = new World({ targets: 2 });
      await world.start();
      const id = await world.run(endless());
      world.crashAtAppend(at, isDurable);
      for (let second = 0; second < 10; second++) {
        await world.clock.advanceAsync(1_000);
        if (!world.isUp) await world.start();
      }
      const status = await world.status(id);
      expect([at, isDurable, status.phase, status.generation]).toEqual([at, isDurable, Phase.SUCCEEDED, 4]);
      for (const host of world.fleet.hosts.values()) expect([...host.applies.values()].every((count) => count === 1)).toBe(true);
    }
});

test("a reader of the feed who lags so far behind is told what is not kept, and its place holds", async () => {
  const world = new World({ targets: 1 });
  await world.start();
  const id = await world.run(endless());
  await world.clock.advanceAsync(10_000);
  const feed = createEventFeed(world.journal, world.clock);
  const kinds = new Set(["journalGap", "continuedAsNew", "workflowSubmitted", "attemptEnded"]);
  const steps = await feed.read({ batch: 0, events: 0 }, kinds);
  const told = steps.flatMap(({ events }) => events.map(({ kind }) => kind));
  expect(told[0]).toBe("workflowSubmitted");
  expect(told).toContain("journalGap");
  expect(told.slice(-2)).toEqual(["continuedAsNew", "attemptEnded"]);
  const gap = steps.flatMap(({ events }) => events).find(({ kind }) => kind === "journalGap");
  expect(JSON.stringify(gap?.event)).toContain("continue_as_new has dropped them");
  expect((await world.status(id)).generation).toBe(4);
});

test("a freeze of some targets is noted once, however many generations go by in it, also after a restart; its end is noted", async () => {
  const world = new GuardedWorld({ targets: 2 });
  await world.start();
  const once = { name: "once", actions: [{ name: "nap", uses: "wait", with: { for: "1s" } }] };
  const id = await world.launch(endless({ stages: [once], continueAsNew: { while: "workflow.generation < 8", keep: 1_000 } }));
  await world.freezeScope({ case: "label", value: { label: "site", value: "fra" } });
  await world.pass(3);
  const { generation } = await world.status(id);
  world.crash();
  await world.start();
  await world.pass(3);
  expect((await world.status(id)).generation).toBeGreaterThan(Math.max(2, generation));
  await world.thaw("f1");
  expect(await world.events(id, "freezeBegan")).toEqual([expect.objectContaining({ whole: false })]);
  await world.pass(30);
  expect([await world.phase(id), (await world.events(id, "freezeEnded")).length]).toEqual(["SUCCEEDED", 1]);
});
