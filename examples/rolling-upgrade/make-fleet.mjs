// Makes a fleet of sandboxed hosts that run version 1 of an application: node examples/rolling-upgrade/make-fleet.mjs DIR [COUNT]
// Each host is a directory. On app-4 version 2 is not healthy.

import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [dir, count = "6"] = process.argv.slice(2);
if (dir === undefined) {
  console.error("usage: node examples/rolling-upgrade/make-fleet.mjs DIR [COUNT]");
  process.exit(2);
}

const program = new URL("host-bin/app", import.meta.url).pathname;
const lines = ["# A fleet of sandboxes: each target is a directory.", "targets:"];
for (let index = 1; index <= Number(count); index++) {
  const name = `app-${index}`;
  const root = join(dir, "hosts", name);
  for (const sub of ["bin", "etc", "var"]) mkdirSync(join(root, sub), { recursive: true });
  writeFileSync(join(root, "etc/version"), "1\n");
  writeFileSync(join(root, "etc/refuses"), index === 4 ? "2\n" : "");
  copyFileSync(program, join(root, "bin/app"));
  chmodSync(join(root, "bin/app"), 0o755);
  lines.push(`  - { name: ${name}, labels: { role: app }, connection: { local: { root: ./hosts/${name} } } }`);
}
writeFileSync(join(dir, "inventory.yaml"), `${lines.join("\n")}\n`);
console.log(`${count} hosts in ${join(dir, "hosts")}, listed in ${join(dir, "inventory.yaml")}`);
