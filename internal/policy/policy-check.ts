// `holdfast policy check`: reads policy files as the service would, and runs their tests; no service is needed.
// 1. Everything that is wrong is in the report, with file, line and column. 2. A test that a rule denies because it fails says so.

import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "../base/errors.ts";
import { EXPR_COST_WORKER_MAX, GATE_COST_WORKER_MAX, POLICY_FILE_BYTES_MAX } from "../base/limits.ts";
import { placeName } from "../base/place.ts";
import { readYaml } from "../base/yaml.ts";
import { Decision, Enforcement } from "../gen/holdfast/v1/policy_pb.ts";
import type { WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import { budgetOf } from "./asking.ts";
import { countFleet } from "./fleet-counts.ts";
import { judgeGate } from "./gate-judge.ts";
import { fixedPolicies } from "./policies.ts";
import type { GateJudge, PolicyFile } from "./policies.ts";
import { readSource, withoutDoubles } from "./policy-directory.ts";
import type { CompiledPolicy, PolicyTest, TestExpectation } from "./policy.ts";
import { runGates } from "./test-run.ts";
import type { TestOutcome } from "./test-run.ts";
import { testFleet, testSubmission } from "./test-workflow.ts";

/** What came of one file. */
export interface FileReport {
  readonly file: string;
  readonly policy: string;
  readonly rules: number;
  readonly limits: number;
  /** What is wrong with it, with places; empty: nothing. */
  readonly fault: string;
  readonly tests: readonly TestReport[];
  readonly warnings: readonly string[];
}

/** What came of one test. */
export interface TestReport {
  readonly name: string;
  readonly place: string;
  readonly isPassed: boolean;
  /** Why it fails, for people: what was expected, what was found. */
  readonly lines: readonly string[];
}

/** Reads the workflow of a test: the text is JSON. Throws INVALID_ARGUMENT whose reasons begin with their paths. */
export type ReadWorkflow = (text: string) => Promise<WorkflowDefinition>;

const DECISIONS: Readonly<Record<Decision, string>> = {
  [Decision.UNSPECIFIED]: "none",
  [Decision.ALLOW]: "allow",
  [Decision.WAIT]: "wait",
  [Decision.APPROVE]: "approve",
  [Decision.DENY]: "deny",
};

/** Off the event loop of a service there is time. */
const judgeAtLength: GateJudge = async (set, question, fleet) =>
  judgeGate(set, question, { fleet, budget: budgetOf({ exprCostMax: EXPR_COST_WORKER_MAX, gateCostMax: GATE_COST_WORKER_MAX }) });

/** The policy files that arguments name: files, and the `*.yaml` and `*.yml` of directories. Throws NOT_FOUND for one that is not there. */
export function findPolicyFiles(paths: readonly string[]): readonly PolicyFile[] {
  const files = paths.flatMap((path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined)
      throw new HoldfastError("NOT_FOUND", `${path}: there is no such file; write the path of a policy file or of a directory of them`);
    if (!stat.isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => /\.ya?ml$/i.test(name) && !name.startsWith("."));
    return names.sort().map((name) => join(path, name));
  });
  return [...new Set(files)].map((file) => ({ file, source: readText(file) }));
}

/** Checks files: their form, their types, their tests. */
export async function checkPolicies(files: readonly PolicyFile[], readWorkflow: ReadWorkflow): Promise<readonly FileReport[]> {
  const readings = withoutDoubles(files.map(({ file, source }) => readSource(file, source)));
  const reports: FileReport[] = [];
  for (const { file, policy, fault } of readings) {
    if (policy === undefined) {
      reports.push({ file, policy: "", rules: 0, limits: 0, fault, tests: [], warnings: [] });
      continue;
    }
    const tests: TestReport[] = [];
    for (const test of policy.tests) tests.push(await runTest(policy, test, readWorkflow));
    const { name, rules, limits } = policy;
    reports.push({ file, policy: name, rules: rules.length, limits: limits.length, fault, tests, warnings: warningsOf(policy) });
  }
  return reports;
}

function warningsOf({ tests }: CompiledPolicy): readonly string[] {
  const holds = ({ expect: { broken, limits } }: PolicyTest): boolean =>
    broken.deny.length + broken.wait.length + broken.approve.length > 0 || (limits ?? []).length > 0;
  if (tests.length === 0) return ["has no tests: nobody knows whether it denies anything"];
  const found: string[] = [];
  if (!tests.some(holds)) found.push("has no test that denies, waits, needs approval or takes a limit: nothing shows that it works");
  if (!tests.some((test) => !holds(test) && !test.expect.isNoMatch))
    found.push("has no test that allows: nothing shows that work gets through");
  return found;
}

async function runTest(policy: CompiledPolicy, test: PolicyTest, readWorkflow: ReadWorkflow): Promise<TestReport> {
  const { name, place } = test;
  try {
    const definition = await readDefinition(policy, test, readWorkflow);
    const missing = missingNames(test, definition);
    if (missing.length > 0) return { name, place, isPassed: false, lines: missing };
    const fleet = countFleet(testFleet(test));
    const policies = fixedPolicies([policy], { fleet: () => fleet, judge: judgeAtLength });
    const outcome = await runGates(test, testSubmission(test, definition), policies);
    return { name, place, ...compared(test.expect, outcome) };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return { name, place, isPassed: false, lines: [`cannot be run: ${error.message}`] };
  }
}

