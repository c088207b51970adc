// policy check: reads policy files as the service would, and runs their tests, without a service.
// 1. The policy module is loaded only here and by replay. 2. Any fault and any failing test ends with 1; a warning does not.

import { HoldfastError } from "../../../internal/base/errors.ts";
import { readWorkflowFile } from "../../../internal/sdk/workflow-file.ts";
import type { Context } from "../context.ts";
import { EXIT_DONE, EXIT_FAILED } from "../exit-code.ts";
import type { Options } from "../options.ts";
import { flag } from "../options.ts";

/** What came of one file; the module's own type would load it. */
interface FileReport {
  readonly file: string;
  readonly policy: string;
  readonly rules: number;
  readonly limits: number;
  readonly fault: string;
  readonly tests: readonly TestReport[];
  readonly warnings: readonly string[];
}

interface TestReport {
  readonly name: string;
  readonly place: string;
  readonly isPassed: boolean;
  readonly lines: readonly string[];
}

/** policy check PATH…: 0 when every file is whole and every test passes. */
export async function check(context: Context, paths: readonly string[], options: Options): Promise<number> {
  const { checkPolicies, findPolicyFiles } = await import("../../../internal/policy/policy-check.ts");
  const files = findPolicyFiles(paths);
  if (files.length === 0)
    throw new HoldfastError("INVALID_ARGUMENT", "there is no policy file (*.yaml, *.yml) in there; write the path of one");
  const reports = await checkPolicies(files, readWorkflow);
  const isBrief = flag(options, "brief");
  for (const report of reports) {
    if (context.out.isJson) context.out.json(reportJson(report));
    else for (const line of reportLines(report, { isBrief })) context.out.line(line);
  }
  const failed = reports.filter(isFailed);
  const tests = reports.flatMap((report) => report.tests);
  const sum = `${reports.length} files, ${tests.length} tests, ${tests.filter(({ isPassed }) => !isPassed).length} failed`;
  if (!context.out.isJson) context.out.line(failed.length === 0 ? `all is well: ${sum}` : `${failed.length} files need work: ${sum}`);
  return failed.length === 0 ? EXIT_DONE : EXIT_FAILED;
}

/** A test's workflow has no files beside it: content stands in the workflow itself. */
async function readWorkflow(text: string) {
  const { definition } = await readWorkflowFile(text, { file: "workflow", readSource: async () => undefined });
  return definition;
}

function isFailed({ fault, tests }: FileReport): boolean {
  return fault !== "" || tests.some(({ isPassed }) => !isPassed);
}

function reportLines(
  { file, policy, rules, limits, fault, tests, warnings }: FileReport,
  { isBrief }: { readonly isBrief: boolean },
): readonly string[] {
  if (fault !== "") return [`BROKEN  ${file}`, ...indented(fault)];
  const passed = tests.filter(({ isPassed }) => isPassed).length;
  const head = `${passed === tests.length ? "ok    " : "FAILED"}  ${file}: policy ${policy}, ${rules} rules, ${limits} limits, ${passed} of ${tests.length} tests pass`;
  const told = tests.flatMap((test) => testLines(test, { isBrief }));
  const warned = warnings.map((warning) => `  warning: ${warning}`);
  return isBrief && passed === tests.length && warned.length === 0 ? [] : [head, ...told, ...warned];
}

function testLines({ name, place, isPassed, lines }: TestReport, { isBrief }: { readonly isBrief: boolean }): readonly string[] {
  if (isPassed) return isBrief ? [] : [`  ok      ${name}`, ...lines.flatMap((line) => indented(line, "          "))];
  return [`  FAILED  ${name} (${place})`, ...lines.flatMap((line) => indented(line, "          "))];
}

function indented(text: string, by = "  "): readonly string[] {
  return text.split("\n").map((line) => `${by}${line}`);
}

function reportJson({ tests, warnings, ...report }: FileReport) {
  return { ...report, tests: tests.map(({ lines, ...test }) => ({ ...test, lines: [...lines] })), warnings: [...warnings] };
}
