// A program: runs tests of the tree, with or without a mutation, in one Vitest that serves many runs, and sends its parent what became of each.
// 1. What Vitest loads is patched by a plugin; what Node loads, in processes and threads that a test starts, by mutation-hook.ts.
// 2. No module of a mutated run is kept: not in Vitest's cache on disk, which all runs of the tree share, nor in memory for the next run.

import { createVitest } from "vitest/node";
import type { Reporter, SerializedError, TestCase, TestModule, Vitest } from "vitest/node";
import type { Patch } from "./mutant.ts";
import { mutate, MUTATION_VARIABLE, ROOT } from "./mutation.ts";
import type { RunOrder, RunReport, TestReport } from "./test-run.ts";

const TEST_TIMEOUT_MS = 30_000;
const HOOK = new URL("./mutation-hook.ts", import.meta.url).href;

/** Of the run under way. */
let patches: readonly Patch[] = [];
let tests: TestReport[] = [];
let faults: string[] = [];

const reporter: Reporter = {
  onTestCaseResult: (testCase) => void tests.push(testReport(testCase)),
  onTestModuleEnd: (module) => void faults.push(...module.errors().map((error) => `${fileOf(module)}: ${faultText(error)}`)),
  onTestRunEnd: (_modules: unknown, errors: readonly SerializedError[]) => void faults.push(...errors.map(faultText)),
};

const plugin = {
  name: "holdfast-mutation",
  enforce: "pre" as const,
  transform(code: string, id: string) {
    const source = mutate(id.replace(/\?.*$/, ""), code, patches);
    return source === undefined ? undefined : { code: source, map: null };
  },
};

function testReport(testCase: TestCase): TestReport {
  const { state, errors } = testCase.result();
  return {
    file: fileOf(testCase.module),
    name: testCase.fullName,
    state: state === "passed" || state === "failed" ? state : "skipped",
    faults: (errors ?? []).map(faultText),
    ms: Math.round(testCase.diagnostic()?.duration ?? 0),
  };
}

function fileOf({ moduleId }: TestModule): string {
  return moduleId.startsWith(ROOT) ? moduleId.slice(ROOT.length) : moduleId;
}

function faultText({ name, message }: { readonly name?: string | undefined; readonly message: string }): string {
  return `${name ?? "Error"}: ${message}`;
}

function openVitest(): Promise<Vitest> {
  const options = {
    config: false as const,
    root: ROOT,
    watch: false,
    include: ["**/*.test.ts"],
    reporters: [reporter],
    fsModuleCache: false,
    maxWorkers: 1,
    testTimeout: TEST_TIMEOUT_MS,
    hookTimeout: TEST_TIMEOUT_MS,
  };
  return createVitest("test", options, { plugins: [plugin], logLevel: "silent" });
}

/** What a run starts is told by its environment; those who read it are Vitest's workers and what they start. */
function enter(next: readonly Patch[], vitest: Vitest): void {
  for (const { file } of [...patches, ...next]) vitest.invalidateFile(`${ROOT}${file}`);
  patches = next;
  process.env[MUTATION_VARIABLE] = JSON.stringify(next);
  process.env["NODE_OPTIONS"] = next.length === 0 ? "--no-warnings" : `--no-warnings --import ${HOOK}`;
}

async function run(vitest: Vitest, order: RunOrder): Promise<RunReport> {
  [tests, faults] = [[], []];
  enter(order.patches, vitest);
  const project = vitest.getRootProject();
  const options = order.names === undefined ? undefined : { testNames: [...order.names] };
  await vitest.runTestSpecifications(order.files.map((file) => project.createSpecification(`${ROOT}${file}`, options)));
  return { tests, faults };
}

const opening = openVitest();
process.on("message", (order: RunOrder) => {
  void opening
    .then((vitest) => run(vitest, order))
    .catch((error: unknown): RunReport => ({
      tests: [],
      faults: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
    }))
    .then((report) => process.send?.(report));
});
// A mutant may loop for ever in a worker: nothing of this group outlives who asked for it.
process.on("disconnect", () => process.kill(-process.pid, "SIGKILL"));
