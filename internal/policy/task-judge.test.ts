import { timeMs } from "../base/ids.ts";
import { expect, test } from "vitest";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import { Decision, Enforcement } from "../gen/holdfast/v1/policy_pb.ts";
import { ANN, aSubmission, aTaskQuestion, someTargets } from "../../test/fakes/policy-question.ts";
import type { LimitAsk, TaskQuestion } from "../engine/ports.ts";
import { countFleet } from "./fleet-counts.ts";
import { mergeAsks } from "./limit-ask.ts";
import { fixedPolicies } from "./policies.ts";

const policiesOf = (source: string) => fixedPolicies([{ file: "p.yaml", source }], { fleet: () => countFleet(someTargets(10)) });

/** A policy of limits and task rules. */
function judge(parts: { readonly rules?: readonly string[]; readonly limits?: readonly string[] }, question: Partial<TaskQuestion> = {}) {
  const list = (name: string, items: readonly string[] = []): string =>
    items.length === 0 ? "" : `${name}:\n${items.map((item) => `  - ${item}\n`).join("")}`;
  return policiesOf(`name: p\nmatch: 'true'\n${list("rules", parts.rules)}${list("limits", parts.limits)}`).judgeTask(
    aTaskQuestion(question),
  );
}

const rule = (expr: string, enforcement = "deny"): string =>
  `{ name: r, gates: [task], enforcement: ${enforcement}, expr: '${expr}', message: '"no: " + task.uses' }`;

const ask = (fields: Partial<LimitAsk>): LimitAsk => ({
  key: "p/l/k",
  concurrency: undefined,
  intervalMs: 0,
  burst: 1,
  spacingMs: 0,
  each: undefined,
  knownMs: 0,
  ...fields,
});

test("a rule of the task gate sees the task as written and its target", () => {
  const { verdict, rulesAllowed } = judge({ rules: [rule('task.with.path == "/etc/motd" && target.labels.site == "ams"')] });
  expect(verdict.decision).toBe(Decision.ALLOW);
  expect(rulesAllowed).toBe(1);
  const refused = judge({ rules: [rule('target.name != "web-0"')] });
  expect(refused.verdict).toMatchObject({ decision: Decision.DENY, rules: [{ rule: "r", message: "no: file" }] });
  expect(refused).toMatchObject({ rulesAllowed: 0, limits: [] });
});

test("what is lasting is asked once for each action, and still of each action", () => {
  const actions = [
    { name: "a", uses: "file" },
    { name: "b", uses: "command" },
  ];
  const submitted = aSubmission({ stages: [{ name: "s", over: { kind: { case: "targets", value: true } }, actions }] });
  const policies = policiesOf(`name: p\nmatch: 'true'\nrules:\n  - ${rule('task.uses == "file"')}\n`);
  const decide = (action: number) => policies.judgeTask(aTaskQuestion({ submitted, action })).verdict.decision;
  expect([decide(0), decide(1), decide(0), decide(1)]).toEqual([Decision.ALLOW, Decision.DENY, Decision.ALLOW, Decision.DENY]);
});

test("a limit that matches is asked for under its key, with its terms", () => {
  const limits = [
    `{ name: site, match: 'task.uses == "file"', key: '"erase"', each: target.labels.site, tokens: 1, period: 1h }`,
    `{ name: five, match: 'task.uses == "file"', key: '"erase/" + target.labels.site', concurrency: 5, spacing: 2s }`,
    `{ name: other, match: 'task.uses == "command"', key: '"x"', concurrency: 1 }`,
    `{ name: slow, match: 'true', key: '"all"', tokens: 7, period: 1h, burst: 3 }`,
  ];
  expect(judge({ limits }).limits).toEqual([
    ask({ key: "p/five/erase/ams", concurrency: 5, spacingMs: 2_000 }),
    ask({ key: "p/site/erase", intervalMs: 3_600_000, each: "ams", knownMs: 3_600_000 }),
    ask({ key: "p/slow/all", intervalMs: 514_286, burst: 3 }),
  ]);
});

