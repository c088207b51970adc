// The "contract for scripts", sentence by sentence: words that others build on. A change here is a breaking change.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { DaemonFixture } from "./daemon.ts";
import { Script, until } from "./script.ts";
import type { Printed } from "./script.ts";

/** The inventory of the contract, to the letter, with two more hosts whose fields come from the defaults. */
const INVENTORY = `
defaults: { labels: { site: fra, fleet: test } }
targets: [{ name: web-01, labels: { role: web, site: ams }, connection: { local: { root: ./hosts/web-01 } } }, { name: db-01, connection: { ssh: { host: 127.0.0.1, port: 1, user: deploy, identity: ./key } } },
  { name: web-02, labels: { role: web }, connection: { local: { root: ./hosts/web-02 } } },
  { name: web-03, labels: { role: web }, connection: { local: { root: ./hosts/web-03 } } }]
`;
const WEB = `'target.labels.role == "web"'`;
const COUNTS = "tasks succeeded changed unchanged failed unknown unreachable skipped running waiting cancelled".split(" ");
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

let daemon: DaemonFixture;
let script: Script;

beforeAll(async () => {
  daemon = new DaemonFixture({ inventory: INVENTORY, args: ["--actions", "test/testdata/actions"] });
  for (const name of ["web-01", "web-02", "web-03"]) mkdirSync(join(daemon.directory, "hosts", name), { recursive: true });
  await daemon.start();
});
afterAll(() => daemon.remove());
beforeEach(() => {
  script = new Script(daemon);
  script.env = { HOLDFAST_STATE_DIR: mkdtempSync(join(daemon.directory, "state-")) };
});

/** A workflow of one stage over the web hosts. */
function workflow(name: string, action: string, more: { stage?: string; targets?: string; top?: string } = {}): string {
  const { stage = "", targets = `{ where: ${WEB} }`, top = "" } = more;
  return script.file(
    `${name}.yaml`,
    `name: ${name}\ntargets: ${targets}\n${top}\nstages:\n  - name: only\n    over: targets\n    ${stage}\n    actions:\n      - { name: act, ${action} }\n`,
  );
}

const shell = (text: string, more = "effects: none"): string => `uses: command, with: { shell: '${text}', ${more} }`;
const untilFile = (path: string): string =>
  shell(`i=0; until test -e ${join(daemon.directory, path)} || test $i -gt 600; do sleep 0.05; i=$((i+1)); done`);

function countsOf(status: Printed): Record<string, number> {
  return Object(status["counts"]);
}

function idOf(line = ""): string {
  return line.split(" ")[0] ?? "";
}

