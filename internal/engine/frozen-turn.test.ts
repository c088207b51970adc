import { expect, test } from "vitest";
import { FreezeMode } from "../gen/holdfast/v1/policy_pb.ts";
import { OPERATOR, aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";
import type { GuardedWorld } from "../../test/fakes/guarded-world.ts";
import type { ApplyResult, AttemptContext, PreparedAction } from "./ports.ts";

const UNBEGUN: ApplyResult = { kind: "unbegun", message: "nothing was sent" };
const FILE = { kind: "present" as const, path: "/data/FREEZE" };

/** Puts something before each apply of the fleet. */
function beforeApply(
  world: GuardedWorld,
  work: (context: AttemptContext, apply: () => Promise<ApplyResult>) => Promise<ApplyResult>,
): void {
  const find = world.fleet.find.bind(world.fleet);
  const over = (prepared: PreparedAction): PreparedAction => ({
    ...prepared,
    apply: (context, before) => work(context, () => prepared.apply(context, before)),
  });
  world.fleet.find = (uses) => {
    const action = find(uses);
    return action && { ...action, parse: (raw) => over(action.parse(raw)) };
  };
}

/** As over ssh and http: within its apply a change waits for its turn, and asks whether it still may when the turn has come. */
function waitForTurns(world: GuardedWorld): { come(): Promise<void> } {
  const waiting: (() => void)[] = [];
  beforeApply(world, async (context, apply) => {
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      context.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    return context.signal.aborted || !context.mayBegin() ? UNBEGUN : apply();
  });
  return {
    come: async () => {
      while (waiting.length > 0) {
        for (const letGo of waiting.splice(0)) letGo();
        await world.settle();
      }
    },
  };
}

const uses = (name: string) =>
  oneStage({}, [{ name: "apply", uses: name, ...(name === "set" ? { with: { name: "a", value: "1" } } : {}) }]);

test.each([
  ["set", "call"],
  ["set", "file"],
  ["touch", "call"],
  ["touch", "file"],
] as const)("a change (%s) that waits for its turn does not begin after a freeze by %s, and goes on after the thaw", async (name, how) => {
  const world = await aGuardedWorld({ targets: 3 });
  const turns = waitForTurns(world);
  const id = await world.launch(uses(name));
  expect(await world.events(id, "applyStarted")).toHaveLength(3);
  if (how === "call") await world.freezeAll(FreezeMode.FINISH);
  else world.stopFile.set(FILE);
  await turns.come();
  expect(world.changes).toBe(0);
  expect(await world.phase(id)).toBe("FROZEN");
  await world.restart();
  await turns.come();
  expect(world.changes).toBe(0);
  if (how === "call") await world.thaw("f1");
  else world.stopFile.set({ kind: "absent" });
  await world.settle();
  await turns.come();
  expect(await world.phase(id)).toBe("SUCCEEDED");
  expect(world.changes).toBe(3);
});

test("unsafe work that only waited for its turn when a freeze aborted it is not held for a person", async () => {
  const world = await aGuardedWorld({ targets: 2 });
  const turns = waitForTurns(world);
  const id = await world.launch(uses("touch"));
  await world.freezeAll(FreezeMode.ABORT);
  expect((await world.status(id)).counts).toMatchObject({ running: 0, unknown: 0 });
  expect(await world.phase(id)).toBe("FROZEN");
  await world.thaw("f1");
  await turns.come();
  expect(await world.phase(id)).toBe("SUCCEEDED");
  expect(world.changes).toBe(2);
});

test("work that waits for its turn when its workflow is cancelled in a freeze ends cancelled", async () => {
  const world = await aGuardedWorld({ targets: 2 });
  const turns = waitForTurns(world);
  const id = await world.launch(uses("touch"));
  await world.freezeAll(FreezeMode.FINISH);
  await world.engine.cancel(OPERATOR, { id, namespace: "" }, "enough");
  await world.settle();
  await turns.come();
  expect(await world.phase(id)).toBe("CANCELLED");
  expect((await world.status(id)).counts).toMatchObject({ cancelled: 2, unknown: 0 });
  expect(world.changes).toBe(0);
});

test("a turn that comes between a freeze and its thaw is asked for anew; nothing ends as cancelled that nobody cancelled", async () => {
  const world = await aGuardedWorld({ targets: 1 });
  let asked = 0;
  beforeApply(world, async (context, apply) => {
    asked += 1;
    if (asked > 1) return apply();
    world.stopFile.set(FILE);
    expect(context.mayBegin()).toBe(false);
    world.stopFile.set({ kind: "absent" });
    return UNBEGUN;
  });
  const id = await world.launch(uses("touch"));
  await world.pass(120);
  expect(await world.phase(id)).toBe("SUCCEEDED");
  expect(world.changes).toBe(1);
  expect(await world.events(id, "attemptStarted")).toHaveLength(2);
});
