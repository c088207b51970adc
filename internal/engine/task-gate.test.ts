import { expect, test } from "vitest";
import { ADMISSIONS_PER_TURN_MAX } from "../base/limits.ts";
import { Decision, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";
import { GuardedWorld, OPERATOR, aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";
import { aLimit, aRule } from "../../test/fakes/policy-text.ts";
import { retryOf } from "../../test/fakes/retry-request.ts";

const TWO_ACTIONS = oneStage({}, [
  { name: "first", uses: "set", with: { name: "a", value: "1" } },
  { name: "second", uses: "set", with: { name: "b", value: "1" } },
]);
const ref = (id: string) => ({ id, namespace: "" });
const taskVerdicts = async (world: GuardedWorld, id: string) =>
  (await world.events(id, "verdictGiven")).filter(({ verdict }) => verdict?.gate === Gate.TASK);

test("a rule that holds some targets lets the others pass by, is journaled once a wave, and why names it", async () => {
  const policies = [aRule({ gates: "task", expr: 'target.name == "h1"', enforcement: "wait" })];
  const world = await aGuardedWorld({ targets: 5, policies });
  const id = await world.launch(oneStage({ rollout: { parallel: 1 } }));
  await world.pass(10);
  expect(world.changes).toBe(1);
  expect(await world.phase(id)).toBe("RUNNING");
  expect(await taskVerdicts(world, id)).toMatchObject([{ verdict: { decision: Decision.WAIT } }]);
  expect(await world.whyText(id, "h3")).toContain("policy p/r: not so");
  await world.restart();
  await world.pass(10);
  expect(await taskVerdicts(world, id)).toHaveLength(1);
});

test("a rule of the task gate that time lets pass starts what it held, by itself", async () => {
  const policies = [aRule({ gates: "task", expr: 'now > timestamp("2026-01-01T00:01:00Z") || target.name == "h0"', enforcement: "wait" })];
  const world = await aGuardedWorld({ targets: 3, policies });
  const id = await world.launch(TWO_ACTIONS);
  expect(world.changes).toBe(2);
  await world.pass(30);
  await world.restart();
  await world.pass(32);
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("allows at the task gate are counted and not journaled, also over a restart", async () => {
  const world = await aGuardedWorld({ targets: 4, policies: [aRule({ gates: "task", expr: "true" })] });
  const id = await world.launch(TWO_ACTIONS);
  expect((await world.status(id)).tasksAllowed).toBe(8);
  expect(await taskVerdicts(world, id)).toEqual([]);
  await world.restart();
  expect((await world.status(id)).tasksAllowed).toBe(8);
});

test("a denial at the task gate parks what it holds as WAITING; an edit lets it go on", async () => {
  const world = new GuardedWorld();
  const rule = (name: string) => aRule({ gates: "task", expr: `task.action != "second" || target.name != "${name}"` });
  await world.openDirectory({ "p.yaml": aRule({ gates: "submit", expr: "true" }) });
  await world.start();
  const { id } = await world.submit(TWO_ACTIONS);
  await world.edit("p.yaml", rule("h1"));
  await world.exec(id);
  expect(world.changes).toBe(5);
  expect(await world.phase(id)).toBe("WAITING");
  await world.restart();
  expect(await world.phase(id)).toBe("WAITING");
  expect(await world.whyText(id, "h1")).toContain("policy p/r");
  await world.edit("p.yaml", rule("none"));
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("approvals let go on what a rule of the task gate holds", async () => {
  const rule = { gates: "task", expr: 'target.name != "h1"', enforcement: "{ approve: { role: sre } }" };
  const world = await aGuardedWorld({ policies: [aRule(rule)] });
  const { id, digest } = await world.submit();
  await world.exec(id);
  expect(world.changes).toBe(2);
  expect(await world.phase(id)).toBe("WAITING");
  await world.engine.approve({ name: "bob", roles: ["approver:sre"] }, ref(id), { digest, reason: "" });
  await world.settle();
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("an expression of the task gate that fails, and a limit's key that fails, hold the task and say why", async () => {
  const key = { match: 'target.name == "h1"', key: 'target.labels["gone"]', terms: "concurrency: 1" };
  for (const policy of [aRule({ gates: "task", expr: 'target.name != "h1" || target.labels["gone"] == ""' }), aLimit(key)]) {
    const world = await aGuardedWorld({ policies: [policy] });
    const id = await world.launch();
    expect(world.changes).toBe(2);
    expect(await world.phase(id)).toBe("WAITING");
    expect(await world.whyText(id, "h1")).toMatch(/could not be asked, so it denies/);
  }
});

test("a retry is held by a rule of the task gate too, and goes on by itself", async () => {
  const policies = [aRule({ gates: "task", expr: 'ledger.touchedByAction("1h", "set") < 2 || target.name != "h0"', enforcement: "wait" })];
  const world = await aGuardedWorld({ targets: 3, policies });
  world.fleet.trouble("h0", "apply", "fail");
  const set = { name: "apply", uses: "set", with: { name: "a", value: "1" }, retry: { attempts: 3, delay: "5s" } };
  const id = await world.launch(oneStage({}, [set]));
  await world.pass(60);
  expect(await world.phase(id)).toBe("RUNNING");
  await world.pass(3_700);
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("what holds nothing but a retry counts once a wave in the history, however often it is asked", async () => {
  const policies = [aRule({ gates: "task", expr: 'target.name != "h0" || now < timestamp("2026-01-01T00:00:01Z")', enforcement: "wait" })];
  const world = await aGuardedWorld({ targets: 2, policies });
  world.fleet.trouble("h0", "apply", "fail");
  const set = { name: "apply", uses: "set", with: { name: "a", value: "1" }, retry: { attempts: 3, delay: "5s" } };
  const id = await world.launch(oneStage({}, [set]));
  await world.pass(300);
  expect(await taskVerdicts(world, id)).toHaveLength(1);
  expect(await world.whyText(id, "h0")).toContain("policy p/r");
});

test("a task that was put off for a Retry of its stalled workflow is asked again", async () => {
  const world = new GuardedWorld({ targets: 2 });
  const rule = (expr: string) => aRule({ gates: "task", expr });
  await world.openDirectory({ "p.yaml": rule("true") });
  await world.start();
  world.fleet.trouble("h1", "apply", "lost-answer");
  const { id } = await world.submit(
    oneStage({}, [
      { name: "first", uses: "touch" },
      { name: "second", uses: "set", with: { name: "b", value: "1" } },
    ]),
  );
  await world.edit("p.yaml", rule('task.action != "second"'));
  await world.exec(id);
  expect(await world.phase(id)).toBe("WAITING");
  await world.edit("p.yaml", rule('task.action != "second" || target.name == "h0"'));
  await world.engine.retry({ name: "olga", roles: [] }, retryOf(ref(id), "again"));
  await world.edit("p.yaml", rule("true"));
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("an approval that ends while a task waits for one more counts no longer in what `why` says, without anything else happening", async () => {
  const rule = { gates: "task", expr: "false", enforcement: "{ approve: { role: sre, count: 2, expires: 1h } }" };
  const world = await aGuardedWorld({ targets: 1, policies: [aRule(rule)] });
  const id = await world.launch(oneStage());
  const { digest } = await world.status(id);
  await world.engine.approve({ name: "bob", roles: ["approver:sre"] }, ref(id), { digest, reason: "" });
  await world.settle();
  const given = (await world.engine.why(ref(id), "h0")).holds[0];
  expect(given?.message).toContain("2 of role sre must approve, 1 have");
  expect(given?.until?.seconds).toBe(BigInt(world.clock.nowMs() / 1_000 + 3_600));
  await world.pass(3_599);
  expect(await world.whyText(id, "h0")).toContain("1 have");
  await world.pass(1);
  expect(await world.whyText(id, "h0")).toContain("0 have");
  expect(await world.phase(id)).toBe("WAITING");
});

const APPROVED = aRule({ gates: "task", expr: "false", enforcement: "{ approve: { role: sre } }" });

/** What an Exec that waits is answered while its workflow waits for a person, and what a watcher is shown last. */
async function toldWaiting(world: GuardedWorld, during: () => Promise<void>): Promise<readonly Phase[]> {
  const { id } = await world.submit(oneStage({ rollout: { parallel: 10_000 } }));
  const abort = new AbortController();
  const { signal } = abort;
  const told: Phase[] = [Phase.UNSPECIFIED, Phase.UNSPECIFIED];
  const answered = world.engine.exec(OPERATOR, ref(id), "", signal).then(
    ({ phase }) => (told[0] = phase),
    () => undefined,
  );
  const watching = (async () => {
    for await (const { status } of world.engine.watch(ref(id), { afterSeq: 0, isStatusOnly: false, signal })) told[1] = status?.phase ?? 0;
  })();
  await world.settle();
  await during();
  expect(await world.phase(id)).toBe("WAITING");
  abort.abort();
  await Promise.all([answered, watching]);
  return told;
}

test("who waits hears that a rule which let time decide now wants an approval, though no event says so", async () => {
  const world = new GuardedWorld({ targets: 1 });
  await world.openDirectory({ "p.yaml": aRule({ gates: "task", expr: "false", enforcement: "wait" }) });
  await world.start();
  expect(await toldWaiting(world, () => world.edit("p.yaml", APPROVED))).toEqual([Phase.WAITING, Phase.WAITING]);
});

test("who waits hears that more tasks wait for an approval than one turn asks about", async () => {
  const world = await aGuardedWorld({ targets: 2 * ADMISSIONS_PER_TURN_MAX + 1, policies: [APPROVED] });
  expect(await toldWaiting(world, () => world.pass(1))).toEqual([Phase.WAITING, Phase.WAITING]);
});
