import { expect, test } from "vitest";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import { Decision, Enforcement } from "../gen/holdfast/v1/policy_pb.ts";
import { GuardedWorld, OPERATOR, aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";
import { aRule } from "../../test/fakes/policy-text.ts";

const sre = (name: string) => ({ name, roles: ["approver:sre"] });
const BLAST = aRule({ gates: "wave", expr: 'ledger.touchedTotal("1h") + size(targets) <= 3', enforcement: "wait" });
const some = (...names: string[]) => ({ targets: { names } });

test("a Submit that a policy denies is refused with one detail for each rule, and nothing of it is recorded", async () => {
  const policies = [aRule({ name: "a", gates: "submit", expr: "size(targets) < 2" }), aRule({ name: "b", gates: "submit", expr: "false" })];
  const world = await aGuardedWorld({ policies });
  const refused = { code: "PERMISSION_DENIED", details: [{ place: "a/r" }, { place: "b/r" }] };
  await expect(world.submit()).rejects.toMatchObject(refused);
  await expect(world.submit({}, { parts: { validateOnly: true } })).rejects.toMatchObject(refused);
  expect(world.journal.entries).toHaveLength(0);
});

test("what a policy only warns of is told in the answer to Submit", async () => {
  const world = await aGuardedWorld({ policies: [aRule({ gates: "submit", expr: "false", enforcement: "warn" })] });
  for (const parts of [{}, { validateOnly: true }]) {
    const { verdict } = await world.submit({}, { parts });
    expect(verdict).toMatchObject({ decision: Decision.ALLOW, rules: [{ policy: "p", rule: "r", enforcement: Enforcement.WARN }] });
  }
});

test("a workflow that no policy matches is denied; without policies the built-in default says that it allows", async () => {
  const strict = await aGuardedWorld({ policies: [aRule({ match: 'workflow.name == "other"', gates: "submit", expr: "true" })] });
  await expect(strict.submit()).rejects.toMatchObject({ code: "PERMISSION_DENIED", message: expect.stringContaining("no policy matches") });
  const world = await aGuardedWorld();
  expect(await world.engine.policies()).toMatchObject({ policies: [], isDefault: true });
  const { policies, id } = await world.submit();
  expect(policies).toEqual([]);
  await world.exec(id);
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("an Exec that a policy denies is refused, and the verdict is in the workflow's history", async () => {
  const world = new GuardedWorld();
  await world.openDirectory({ "p.yaml": aRule({ gates: "submit", expr: "true" }) });
  await world.start();
  const { id } = await world.submit();
  await world.edit("p.yaml", aRule({ gates: "submit", expr: "false" }));
  await expect(world.exec(id)).rejects.toMatchObject({ code: "PERMISSION_DENIED", details: [{ place: "p/r" }] });
  await world.restart();
  expect(await world.phase(id)).toBe("SUBMITTED");
  expect(await world.events(id, "verdictGiven")).toMatchObject([{ verdict: { decision: Decision.DENY } }]);
  await world.edit("p.yaml", aRule({ gates: "submit", expr: "true" }));
  await world.exec(id);
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("a workflow that is to wait at exec is executed, starts nothing, and goes on by itself when the time has come; across a crash too", async () => {
  const policies = [aRule({ gates: "exec", expr: 'now >= timestamp("2026-01-01T00:10:00Z")', enforcement: "wait" })];
  const world = await aGuardedWorld({ policies });
  const id = await world.launch();
  expect(world.changes).toBe(0);
  expect(await world.whyText(id)).toContain("policy p/r holds its execution: not so");
  expect(await world.phase(id)).toBe("RUNNING");
  await world.pass(300);
  await world.restart();
  await world.pass(299);
  expect(world.changes).toBe(0);
  await world.pass(62);
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("two people of the role approve the digest: the submitter, the same person twice and another digest do not count", async () => {
  const rule = { gates: "exec", expr: "false", enforcement: "{ approve: { role: sre, count: 2 } }" };
  const world = await aGuardedWorld({ policies: [aRule(rule)] });
  const { id, digest } = await world.submit({}, { by: sre("ann") });
  await world.exec(id);
  expect(await world.phase(id)).toBe("WAITING");
  const approve = async (by: { name: string; roles: string[] }, quoted = digest): Promise<void> => {
    await world.engine.approve(by, { id, namespace: "" }, { digest: quoted, reason: "seen" });
    await world.settle();
  };
  await expect(approve(sre("ann"))).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  await expect(approve(sre("bob"), `sha256:${"0".repeat(64)}`)).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  await expect(approve({ name: "eve", roles: ["operator"] })).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  await approve({ name: "dba", roles: ["approver:dba"] });
  await approve(sre("bob"));
  await approve(sre("bob"));
  await approve({ name: "bob", roles: ["approver:ops", "approver:sre"] });
  expect(await world.phase(id)).toBe("WAITING");
  expect(await world.whyText(id)).toContain("2 of role sre must approve, 1 have");
  await world.restart();
  expect(await world.phase(id)).toBe("WAITING");
  expect((await world.engine.approval({ id, namespace: "" })).approvals.map(({ by }) => by)).toEqual(["dba", "bob", "bob"]);
  await approve(sre("cyd"));
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("an approval that has expired is asked for again, and `why` says so at once; who approved before may approve again", async () => {
  const rule = { gates: "exec", expr: "false", enforcement: "{ approve: { role: sre, count: 2, expires: 4h, reason: required } }" };
  const world = await aGuardedWorld({ policies: [aRule(rule)] });
  const { id, digest } = await world.submit();
  await world.exec(id);
  const approve = async (name: string, reason: string): Promise<number> => {
    await world.engine.approve(sre(name), { id, namespace: "" }, { digest, reason });
    await world.settle();
    return (await world.engine.approval({ id, namespace: "" })).approvals.length;
  };
  expect(await approve("bob", "")).toBe(1);
  expect(await world.whyText(id)).toContain("2 of role sre must approve, with a reason, 0 have; an approval counts for 4h");
  expect(await approve("bob", "seen"), "the reason is news").toBe(2);
  expect(await approve("bob", "seen"), "the same call again").toBe(2);
  expect(await world.whyText(id)).toContain("1 have");
  await world.pass(4 * 3_600 - 1);
  expect(await world.whyText(id)).toContain("1 have");
  await world.pass(1);
  expect(await world.whyText(id)).toContain("0 have");
  expect(await approve("cyd", "seen")).toBe(3);
  expect(await world.phase(id)).toBe("WAITING");
  await world.restart();
  await world.pass(2 * 3_600);
  expect(await approve("bob", "still so")).toBe(4);
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("an approval that has expired passes no later wave", async () => {
  const rule = { gates: "wave", expr: "wave == 0", enforcement: "{ approve: { role: sre, expires: 1h } }" };
  const world = await aGuardedWorld({ targets: 3, policies: [aRule(rule)] });
  const { id, digest } = await world.submit(oneStage({ rollout: { waves: [{ count: 1 }], pause: "5400s" } }));
  await world.exec(id);
  await world.engine.approve(sre("bob"), { id, namespace: "" }, { digest, reason: "" });
  await world.pass(5_400);
  expect([world.changes, await world.phase(id)]).toEqual([1, "WAITING"]);
  await world.engine.approve(sre("bob"), { id, namespace: "" }, { digest, reason: "" });
  await world.settle();
  expect([world.changes, await world.phase(id)]).toEqual([2, "RUNNING"]);
  await world.pass(5_400);
  await world.restart();
  expect([world.changes, await world.phase(id)]).toEqual([2, "WAITING"]);
});

test("two workflows never both pass one count of the ledger: the second waits, and goes on when the hour is over", async () => {
  const world = await aGuardedWorld({ targets: 4, policies: [BLAST] });
  const first = await world.submit(some("h0", "h1"));
  const second = await world.submit(some("h2", "h3"));
  await Promise.all([world.exec(first.id), world.exec(second.id)]);
  const phases = [await world.phase(first.id), await world.phase(second.id)].toSorted();
  expect(phases).toEqual(["RUNNING", "SUCCEEDED"]);
  expect(world.changes).toBe(2);
  await world.restart();
  await world.pass(3_500);
  expect(world.changes).toBe(2);
  await world.pass(200);
  expect(world.changes).toBe(4);
});

test("a wave that waits for the ledger goes on when the targets of another turn out to be unchanged", async () => {
  const world = await aGuardedWorld({ targets: 4, policies: [BLAST] });
  for (const name of ["h0", "h1"]) world.fleet.host(name).values.set("a", "1");
  world.holds = (step) => step.startsWith("check ");
  const first = await world.launch(some("h0", "h1"));
  const second = await world.launch(some("h2", "h3"));
  expect(world.standingAt("check")).toEqual(["h0", "h1"]);
  expect(await world.whyText(second)).toContain("p/r holds wave 1");
  await world.release();
  await world.pass(61);
  expect([await world.phase(first), await world.phase(second)]).toEqual(["SUCCEEDED", "SUCCEEDED"]);
});

test("a wave starts in the very turn that takes its verdict, and is in the journal with its reservation in one batch", async () => {
  const world = await aGuardedWorld({ targets: 2, policies: [BLAST] });
  const id = await world.launch();
  const entry = world.journal.entries.find(({ events }) => events.some(({ kind }) => kind.case === "waveStarted"));
  expect(entry?.id).toBe(id);
  expect(entry?.events.map(({ kind }) => kind.case)).toEqual(expect.arrayContaining(["verdictGiven", "waveStarted"]));
  expect(entry?.guardEvents.map(({ kind }) => kind.case)).toContain("targetsReserved");
});

test("a gated wave after a pause is judged once the pause is over", async () => {
  const world = await aGuardedWorld({ targets: 3, policies: [aRule({ gates: "wave", expr: "true" })] });
  const id = await world.launch(oneStage({ rollout: { waves: [{ count: 1 }], pause: "60s" } }));
  expect(world.changes).toBe(1);
  await world.pass(61);
  expect(world.changes).toBe(2);
  await world.restart();
  await world.pass(61);
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("a denial at a wave parks the workflow as WAITING, and an edit of the policy lets it go on", async () => {
  const world = new GuardedWorld();
  const rule = (limit: number) => aRule({ gates: "wave", expr: `size(targets) <= ${limit}` });
  await world.openDirectory({ "p.yaml": aRule({ gates: "submit", expr: "true" }) });
  await world.start();
  const { id } = await world.submit();
  await world.edit("p.yaml", rule(2));
  await world.exec(id);
  expect(await world.phase(id)).toBe("WAITING");
  expect(await world.whyText(id)).toContain("policy p/r holds wave 1");
  await world.restart();
  expect(await world.phase(id)).toBe("WAITING");
  expect(world.changes).toBe(0);
  await world.edit("p.yaml", rule(3));
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("an edit can only tighten: what was pinned at Submit is asked too", async () => {
  const world = new GuardedWorld();
  await world.openDirectory({ "p.yaml": aRule({ gates: "wave", expr: "size(targets) <= 2" }) });
  await world.start();
  const { id } = await world.submit();
  await world.edit("p.yaml", aRule({ gates: "wave", expr: "true" }));
  await world.restart();
  await world.exec(id);
  expect(await world.phase(id)).toBe("WAITING");
  const fresh = await world.launch();
  expect(await world.phase(fresh)).toBe("SUCCEEDED");
});

test("a plan is held by no wave and no approval, reserves nothing, and is denied by what denies", async () => {
  const policies = [
    aRule({ name: "a", gates: "wave, task", expr: "false", enforcement: "wait" }),
    aRule({ name: "b", gates: "wave", expr: "false", enforcement: "{ approve: { role: sre } }" }),
    aRule({ name: "c", gates: "submit", expr: "size(targets) < 3" }),
    'name: d\nmatch: "true"\nlimits:\n  - { name: one, match: "true", key: \'"k"\', tokens: 1, period: 1h }\n',
  ];
  const world = await aGuardedWorld({ policies });
  const id = await world.launch(some("h0", "h1"), { mode: Mode.PLAN });
  expect(await world.phase(id)).toBe("SUCCEEDED");
  const kinds = new Set(world.journal.entries.flatMap(({ guardEvents }) => guardEvents.map(({ kind }) => kind.case)));
  for (const kind of ["targetsReserved", "limitsTaken", "targetTouched", "lockTaken"] as const) expect(kinds.has(kind)).toBe(false);
  await expect(world.submit({}, { mode: Mode.PLAN })).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
});

test("a paused workflow is not judged, and is once it goes on", async () => {
  const world = await aGuardedWorld({
    policies: [aRule({ gates: "exec", expr: 'now >= timestamp("2026-01-01T00:01:00Z")', enforcement: "wait" })],
  });
  const id = await world.launch();
  await world.engine.pause(OPERATOR, { id, namespace: "" }, "lunch");
  await world.pass(600);
  expect(world.changes).toBe(0);
  await world.engine.unpause(OPERATOR, { id, namespace: "" });
  await world.pass(1);
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("a plan is held by no approval at exec: an approver is to see it first", async () => {
  const world = await aGuardedWorld({ policies: [aRule({ gates: "exec", expr: "false", enforcement: "{ approve: { role: sre } }" })] });
  const id = await world.launch({}, { mode: Mode.PLAN });
  expect(await world.phase(id)).toBe("SUCCEEDED");
});
