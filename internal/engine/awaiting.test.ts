import { expect, test } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";
import { World } from "../../test/fakes/world.ts";

const DAY_S = 86_400;

function waiting(args: { readonly [name: string]: string }, rest: { readonly [name: string]: JsonValue } = {}): JsonValue {
  return { name: "w", stages: [{ name: "s", actions: [{ name: "pause", uses: "wait", with: args, ...rest }] }] };
}

async function lives(world: World, seconds: number): Promise<void> {
  await world.clock.advanceAsync(seconds * 1_000);
}

test("a wait of two years ends on its day, through restarts on the way", async () => {
  const world = new World();
  await world.start();
  const id = await world.run(waiting({ for: "2y" }));
  for (let day = 0; day < 729; day += 81) {
    await lives(world, 81 * DAY_S);
    world.crash();
    await world.start();
  }
  await lives(world, DAY_S - 1);
  expect((await world.status(id)).phase).toBe(Phase.RUNNING);
  await lives(world, 1);
  expect((await world.status(id)).phase).toBe(Phase.SUCCEEDED);
});

test("nothing of a wait runs: after a restart no action is asked again, and no timer but the workflow's own is set", async () => {
  const world = new World();
  await world.start();
  const id = await world.run(waiting({ for: "1h" }));
  world.crash();
  world.fleet.add({ ...present(world), parse: () => expect.unreachable("it awaits already") });
  await world.start();
  await lives(world, 3_600);
  expect((await world.status(id)).phase).toBe(Phase.SUCCEEDED);
});

test("a wait says what it awaits, and until when", async () => {
  const world = new World();
  await world.start();
  const id = await world.run(waiting({ for: "1h" }));
  const [hold] = (await world.status(id)).waitingFor;
  expect(hold?.message).toBe("s/pause awaits a moment");
  expect(Number(hold?.until?.seconds) * 1_000).toBe(world.clock.nowMs() + 3_600_000);
});

test("a cancel ends a wait at once", async () => {
  const world = new World();
  await world.start();
  const id = await world.run(waiting({ for: "1y" }));
  expect((await world.engine.cancel({ name: "ann", roles: [] }, { id, namespace: "" }, "")).phase).toBe(Phase.CANCELLED);
});

test("a pause and a freeze keep no wait from ending", async () => {
  const world = new World();
  await world.start();
  const id = await world.run(waiting({ for: "1h" }));
  await world.engine.pause({ name: "ann", roles: [] }, { id, namespace: "" }, "");
  world.stopFile.set({ kind: "present", path: "/FREEZE" });
  await lives(world, 3_600);
  expect((await world.status(id)).counts?.running).toBe(0);
});

test("total_timeout ends a wait that has more to go", async () => {
  const world = new World();
  await world.start();
  const id = await world.run(waiting({ for: "1h" }, { timeout: "7200s", totalTimeout: "60s" }));
  await lives(world, 60);
  expect((await world.status(id)).phase).toBe(Phase.FAILED);
});

function present(world: World) {
  return world.fleet.find("wait") ?? expect.unreachable("the world has the action wait");
}
