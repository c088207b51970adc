// One scenario, run in this process: what it came to, in plain data that another process can be told.

import type { Scenario } from "./scenario.ts";
import { Simulation } from "./simulation.ts";
import { readableLines } from "./transcript.ts";
import { Violation } from "./violation.ts";

/** What was found. */
export interface Finding {
  /** Which rule was broken: what a shrunk scenario must break, too. */
  readonly checker: string;
  readonly message: string;
}

/** What a run came to. */
export interface Outcome {
  /** Undefined: every rule was kept. */
  readonly finding: Finding | undefined;
  readonly tally: Simulation["tally"];
  /** All that happened, when the scenario is traced. */
  readonly lines: readonly string[];
}

/** Runs a scenario to its end. */
export async function runScenario(scenario: Scenario): Promise<Outcome> {
  const simulation = new Simulation(scenario);
  const finding = await simulation.run().then(() => undefined, findingOf);
  return { finding, tally: simulation.tally, lines: readableLines(simulation.lines) };
}

/** The finding behind an error: a violation names its checker; anything else is known by its words without what differs from run to run. */
export function findingOf(error: unknown): Finding {
  if (!(error instanceof Error)) return { checker: "error", message: String(error) };
  const { message, stack = message } = error;
  if (error instanceof Violation) return { checker: /^[^:\n]*/.exec(message)?.[0].replace(UUID, "#") ?? "", message };
  return { checker: `${error.name}: ${message.split("\n")[0]?.replace(UNSTEADY, "#")}`, message: stack };
}

const UUID = /[0-9a-f]{8}-[0-9a-f-]{27}/g;
const UNSTEADY = /[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+/g;