test("a limit whose match, key or each fails denies the task, with the place", () => {
  const broken = [
    `{ name: l, match: 'task.with.nobody == 1', key: '"k"', concurrency: 1 }`,
    `{ name: l, match: 'true', key: target.labels.rack, concurrency: 1 }`,
    `{ name: l, match: 'true', key: '"k"', each: target.labels.rack, tokens: 1, period: 1h }`,
  ];
  for (const limit of broken) {
    const { verdict, limits } = judge({ limits: [limit] });
    expect(verdict.decision).toBe(Decision.DENY);
    expect(verdict.rules[0]?.message).toMatch(/the limit could not be asked, so it denies: p\.yaml:4:\d+: no such key/);
    expect(limits).toEqual([]);
  }
});

test("a task without a target has neither name nor labels, and a limit by label denies it", () => {
  const limits = [`{ name: l, match: 'true', key: target.labels.site, concurrency: 1 }`];
  expect(judge({ limits }, { target: undefined }).verdict.decision).toBe(Decision.DENY);
  const careful = [`{ name: l, match: 'target.name != ""', key: target.labels.site, concurrency: 1 }`];
  expect(judge({ limits: careful }, { target: undefined })).toMatchObject({ verdict: { decision: Decision.ALLOW }, limits: [] });
});

test("a plan takes no limits, and is warned of what would hold it", () => {
  const limits = [`{ name: l, match: 'true', key: '"k"', concurrency: 1 }`];
  const submitted = aSubmission({ mode: Mode.PLAN });
  const { verdict, limits: taken } = judge({ rules: [rule("false", "wait")], limits }, { submitted });
  expect(verdict).toMatchObject({ decision: Decision.ALLOW, rules: [{ enforcement: Enforcement.WARN }] });
  expect(taken).toEqual([]);
});

test("an approval at the task gate lets the task go on", () => {
  const rules = [rule("false", "{ approve: { role: sre } }")];
  const given = { atMs: timeMs(0), hasReason: true };
  expect(judge({ rules }).verdict.decision).toBe(Decision.APPROVE);
  expect(judge({ rules }, { approvals: [{ ...given, name: "bob", roles: ["approver:sre"] }] }).verdict.decision).toBe(Decision.ALLOW);
  expect(judge({ rules }, { approvals: [{ ...given, ...ANN }] }).verdict.decision).toBe(Decision.APPROVE);
});

test("a task's expressions share a budget, and what is beyond it denies", () => {
  const loop = (text: string) => `[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, ${text})))`;
  const many = Array.from({ length: 20 }, (_, index) => rule(loop('target.name != ""')).replace("name: r", `name: r${index}`));
  const { verdict } = judge({ rules: many });
  expect(verdict.decision).toBe(Decision.DENY);
  expect(verdict.rules.at(-1)?.message).toContain("too much");
});

test("asks under one key are merged to the strictest of each term", () => {
  const merged = mergeAsks([
    ask({ concurrency: 5, intervalMs: 1_000, burst: 4, each: "ams", knownMs: 9_000 }),
    ask({ concurrency: 3, intervalMs: 500, burst: 2, spacingMs: 50, each: "ams", knownMs: 8_000 }),
    ask({ key: "p/m/k" }),
  ]);
  expect(merged).toEqual([
    ask({ concurrency: 3, intervalMs: 1_000, burst: 2, spacingMs: 50, each: "ams", knownMs: 8_000 }),
    ask({ key: "p/m/k" }),
  ]);
  expect(mergeAsks([ask({ intervalMs: 1, each: "a", knownMs: 5 }), ask({ intervalMs: 1 })])).toEqual([ask({ intervalMs: 1 })]);
  expect(mergeAsks([ask({ concurrency: 2 }), ask({ intervalMs: 9, burst: 7, each: "a", knownMs: 5 })])).toEqual([
    ask({ concurrency: 2, intervalMs: 9, burst: 7, each: "a", knownMs: 5 }),
  ]);
});

test("a number that is negative or not whole is no value for counts of the fleet", () => {
  const faulty = [rule("percent(1, 0) < 5.0"), rule("1 / (fleet.total() - 10) == 1")];
  for (const one of faulty) expect(judge({ rules: [one] }).verdict.decision).toBe(Decision.DENY);
});
