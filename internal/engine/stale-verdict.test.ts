import { expect, test } from "vitest";
import { Decision, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import { GuardedWorld } from "../../test/fakes/guarded-world.ts";
import { aRule } from "../../test/fakes/policy-text.ts";
import type { Policies } from "./ports.ts";

/** Policies whose judge allows something at a gate, and says so only when it is let. */
class SlowJudge {
  readonly policies: Policies;
  isSlow = true;
  readonly #waiting: (() => void)[] = [];

  constructor(policies: Policies, gate: Gate) {
    const judge: Policies["judge"] = async (question) => {
      const judgement = await policies.judge(question);
      const isAllowed = judgement.verdict.decision === Decision.ALLOW;
      if (this.isSlow && isAllowed && question.gate === gate) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      return judgement;
    };
    this.policies = new Proxy(policies, {
      get: (target, name) => {
        if (name === "judge") return judge;
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  speak(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

test("a verdict whose count has moved while it was on its way starts no wave: it is judged again, and then waits", async () => {
  const blast = aRule({ gates: "wave", expr: 'ledger.touchedTotal("1h") + size(targets) <= 3', enforcement: "wait" });
  const world = new GuardedWorld({ targets: 4, policies: [blast] });
  const judge = new SlowJudge(world.policies, Gate.WAVE);
  world.policies = judge.policies;
  await world.start();
  const first = await world.launch({ targets: { names: ["h0", "h1"] } });
  const second = await world.launch({ targets: { names: ["h2", "h3"] } });
  // Both were allowed on the same count, and neither knows it yet.
  expect([judge.waiting, world.changes]).toEqual([2, 0]);
  judge.speak();
  await world.settle();
  expect([world.changes, await world.phase(first), await world.phase(second)]).toEqual([2, "SUCCEEDED", "RUNNING"]);
  await world.pass(1);
  expect([judge.waiting, world.changes]).toEqual([0, 2]);
  expect(await world.whyText(second)).toContain("p/r holds wave 1");
  expect(world.fatal).toBeUndefined();
});

test("a verdict at exec whose count has moved while it was on its way admits nothing: it is judged again, and then waits", async () => {
  const blast = aRule({ gates: "exec", expr: 'ledger.touchedTotal("1h") + size(targets) <= 3', enforcement: "wait" });
  const world = new GuardedWorld({ targets: 6, policies: [blast] });
  const judge = new SlowJudge(world.policies, Gate.EXEC);
  judge.isSlow = false;
  world.policies = judge.policies;
  await world.start();
  await world.launch({ targets: { names: ["h0", "h1"] } });
  const waiting = [await world.launch({ targets: { names: ["h2", "h3"] } }), await world.launch({ targets: { names: ["h4", "h5"] } })];
  expect(world.changes).toBe(2);
  judge.isSlow = true;
  for (let passed = 0; passed < 3_700 && judge.waiting < 2; passed += 10) await world.pass(10);
  expect([judge.waiting, world.changes]).toEqual([2, 2]);
  judge.speak();
  await world.settle();
  expect(world.changes).toBe(4);
  await world.pass(60);
  expect([judge.waiting, world.changes]).toEqual([0, 4]);
  expect([await world.phase(waiting[0] ?? ""), await world.phase(waiting[1] ?? "")].toSorted()).toEqual(["RUNNING", "SUCCEEDED"]);
  expect(world.fatal).toBeUndefined();
});

test.each([
  ["an approval in it has ended", 3_000, "expires: 1s"],
  ["it is about a moment long gone, as when the machine slept", 600_000, "expires: 4h"],
])("a verdict at exec that comes late admits nothing where %s: it is judged again", async (_, lateMs, expires) => {
  const rule = aRule({ gates: "exec", expr: "false", enforcement: `{ approve: { role: sre, ${expires} } }` });
  const world = new GuardedWorld({ targets: 1, policies: [rule] });
  const judge = new SlowJudge(world.policies, Gate.EXEC);
  world.policies = judge.policies;
  await world.start();
  const id = await world.launch();
  const { digest } = await world.status(id);
  await world.engine.approve({ name: "bob", roles: ["approver:sre"] }, { id, namespace: "" }, { digest, reason: "seen" });
  await world.settle();
  expect(judge.waiting).toBe(1);
  await world.clock.advanceAsync(lateMs);
  judge.speak();
  await world.settle();
  expect(world.changes).toBe(0);
  judge.isSlow = false;
  await world.pass(1);
  judge.speak();
  await world.settle();
  expect([world.changes, await world.phase(id)]).toEqual(expires === "expires: 1s" ? [0, "WAITING"] : [1, "SUCCEEDED"]);
  expect(world.fatal).toBeUndefined();
});
