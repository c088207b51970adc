// Runs many scenarios in several processes, prints how far it is, the final figures, and a report of each kind of failure.

import { randomInt } from "node:crypto";
import { LOST, runCampaign } from "./campaign.ts";
import type { CampaignFigures, Failure } from "./campaign.ts";
import { FAILED_SEEDS } from "./failed-seeds.ts";
import { reportFailure } from "./failure-report.ts";
import { aScenario } from "./scenario.ts";
import type { Scenario } from "./scenario.ts";
import { SEED_MAX, commandOf } from "./scenario-text.ts";
import { parseArguments } from "./sim-arguments.ts";
import type { SeedsArguments } from "./sim-arguments.ts";
import { sizeOfSeed } from "./workload-size.ts";

/** One scenario may take so long before its process is ended, and that is the finding. */
export const SCENARIO_MS_MAX = 600_000;
const CAMPAIGN_FAILURES_MAX = 20;
const PROGRESS_MS = 5_000;
const CAMPAIGN_PROGRESS_MS = 60_000;

/** True when every rule was kept. */
export async function runSeeds(asked: SeedsArguments): Promise<boolean> {
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  const from = asked.from ?? randomInt(SEED_MAX);
  const until = performance.now() + asked.forMs;
  print(
    asked.isKnown
      ? `the ${FAILED_SEEDS.length} seeds that ever failed, ${asked.jobs} processes`
      : `seeds from ${from}, ${asked.jobs} processes`,
  );
  const scenarios = asked.isKnown
    ? knownScenarios()
    : freshScenarios({ from, runs: asked.runs, ...(asked.size === undefined ? {} : { size: asked.size }) });
  let toldMs = performance.now();
  let toldFailures = 0;
  const figures = await runCampaign({
    next: () => (performance.now() < until ? scenarios.next().value : undefined),
    jobs: asked.jobs,
    failuresMax: asked.isCampaign ? CAMPAIGN_FAILURES_MAX : 1,
    scenarioMsMax: SCENARIO_MS_MAX,
    onProgress: (now) => {
      // A campaign goes on for hours: nobody should have to wait for its end to hear of a failure.
      for (; toldFailures < now.failures.length; toldFailures++) print(failureLine(now.failures[toldFailures]));
      if (asked.isQuiet || performance.now() - toldMs < (asked.isCampaign ? CAMPAIGN_PROGRESS_MS : PROGRESS_MS)) return;
      toldMs = performance.now();
      print(figuresText(now));
    },
  });
  print(figuresText(figures));
  for (const failure of firstOfEach(figures.failures)) await tell(failure, { isShrunk: asked.isShrunk, print });
  return figures.failures.length === 0;
}

/** Seeds from one on, each as large as it says. */
export function* freshScenarios(of: {
  readonly from: number;
  readonly runs: number;
  readonly size?: Scenario["size"];
}): Generator<Scenario, undefined> {
  for (let run = 0; run < of.runs; run++) {
    const seed = (of.from + run) % (SEED_MAX + 1);
    yield aScenario(seed, { size: of.size ?? sizeOfSeed(seed) });
  }
  return undefined;
}

/** Every seed that ever failed. */
export function* knownScenarios(): Generator<Scenario, undefined> {
  for (const { scenario } of FAILED_SEEDS) {
    const asked = parseArguments(scenario.split(" "));
    if (asked.kind !== "replay") throw new Error(`failed-seeds.ts: "${scenario}" is no scenario`);
    yield asked.scenario;
  }
  return undefined;
}

/** One line: `312 seeds, 40,112 tasks (210,000 a minute), 911 crashes, …, 0 violations`. */
export function figuresText({ scenarios, elapsedMs, tally, failures }: CampaignFigures): string {
  const count = (number: number): string => Math.round(number).toLocaleString("en-US");
  const { tasks = 0, ...others } = tally;
  const minutes = elapsedMs / 60_000;
  const parts = [
    `${count(scenarios)} seeds`,
    `${count(tasks)} tasks (${count(tasks / minutes)} a minute)`,
    ...Object.entries(others).map(([name, number]) => `${count(number)} ${name}`),
    `${failures.length} violations`,
  ];
  return `${(elapsedMs / 1_000).toFixed(0)} s: ${parts.join(", ")}`;
}

/** One failure of each checker: the others most likely have the same cause. */
function firstOfEach(failures: readonly Failure[]): readonly Failure[] {
  const first = new Map<string, Failure>();
  for (const failure of failures) if (!first.has(failure.finding.checker)) first.set(failure.finding.checker, failure);
  return [...first.values()];
}

function failureLine(failure: Failure | undefined): string {
  return failure === undefined ? "" : `FAILED: ${failure.finding.checker}; again: ${commandOf(failure.scenario)}`;
}

async function tell(failure: Failure, options: Parameters<typeof reportFailure>[1]): Promise<void> {
  if (failure.finding.checker !== LOST) return reportFailure(failure, options);
  // It would take this process with it.
  options.print(
    `\nVIOLATION in seed ${failure.scenario.seed}\n  found     ${failure.finding.message}\n  again     ${commandOf(failure.scenario)}`,
  );
}
