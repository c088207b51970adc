import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import { Decision, Enforcement, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import { timeMs } from "../base/ids.ts";
import type { GateQuestion, GivenApproval, PolicyVersion } from "../engine/ports.ts";
import { FakeClock } from "../../test/fakes/fake-clock.ts";
import { ANN, aGateQuestion, aSubmission, aTaskQuestion, someTargets } from "../../test/fakes/policy-question.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { createPolicies } from "./policies.ts";

const NO_INVENTORY = { targets: () => [] };

/** A policy file with one rule. */
function aPolicy(
  fields: { name?: string; match?: string; gates?: string; expr?: string; enforcement?: string; more?: string } = {},
): string {
  const { name = "p", match = "true", gates = "[submit]", expr = "true", enforcement = "deny", more = "" } = fields;
  const rule = `  - { name: r, gates: ${gates}, enforcement: ${enforcement}, message: '"not so"', expr: '${expr}' }`;
  return `name: ${name}\nmatch: '${match}'\nrules:\n${rule}\n${more}`;
}

/** Policies over a directory with these files. */
function opened(files: Record<string, string>, targets = someTargets(0)) {
  const directory = temporaryDirectory();
  const write = (file: string, text: string): void => {
    writeFileSync(join(directory, `.${file}`), text);
    renameSync(join(directory, `.${file}`), join(directory, file));
  };
  for (const [file, text] of Object.entries(files)) write(file, text);
  const clock = new FakeClock();
  const policies = createPolicies({ directory, clock, inventory: { targets: () => targets }, log: () => undefined });
  const remove = (file: string): void => rmSync(join(directory, file));
  return { policies, clock, write, remove, directory };
}

async function check(files: Record<string, string>, question: Partial<GateQuestion>, expected: Decision): Promise<readonly string[]> {
  const { verdict } = await opened(files).policies.judge(aGateQuestion(question));
  expect(verdict.decision).toBe(expected);
  return verdict.rules.map(({ policy, rule, message }) => `${policy}/${rule}: ${message}`);
}

const pinsOf = (versions: readonly PolicyVersion[]) => versions.map(({ name, digest }) => ({ name, digest }));

test("without a directory everything is allowed, and nothing is gated", async () => {
  const policies = createPolicies({ directory: undefined, clock: new FakeClock(), inventory: NO_INVENTORY, log: () => undefined });
  expect(policies.inForce()).toEqual([]);
  expect(policies.isGated(aSubmission(), Gate.SUBMIT)).toBe(false);
  expect((await policies.judge(aGateQuestion())).verdict.decision).toBe(Decision.ALLOW);
  expect(policies.judgeTask(aTaskQuestion()).verdict.decision).toBe(Decision.ALLOW);
});

test("with a directory a workflow that no policy matches is denied", async () => {
  expect(await check({}, {}, Decision.DENY)).toEqual([expect.stringContaining('no policy matches workflow "fix"')]);
  const other = { "p.yaml": aPolicy({ match: 'workflow.name == "other"' }) };
  await check(other, {}, Decision.DENY);
  await check(other, { gate: Gate.EXEC }, Decision.DENY);
  await check(other, { gate: Gate.WAVE, stage: 0, wave: 0 }, Decision.ALLOW);
});

test("all policies that match must allow, and the strictest rule wins", async () => {
  const files = {
    "a.yaml": aPolicy({ name: "a" }),
    "b.yaml": aPolicy({ name: "b", expr: "false", enforcement: "wait" }),
    "c.yaml": aPolicy({ name: "c", expr: "false", enforcement: "{ approve: { role: sre } }" }),
  };
  expect(await check(files, {}, Decision.APPROVE)).toEqual(["c/r: not so", "b/r: not so"]);
  await check({ ...files, "d.yaml": aPolicy({ name: "d", expr: "false" }) }, {}, Decision.DENY);
});

test("what only warns or audits is told, and allows", async () => {
  const files = { "a.yaml": aPolicy({ name: "a", expr: "false", enforcement: "warn" }) };
  expect(await check(files, {}, Decision.ALLOW)).toEqual(["a/r: not so"]);
});

test("at exec the rules of submit are asked again", async () => {
  const files = { "a.yaml": aPolicy({ expr: "false", enforcement: "wait" }) };
  await check(files, { gate: Gate.EXEC }, Decision.WAIT);
  await check(files, { gate: Gate.WAVE, stage: 0, wave: 0 }, Decision.ALLOW);
});

test("an expression that fails denies, whatever the rule asks for, with its place", async () => {
  const files = { "a.yaml": aPolicy({ expr: 'workflow.annotations.owner == "x"', enforcement: "warn" }) };
  expect(await check(files, {}, Decision.DENY)).toEqual([expect.stringMatching(/could not be asked.*a\.yaml:4:\d+: no such key: owner/)]);
});

test("an expression that costs too much denies, even where its value would be true", async () => {
  const huge =
    "[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, a + b + c + d + e > 0)))))";
  expect(await check({ "a.yaml": aPolicy({ expr: `${huge} || true` }) }, {}, Decision.DENY)).toEqual([
    expect.stringContaining("costs more than"),
  ]);
});

test("a match that fails denies at every gate", async () => {
  const files = { "a.yaml": aPolicy({ match: "workflow.annotations.a == workflow.name" }) };
  await check(files, {}, Decision.DENY);
  await check(files, { gate: Gate.WAVE, stage: 0, wave: 0 }, Decision.DENY);
  expect(opened(files).policies.judgeTask(aTaskQuestion()).verdict.decision).toBe(Decision.DENY);
});

test("a message that fails or costs too much is replaced, and its rule still says what follows", async () => {
  const source = (message: string) =>
    `name: p\nmatch: 'true'\nrules:\n  - { name: r, gates: [submit], enforcement: wait, expr: 'false', message: '${message}' }\n`;
  expect(await check({ "a.yaml": source("workflow.annotations.owner") }, {}, Decision.WAIT)).toEqual([
    expect.stringMatching(/^p\/r: rule "r" of policy "p" does not hold \(a\.yaml:4:5\); its message failed: a\.yaml:4:\d+: no such key/),
  ]);
});

const sre = (name: string): GivenApproval => ({ name, roles: ["approver:sre"], atMs: timeMs(0), hasReason: true });

test("approval needs distinct people of the role, and never the one who submitted", async () => {
  const files = { "a.yaml": aPolicy({ expr: "false", enforcement: "{ approve: { role: sre, count: 2 } }" }) };
  const decide = (approvals: GateQuestion["approvals"], expected: Decision) => check(files, { gate: Gate.EXEC, approvals }, expected);
  await decide([], Decision.APPROVE);
  await decide([sre("bob")], Decision.APPROVE);
  await decide([sre("bob"), sre("bob")], Decision.APPROVE);
  await decide([sre("bob"), sre(ANN.name)], Decision.APPROVE);
  await decide([sre("bob"), { ...sre("eve"), roles: ["approver:dba"] }], Decision.APPROVE);
  await decide([sre("bob"), sre("cyd")], Decision.ALLOW);
  const { policies } = opened(files);
  const { verdict } = await policies.judge(aGateQuestion({ gate: Gate.EXEC, approvals: [sre("bob"), sre("cyd")] }));
  expect(verdict.rules).toMatchObject([{ enforcement: Enforcement.APPROVE, approverRole: "sre", approvalsNeeded: 2, approvalsGiven: 2 }]);
  expect(verdict.rulesBroken).toBe(0);
});

test("an approval that expires counts for its time alone, each person's last one, and only with a reason where one is required", async () => {
  const { nowMs } = aGateQuestion();
  const files = {
    "a.yaml": aPolicy({ expr: "false", enforcement: "{ approve: { role: sre, count: 2, expires: 4h, reason: required } }" }),
  };
  const ago = (name: string, ms: number) => ({ ...sre(name), atMs: timeMs(nowMs - ms) });
  const decide = (approvals: GateQuestion["approvals"], expected: Decision) => check(files, { gate: Gate.EXEC, approvals }, expected);
  const lastMs = 4 * 3_600_000;
  await decide([ago("bob", 0), ago("cyd", lastMs - 1)], Decision.ALLOW);
  await decide([ago("bob", 0), ago("cyd", lastMs)], Decision.APPROVE);
  await decide([ago("cyd", 2 * lastMs), ago("bob", 0), ago("cyd", 5)], Decision.ALLOW);
  await decide([ago("bob", 0), { ...ago("cyd", 0), hasReason: false }], Decision.APPROVE);
  const approvals = [ago("bob", 5_000), ago("bob", 2_000), ago("eve", lastMs)];
  const { verdict } = await opened(files).policies.judge(aGateQuestion({ gate: Gate.EXEC, approvals }));
  const endMs = BigInt(nowMs - 2_000 + lastMs);
  expect(verdict.rules).toMatchObject([{ approvalsGiven: 1, approvalsEndMs: endMs, approvalLastsMs: BigInt(lastMs), needsReason: true }]);
});

test("in a plan what waits at a wave is a warning, and what denies denies", async () => {
  const submitted = aSubmission({ mode: Mode.PLAN });
  const at: Partial<GateQuestion> = { submitted, gate: Gate.WAVE, stage: 0, wave: 0 };
  await check({ "a.yaml": aPolicy({ gates: "[wave]", expr: "false", enforcement: "wait" }) }, at, Decision.ALLOW);
  await check({ "a.yaml": aPolicy({ gates: "[wave]", expr: "false", enforcement: "deny" }) }, at, Decision.DENY);
});

test("what is read of the ledger is told with its version, and binds the judgement to time", async () => {
  const { policies } = opened({ "a.yaml": aPolicy({ gates: "[wave]", expr: 'ledger.touched("1h", "site", "ams") + size(targets) <= 4' }) });
  const at: Partial<GateQuestion> = { gate: Gate.WAVE, stage: 0, wave: 0 };
  const judged = await policies.judge(aGateQuestion({ ...at, ledger: { touched: () => ({ count: 2, version: 7 }) } }));
  expect(judged.verdict.decision).toBe(Decision.ALLOW);
  expect(judged.isTimeBound).toBe(true);
  expect(judged.reads).toEqual([{ window: "1h", dimension: { kind: "label", label: "site", value: "ams" }, count: 2, version: 7 }]);
  expect(judged.verdict.reads).toMatchObject([{ window: "1h", dimension: "label:site", value: "ams", count: 2 }]);
  const later = await policies.judge(aGateQuestion({ ...at, ledger: { touched: () => ({ count: 3, version: 8 }) } }));
  expect(later.verdict.decision).toBe(Decision.DENY);
});

test("an edit can tighten what runs, and never loosen it", async () => {
  const { policies, clock, write } = opened({ "a.yaml": aPolicy({ gates: "[submit, wave]", expr: "size(targets) < 2" }) });
  const pinned = aSubmission({ policies: pinsOf(policies.inForce()) });
  const ask = async (count: number, submitted = pinned) =>
    (await policies.judge(aGateQuestion({ submitted, gate: Gate.WAVE, stage: 0, wave: 0, targets: someTargets(count) }))).verdict;
  expect((await ask(1)).decision).toBe(Decision.ALLOW);
  write("a.yaml", aPolicy({ gates: "[submit, wave]", expr: "size(targets) < 9" }));
  clock.advance(3_000);
  expect((await ask(5)).decision).toBe(Decision.DENY);
  expect((await ask(5)).current).toHaveLength(1);
  expect((await ask(5, aSubmission({ policies: pinsOf(policies.inForce()) }))).decision).toBe(Decision.ALLOW);
  write("a.yaml", aPolicy({ gates: "[submit, wave]", expr: "size(targets) < 1" }));
  clock.advance(3_000);
  expect((await ask(1)).decision).toBe(Decision.DENY);
});

test("a pinned version that nobody knows denies; restored, it is asked", async () => {
  const old = opened({ "a.yaml": aPolicy({ gates: "[wave]", expr: "size(targets) < 2" }) }).policies.inForce();
  const { policies } = opened({ "b.yaml": aPolicy({ name: "q" }) });
  const question = aGateQuestion({ submitted: aSubmission({ policies: pinsOf(old) }), gate: Gate.WAVE, stage: 0, wave: 0 });
  expect((await policies.judge(question)).verdict.rules).toMatchObject([
    { policy: "p", message: expect.stringContaining("not known any more") },
  ]);
  policies.restore(old);
  expect((await policies.judge(question)).verdict.rules).toMatchObject([{ policy: "p", rule: "r", message: "not so" }]);
});

test("a broken file goes on serving what runs, and refuses the new work that it would match, with its place", async () => {
  const { policies, clock, write } = opened({
    "a.yaml": aPolicy({ match: 'workflow.name == "fix"', gates: "[submit, wave]", expr: "size(targets) < 3" }),
    "b.yaml": aPolicy({ name: "b" }),
  });
  const { revision } = policies;
  let changes = 0;
  const end = policies.onChange(() => changes++);
  write("a.yaml", "name: p\nmatch: 'tru'\nruels: []\n");
  clock.advance(3_000);
  expect(policies.revision).toBeGreaterThan(revision);
  expect(changes).toBe(1);
  expect(policies.inForce().map(({ name }) => name)).toEqual(["b", "p"]);
  expect(policies.list()[0]?.fault).toMatch(/a\.yaml:3:1: ruels: unknown field; did you mean "rules"/);
  const { verdict } = await policies.judge(aGateQuestion());
  expect(verdict.decision).toBe(Decision.DENY);
  expect(verdict.rules[0]).toMatchObject({ policy: "p", rule: "", message: expect.stringContaining("a.yaml:2:9") });
  expect((await policies.judge(aGateQuestion({ submitted: aSubmission({ name: "other" }) }))).verdict.decision).toBe(Decision.ALLOW);
  const wave = (count: number) => policies.judge(aGateQuestion({ gate: Gate.WAVE, stage: 0, wave: 0, targets: someTargets(count) }));
  expect((await wave(2)).verdict.decision).toBe(Decision.ALLOW);
  expect((await wave(3)).verdict.decision).toBe(Decision.DENY);
  end();
  write("a.yaml", aPolicy());
  clock.advance(3_000);
  expect(changes).toBe(1);
  expect((await policies.judge(aGateQuestion())).verdict.decision).toBe(Decision.ALLOW);
});

test("a file that never was whole refuses all new work, until a recorded version says what it is for", async () => {
  const good = opened({ "a.yaml": aPolicy({ match: 'workflow.name == "erase"', gates: "[wave]", expr: "false" }) }).policies.inForce();
  const { policies } = opened({ "a.yaml": "name: p\n", "b.yaml": aPolicy({ name: "b" }) });
  expect((await policies.judge(aGateQuestion())).verdict.decision).toBe(Decision.DENY);
  policies.restore(good);
  expect((await policies.judge(aGateQuestion())).verdict.decision).toBe(Decision.ALLOW);
  expect((await policies.judge(aGateQuestion({ submitted: aSubmission({ name: "erase" }) }))).verdict.decision).toBe(Decision.DENY);
  expect(policies.inForce().map(({ name }) => name)).toEqual(["b", "p"]);
});

test("a deleted file is in force no more, but what was submitted under it stays bound", async () => {
  const { policies, clock, remove } = opened({ "a.yaml": aPolicy({ gates: "[wave]", expr: "false" }), "b.yaml": aPolicy({ name: "b" }) });
  const pinned = aSubmission({ policies: pinsOf(policies.inForce()) });
  remove("a.yaml");
  clock.advance(3_000);
  expect(policies.inForce().map(({ name }) => name)).toEqual(["b"]);
  const ask = async (submitted = aSubmission()) =>
    (await policies.judge(aGateQuestion({ submitted, gate: Gate.WAVE, stage: 0, wave: 0 }))).verdict.decision;
  expect(await ask()).toBe(Decision.ALLOW);
  expect(await ask(pinned)).toBe(Decision.DENY);
});

test("a directory that cannot be read any more refuses new work, and what runs goes on under the last versions", async () => {
  const { policies, clock, directory } = opened({ "a.yaml": aPolicy({ gates: "[wave]", expr: "false" }) });
  rmSync(directory, { recursive: true });
  clock.advance(3_000);
  expect((await policies.judge(aGateQuestion())).verdict.decision).toBe(Decision.DENY);
  expect(policies.inForce()).toHaveLength(1);
});

test("one name in two files breaks both", async () => {
  const { policies } = opened({ "a.yaml": aPolicy(), "b.yaml": aPolicy() });
  expect(policies.list().map(({ fault }) => fault)).toEqual([
    expect.stringContaining('"p" stands in b.yaml too'),
    expect.stringContaining("a.yaml"),
  ]);
  expect((await policies.judge(aGateQuestion())).verdict.decision).toBe(Decision.DENY);
});

test("a gate without rules stands open", () => {
  const { policies } = opened({ "a.yaml": aPolicy({ gates: "[wave]" }) });
  const gated = (gate: Gate) => policies.isGated(aSubmission(), gate);
  expect([gated(Gate.SUBMIT), gated(Gate.EXEC), gated(Gate.WAVE), gated(Gate.TASK), gated(Gate.EXPAND)]).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});

test("candidates judge the past without what was pinned", async () => {
  const { policies } = opened({ "a.yaml": aPolicy({ expr: "false" }) });
  const submitted = aSubmission({ policies: pinsOf(policies.inForce()) });
  const candidates = policies.withCandidates([{ file: "x.yaml", source: aPolicy() }]);
  expect((await candidates.judge(aGateQuestion({ submitted }))).verdict.decision).toBe(Decision.ALLOW);
  expect(() => policies.withCandidates([{ file: "x.yaml", source: "name: x" }])).toThrow(/x\.yaml:1:1: match is missing/);
});

test("an explanation names every rule, also of policies that do not match", () => {
  const { policies } = opened({ "a.yaml": aPolicy({ expr: "false" }), "b.yaml": aPolicy({ name: "b", match: "false" }) });
  expect(policies.explain(aGateQuestion())).toMatchObject([
    { pin: { name: "b" }, rule: "r", matches: false, holds: false },
    { pin: { name: "p" }, rule: "r", matches: true, holds: false, message: "not so" },
  ]);
});

test("a policy sees the workflow as it will run: defaults, waves as written, what each action waits for", async () => {
  const stages = [
    {
      name: "s",
      over: { kind: { case: "targets" as const, value: true } },
      rollout: { waves: [{ kind: { case: "percent" as const, value: 2.5 } }, { kind: { case: "count" as const, value: 5 } }] },
      actions: [
        { name: "a", uses: "file" },
        { name: "b", uses: "command", needs: { actions: [] } },
        { name: "c", uses: "file" },
      ],
    },
    { name: "t", actions: [{ name: "a", uses: "wait" }] },
  ];
  const expr = [
    'workflow.stages[0].rollout.waves == ["2.5%", "5"] && workflow.stages[0].rollout.parallel == 10',
    'workflow.stages[0].actions.map(a, a.needs) == [[], [], ["b"]]',
    'workflow.stages[1].over == "once" && workflow.stages[1].rollout.pause_s == 0.0',
    'scope.tasks == 7 && scope.tasks_by_action == {"file": 4, "command": 2, "wait": 1}',
    'scope.targets_by_label["site"] == {"ams": 2} && scope.targets_by_label[?"tier"].hasValue() == false',
  ].join(" && ");
  await check({ "a.yaml": aPolicy({ expr }) }, { submitted: aSubmission({ stages }) }, Decision.ALLOW);
});

test("annotations of the submission are seen over those of the file", async () => {
  const submitted = aSubmission({ annotations: { tier: "lab", owner: "ann" } });
  submitted.annotations["tier"] = "production";
  const expr = 'workflow.annotations == {"tier": "production", "owner": "ann"}';
  await check({ "a.yaml": aPolicy({ expr }) }, { submitted }, Decision.ALLOW);
});

test("a text that no policy wrote cannot reach a prototype", async () => {
  const expr = 'has(workflow.params.constructor) || "__proto__" in workflow.annotations || fleet.count("constructor", "x") > 0';
  await check({ "a.yaml": aPolicy({ expr: `!(${expr})` }) }, {}, Decision.ALLOW);
});
