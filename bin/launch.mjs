// Starts one of Holdfast's programs under a Node that can run it; shared by holdfast.mjs and holdfastd.mjs.
// 1. A Node that is new enough runs the program in this very process: no second start, signals and exit codes as they come.
// 2. An older Node starts the packaged one (the optional dependency node-PLATFORM-ARCH) and stands for it: it passes signals
//    on, ends as the program ends, and when it is killed the program dies with it, because the pipe between them closes.
// 3. Plain syntax and no dependencies, so that an old Node gets as far as saying what to do.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import nodeModule, { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const LIFELINE_FD = 3;
const LIFELINE_VARIABLE = "HOLDFAST_LIFELINE";
const FORWARDED_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];

/** Runs the built program at `path` (relative to the package), called `name` in messages; `self` is the bin's own file. */
export async function launch({ name, path, self }) {
  const program = join(ROOT, path);
  if (!existsSync(program)) {
    fail(`${name}: not built yet (${path} is missing): run "npm test" or "npm run demo" in ${ROOT} first`);
  }
  const range = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).engines.node;
  if (!satisfies(process.versions.node, range)) {
    runPackagedNode({ name, self, range });
    return;
  }
  if (process.env[LIFELINE_VARIABLE] === String(process.ppid)) await dieWithParent();
  delete process.env[LIFELINE_VARIABLE];
  // Code that was compiled before starts faster. A directory that cannot be written is no error.
  nodeModule.enableCompileCache?.(join(ROOT, "node_modules", ".cache", "holdfast"));
  await import(pathToFileURL(program).href);
}

/** True when `version` is at least the `>=` range's version: the only form that package.json uses. */
function satisfies(version, range) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [needMajor = 0, needMinor = 0] = range.replace(/^>=/, "").split(".").map(Number);
  return major > needMajor || (major === needMajor && minor >= needMinor);
}

function runPackagedNode({ name, self, range }) {
  const node = packagedNode();
  if (node === undefined) {
    fail(
      `${name}: this is Node ${process.versions.node}, and Node ${range} is needed; run "npm test" or "npm run demo" in ${ROOT}, ` +
        `which install a packaged Node, or put a newer Node on PATH`,
    );
  }
  const child = spawn(node, [...process.execArgv, self, ...process.argv.slice(2)], {
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    env: { ...process.env, [LIFELINE_VARIABLE]: String(process.pid) },
  });
  // A terminal sends Ctrl-C to both processes: passing it on as well would count as a second one.
  const isOnTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of FORWARDED_SIGNALS) {
    process.on(signal, () => {
      if (!isOnTerminal || signal === "SIGTERM") child.kill(signal);
    });
  }
  child.on("error", (error) => fail(`${name}: cannot start ${node}: ${error.message}`));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const forwarded of FORWARDED_SIGNALS) process.removeAllListeners(forwarded);
    process.kill(process.pid, signal);
    // Reached only when the signal does not end this process at once.
    setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 1_000);
  });
}

/** The binary inside the optional dependency, or undefined where there is none for this platform. */
function packagedNode() {
  try {
    return createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/bin/node`);
  } catch {
    return undefined;
  }
}

/** Ends this process as kill -9 would when the process that stands for it is gone: a service must not outlive its own kill. */
async function dieWithParent() {
  const { Socket } = await import("node:net");
  const lifeline = new Socket({ fd: LIFELINE_FD, readable: true, writable: false });
  lifeline.on("error", () => {});
  lifeline.on("close", () => process.kill(process.pid, "SIGKILL"));
  lifeline.resume();
  lifeline.unref();
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
