// Runs the benches one after the other, each in a process of its own: `npm run bench`, or `npm run bench -- policies loop`.
// 1. It asserts nothing: what must hold at all times is a test's matter. `cel-engines` runs only when it is named: it takes a minute.

import { spawnSync } from "node:child_process";
import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

const ALL = ["policies", "guard", "loop", "million"];
const names = process.argv.slice(2);
const [cpu] = cpus();
console.log(
  `Node ${process.versions.node}, ${process.platform}-${process.arch}, ${cpus().length} × ${cpu?.model ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
);
for (const name of names.length === 0 ? ALL : names) {
  const path = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  const { status } = spawnSync(process.execPath, [path], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
