// One process of a campaign: runs the scenarios that it is sent, one at a time, and says what they came to. Ends when nobody is left to ask.

import { runScenario } from "./scenario-run.ts";
import type { Finding } from "./scenario-run.ts";
import { parseArguments } from "./sim-arguments.ts";

/** What a scenario came to, or why nobody knows. */
export type WorkerReply =
  | { readonly kind: "ran"; readonly finding: Finding | undefined; readonly tally: Readonly<Record<string, number>> }
  | { readonly kind: "lost"; readonly reason: string };

process.on("message", (text) => {
  void answer(String(text));
});

// A run that broke a rule may leave something behind that goes on for ever.
process.on("disconnect", () => process.exit(0));

async function answer(text: string): Promise<void> {
  const asked = parseArguments(text.split(" "));
  if (asked.kind !== "replay") throw new Error(`"${text}" is no scenario`);
  const { finding, tally } = await runScenario(asked.scenario);
  const reply: WorkerReply = { kind: "ran", finding, tally: { ...tally } };
  process.send?.(reply);
}
