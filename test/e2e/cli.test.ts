// The built client against the built service: the contract for scripts, exit codes, and what survives when both are killed.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const HOSTS = ["web-01", "web-02", "web-03", "web-04", "web-05", "web-06"];

/** Counts its applies in each sandbox; `creates` makes the repeat unchanged. `seconds` is how long an apply takes. */
const WORKFLOW = `
name: mark
params: { seconds: { type: number, default: 0 } }
targets: { where: 'target.labels.role == "web"' }
stages:
  - name: fix
    over: targets
    rollout: { parallel: 2 }
    actions:
      - name: apply
        uses: command
        with: { shell: 'sleep \${{ params.seconds }}; echo applied >> applies; touch done; echo "marked $HOLDFAST_TARGET"', creates: done }
output: "stage('fix').changed"
`;

let directory: string;
let daemon: ChildProcess | undefined;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-e2e-"));
  const targets = HOSTS.map((name) => ({ name, labels: { role: "web" }, connection: { local: { root: `./hosts/${name}` } } }));
  for (const name of HOSTS) mkdirSync(join(directory, "hosts", name), { recursive: true });
  writeFileSync(join(directory, "inventory.yaml"), JSON.stringify({ targets }));
  writeFileSync(join(directory, "mark.yaml"), WORKFLOW);
  env = {
    ...process.env,
    HOLDFAST_STATE_DIR: join(directory, "state"),
    HOLDFAST_DATA: join(directory, "data"),
    HOLDFAST_ADDR: "",
    HOLDFAST_TOKEN: "",
  };
  await startDaemon();
});

afterEach(async () => {
  await stopDaemon("SIGTERM");
  rmSync(directory, { recursive: true, force: true });
});

async function startDaemon(): Promise<void> {
  const args = ["--data", join(directory, "data"), "--listen", "127.0.0.1:0", "--inventory", join(directory, "inventory.yaml")];
  const child = spawn(process.execPath, [join(ROOT, "bin/holdfastd.mjs"), ...args], { env, stdio: ["ignore", "pipe", "inherit"] });
  daemon = child;
  const address = await new Promise<string>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`holdfastd ended with ${code} before it served`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const match = /^listening (http:\S+)$/.exec(line);
      if (match?.[1] !== undefined) resolve(match[1]);
    });
  });
  env = { ...env, HOLDFAST_ADDR: address };
}

async function stopDaemon(signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
  const child = daemon;
  daemon = undefined;
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
  const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  child.kill(signal);
  return ended;
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly lines: readonly string[];
}

function start(args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [join(ROOT, "bin/holdfast.mjs"), ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const text = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (text.stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (text.stderr += String(chunk)));
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code) => resolve({ code, ...text, lines: text.stdout.trimEnd().split("\n") }));
  });
  return { child, ended };
}

function holdfast(...args: readonly string[]): Promise<Ended> {
  return start(args).ended;
}

async function json(...args: readonly string[]): Promise<Record<string, unknown>[]> {
  const { code, lines, stderr } = await holdfast(...args, "-o", "json");
  expect([code, stderr]).toEqual([0, ""]);
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
}

