// Where a run of the fuzzer stands: paths that nobody chose name files that nobody chose, and relative ones land in the working directory.
// 1. A process that runs targets goes aside first, into a directory of its own; the processes of the targets begin there too.
// 2. A campaign refuses to run inside of the project: what it leaves behind would lie among the sources.

import { realpathSync, rmSync } from "node:fs";
import { join, sep } from "node:path";
import { newDirectory } from "./journal-rows.ts";

const ROOT = realpathSync(join(import.meta.dirname, "..", ".."));

/** Makes an empty directory the working directory; what it returns goes back, and removes it with all that was left there. */
export function goAside(): () => void {
  const home = process.cwd();
  const aside = newDirectory();
  process.chdir(aside);
  return () => {
    process.chdir(home);
    rmSync(aside, { recursive: true, force: true });
  };
}

/** Throws when the working directory is in the project. */
export function assertAside(): void {
  const here = process.cwd();
  if (`${here}${sep}`.startsWith(`${ROOT}${sep}`)) throw new Error(`a campaign does not run in ${here}: call goAside() first`);
}
