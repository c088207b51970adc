// Makes a checkout ready to run, then becomes the command after `--`, under the packaged Node:
//   node scripts/ensure.mjs [-- COMMAND ARGS…]
// 1. What is ready is left alone in silence; each thing that is done says so in one line. Its output is shown only when it fails.
// 2. Ready means: a stamp holds the SHA-256 of everything that the result was made from. A stamp lies inside what it vouches
//    for and is written last, so that neither a crash nor a deleted directory leaves a stamp without its result.
// 3. No dependencies, and Node 20 is enough: this is the first thing that runs on a fresh machine.

import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { becomeCommand, ROOT, runQuietly, withoutTools, withTools } from "./command.mjs";

const OLDEST_NODE = 20;
const STAMP = ".holdfast-stamp";
const DIST_NEXT = ".cache/dist-next";
const DIST_OLD = ".cache/dist-old";
const CLI_NEXT = `${DIST_NEXT}/cli/main.cjs`;
const CLI_ENTRY = `// Starts the client's one file, which is no ES module.
import { createRequire } from "node:module";
createRequire(import.meta.url)("./main.cjs");
`;

/** What is made from what, in order. `make` lists the commands; the first that fails ends the script. */
const STEPS = [
  {
    talk: "installing dependencies (npm ci)",
    result: "node_modules",
    sources: () => ["package-lock.json"],
    isMadeOtherwise: isInstalledByHand,
    // No package that we use needs its install script: each ships its binary. So none is run.
    make: () => [{ command: ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], env: withoutTools() }],
    finish: linkOwnPrograms,
  },
  {
    talk: "generating code from proto/ (buf generate)",
    result: "internal/gen",
    sources: () => ["buf.yaml", "buf.gen.yaml", "package-lock.json", ...filesUnder("proto", /\.proto$/)],
    make: () => [{ command: ["buf", "generate"] }],
  },
  {
    talk: "building dist/ (tsc, esbuild)",
    result: "dist",
    sources: () => [
      "package-lock.json",
      "tsconfig.json",
      "tsconfig.build.json",
      "scripts/ensure.mjs",
      ...[...filesUnder("internal", /\.ts$/), ...filesUnder("cmd", /\.ts$/)].filter((path) => !path.endsWith(".test.ts")),
    ],
    prepare: () => rmSync(join(ROOT, DIST_NEXT), { recursive: true, force: true }),
    make: () => [{ command: ["tsc", "-p", "tsconfig.build.json", "--outDir", DIST_NEXT] }, { command: bundleCommand() }],
    finish: putBuildInPlace,
  },
];

/** What the CLI would load and not use, by what stands for it: each says in its file why, and what it saves. */
const CLI_STANDS_FOR = {
  "node:http2": "./cmd/holdfast/late-http2.ts",
  http2: "./cmd/holdfast/late-http2.ts",
  "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js": "./cmd/holdfast/without-rules.ts",
};

/**
 * The CLI as one file, each part of which runs only when it is first asked for; native packages stay outside. It is CommonJS: an ES module that
 * imports node:http makes Node load all of fetch, because it asks for everything that node:http exports.
 */
function bundleCommand() {
  return [
    "esbuild",
    "cmd/holdfast/main.ts",
    "--bundle",
    "--platform=node",
    "--format=cjs",
    "--target=node22",
    "--minify-whitespace",
    "--external:level",
    "--external:classic-level",
    "--external:re2",
    "--inject:./cmd/holdfast/light-headers.ts",
    ...Object.entries(CLI_STANDS_FOR).map(([name, path]) => `--alias:${name}=${path}`),
    `--outfile=${CLI_NEXT}`,
    "--legal-comments=none",
    "--log-level=warning",
  ];
}

async function main() {
  if (Number(process.versions.node.split(".")[0]) < OLDEST_NODE) {
    fail(`Node ${process.versions.node} is too old to set Holdfast up: Node ${OLDEST_NODE} or later is needed`);
  }
  for (const step of STEPS) await ensure(step);
  const separator = process.argv.indexOf("--");
  if (separator !== -1) becomeCommand(process.argv.slice(separator + 1));
}

async function ensure(step) {
  const hash = hashOf(step.sources());
  const stampPath = join(ROOT, step.result, STAMP);
  const isStamped = existsSync(stampPath) && readFileSync(stampPath, "utf8") === hash;
  if (isStamped) return;
  if (step.isMadeOtherwise?.() !== true) await make(step);
  step.finish?.();
  writeFileSync(stampPath, hash);
}

async function make(step) {
  const startMs = performance.now();
  process.stderr.write(`holdfast: ${step.talk} …`);
  step.prepare?.();
  for (const { command, env } of step.make()) {
    const { code, output } = await runQuietly(command, env ?? withTools());
    if (code !== 0) fail(` failed\n${output}\nholdfast: "${command.slice(0, 2).join(" ")}" ended with ${code}; its output is above`);
  }
  process.stderr.write(` ${((performance.now() - startMs) / 1_000).toFixed(1)} s\n`);
}

function hashOf(paths) {
  const hash = createHash("sha256").update(`${process.platform}-${process.arch}\0`);
  for (const path of paths)
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(ROOT, path)))
      .update("\0");
  return hash.digest("hex");
}

function filesUnder(directory, pattern) {
  const top = join(ROOT, directory);
  if (!existsSync(top)) return [];
  const paths = readdirSync(top, { recursive: true, encoding: "utf8" }).filter((path) => pattern.test(path));
  return paths.map((path) => join(directory, path)).sort();
}

/** True when npm itself put exactly what the lock file names into node_modules: then there is nothing to install again. */
function isInstalledByHand() {
  const recordPath = join(ROOT, "node_modules", ".package-lock.json");
  if (!existsSync(recordPath)) return false;
  const wanted = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")).packages;
  const found = JSON.parse(readFileSync(recordPath, "utf8")).packages;
  const isSame = (path) => found[path]?.version === wanted[path]?.version && found[path]?.integrity === wanted[path]?.integrity;
  const packagedNode = `node_modules/node-${process.platform}-${process.arch}`;
  const isOptional = ({ optional, devOptional }) => optional === true || devOptional === true;
  const isNeeded = (path) => path !== "" && (path === packagedNode || !isOptional(wanted[path]));
  return Object.keys(found).every(isSame) && Object.keys(wanted).filter(isNeeded).every(isSame);
}

/** `npx holdfast` looks here: npm links the programs of dependencies, but not a package's own. */
function linkOwnPrograms() {
  const { bin } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  for (const [name, path] of Object.entries(bin)) {
    const link = join(ROOT, "node_modules", ".bin", name);
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) rmSync(link);
    symlinkSync(join("..", "..", path), link);
  }
}

/** Swaps the new build in by renames, so that dist/ is at each moment whole or absent. */
function putBuildInPlace() {
  writeFileSync(join(ROOT, DIST_NEXT, "cli/holdfast.mjs"), CLI_ENTRY);
  const [next, old, dist] = [DIST_NEXT, DIST_OLD, "dist"].map((path) => join(ROOT, path));
  rmSync(old, { recursive: true, force: true });
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(next, dist);
  rmSync(old, { recursive: true, force: true });
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

await main();
