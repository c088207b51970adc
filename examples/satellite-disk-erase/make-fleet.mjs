// Makes sites of sandboxed machines to try things on: node examples/satellite-disk-erase/make-fleet.mjs DIR [SITES] [MACHINES]
// Each machine is a directory with a disk that holds something; sites.json is what the site database (sites.mjs) answers from.
// The last site is not being decommissioned.

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [dir, sites = "100", machines = "50"] = process.argv.slice(2);
if (dir === undefined) {
  console.error("usage: node examples/satellite-disk-erase/make-fleet.mjs DIR [SITES] [MACHINES]");
  process.exit(2);
}

const programs = new URL("machine-bin", import.meta.url).pathname;
const numbered = (prefix, count, width) =>
  Array.from({ length: count }, (_, index) => `${prefix}${String(index + 1).padStart(width, "0")}`);
const names = numbered("sat", Number(sites), 3);
const targets = names.flatMap((site) =>
  numbered(`${site}-m`, Number(machines), 2).map((name) => ({
    name,
    labels: { site },
    connection: { local: { root: `./machines/${name}` } },
  })),
);
for (const { name } of targets) {
  const root = join(dir, "machines", name);
  mkdirSync(join(root, "dev"), { recursive: true });
  writeFileSync(join(root, "dev/disk-0"), `what customers left on ${name}\n`);
  symlinkSync(programs, join(root, "bin"));
}
const state = (site) => (site === names.at(-1) ? "live" : "decom");
const database = Object.fromEntries(names.map((site) => [site, { kind: "satellite", state: state(site) }]));
writeFileSync(join(dir, "sites.json"), `${JSON.stringify(database, undefined, 1)}\n`);
// One target a line: large inventories are read fastest so.
writeFileSync(join(dir, "inventory.json"), `{"targets": [\n${targets.map((target) => JSON.stringify(target)).join(",\n")}\n]}\n`);
console.log(`${names.length} sites with ${machines} machines each, in ${dir}`);
