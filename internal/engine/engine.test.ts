import { expect, test } from "vitest";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";
import { World, aSubmission, aWorkflow } from "../../test/fakes/world.ts";
import { TESTER } from "../../test/fakes/principals.ts";

test("a workflow runs from Submit to its end and each host is changed once", async () => {
  const world = new World({ targets: 5 });
  await world.start();
  const id = await world.run();
  const status = await world.status(id);
  expect(status.phase).toBe(Phase.SUCCEEDED);
  expect(status.counts).toMatchObject({ tasks: 5, succeeded: 5, changed: 5, running: 0 });
  for (const host of world.fleet.hosts.values()) expect(host.changes).toEqual(["set a=1"]);
});

test("Submit records and runs nothing", async () => {
  const world = new World();
  const engine = await world.start();
  const { id, scope } = await engine.submit(TESTER, aSubmission(), Mode.APPLY);
  await world.settle();
  expect(await world.status(id)).toMatchObject({ phase: Phase.SUBMITTED });
  expect(scope).toMatchObject({ targets: 3, tasks: 3, tasksByAction: { set: 3 } });
  expect(world.fleet.hosts.size).toBe(0);
});

test("running it a second time changes nothing", async () => {
  const world = new World();
  await world.start();
  await world.run();
  const second = await world.run(aWorkflow(), { requestId: "00000000-0000-4000-8000-00000000000b" });
  expect((await world.status(second)).counts).toMatchObject({ succeeded: 3, changed: 0, unchanged: 3 });
});
