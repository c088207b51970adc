import { expect, test } from "vitest";
import { aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";
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
