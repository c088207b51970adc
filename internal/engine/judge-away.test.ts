import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import type { ErrorCode } from "../base/errors.ts";
import { ADMISSIONS_PER_TURN_MAX, GATE_REJUDGE_MS_MIN } from "../base/limits.ts";
import { Gate } from "../gen/holdfast/v1/policy_pb.ts";
import { GuardedWorld, aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";
import { aRule } from "../../test/fakes/policy-text.ts";
import { HELD_MS_MAX, watchLoop } from "../../test/fakes/loop-watch.ts";
import type { GateQuestion, Policies } from "./ports.ts";

/** Policies whose judge is away the first few times at a gate. */
function awayAt(
  policies: Policies,
  { gate, times, code }: { readonly gate: Gate; readonly times: number; readonly code: ErrorCode },
): Policies {
  let left = times;
  const judge: Policies["judge"] = async (question: GateQuestion) => {
    if (question.gate === gate && left-- > 0) throw new HoldfastError(code, "nobody judges now");
    return policies.judge(question);
  };
  return new Proxy(policies, {
    get: (target, name) => {
      if (name === "judge") return judge;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test.each(["UNAVAILABLE", "RESOURCE_EXHAUSTED"] as const)(
  "while nobody can judge (%s), a wave waits with its gate closed, and is judged again by itself",
  async (code) => {
    const world = new GuardedWorld({ policies: [aRule({ gates: "wave", expr: "true" })] });
    world.policies = awayAt(world.policies, { gate: Gate.WAVE, times: 2, code });
    await world.start();
    const id = await world.launch();
    expect([world.changes, await world.phase(id)]).toEqual([0, "RUNNING"]);
    await world.pass(GATE_REJUDGE_MS_MIN / 1_000);
    expect(world.changes).toBe(0);
    await world.pass(GATE_REJUDGE_MS_MIN / 1_000);
    expect(await world.phase(id)).toBe("SUCCEEDED");
    expect(world.fatal).toBeUndefined();
  },
);

test("a Submit and an Exec that nobody can judge are refused, and can be asked again", async () => {
  const world = new GuardedWorld({ policies: [aRule({ gates: "submit", expr: "true" })] });
  const { policies } = world;
  world.policies = awayAt(policies, { gate: Gate.SUBMIT, times: 1, code: "UNAVAILABLE" });
  await world.start();
  await expect(world.submit()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  const { id } = await world.submit();
  world.policies = awayAt(policies, { gate: Gate.EXEC, times: 1, code: "UNAVAILABLE" });
  await world.restart();
  await expect(world.exec(id)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await world.exec(id);
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("a workflow of which only the first many targets are held does not say that it waits for people while the others are being asked about", async () => {
  const targets = 4 * ADMISSIONS_PER_TURN_MAX;
  const last = `h${targets - 1}`;
  const world = await aGuardedWorld({ targets, policies: [aRule({ gates: "task", expr: `target.name == "${last}"` })] });
  const id = await world.launch(oneStage({ rollout: { parallel: 1 } }));
  expect([world.changes, await world.phase(id)]).toEqual([0, "RUNNING"]);
  await world.pass(1);
  expect([world.changes, await world.phase(id)]).toEqual([1, "WAITING"]);
});

test("dear rules of the task gate over many targets do not hold the event loop: each turn asks only for so many", async () => {
  const digits = "[1,2,3,4,5,6,7,8,9,10,11,12]";
  const dear = `${digits}.all(a, ${digits}.all(b, ${digits}.all(c, a + b + c > 0))) && target.name == ""`;
  const world = new GuardedWorld({ targets: 300, policies: [aRule({ gates: "task", expr: dear })] });
  await world.start();
  const { id } = await world.submit();
  const stop = watchLoop();
  await world.exec(id);
  while ((await world.phase(id)) !== "WAITING") await world.pass(0.001);
  expect(stop().longestMs).toBeLessThan(HELD_MS_MAX);
});
