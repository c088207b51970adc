import { expect, test } from "vitest";
import { aGuardedWorld } from "../../test/fakes/guarded-world.ts";

test("a shutdown ends nothing at the targets: what runs goes on, and the next life finds how it ended", async () => {
  const world = await aGuardedWorld({ targets: 1 });
  const signals: AbortSignal[] = [];
  const { onStep } = world.fleet;
  world.fleet.onStep = async (step) => {
    if (step.kind === "apply") signals.push(step.context.signal);
    await onStep(step);
  };
  world.holds = (step) => step === "apply h0";
  const id = await world.launch();
  await world.engine.close();
  expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  await world.release();
  expect(world.changes).toBe(1);
  world.crash("everything");
  await world.start();
  expect(await world.phase(id)).toBe("SUCCEEDED");
  expect(world.changes).toBe(1);
});
