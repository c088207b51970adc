// `npm run mutants -- [--list] [NAME…]`: makes each bug of the list in turn, and prints which test noticed it.
// Ends with 1 when one was noticed by none, or says nothing.

import { hunt } from "./hunt.ts";
import type { Mutant } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";
import type { Outcome } from "./verdict.ts";

const JOBS = 2;
const COLUMNS = { name: 36, breaks: 18 };

function describe({ name, breaks, bug }: Mutant): string {
  return `${name.padEnd(COLUMNS.name)}  ${breaks.padEnd(COLUMNS.breaks)}  ${bug}`;
}

function row(mutant: Mutant, { kind, text, ms }: Outcome): string {
  const { file, name } = mutant.caughtBy;
  const test = `${kind === "caught" ? "caught by" : kind.toUpperCase()} ${file}: ${name} (${ms} ms)`;
  return `${describe(mutant)}\n    ${test}${kind === "caught" ? "" : `\n    ${text}`}`;
}

async function main(args: readonly string[]): Promise<number> {
  const names = args.filter((arg) => !arg.startsWith("--"));
  const unknown = names.filter((name) => !MUTANTS.some((mutant) => mutant.name === name));
  if (unknown.length > 0) {
    console.error(`there is no mutant ${unknown.join(", ")}; "npm run mutants -- --list" shows those there are`);
    return 2;
  }
  const chosen = names.length === 0 ? MUTANTS : MUTANTS.filter(({ name }) => names.includes(name));
  if (args.includes("--list")) {
    for (const mutant of chosen) console.log(describe(mutant));
    return 0;
  }
  const startMs = Date.now();
  let caught = 0;
  const outcomes = hunt(chosen, JOBS);
  for (const mutant of chosen) {
    const outcome = await outcomes.get(mutant.name);
    if (outcome === undefined) continue;
    if (outcome.kind === "caught") caught += 1;
    console.log(row(mutant, outcome));
  }
  console.log(`\n${chosen.length} mutants, ${caught} caught, in ${Math.round((Date.now() - startMs) / 1_000)} s`);
  return caught === chosen.length ? 0 : 1;
}

// That taking types off is experimental in this Node is nothing to say beside the table.
process.removeAllListeners("warning");
process.exit(await main(process.argv.slice(2)));
