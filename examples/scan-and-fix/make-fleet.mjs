// Makes a fleet of sandboxed hosts to try things on: node examples/scan-and-fix/make-fleet.mjs DIR [COUNT] [FAILING…]
// Each host is a directory with a configuration, a log, and the two programs of this example; two of three are broken. A host that is named
// FAILING (web-03) has a disk that is failing, which no repair helps.

import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [dir, count = "30", ...failing] = process.argv.slice(2);
if (dir === undefined) {
  console.error("usage: node examples/scan-and-fix/make-fleet.mjs DIR [COUNT] [FAILING…]");
  process.exit(2);
}

const programs = new URL("host-bin/", import.meta.url).pathname;
const lines = ["# A fleet of sandboxes: each target is a directory.", "targets:"];
for (let index = 1; index <= Number(count); index++) {
  const name = `web-${String(index).padStart(2, "0")}`;
  const root = join(dir, "hosts", name);
  for (const sub of ["etc", "run", "var", "bin"]) mkdirSync(join(root, sub), { recursive: true });
  const isNoisy = index % 3 === 1;
  const isLocked = index % 3 === 2;
  writeFileSync(join(root, "etc/app.conf"), `name=${name}\nlog_level=${isNoisy ? "debug" : "info"}\n`);
  if (failing.includes(name)) writeFileSync(join(root, "run/disk.failing"), "");
  if (isLocked) writeFileSync(join(root, "run/stale.lock"), "");
  for (const program of ["scan-host", "fix-host"]) {
    copyFileSync(join(programs, program), join(root, "bin", program));
    chmodSync(join(root, "bin", program), 0o755);
  }
  lines.push(
    `  - { name: ${name}, labels: { role: web, site: ${index % 2 === 0 ? "ams" : "fra"} }, connection: { local: { root: ./hosts/${name} } } }`,
  );
}
writeFileSync(join(dir, "inventory.yaml"), `${lines.join("\n")}\n`);
console.log(`${count} hosts in ${join(dir, "hosts")}, listed in ${join(dir, "inventory.yaml")}`);
