// The simulator's command: replays one scenario with a readable transcript, or runs many on all cores; shrinks what fails.
// 1. Ends with 0 when every rule was kept, 1 when one was broken, 2 for wrong arguments.

import { exit } from "node:process";
import { replay } from "./replay.ts";
import { runSeeds } from "./seed-run.ts";
import { HELP, parseArguments } from "./sim-arguments.ts";
import type { SimArguments } from "./sim-arguments.ts";
import { ArgumentError } from "./scenario-text.ts";

const EXIT_BROKEN = 1;
const EXIT_USAGE = 2;

/** True when every rule was kept. */
function perform(asked: SimArguments): Promise<boolean> {
  switch (asked.kind) {
    case "help":
      process.stdout.write(HELP);
      return Promise.resolve(true);
    case "replay":
      return replay(asked);
    case "seeds":
      return runSeeds(asked);
    default:
      return asked satisfies never;
  }
}

/** What a run has left behind may go on for ever, so the process is ended; but a pipe takes a long transcript only bit by bit. */
async function endWith(code: number): Promise<never> {
  await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
  exit(code);
}

try {
  const isKept = await perform(parseArguments(process.argv.slice(2)));
  await endWith(isKept ? 0 : EXIT_BROKEN);
} catch (error) {
  if (!(error instanceof ArgumentError)) throw error;
  process.stderr.write(`sim: ${error.message}\nsim: "npm run sim -- --help" says what there is\n`);
  await endWith(EXIT_USAGE);
}
