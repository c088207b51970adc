// Replays one scenario, prints what happened and whether every rule was kept.

import { reportFailure } from "./failure-report.ts";
import type { Scenario } from "./scenario.ts";
import { runScenario } from "./scenario-run.ts";
import { commandOf } from "./scenario-text.ts";

/** What to replay. */
export interface ReplayOptions {
  readonly scenario: Scenario;
  readonly isQuiet: boolean;
  readonly isShrunk: boolean;
}

/** True when every rule was kept. */
export async function replay({ scenario, isQuiet, isShrunk }: ReplayOptions): Promise<boolean> {
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  const startMs = performance.now();
  const { finding, tally, lines } = await runScenario({ ...scenario, trace: !isQuiet });
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
  for (const line of lines) print(line);
  const counts = Object.entries(tally).map(([name, count]) => `${count} ${name}`);
  print(`\nseed ${scenario.seed} (${scenario.size}, ${scenario.steps} steps): ${counts.join(", ")}; ${seconds} s; ${commandOf(scenario)}`);
  if (finding === undefined) print("every rule was kept");
  else await reportFailure({ scenario, finding }, { isShrunk, print });
  return finding === undefined;
}