function missingNames({ stage, action, target, targets = [], fleet }: PolicyTest, { stages }: WorkflowDefinition): readonly string[] {
  const lines: string[] = [];
  const found = stages.filter(({ name }) => stage === undefined || name === stage);
  if (found.length === 0) lines.push(`the workflow has no stage "${stage ?? ""}"`);
  else if (action !== undefined && !found.some(({ actions }) => actions.some(({ name }) => name === action)))
    lines.push(`the stage has no action "${action}"`);
  // Items of a list are in no fleet: the test alone knows them.
  if (stage !== undefined && found.some(({ over }) => over?.kind.case === "list")) return lines;
  for (const name of [...targets, ...(target === undefined ? [] : [target])])
    if (!fleet.some((known) => known.name === name)) lines.push(`the fleet has no target "${name}"`);
  return lines;
}

/** A fault inside the workflow is told with its place in the policy file. */
async function readDefinition(
  { file, source }: CompiledPolicy,
  { workflow, workflowPath }: PolicyTest,
  read: ReadWorkflow,
): Promise<WorkflowDefinition> {
  try {
    return await read(JSON.stringify(workflow));
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    const yaml = readYaml(source, { file, bytesMax: POLICY_FILE_BYTES_MAX });
    const lines = error.details.map(({ reason }) => {
      const [, path = "", rest = reason] =
        /^((?:[a-z_]+|\[\d+\]|\["[^"]*"\])(?:\.[A-Za-z_][\w-]*|\[\d+\]|\["[^"]*"\])*): (.*)$/s.exec(reason) ?? [];
      return `${placeName(file, yaml.near(path === "" ? workflowPath : `${workflowPath}.${path}`))}: ${path === "" ? "" : `${path}: `}${rest}`;
    });
    throw new HoldfastError("INVALID_ARGUMENT", `its workflow is not valid\n${lines.join("\n")}`, { cause: error });
  }
}

function compared(expect: TestExpectation, outcome: TestOutcome): Pick<TestReport, "isPassed" | "lines"> {
  const byEnforcement = (enforcement: Enforcement): readonly string[] =>
    [...new Set(outcome.rules.filter((rule) => rule.enforcement === enforcement && !isApproved(rule)).map(({ rule }) => rule))].sort();
  const isNoMatch = outcome.rules.some(({ policy, rule }) => policy === "" && rule === "");
  const found = {
    deny: byEnforcement(Enforcement.DENY),
    wait: byEnforcement(Enforcement.WAIT),
    approve: byEnforcement(Enforcement.APPROVE),
  };
  const told = { warn: byEnforcement(Enforcement.WARN), audit: byEnforcement(Enforcement.AUDIT) };
  const lines: string[] = [];
  const differ = (what: string, wanted: readonly string[], had: readonly string[]): void => {
    if (JSON.stringify([...wanted].sort()) === JSON.stringify(had)) return;
    lines.push(`expected ${what}: ${shown(wanted)}`, `found    ${what}: ${shown(had)}`);
  };
  if (expect.isNoMatch !== isNoMatch)
    lines.push(expect.isNoMatch ? "expected that the policy does not match; it does" : "the policy does not match the workflow");
  else if (!isNoMatch) for (const what of ["deny", "wait", "approve"] as const) differ(what, expect.broken[what], found[what]);
  for (const what of ["warn", "audit"] as const) if (expect.told[what] !== undefined) differ(what, expect.told[what], told[what]);
  if (expect.limits !== undefined) differ("limits", expect.limits, outcome.limits);
  if (lines.length === 0) return { isPassed: true, lines: failedRules(outcome) };
  const said = outcome.rules.map(({ rule, message }) => `  ${rule === "" ? "(no rule)" : rule}: ${message}`);
  return { isPassed: false, lines: [`at the gate ${outcome.at} the decision is ${DECISIONS[outcome.decision]}`, ...lines, ...said] };
}

/** A denial by a rule that fails is a denial, but seldom the one that was meant. */
function failedRules({ rules }: TestOutcome): readonly string[] {
  return rules
    .filter(({ message }) => message.includes("could not be asked"))
    .map(({ rule, message }) => `note: ${rule} denies because it fails: ${message}`);
}

function isApproved({
  enforcement,
  approvalsGiven,
  approvalsNeeded,
}: {
  readonly enforcement: Enforcement;
  readonly approvalsGiven: number;
  readonly approvalsNeeded: number;
}): boolean {
  return enforcement === Enforcement.APPROVE && approvalsGiven >= approvalsNeeded;
}

function shown(names: readonly string[]): string {
  return names.length === 0 ? "nothing" : names.join(", ");
}

function readText(file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file));
  } catch (cause) {
    const why = cause instanceof TypeError ? "not UTF-8 text" : "it cannot be read";
    throw new HoldfastError("INVALID_ARGUMENT", `${file}: ${why}; write the path of a policy file`, { cause });
  }
}
