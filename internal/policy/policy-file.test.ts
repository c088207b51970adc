import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { POLICY_FILE_BYTES_MAX, POLICY_RULES_MAX } from "../base/limits.ts";
import { readPolicy } from "./policy-file.ts";

/** What is wrong with a file, a line each. */
function faults(source: string): readonly string[] {
  try {
    readPolicy("p.yaml", source);
    return [];
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return error.details.map(({ place, reason }) => `${place}: ${reason}`);
  }
}

const RULE = "{ name: r, gates: [submit], enforcement: deny, expr: 'true', message: '\"no\"' }";
const withRule = (rule: string): string =>
  `name: p\nmatch: 'true'\nparams: { at_most: 5, sites: [ams, fra], ratio: 0.5, deep: { a: 1 } }\nrules:\n  - ${rule}\n`;
const withExpr = (expr: string, gates = "[submit]"): string =>
  withRule(`{ name: r, gates: ${gates}, enforcement: deny, message: '"no"', expr: '${expr}' }`);
const withLimit = (limit: string): string => `name: p\nmatch: 'true'\nlimits:\n  - ${limit}\n`;

test("a whole file is read, and the same text has the same digest", () => {
  const policy = readPolicy("p.yaml", withRule(RULE));
  expect(policy).toMatchObject({ name: "p", file: "p.yaml", params: { at_most: 5 } });
  expect(policy.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(readPolicy("q.yaml", withRule(RULE)).digest).toBe(policy.digest);
});

test.each<[string, string, string]>([
  [
    "an unknown field of the policy",
    "name: p\nmatch: 'true'\nrule: []\nlimits: []\n",
    'p.yaml:3:1: rule: unknown field; did you mean "rules"?',
  ],
  [
    "a policy without rules and limits",
    "name: p\nmatch: 'true'\nrules: []\n",
    "p.yaml:1:1: a policy needs rules or limits: this one would allow everything",
  ],
  [
    "no match",
    `name: p\nrules: [${RULE}]\n`,
    "p.yaml:1:1: match is missing: say in CEL which workflows it is for; 'true' is every workflow",
  ],
  [
    "a rule without gates",
    withRule("{ name: r, gates: [], enforcement: deny, expr: 'true', message: '\"\"' }"),
    "p.yaml:5:23: rules[0].gates: a rule without a gate is never asked; write for example [submit]",
  ],
  [
    "a misspelled gate",
    withExpr("true", "[sumbit]"),
    'p.yaml:5:24: rules[0].gates[0]: there is no gate "sumbit"; did you mean "submit"? gates are submit, exec, expand, wave, task',
  ],
  [
    "a misspelled enforcement",
    withRule(RULE.replace("deny", "dney")),
    'p.yaml:5:46: rules[0].enforcement: must be deny, wait, warn, audit, or approve: { role: sre, count: 2 }; did you mean "deny"?',
  ],
  [
    "an approval without a role",
    withRule(RULE.replace("deny", "{ approve: { count: 1 } }")),
    "p.yaml:5:57: rules[0].enforcement.approve: role is missing: say whose approval is needed, such as role: sre",
  ],
  [
    "an approval by nobody",
    withRule(RULE.replace("deny", "{ approve: { role: sre, count: 0 } }")),
    "p.yaml:5:77: rules[0].enforcement.approve.count: must be between 1 and 100",
  ],
  [
    "a misspelled param",
    withExpr("params.at_mots > 1"),
    'p.yaml:5:83: rules[0].expr: no such field "at_mots" in params; did you mean "at_most"?',
  ],
  ["a param of another type", withExpr('params.at_most == "5"'), "p.yaml:5:91: rules[0].expr: no such overload: int == string"],
  [
    "a misspelled field of the workflow",
    withExpr("workflow.stages.all(s, s.rollout.paralel < 5)"),
    'p.yaml:5:109: rules[0].expr: no such field "paralel" in rollout; did you mean "parallel"?',
  ],
  ["a misspelled function", withExpr('ledger.tuched("1h", "site", "ams") < 1'), "no such function"],
  [
    "a misspelled window",
    withExpr('ledger.touched("1hour", "site", "ams") < 1'),
    'p.yaml:5:83: rules[0].expr: ledger.touched(): the window must be written out as "1h", "24h" or "30d"',
  ],
  [
    "a computed window",
    withExpr('ledger.touched(workflow.name, "site", "ams") < 1'),
    'the window must be written out as "1h", "24h" or "30d"',
  ],
  ["a condition that is no bool", withExpr("params.at_most"), "p.yaml:5:83: rules[0].expr: expected bool, found int"],
  [
    "a target at submit",
    withExpr('target.name == ""'),
    '"target" is known at the gate task only, and this rule is asked at submit too; make it two rules',
  ],
  [
    "a task at wave and task",
    withExpr('task.uses == ""', "[wave, task]"),
    '"task" is known at the gate task only, and this rule is asked at wave too',
  ],
  [
    "time in a match",
    "name: p\nmatch: inWindow(now, '09:00-17:00', 'UTC')\nrules: [" + RULE + "]\n",
    '"now" may change while a workflow runs; match is asked once',
  ],
  [
    "a limit of nothing",
    withLimit(`{ name: l, match: 'true', key: '"k"' }`),
    "p.yaml:4:5: limits[0]: limits nothing: write concurrency, tokens and period, or spacing",
  ],
  ["a limit of no slots", withLimit(`{ name: l, match: 'true', key: '"k"', concurrency: 0 }`), "must be between 1 and 1000000"],
  ["a negative rate", withLimit(`{ name: l, match: 'true', key: '"k"', tokens: -1, period: 1h }`), "must be between 1 and 1000000"],
  ["a rate without a period", withLimit(`{ name: l, match: 'true', key: '"k"', tokens: 1 }`), "tokens and period belong together"],
  ["an each without tokens", withLimit(`{ name: l, match: 'true', key: '"k"', concurrency: 1, each: target.name }`), "each is for tokens"],
  ["a period of nothing", withLimit(`{ name: l, match: 'true', key: '"k"', tokens: 1, period: 0s }`), "must be longer than nothing"],
  [
    "the ledger in a limit",
    withLimit(`{ name: l, match: 'ledger.touchedTotal("1h") < 5', key: '"k"', concurrency: 1 }`),
    "fleet and ledger change while a workflow runs: only rules read them",
  ],
  [
    "time in a limit",
    withLimit(`{ name: l, match: 'inWindow(now, "09:00-17:00", "UTC")', key: '"k"', concurrency: 1 }`),
    '"now" is not for limits',
  ],
  ["a rule named twice", `name: p\nmatch: 'true'\nrules: [${RULE}, ${RULE}]\n`, 'the name "r" stands twice in rules'],
  ["a number that is not finite", withRule(RULE).replace("ratio: 0.5", "ratio: .nan"), "a number must be finite"],
  ["a param without a value", withRule(RULE).replace("ratio: 0.5", "ratio: "), "params.ratio: has no value"],
  [
    "a test of a rule that there is not",
    `${withRule(RULE)}tests: [{ name: t, workflow: {}, expect: { deny: [s] } }]\n`,
    "the policy has no rule of this name",
  ],
  [
    "a test that expects nothing",
    `${withRule(RULE)}tests: [{ name: t, workflow: {}, expect: {} }]\n`,
    "is empty; write allow, no-match, or a map",
  ],
])("%s is refused with its place", (_, source, expected) => {
  expect(faults(source).join("\n")).toContain(expected);
});

test("all faults are told at once, in the order of the file", () => {
  const found = faults("name: P\nmatch: workflow.nme\nrules:\n  - { name: r, gates: [x], enforcement: no, expr: 1, mesage: '' }\n");
  expect(found.length).toBeGreaterThanOrEqual(5);
  expect(found.map((fault) => Number(/^p\.yaml:(\d+):/.exec(fault)?.[1]))).toEqual([...found.keys()].map(() => expect.any(Number)));
  expect(found[0]).toMatch(/^p\.yaml:1:7: name: must be lower-case/);
});

test("a fault in a block of text has the line of the block", () => {
  const source =
    "name: p\nmatch: 'true'\nrules:\n  - name: r\n    gates: [submit]\n    enforcement: deny\n    message: '\"\"'\n    expr: |\n      scope.targets > 0 &&\n      scope.taks > 0\n";
  expect(faults(source)).toEqual([
    expect.stringMatching(/^p\.yaml:10:\d+: rules\[0\]\.expr: no such field "taks" in scope; did you mean "tasks"/),
  ]);
});

test("a fleet of more targets than allowed is refused before any of them is made", () => {
  const group = (index: number): string => `{ name: "g${index}-{n}", count: 100000 }`;
  const fleet = Array.from({ length: 20 }, (_, index) => group(index)).join(", ");
  const workflow =
    "{ name: w, targets: { where: 'true' }, stages: [{ name: s, actions: [{ name: a, uses: assert, with: { that: 'true' } }] }] }";
  const text = `${withRule(RULE)}tests:\n  - { name: t, workflow: ${workflow}, fleet: [${fleet}], expect: allow }\n`;
  const startMs = process.cpuUsage().user / 1_000;
  expect(faults(text).join("\n")).toContain("found 2000000");
  expect(process.cpuUsage().user / 1_000 - startMs).toBeLessThan(500);
});

test("bounds are held: one rule more than allowed, one byte more than allowed", () => {
  const rules = (count: number): string =>
    Array.from({ length: count }, (_, index) => `  - ${RULE.replace("name: r", `name: r${index}`)}\n`).join("");
  expect(faults(`name: p\nmatch: 'true'\nrules:\n${rules(POLICY_RULES_MAX)}`)).toEqual([]);
  expect(faults(`name: p\nmatch: 'true'\nrules:\n${rules(POLICY_RULES_MAX + 1)}`).join()).toContain(
    `at most ${POLICY_RULES_MAX} rules; found ${POLICY_RULES_MAX + 1}`,
  );
  expect(faults(`${withRule(RULE)}#${" ".repeat(POLICY_FILE_BYTES_MAX)}`).join()).toContain(`larger than ${POLICY_FILE_BYTES_MAX} bytes`);
});
