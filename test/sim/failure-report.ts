// What a person needs of a scenario that broke a rule: the rule, the command that repeats it, the shortest scenario that still breaks it,
// the end of its transcript, and the line for test/sim/failed-seeds.ts.
// 1. Everything said here was run again in this process: what does not fail again is said to depend on more than its seed.

import type { Scenario } from "./scenario.ts";
import { runScenario } from "./scenario-run.ts";
import type { Finding } from "./scenario-run.ts";
import { commandOf, scenarioText } from "./scenario-text.ts";
import { shrink } from "./shrink.ts";

/** How it is told. */
export interface ReportOptions {
  readonly isShrunk: boolean;
  print(text: string): void;
}

const RUNS_MAX = 400;
const SHRINK_MS_MAX = 90_000;
const TAIL_LINES = 40;
const WHY_LENGTH_MAX = 100;

/** Tells of a failure. */
export async function reportFailure(
  failure: { readonly scenario: Scenario; readonly finding: Finding },
  options: ReportOptions,
): Promise<void> {
  const { scenario, finding } = failure;
  const { print, isShrunk } = options;
  print(`\nVIOLATION in seed ${scenario.seed} (${scenario.size}, ${scenario.steps} steps)`);
  print(`  checker   ${finding.checker}`);
  print(`  found     ${finding.message.replaceAll("\n", "\n            ")}`);
  print(`  again     ${commandOf(scenario)}`);
  const short = isShrunk ? await shrunk(failure, print) : scenario;
  const { lines } = await runScenario({ ...short, trace: true });
  print(`\nthe end of its transcript (${lines.length} lines; the command above prints all):`);
  for (const line of lines.slice(-TAIL_LINES)) print(`  ${line}`);
  const why = finding.message.split("\n")[0]?.slice(0, WHY_LENGTH_MAX) ?? "";
  print(`\nfor test/sim/failed-seeds.ts:\n  { scenario: ${JSON.stringify(scenarioText(scenario))}, why: ${JSON.stringify(why)} },`);
}

async function shrunk(
  { scenario, finding }: { readonly scenario: Scenario; readonly finding: Finding },
  print: (text: string) => void,
): Promise<Scenario> {
  const startMs = performance.now();
  const trial = async (candidate: Scenario): Promise<string | undefined> => (await runScenario(candidate)).finding?.checker;
  if ((await trial(scenario)) !== finding.checker) {
    print("  short     it does not fail like this when it is run again: something besides its seed decides what happens");
    return scenario;
  }
  const bounds = { runsMax: RUNS_MAX, untilMs: startMs + SHRINK_MS_MAX, nowMs: () => performance.now() };
  const { scenario: short, runs, isLeast } = await shrink(scenario, { checker: finding.checker, trial, bounds });
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
  print(`  short     ${commandOf(short)}`);
  print(
    `            ${short.steps - short.skip.size} steps; ${runs} runs, ${seconds} s${isLeast ? "" : ", and then no more: it may get shorter"}`,
  );
  return short;
}