function appliesOf(host: string): number {
  const path = join(directory, "hosts", host, "applies");
  return existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n").length : 0;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const file = () => join(directory, "mark.yaml");

test("run ends with the contract's line, and the looking verbs tell of it", async () => {
  const first = await holdfast("run", file());
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expect(first.lines.at(-1)).toMatch(/^[0-9a-f-]{36} SUCCEEDED succeeded=6 failed=0 changed=6$/);
  const [id = ""] = (first.lines.at(-1) ?? "").split(" ");

  expect(await json("status", id)).toMatchObject([
    {
      id,
      name: "mark",
      phase: "SUCCEEDED",
      counts: {
        tasks: 6,
        succeeded: 6,
        changed: 6,
        unchanged: 0,
        failed: 0,
        unknown: 0,
        unreachable: 0,
        skipped: 0,
        running: 0,
        waiting: 0,
        cancelled: 0,
      },
      stages: [{ name: "fix", phase: "SUCCEEDED" }],
      output: 6,
    },
  ]);
  const tasks = await json("tasks", id);
  expect(tasks.map(({ target, outcome, attempts, changed }) => ({ target, outcome, attempts, changed }))).toEqual(
    HOSTS.map((target) => ({ target, outcome: "SUCCEEDED", attempts: 1, changed: true })),
  );
  expect(String(tasks[0]?.["outputTail"])).toContain("marked web-01");
  expect((await holdfast("tasks", id)).stdout).toContain("marked web-03");
  expect(await json("list", "--filter", 'workflow.phase == "SUCCEEDED"')).toMatchObject([{ id }]);
  expect((await json("history", id, "--details")).at(-1)).toMatchObject({ kind: "workflowEnded" });
  expect((await holdfast("why", id)).code).toBe(0);

  const second = await holdfast("run", file());
  expect(second.lines.at(-1)).toMatch(/ SUCCEEDED succeeded=6 failed=0 changed=0$/);
  expect(HOSTS.map(appliesOf)).toEqual([1, 1, 1, 1, 1, 1]);
});

test("client and service killed in the middle: resume finishes, and each host was changed once", async () => {
  const { child, ended } = start(["run", file(), "--param", "seconds=0.3"]);
  await until(() => appliesOf("web-01") > 0);
  child.kill("SIGKILL");
  await stopDaemon("SIGKILL");
  await ended;
  await startDaemon();
  const resumed = await holdfast("resume");
  expect(resumed.lines.at(-1)).toMatch(/ SUCCEEDED succeeded=6 failed=0 changed=\d$/);
  expect(resumed.code).toBe(0);
  expect(HOSTS.map(appliesOf)).toEqual([1, 1, 1, 1, 1, 1]);
});

test("a run goes on when the service is killed and comes back on another port", async () => {
  env = { ...env, HOLDFAST_ADDR: "" }; // found by what the service writes into its data directory
  const { ended } = start(["run", file(), "--param", "seconds=0.3"]);
  await until(() => appliesOf("web-01") > 0);
  await stopDaemon("SIGKILL");
  await startDaemon();
  const { code, lines, stderr } = await ended;
  expect(code, stderr).toBe(0);
  expect(lines.at(-1)).toMatch(/ SUCCEEDED succeeded=6 failed=0 changed=\d$/);
  expect(stderr).toContain("the service answers again");
  expect(HOSTS.map(appliesOf)).toEqual([1, 1, 1, 1, 1, 1]);
});

test("submit runs nothing, exec by key starts it, and the digest is checked", async () => {
  const [answer] = await json("submit", file(), "--key", "ticket-7");
  expect(answer).toMatchObject({
    id: expect.any(String),
    digest: expect.stringMatching(/^sha256:/),
    scope: { targets: 6, tasks: 6 },
    expiresAt: expect.any(String),
  });
  expect(HOSTS.map(appliesOf)).toEqual([0, 0, 0, 0, 0, 0]);
  expect((await holdfast("exec", "ticket-7", "--digest", `sha256:${"0".repeat(64)}`)).code).toBe(1);
  expect((await holdfast("exec", "ticket-7", "--digest", String(answer?.["digest"]), "--wait")).code).toBe(0);
});

test("each kind of error has its exit code, and as JSON its code", async () => {
  const nowhere = await holdfast("status", "019a9f1e-5c3a-7d10-8f00-0123456789ab", "-o", "json");
  expect(nowhere.code).toBe(4);
  expect(JSON.parse(nowhere.stderr)).toMatchObject({ error: { code: "NOT_FOUND" } });
  writeFileSync(join(directory, "bad.yaml"), WORKFLOW.replace("uses: command", "use: command"));
  expect(await holdfast("run", join(directory, "bad.yaml"))).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/bad\.yaml:\d+:\d+: /),
  });
  expect([1, 2]).toContain((await holdfast("run", file(), "--expect-count", "5")).code);
  env = { ...env, HOLDFAST_TOKEN: "wrong" };
  expect((await holdfast("list")).code).toBe(3);
  env = { ...env, HOLDFAST_TOKEN: "" };
  await stopDaemon("SIGTERM");
  expect((await holdfast("status", "x")).code).toBe(5);
});

test("plan says how many tasks would change, and changes nothing", async () => {
  const planned = await holdfast("plan", file(), "--target", "web-02");
  expect(planned.code).toBe(0);
  expect(planned.stdout).toContain("6 of 6 tasks would change something");
  expect(HOSTS.map(appliesOf)).toEqual([0, 0, 0, 0, 0, 0]);
});

test("the journal is verified and dumped through the service, and from the disk when it is down", async () => {
  await holdfast("run", file());
  const [online] = await json("journal", "verify");
  expect(online).toMatchObject({ damage: [], head: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect((await holdfast("journal", "dump")).lines.length).toBeGreaterThan(3);
  expect(await stopDaemon("SIGTERM")).toBe(0);
  const data = join(directory, "data");
  const [offline] = await json("journal", "verify", "--data", data, "--head", String(online?.["head"]));
  expect(offline).toMatchObject({ damage: [] });
  expect((await holdfast("journal", "verify", "--data", data, "--head", "0".repeat(64))).code).toBe(1);
  for (const line of (await holdfast("journal", "dump", "--data", data)).lines) JSON.parse(line);
});
