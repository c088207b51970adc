import { expect, test } from "vitest";
import { GuardedWorld, OPERATOR, aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";
import { aRule } from "../../test/fakes/policy-text.ts";

const WAVES = oneStage({ rollout: { waves: [{ count: 1 }], pause: "60s" } });

test.each([3_600_000, -3_600_000])("a wall clock that steps by %i ms changes nothing of the pause between two waves", async (stepMs) => {
  for (const isRestarted of [false, true]) {
    const world = await aGuardedWorld({ targets: 2 });
    const id = await world.launch(WAVES);
    await world.pass(30);
    world.clock.step(stepMs);
    if (isRestarted) await world.restart();
    await world.pass(29);
    expect(world.changes).toBe(1);
    await world.pass(1);
    expect(await world.phase(id)).toBe("SUCCEEDED");
  }
});

test("over a reboot the pause holds where the wall clock went backward, and trusts it where it went forward", async () => {
  const world = await aGuardedWorld({ targets: 3 });
  const id = await world.launch(WAVES);
  await world.pass(30);
  world.clock.step(-3_600_000);
  world.clock.reboot();
  await world.restart();
  await world.pass(59);
  expect(world.changes).toBe(1);
  await world.pass(1);
  expect(world.changes).toBe(2);
  world.clock.step(60_000);
  world.clock.reboot();
  await world.restart();
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("a gated wave waits for its pause by the guard's clock too", async () => {
  const world = await aGuardedWorld({ targets: 2, policies: [aRule({ gates: "wave", expr: "true" })] });
  const id = await world.launch(WAVES);
  world.clock.step(3_600_000);
  await world.pass(59);
  expect(world.changes).toBe(1);
  await world.restart();
  await world.pass(1);
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("a pause that ends while a person paused the workflow is over when it goes on", async () => {
  const world = await aGuardedWorld({ targets: 2 });
  const id = await world.launch(WAVES);
  const who = { name: "olga", roles: [] };
  await world.engine.pause(who, { id, namespace: "" }, "lunch");
  await world.pass(600);
  expect(world.changes).toBe(1);
  await world.engine.unpause(who, { id, namespace: "" });
  await world.settle();
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("a pause that is over before its beginning is on disk holds nothing up", async () => {
  const world = new GuardedWorld({ targets: 2, mode: "manual" });
  const synced = async <T>(call: Promise<T>): Promise<T> => {
    for (let round = 0; round < 15; round++) {
      world.journal.sync();
      await world.settle(2);
    }
    return call;
  };
  await synced(world.start());
  const { id } = await synced(world.submit(WAVES));
  world.holds = (step) => step.startsWith("apply ");
  await synced(world.engine.exec(OPERATOR, { id, namespace: "" }, ""));
  await world.release("apply h0"); // it ends, and with it its wave: the pause counts from here on, and the disk takes longer than that
  await world.pass(61);
  await synced(world.settle());
  await world.pass(1);
  await synced(world.settle());
  expect(world.standingAt("apply")).toEqual(["h1"]);
});
