// Is the wire still compatible with what others may rely on? Compares proto/ with each base that there is:
//   npm run breaking [-- BASE]      BASE is any commit; without it: origin/main, and the last release (tag v*)
// 1. On main itself, before a first release, the base is the commit before.
// 2. A base that has no proto/holdfast is named and skipped; so is a lack of any base. Nothing else is skipped.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT, runQuietly } from "./command.mjs";

const CACHE = ".cache";

async function main(args) {
  const bases = args.length > 0 ? args : await findBases();
  if (bases.length === 0) console.log("breaking: SKIPPED, there is no earlier commit to compare with");
  for (const base of bases) await compare(base);
}

async function findBases() {
  const head = await git("rev-parse", "HEAD");
  const main = await git("rev-parse", "--verify", "--quiet", "origin/main^{commit}");
  const release = await git("describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^");
  const bases = [main === head ? undefined : main && "origin/main", release].filter((base) => base !== undefined);
  if (bases.length > 0) return bases;
  return (await git("rev-parse", "--verify", "--quiet", "HEAD^")) === undefined ? [] : ["HEAD^"];
}

async function compare(base) {
  if ((await git("cat-file", "-t", `${base}:proto/holdfast`)) !== "tree") {
    console.log(`breaking: SKIPPED against ${base}, which has no proto/holdfast`);
    return;
  }
  mkdirSync(join(ROOT, CACHE), { recursive: true });
  const archive = join(CACHE, "breaking-base.tar");
  await mustRun(["git", "archive", "--format=tar", `--output=${archive}`, base, "buf.yaml", "proto"]);
  await mustRun(["buf", "breaking", "--against", archive]);
  console.log(`breaking: proto/ is compatible with ${base}`);
}

async function git(...args) {
  const { code, output } = await runQuietly(["git", ...args]);
  return code === 0 ? output.trim() : undefined;
}

async function mustRun(command) {
  const { code, output } = await runQuietly(command);
  if (code === 0) return;
  console.error(`${output.trimEnd()}\nbreaking: "${command.join(" ")}" ended with ${code}`);
  process.exit(1);
}

await main(process.argv.slice(2));