test("holdfastd prints one line on stdout, writes where it serves, and the client finds it by HOLDFAST_DATA alone", async () => {
  expect(daemon.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(statSync(join(daemon.dataDir, "admin.token")).mode & 0o777).toBe(0o600);
  script.env = { HOLDFAST_ADDR: "" };
  expect((await script.run("list")).code).toBe(0);
  script.env = { HOLDFAST_DATA: "", HOLDFAST_TOKEN: daemon.token };
  expect((await script.run("list")).code).toBe(0);
  script.env = { HOLDFAST_DATA: "/nowhere", HOLDFAST_TOKEN: "" };
  expect(await script.error(["list"])).toMatchObject({ exit: 3, code: "UNAUTHENTICATED" });
});

test("the inventory's example means what it says: labels, defaults, relative paths, local and ssh", async () => {
  const file = workflow("inventory", shell("pwd"), {
    targets: "{ names: [web-01, web-02, db-01] }",
    stage: "rollout: { max_failures: 1 }",
  });
  const answer = await script.one(["submit", file]);
  expect(answer["scope"]).toMatchObject({ targets: 3, tasks: 3, tasksByAction: { command: 3 } });
  const labels = [...(answer["scope"] as { targetsByLabel: Printed[] }).targetsByLabel];
  expect(labels).toEqual(
    expect.arrayContaining([
      { label: "site", value: "ams", targets: 1 },
      { label: "site", value: "fra", targets: 2 },
      { label: "role", value: "web", targets: 2 },
      { label: "fleet", value: "test", targets: 3 },
    ]),
  );
  expect((await script.run("exec", String(answer["id"]), "--wait")).code).toBe(0);
  const tasks = await script.json(["tasks", String(answer["id"])]);
  expect(tasks.map(({ target, outcome, output }) => [target, outcome, output])).toEqual([
    ["db-01", "UNREACHABLE", null],
    ["web-01", "SUCCEEDED", join(daemon.directory, "hosts", "web-01")],
    ["web-02", "SUCCEEDED", join(daemon.directory, "hosts", "web-02")],
  ]);
});

test("a command under a local root has the root as its working directory, and the contract's variables", async () => {
  const file = workflow("variables", shell('pwd; echo "$HOLDFAST_TARGET"; echo "$HOLDFAST_TASK_KEY"; exit 1'), {
    targets: "{ names: [web-02] }",
    stage: "",
  });
  writeFileSync(file, readFileSync(file, "utf8").replace("name: act,", "name: act, retry: { attempts: 2, delay: 1ms },"));
  const run = await script.run("run", file);
  const [task] = await script.json(["tasks", idOf(run.lines.at(-1))]);
  expect(task).toMatchObject({ attempts: 2, outcome: "FAILED", target: "web-02" });
  const details = await script.json(["history", idOf(run.lines.at(-1)), "--details"]);
  const tails = details.map(({ detail }) => Object(detail)["outputTail"]).filter((tail) => typeof tail === "string" && tail !== "");
  const wanted = `${join(daemon.directory, "hosts", "web-02")}\nweb-02\n${String(task?.["key"])}\n`;
  expect(tails.map((tail) => `${String(tail).trimEnd()}\n`)).toEqual([wanted, wanted]);
});

test("file paths are inside the root, also absolute ones and those of links", async () => {
  const root = join(daemon.directory, "hosts", "web-03");
  await script.run("run", workflow("link", shell("ln -sf /tmp out", "creates: out"), { targets: "{ names: [web-03] }" }));
  const inside = workflow("inside", "uses: file, with: { path: /inside.txt, content: here }", { targets: "{ names: [web-03] }" });
  expect((await script.run("run", inside)).code).toBe(0);
  expect(readFileSync(join(root, "inside.txt"), "utf8")).toBe("here");
  const through = workflow("through", "uses: file, with: { path: /out/escaped.txt, content: no }", { targets: "{ names: [web-03] }" });
  expect((await script.run("run", through)).code).toBe(1);
  expect(existsSync("/tmp/escaped.txt")).toBe(false);
});

test("actions of one's own are there by --actions", async () => {
  expect((await script.run("validate", workflow("own", "uses: marker@1, with: { marker: x }"))).stderr).not.toContain("knows no action");
});

test("submit, status, tasks and list print the contract's keys, with enums bare, defaults present and numbers as numbers", async () => {
  const file = workflow("keys", shell("echo told", "creates: told, output: text"), { top: "output: \"stage('only').failed\"" });
  const answer = await script.one(["submit", file, "--key", "keys-1", "--annotation", "ticket=T-1"]);
  expect(Object.keys(answer)).toEqual(["id", "digest", "scope", "expiresAt", "verdict", "policies"]);
  expect([answer["id"], answer["digest"], answer["expiresAt"]]).toEqual([
    expect.stringMatching(ID),
    expect.stringMatching(DIGEST),
    expect.stringMatching(/^\d{4}-.*Z$/),
  ]);
  expect(answer["scope"]).toMatchObject({ targets: 3, tasks: 3 });
  const before = await script.one(["status", "keys-1"]);
  expect(before).toMatchObject({ id: answer["id"], name: "keys", phase: "SUBMITTED", output: null, error: "", key: "keys-1", retries: 0 });
  expect(before["counts"]).toEqual(Object.fromEntries(COUNTS.map((name) => [name, name === "tasks" || name === "waiting" ? 3 : 0])));
  expect(Object.keys(countsOf(before))).toEqual(COUNTS);
  await script.run("exec", "keys-1", "--wait");
  const after = await script.one(["status", String(answer["id"])]);
  expect(Object.keys(after)).toEqual(Object.keys(before));
  expect(after).toMatchObject({ phase: "FAILED", output: 3, mode: "APPLY", stages: [{ name: "only", phase: "FAILED" }] });
  expect(countsOf(after)).toMatchObject({ tasks: 3, failed: 3 });
  const tasks = await script.json(["tasks", "keys-1"]);
  expect(tasks.length).toBe(3);
  const first = Object.keys(tasks[0] ?? {});
  expect(first.slice(0, 8)).toEqual(["stage", "action", "target", "outcome", "attempts", "changed", "error", "output"]);
  for (const task of tasks) expect(task).toMatchObject({ stage: "only", action: "act", outcome: "FAILED", attempts: 1, changed: false });
  const listed = await script.json(["list", "--filter", 'workflow.key == "keys-1"']);
  expect(listed).toMatchObject([{ id: answer["id"], phase: "FAILED", annotations: { ticket: "T-1" } }]);
});

test("in every phase succeeded = changed + unchanged, and the tasks are the sum of the others", async () => {
  const ids: string[] = [];
  const files = [
    workflow("sum-ok", shell("true")),
    workflow("sum-fail", shell("exit 1"), { stage: "rollout: { parallel: 1, max_failures: 1 }" }),
    workflow("sum-skip", 'uses: assert, when: target.name == "web-01", with: { that: "true" }'),
    workflow("sum-unreachable", shell("true"), { targets: "{ names: [db-01, web-01] }" }),
    workflow("sum-risk", shell("touch risk", "creates: risk"), { stage: "rollout: { max_at_risk: 0 }" }),
  ];
  const codes = [];
  for (const file of files) {
    const run = await script.run("run", file);
    codes.push(run.code);
    ids.push(idOf(run.lines.at(-1)));
  }
  expect(codes).toEqual([0, 1, 0, 1, 7]);
  await script.run("cancel", ids[4] ?? "", "--wait");
  for (const id of ids) {
    const counts = countsOf(await script.one(["status", id]));
    const { tasks = 0, succeeded = 0, changed = 0, unchanged = 0, ...rest } = counts;
    expect(succeeded).toBe(changed + unchanged);
    expect(tasks).toBe(succeeded + Object.values(rest).reduce((sum, count) => sum + count, 0));
  }
  expect(countsOf(await script.one(["status", ids[4] ?? ""]))).toMatchObject({ cancelled: 3 });
});

test("-o json holds JSON lines on every verb, and nowhere an enum's prefix", async () => {
  const file = workflow("every", shell("touch every", "creates: every"));
  const submitted = await script.one(["submit", file]);
  const id = String(submitted["id"]);
  const status = expect.objectContaining({ id, phase: expect.any(String), counts: expect.any(Object) });
  const all: (readonly Printed[])[] = [[submitted]];
  const keep = async (args: readonly string[], wanted: unknown, code = 0): Promise<void> => {
    const lines = await script.json(args, code);
    expect([args, lines.at(-1)]).toEqual([args, wanted]);
    all.push(lines);
  };
  await keep(["validate", file], {
    valid: true,
    checkedBy: ["client", "service"],
    scope: expect.objectContaining({ tasks: 3 }),
    verdict: null,
  });
  await keep(["plan", file], expect.objectContaining({ mode: "PLAN", phase: "SUCCEEDED" }));
  await keep(["plan", file, "--target", "web-01"], expect.objectContaining({ target: "web-01", changed: true }));
  await keep(["why", id], { phase: "SUBMITTED", holds: [expect.objectContaining({ kind: "EXEC" })] });
  await keep(["why", id, "web-01"], expect.objectContaining({ phase: "SUBMITTED" }));
  await keep(["exec", id, "--wait"], status);
  await keep(["watch", id], expect.objectContaining({ status, seq: expect.any(Number), events: expect.any(Array) }));
  await keep(["tasks", id], expect.objectContaining({ outcome: "SUCCEEDED" }));
  await keep(["history", id], expect.objectContaining({ kind: "workflowEnded", seq: expect.any(Number), at: expect.any(String) }));
  await keep(["history", id, "--details"], expect.objectContaining({ kind: "workflowEnded" }));
  await keep(["list", "--limit", "1"], expect.objectContaining({ phase: "SUCCEEDED" }));
  await keep(["run", file], expect.objectContaining({ phase: "SUCCEEDED" }));
  await keep(["run", file, "--no-wait"], expect.objectContaining({ id: expect.stringMatching(ID) }));
  await keep(["journal", "verify"], {
    batches: expect.any(Number),
    frames: expect.any(Number),
    events: expect.any(Number),
    head: expect.any(String),
    damage: [],
  });
  for (const line of (await script.run("journal", "dump")).lines) JSON.parse(line); // the journal's own words: docs/journal-format.md
  await keep(["resume"], expect.any(Object));
  const going = idOf((await script.run("run", workflow("steered", untilFile("go-steered")), "--no-wait")).lines.at(-1));
  const steered = expect.objectContaining({ id: going });
  await keep(["pause", going], steered);
  await keep(["unpause", going], steered);
  await keep(["cancel", going, "--wait"], steered, 6);
  await keep(["retry", going], steered);
  await keep(["cancel", going, "--wait"], steered, 6);
  const printed = JSON.stringify(all);
  expect(
    printed.match(/"(?:PHASE|STAGE_PHASE|TASK_OUTCOME|HOLD_KIND|MODE|RESOLUTION|BECOME|PARAM_TYPE|EFFECTS|[A-Z]+_OUTCOME)_\w+"/g),
  ).toBe(null);
  expect(printed.match(/"\w+":"\d+"/g)).toBe(null); // a count or a sequence number as text
});

test("an error on -o json is one line on stderr with gRPC's code, and each kind has its exit code", async () => {
  const file = workflow("errors", shell("true"));
  const gone = "019a9f1e-5c3a-7d10-8f00-0123456789ab";
  await script.run("submit", file, "--key", "errors-1");
  const cases: [readonly string[], number, string][] = [
    [["status", gone], 4, "NOT_FOUND"],
    [["status", "no-such-key"], 4, "NOT_FOUND"],
    [["cancel", gone], 4, "NOT_FOUND"],
    [["watch", gone], 4, "NOT_FOUND"],
    [["why", gone], 4, "NOT_FOUND"],
    [["history", gone], 4, "NOT_FOUND"],
    [["tasks", gone], 4, "NOT_FOUND"],
    [["resume", gone], 4, "NOT_FOUND"],
    [["tasks", "errors-1", "--target", "nosuch"], 4, "NOT_FOUND"],
    [["frobnicate"], 2, "INVALID_ARGUMENT"],
    [["status"], 2, "INVALID_ARGUMENT"],
    [["run", "gone.yaml"], 2, "INVALID_ARGUMENT"],
    [["run", "."], 2, "INVALID_ARGUMENT"],
    [["run", file, "--param", "x=1"], 2, "INVALID_ARGUMENT"],
    [["run", file, "--expect-count", "zero"], 2, "INVALID_ARGUMENT"],
    [["run", file, "--expect-count", "2"], 1, "FAILED_PRECONDITION"],
    [["submit", file, "--key", "errors-1"], 1, "ALREADY_EXISTS"],
    [["exec", "errors-1", "--digest", `sha256:${"0".repeat(64)}`], 1, "FAILED_PRECONDITION"],
    [["resolve", "errors-1", "only/act@web-01", "succeeded", "--reason", "r"], 1, "FAILED_PRECONDITION"],
    [["list", "--token", "wrong"], 3, "UNAUTHENTICATED"],
    [["list", "--addr", "127.0.0.1:1"], 5, "UNAVAILABLE"],
    [["run", file, "--addr", "127.0.0.1:1"], 5, "UNAVAILABLE"],
  ];
  for (const [args, exit, code] of cases) expect([args, await script.error(args)]).toMatchObject([args, { exit, code }]);
});

test("run's last line on a pipe is ID PHASE and the counts, and its exit code is the phase's; looking ends with 0", async () => {
  const good = await script.run("run", workflow("last-good", shell("touch last-good", "creates: last-good")), "--expect-count", "3");
  expect(good.lines.at(-1)).toMatch(/^[0-9a-f-]{36} SUCCEEDED succeeded=3 failed=0 changed=3$/);
  const bad = await script.run("run", workflow("last-bad", shell("exit 3")));
  expect(bad.lines.at(-1)).toMatch(/^[0-9a-f-]{36} FAILED succeeded=0 failed=[123] changed=0$/);
  expect([good.code, bad.code]).toEqual([0, 1]);
  const id = idOf(bad.lines.at(-1));
  for (const verb of ["status", "tasks", "history"]) expect((await script.run(verb, id)).code).toBe(0);
  expect((await script.run("list")).code).toBe(0);
  expect((await script.run("watch", id)).code).toBe(1);
  expect((await script.run("exec", id, "--wait")).code).toBe(1);
  expect((await script.run("exec", id)).code).toBe(0);
});

test("--no-wait ends once Exec is accepted; cancel of another client ends a follower with 6; resume tells how it ended", async () => {
  const file = workflow("follow", untilFile("go-follow"));
  const started = await script.run("run", file, "--no-wait", "--key", "follow-1");
  expect([started.code, started.lines.at(-1)]).toEqual([
    0,
    expect.stringMatching(/^[0-9a-f-]{36} RUNNING succeeded=0 failed=0 changed=0$/),
  ]);
  const watching = script.run("watch", "follow-1");
  expect((await script.run("cancel", "follow-1")).code).toBe(0);
  expect(await watching).toMatchObject({ code: 6 });
  expect((await script.run("resume", idOf(started.lines[0]))).code).toBe(6);
});

test("an interrupt detaches with 130 and says how to resume, and the workflow goes on", async () => {
  const { child, ended } = script.start("run", workflow("interrupt", untilFile("go-interrupt")), "--key", "interrupt-1");
  await until(
    () => script.run("status", "interrupt-1"),
    ({ code, stdout }) => code === 0 && stdout.includes("RUNNING"),
  );
  child.kill("SIGINT");
  const result = await ended;
  const id = idOf(result.lines[0]);
  expect(result).toMatchObject({ code: 130, stderr: expect.stringContaining(`holdfast resume ${id}`) });
  writeFileSync(join(daemon.directory, "go-interrupt"), "");
  const resumed = await script.run("resume", id);
  expect([resumed.code, resumed.lines.at(-1)]).toEqual([0, `${id} SUCCEEDED succeeded=3 failed=0 changed=0`]);
});

test("resume --remote takes up what runs after the logbook was lost", async () => {
  const state = script.env["HOLDFAST_STATE_DIR"] ?? "";
  const started = await script.run("run", workflow("remote", untilFile("go-remote")), "--no-wait");
  rmSync(state, { recursive: true });
  expect(await script.run("resume")).toMatchObject({ code: 0, stderr: expect.stringContaining("--remote") });
  const id = idOf(started.lines[0]);
  const { ended } = script.start("resume", "--remote");
  const entries = (): string => readdirSync(join(state, "logbook")).join(" ");
  await expect.poll(() => existsSync(join(state, "logbook")) && entries(), { timeout: 30_000 }).toContain(id);
  writeFileSync(join(daemon.directory, "go-remote"), "");
  expect((await ended).stdout).toContain(`${id} SUCCEEDED`);
});

test("several clients at once on one logbook each get their own workflow", async () => {
  const file = workflow("several", 'uses: assert, with: { that: "true" }');
  const runs = await Promise.all(Array.from({ length: 5 }, () => script.run("run", file)));
  expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
  expect(new Set(runs.map(({ lines }) => idOf(lines.at(-1)))).size).toBe(5);
  expect(readdirSync(join(script.env["HOLDFAST_STATE_DIR"] ?? "", "logbook")).filter((name) => name.endsWith(".json")).length).toBe(5);
});

test("a key names the open workflow, else the last that bore it, within its namespace", async () => {
  const file = workflow("keyed", 'uses: assert, with: { that: "true" }');
  const first = await script.one(["submit", file, "--key", "order-7", "--namespace", "shop"]);
  expect(await script.error(["submit", file, "--key", "order-7", "--namespace", "shop"])).toMatchObject({ code: "ALREADY_EXISTS" });
  expect(await script.error(["status", "order-7"])).toMatchObject({ exit: 4, code: "NOT_FOUND" });
  expect((await script.run("exec", "order-7", "--namespace", "shop", "--wait")).code).toBe(0);
  expect(await script.one(["status", "order-7", "--namespace", "shop"])).toMatchObject({ id: first["id"], phase: "SUCCEEDED" });
  const second = await script.one(["submit", file, "--key", "order-7", "--namespace", "shop"]);
  expect(await script.one(["status", "order-7", "--namespace", "shop"])).toMatchObject({ id: second["id"], phase: "SUBMITTED" });
  expect((await script.json(["list", "--namespace", "shop"])).length).toBe(2);
});

test("plan counts what would change, shows a target's diff, changes nothing, and is not mistaken for a run in the list", async () => {
  const file = workflow("planned", 'uses: file, with: { path: /planned.txt, content: "wanted\\n" }');
  const planned = await script.run("plan", file, "--target", "web-02");
  expect(planned.code).toBe(0);
  expect(planned.stdout).toContain("3 of 3 tasks would change something; 0 would change nothing\n");
  expect(planned.stdout).toMatch(/only\/act@web-02 {2}SUCCEEDED changed\n[^]*\+wanted\n/);
  expect(planned.stdout).not.toContain("@web-01");
  expect(existsSync(join(daemon.directory, "hosts", "web-02", "planned.txt"))).toBe(false);
  expect((await script.run("list", "--limit", "1")).stdout).toContain("planned (plan");
  await script.run("run", file);
  expect((await script.run("plan", file)).stdout).toContain("0 of 3 tasks would change something; 3 would change nothing\n");
});

test("journal verify and dump read through the service, or with --data when it is down; --head finds a lost tail", async () => {
  const own = new DaemonFixture();
  onTestFinished(() => own.remove());
  await own.start();
  const desk = new Script(own);
  const file = desk.file("w.yaml", 'name: w\nstages: [{ name: s, actions: [{ name: a, uses: assert, with: { that: "true" } }] }]\n');
  await desk.run("run", file);
  const inUse = await desk.error(["journal", "verify", "--data", own.dataDir]);
  expect(inUse).toMatchObject({ exit: 1, message: expect.stringContaining("another process") });
  const old = mkdtempSync(join(tmpdir(), "hf-old-"));
  onTestFinished(() => rmSync(old, { recursive: true }));
  expect(await own.stop()).toEqual({ code: 0, signal: null });
  cpSync(own.dataDir, old, { recursive: true });
  await own.start();
  await desk.run("run", file);
  const online = await desk.one(["journal", "verify"]);
  const dumped = (await desk.run("journal", "dump")).lines;
  await own.stop();
  const head = String(online["head"]);
  expect(await desk.one(["journal", "verify", "--data", own.dataDir, "--head", head])).toMatchObject({ damage: [], head });
  expect((await desk.run("journal", "dump", "--data", own.dataDir)).lines.length).toBeGreaterThanOrEqual(dumped.length);
  for (const line of dumped) expect(typeof JSON.parse(line)).toBe("object");
  const lost = await desk.run("journal", "verify", "--data", old, "--head", head);
  expect([lost.code, lost.stdout]).toEqual([1, expect.stringMatching(/^DAMAGED[^]*damage headers/)]);
  expect(await desk.error(["journal", "verify", "--data", "/nowhere"])).toMatchObject({
    exit: 4,
    message: expect.stringContaining("/nowhere"),
  });
});
