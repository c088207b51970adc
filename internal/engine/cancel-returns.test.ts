import { expect, test } from "vitest";
import { OPERATOR, aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";
import { aLimit } from "../../test/fakes/policy-text.ts";

const some = (name: string) => ({ targets: { names: [name] } });

test("a workflow that is cancelled while a task of it is held gives back its slot and its locks, and others go on", async () => {
  const world = await aGuardedWorld({ targets: 2, policies: [aLimit({ terms: "concurrency: 1" })] });
  world.fleet.trouble("h0", "apply", "lost-answer");
  const held = await world.launch({ ...some("h0"), ...oneStage({}, [{ name: "restart", uses: "touch" }]) });
  const others = [await world.launch(some("h1")), await world.launch(some("h0"))];
  const phases = () => Promise.all([held, ...others].map((id) => world.phase(id)));
  expect(await phases()).toEqual(["WAITING", "RUNNING", "RUNNING"]);
  await world.engine.cancel(OPERATOR, { id: held, namespace: "" }, "given up");
  await world.settle();
  expect(await phases()).toEqual(["CANCELLED", "SUCCEEDED", "SUCCEEDED"]);
  await world.restart();
  expect(
    await world.phase(
      await world.launch({ ...some("h0"), ...oneStage({}, [{ name: "b", uses: "set", with: { name: "b", value: "1" } }]) }),
    ),
  ).toBe("SUCCEEDED");
});
