// Every check of the project, cheapest first; one line for each, and the first that fails ends it, with its output.
//   npm run verify                  everything but the mutants, the crash tests and the guard of the speed
//   npm run verify -- lint unit     only these steps
//   npm test                        everything
// 1. A kind of test whose place is absent is named as absent. Where the place exists, finding no test in it is a failure.

import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT, runQuietly } from "./command.mjs";
import { REPORTS, sumReports } from "./test-count.mjs";

const NAME_WIDTH = 12;

// End-to-end and crash tests run what was built, as users do.
process.env.HOLDFAST_TEST_BUILT = "1";
// Hundreds of starts of the service from its sources: what Node compiled once is kept, which halves each start (0.85 to 0.40 s of CPU).
process.env.NODE_COMPILE_CACHE ??= join(ROOT, ".cache", "compiled");

/** Kinds of many files that wait for processes, disks and timers of their own: two files at a time take little more than one. */
const SIDE_BY_SIDE = new Set(["unit", "e2e", "crash"]);

const STEPS = [
  {
    name: "format",
    commands: [
      ["prettier", "--check", "--log-level=warn", "."],
      ["buf", "format", "--diff", "--exit-code"],
    ],
  },
  { name: "lint", commands: [["oxlint"], ["buf", "lint"]] },
  { name: "types", commands: [["tsc", "--noEmit", "-p", "."]] },
  testStep("tidy", "test/tidy.test.ts"), // the module boundaries, and the other rules of the house
  { name: "unused", commands: [["knip", "--no-progress"]] },
  testStep("unit", "internal"),
  testStep("bench", "test/bench"), // the benches' own arithmetic; their figures are `npm run bench`
  testStep("golden", "test/golden"),
  testStep("contract", "test/contract"),
  testStep("model", "test/model"),
  testStep("oracle", "test/oracle"),
  testStep("fuzz", "test/fuzz"),
  testStep("sim", "test/sim"),
  testStep("e2e", "test/e2e"),
];

/** The dear ones: `npm test` runs them too. */
const DEAR_STEPS = [
  testStep("mutants", "test/mutants"),
  testStep("crash", "test/crash"),
  // Has it got slower? Ratios of time on the cores, bytes and counts alone: docs/benchmarks.md says what they hold.
  { name: "bench-quick", commands: [["node", "test/bench/run.ts", "--quick"]] },
];

function testStep(name, place) {
  const report = join(REPORTS, `${name}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const workers = SIDE_BY_SIDE.has(name) ? ["--maxWorkers=2"] : [];
  return { name, place, report, commands: [["vitest", "run", "--project", name, ...workers, ...reporters]] };
}

async function main(args) {
  const startMs = performance.now();
  const steps = chosenSteps(args);
  rmSync(join(ROOT, REPORTS), { recursive: true, force: true });
  const absent = [];
  for (const step of steps) {
    if (step.place !== undefined && !existsSync(join(ROOT, step.place))) {
      absent.push(step.name);
      printLine(step.name, "absent", `there is no ${step.place}`);
    } else {
      await check(step);
    }
  }
  const tests = sumReports();
  const gaps = absent.length === 0 ? "" : `; ABSENT: ${absent.join(", ")}`;
  console.log(`verify: ${steps.length - absent.length} steps green in ${seconds(startMs)}, ${tests.passed} tests passed${gaps}`);
}

function chosenSteps(args) {
  const names = args.filter((arg) => !arg.startsWith("--"));
  const all = [...STEPS, ...DEAR_STEPS];
  const unknown = names.find((name) => !all.some((step) => step.name === name));
  if (unknown !== undefined) {
    console.error(`verify: there is no step "${unknown}"; the steps are: ${all.map((step) => step.name).join(" ")}`);
    process.exit(2);
  }
  if (names.length > 0) return all.filter((step) => names.includes(step.name));
  return args.includes("--all") ? all : STEPS;
}

async function check(step) {
  const startMs = performance.now();
  for (const command of step.commands) {
    const { code, output } = await runQuietly(command);
    if (code === 0) continue;
    printLine(step.name, "FAILED", seconds(startMs));
    console.log(
      `${output.trimEnd()}\n\nverify: "${step.name}" failed (${command[0]} ended with ${code}); alone: npm run verify -- ${step.name}`,
    );
    process.exit(1);
  }
  printLine(step.name, "ok", `${seconds(startMs).padStart(8)}${step.report === undefined ? "" : countOf(step.report)}`);
}

function countOf(report) {
  const { numPassedTests, numPendingTests, testResults } = JSON.parse(readFileSync(join(ROOT, report), "utf8"));
  const skipped = numPendingTests === 0 ? "" : `, ${numPendingTests} SKIPPED`;
  return `   ${numPassedTests} tests in ${testResults.length} files${skipped}`;
}

function printLine(name, state, detail) {
  console.log(`  ${name.padEnd(NAME_WIDTH)}${state.padEnd(8)}${detail}`);
}

function seconds(startMs) {
  return `${((performance.now() - startMs) / 1_000).toFixed(1)} s`;
}

await main(process.argv.slice(2));
