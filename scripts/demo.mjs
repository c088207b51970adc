// npm run demo: thirty sandboxed hosts, two of three broken; a workflow that repairs them; SIGKILL for the service and the client in the
// middle; both come back, `resume` goes on watching; and the hosts' own records show that each was repaired exactly once.
// Everything happens in one temporary directory, on loopback, without root.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const checkout = new URL("..", import.meta.url).pathname;
const dir = mkdtempSync(join(tmpdir(), "holdfast-demo-"));
const hosts = join(dir, "hosts");
const env = { ...process.env, HOLDFAST_DATA: join(dir, "data"), HOLDFAST_STATE_DIR: join(dir, "state"), NO_COLOR: "1" };
delete env.HOLDFAST_ADDR;
delete env.HOLDFAST_TOKEN;
let service;

try {
  await demonstrate();
} finally {
  service?.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
}

async function demonstrate() {
  say("1. A fleet of thirty sandboxed hosts; two of three are broken");
  run(process.execPath, [join(checkout, "examples/scan-and-fix/make-fleet.mjs"), dir, "30"]);
  await startService();

  say("2. Plan: only look. How many hosts would change?");
  holdfast(["plan", join(checkout, "examples/scan-and-fix/scan-and-fix.yaml")]);

  say("3. Run it, and kill the service and the client with SIGKILL in the middle");
  const client = spawn(
    process.execPath,
    [join(checkout, "bin/holdfast.mjs"), "run", join(checkout, "examples/scan-and-fix/scan-and-fix.yaml")],
    { env, stdio: "inherit" },
  );
  await until(() => repairs().length >= 8, "eight repairs");
  service.kill("SIGKILL");
  client.kill("SIGKILL");
  await Promise.all([ended(service), ended(client)]);
  console.log(`--- both killed; ${repairs().length} repairs were begun, and those under way go on without anybody`);

  say("4. The service comes back, and goes on by itself");
  await startService();

  say("5. resume: the client's logbook knows the ID; watch it to its end");
  const resumed = holdfast(["resume"]);
  holdfast(["list"]);

  say("6. What the hosts themselves say");
  const counts = new Map();
  for (const line of repairs()) counts.set(line.host, (counts.get(line.host) ?? 0) + 1);
  const twice = [...counts].filter(([, count]) => count > 1);
  const broken = readdirSync(hosts).filter((host) => isBroken(host));
  console.log(`${counts.size} hosts were repaired, ${twice.length} of them more than once; ${broken.length} of 30 are still broken`);
  if (resumed !== 0 || counts.size !== 20 || twice.length > 0 || broken.length > 0) {
    console.error(`demo: this is not what was promised (resume exited ${resumed}); please report it with the output above`);
    process.exitCode = 1;
  } else {
    console.log("Nothing lost, nothing done twice.");
  }
}

async function startService() {
  const args = ["bin/holdfastd.mjs", "--data", env.HOLDFAST_DATA, "--listen", "127.0.0.1:0", "--inventory", join(dir, "inventory.yaml")];
  console.log("$ holdfastd --data DATA --listen 127.0.0.1:0 --inventory inventory.yaml");
  service = spawn(process.execPath, args, { cwd: checkout, env, stdio: ["ignore", "pipe", "ignore"] });
  const lines = createInterface({ input: service.stdout });
  const line = await new Promise((resolve, reject) => {
    lines.once("line", resolve);
    service.once("exit", (code) => reject(new Error(`the service ended with ${code} before it served`)));
  });
  console.log(line);
  env.HOLDFAST_ADDR = line.replace("listening ", "");
}

function holdfast(args) {
  console.log(`$ holdfast ${args.map((arg) => arg.replace(checkout, "")).join(" ")}`);
  return run(process.execPath, [join(checkout, "bin/holdfast.mjs"), ...args]);
}

function run(command, args) {
  return spawnSync(command, args, { env, stdio: "inherit" }).status;
}

/** Every repair that a host wrote down. */
function repairs() {
  const found = [];
  for (const host of existsSync(hosts) ? readdirSync(hosts) : []) {
    const log = join(hosts, host, "var/repairs.log");
    if (!existsSync(log)) continue;
    for (const key of readFileSync(log, "utf8").split("\n").filter(Boolean)) found.push({ host, key });
  }
  return found;
}

function isBroken(host) {
  const root = join(hosts, host);
  return existsSync(join(root, "run/stale.lock")) || !/^log_level=info$/m.test(readFileSync(join(root, "etc/app.conf"), "utf8"));
}

function ended(child) {
  return new Promise((resolve) => (child.exitCode !== null || child.signalCode !== null ? resolve() : child.once("exit", resolve)));
}

/** Looks every 50 ms, for at most a minute. */
async function until(isTrue, what) {
  for (let tries = 0; tries < 1_200; tries++) {
    if (isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited a minute for ${what}`);
}

function say(text) {
  console.log(`\n== ${text}`);
}
