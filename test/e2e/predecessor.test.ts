// The faults of the workflow service of "Go for DevOps", chapter 16, as they were seen when it was run. Each test bears the name of one, and
// shows that it is not ours; what that service did well is kept, and named so. The real service, the real client.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, rmdirSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { connectClient } from "../../internal/sdk/client.ts";
import { DaemonFixture, localInventory } from "./daemon.ts";
import type { DaemonOptions } from "./daemon.ts";
import { Script, until } from "./script.ts";
import type { Printed } from "./script.ts";

const HELLO = 'name: hello\nstages:\n  - name: only\n    actions: [{ name: t, uses: assert, with: { that: "true" } }]\n';
/** Two hosts, one after the other, each of which takes a while and is done once. */
const SLOW = `
name: slow
params: { word: { type: string, default: done } }
targets: { names: [host-00, host-01] }
stages:
  - name: work
    over: targets
    rollout: { parallel: 1 }
    actions:
      - name: mark
        uses: command
        with: { shell: 'sleep 0.4; echo "\${{ params.word }}"; touch "\${{ params.word }}"', creates: "\${{ params.word }}" }
`;

/** Where it is there: it shows the calls of a process. */
const STRACE = "strace";

/** The service that the tests share; what stops it or is set otherwise has one of its own. */
let daemon: DaemonFixture;
let script: Script;

beforeAll(async () => {
  daemon = withHosts();
  script = new Script(daemon);
  await daemon.start();
});

afterAll(() => daemon.remove());

function withHosts(options: DaemonOptions = {}): DaemonFixture {
  const fixture = new DaemonFixture(options);
  writeFileSync(fixture.inventoryFile, localInventory(fixture.directory, 4));
  return fixture;
}

/** A service of the test's own. */
async function ownDaemon(options: DaemonOptions = {}): Promise<{ readonly own: DaemonFixture; readonly ask: Script }> {
  const own = withHosts(options);
  onTestFinished(() => own.remove());
  await own.start();
  return { own, ask: new Script(own) };
}

/** One call as JSON, as any program makes it. */
async function post(method: string, body: unknown, token = daemon.token): Promise<{ readonly status: number; readonly body: Printed }> {
  const response = await fetch(`${daemon.address}/holdfast.v1.WorkflowService/${method}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer: Printed = JSON.parse(await response.text());
  return { status: response.status, body: answer };
}

async function submit(ask: Script, text: string, ...args: readonly string[]): Promise<string> {
  return String((await ask.one(["submit", ask.file("workflow.yaml", text), ...args]))["id"]);
}

/** A run that is under way. */
async function begin(ask: Script, text: string, ...args: readonly string[]): Promise<string> {
  return String((await ask.one(["run", ask.file("workflow.yaml", text), "--no-wait", ...args]))["id"]);
}

const phaseOf = async (ask: Script, id: string): Promise<unknown> => (await ask.one(["status", id]))["phase"];
const ended = (ask: Script, id: string): Promise<unknown> =>
  until(
    () => phaseOf(ask, id),
    (phase) => phase === "SUCCEEDED" || phase === "FAILED",
  );

test("no resume after kill -9, and Status says Running for ever", async () => {
  const { own, ask } = await ownDaemon();
  const id = await begin(ask, SLOW);
  await until(
    async () => JSON.stringify((await ask.one(["status", id]))["counts"]),
    (counts) => counts.includes('"running":1'),
  );
  await own.restart();
  expect(await ended(ask, id)).toBe("SUCCEEDED");
  expect((await ask.one(["status", id]))["counts"]).toMatchObject({ tasks: 2, succeeded: 2, changed: 2 });
});

test("Exec says AlreadyExists after a restart", async () => {
  const { own, ask } = await ownDaemon();
  const id = await begin(ask, SLOW);
  await own.restart();
  expect(await ask.run("exec", id, "--wait")).toMatchObject({ code: 0, stderr: "" });
});

test("Submit, restart, Exec crashes", async () => {
  const { own, ask } = await ownDaemon();
  const id = await submit(ask, SLOW);
  await own.restart();
  expect(await ask.run("exec", id, "--wait")).toMatchObject({ code: 0 });
  expect(await phaseOf(ask, id)).toBe("SUCCEEDED");
});

test('Status of a submitted, not executed workflow is "not found"', async () => {
  const id = await submit(script, HELLO);
  expect(await phaseOf(script, id)).toBe("SUBMITTED");
});

test("the stop ends as Completed", async () => {
  const { ask } = await ownDaemon();
  const id = await begin(ask, SLOW);
  expect(await ask.run("freeze", "--workflow", "slow", "--reason", "wrong site", "--wait")).toMatchObject({ code: 0 });
  expect(await phaseOf(ask, id)).toBe("FROZEN");
  expect(await ask.run("thaw", "--workflow", "slow")).toMatchObject({ code: 0 });
  expect(await ended(ask, id)).toBe("SUCCEEDED");
});

test("after the first stop its reloading is dead, and Submit is accepted again", async () => {
  const { own, ask } = await ownDaemon();
  const file = ask.file("hello.yaml", HELLO);
  for (let round = 1; round <= 3; round++) {
    writeFileSync(join(own.dataDir, "FREEZE"), "");
    expect((await ask.run("submit", file)).code, `stop ${round}`).not.toBe(0);
    unlinkSync(join(own.dataDir, "FREEZE"));
    await until(
      () => ask.run("submit", file),
      ({ code }) => code === 0,
    );
  }
});

test("a malformed or deleted stop file stops nothing", async () => {
  const { own, ask } = await ownDaemon();
  const stop = join(own.dataDir, "FREEZE");
  const forms: readonly (readonly [string, () => void, () => void])[] = [
    ["not a word that anybody knows", () => writeFileSync(stop, "\u0000 no {json"), () => unlinkSync(stop)],
    ["a directory", () => mkdirSync(stop), () => rmdirSync(stop)],
    ["a link to nowhere", () => symlinkSync("/nowhere/at/all", stop), () => unlinkSync(stop)],
    ["a link to itself, which cannot be examined", () => symlinkSync("FREEZE", stop), () => unlinkSync(stop)],
    ["nobody's to read", () => writeFileSync(stop, "", { mode: 0 }), () => unlinkSync(stop)],
  ];
  for (const [form, make, remove] of forms) {
    make();
    expect(await ask.run("submit", ask.file("hello.yaml", HELLO)), form).toMatchObject({
      stdout: "",
      stderr: expect.stringContaining("FREEZE"),
    });
    expect((await ask.run("freeze", "--status")).code, form).toBe(6);
    remove();
    // Who deletes the file lifts the stop that is this file; a stop by `freeze` has no file that could be lost.
    await until(
      () => ask.run("freeze", "--status"),
      ({ code }) => code === 0,
    );
  }
  const id = await begin(ask, SLOW.replace("sleep 0.4", "sleep 3"));
  await ask.run("freeze", "--everything", "--reason", "no file", "--wait");
  rmSync(stop, { force: true });
  await own.restart();
  expect(await phaseOf(ask, id)).toBe("FROZEN");
});

test("a misspelled policy argument silently allows everything", async () => {
  const policies = mkdtempSync(join(tmpdir(), "hfp-"));
  onTestFinished(() => rmSync(policies, { recursive: true, force: true }));
  const policy = (expr: string): string =>
    `name: same-site\nmatch: 'true'\nparams: { site: ams }\nrules:\n  - name: r\n    gates: [submit]\n    enforcement: deny\n    expr: '${expr}'\n    message: '"only " + params.site'\n`;
  writeFileSync(join(policies, "same-site.yaml"), policy("workflow.name == params.Site"));
  const { ask } = await ownDaemon({ args: ["--policies", policies] });
  const checked = await ask.run("policy", "check", policies);
  expect([checked.code, checked.stdout + checked.stderr]).toEqual([
    1,
    expect.stringMatching(/same-site\.yaml:8:\d+[^]*Site[^]*did you mean "?site/),
  ]);
  const refused = await ask.run("submit", ask.file("hello.yaml", HELLO));
  expect([refused.code, refused.stdout, refused.stderr]).toEqual([3, "", expect.stringContaining("same-site.yaml")]);
  writeFileSync(join(policies, "same-site.yaml"), policy("true").replace("gates:", "Gates:"));
  expect((await ask.run("policy", "check", policies)).code).toBe(1);
});

test("a workflow with no blocks crashes the server", async () => {
  const { status, body } = await post("Submit", { requestId: crypto.randomUUID(), definition: { name: "empty", stages: [] } });
  expect([status, body["code"]]).toEqual([400, "invalid_argument"]);
  // A stage without actions is a milestone: it has nothing to do, and ends well.
  const milestone = await post("Submit", {
    requestId: crypto.randomUUID(),
    definition: { name: "empty", stages: [{ name: "s", actions: [] }] },
  });
  expect(milestone.status).toBe(200);
  const ended = await post("Exec", { workflow: { id: milestone.body["id"] }, wait: true });
  expect(ended.body).toMatchObject({ status: { phase: "PHASE_SUCCEEDED" } });
  expect((await script.run("list")).code).toBe(0);
});

test("End: true always crashes (start-or-end)", async () => {
  const { own, ask } = await ownDaemon({ args: ["--policies", "policies"] });
  const address = "https://change.example/api/${{ workflow.annotations.change }}";
  const change = (last: string): string => `
name: fix
annotations: { change: C-17 }
stages:
  - { name: open, actions: [{ name: open, uses: http, with: { url: "${address}", expect: body.state == 'open' } }] }
  - { name: done, actions: [{ name: done, uses: http, with: { method: ${last}, url: "${address}/done" } }] }
`;
  expect(await ask.run("validate", ask.file("right.yaml", change("POST")))).toMatchObject({ code: 0 });
  const wrong = await ask.run("submit", ask.file("wrong.yaml", change("PUT")));
  expect([wrong.code, wrong.stderr]).toEqual([3, expect.stringContaining("start-or-end/report-last")]);
  expect(own.pid).toBeGreaterThan(0);
  expect((await ask.run("list")).code).toBe(0);
});

test("one workflow's job arguments overwrite another's", async () => {
  const [one, two] = [await begin(script, SLOW, "--param", "word=one"), await begin(script, SLOW, "--param", "word=two")];
  for (const [id, word] of [
    [one, "one"],
    [two, "two"],
  ] as const) {
    expect(await ended(script, id)).toBe("SUCCEEDED");
    const tasks = await script.json(["tasks", id]);
    expect(tasks.map(({ outputTail }) => outputTail)).toEqual([word, word]);
  }
});

test("a restart refills the bucket", async () => {
  const policies = mkdtempSync(join(tmpdir(), "hfp-"));
  onTestFinished(() => rmSync(policies, { recursive: true, force: true }));
  const limit = "{ name: one-an-hour, match: 'task.uses == \"command\"', key: '\"all\"', tokens: 1, period: 1h }";
  writeFileSync(join(policies, "bucket.yaml"), `name: bucket\nmatch: 'true'\nlimits: [${limit}]\n`);
  const { own, ask } = await ownDaemon({ args: ["--policies", policies] });
  const id = await begin(ask, SLOW);
  const counts = async (): Promise<unknown> => (await ask.one(["status", id]))["counts"];
  await until(counts, (seen) => JSON.stringify(seen).includes('"succeeded":1'));
  for (let restarts = 0; restarts < 2; restarts++) {
    await own.restart();
    expect((await ask.run("why", id, "host-01")).stdout).toContain("bucket/one-an-hour");
  }
  expect(await counts()).toMatchObject({ succeeded: 1, running: 0 });
});

test("a read during a write gives an empty status that ends monitoring", async () => {
  const id = await begin(script, SLOW, "--param", "word=read-while-written");
  const watching = script.run("watch", id);
  const phases = new Set<unknown>();
  for (let phase: unknown = ""; phase !== "PHASE_SUCCEEDED";) {
    const { status, body } = await post("Status", { workflow: { id } });
    const found = body["status"];
    phase = typeof found === "object" && found !== null && "phase" in found ? found.phase : undefined;
    expect([status, phase]).toEqual([200, expect.stringMatching(/^PHASE_(RUNNING|SUCCEEDED)$/)]);
    phases.add(phase);
  }
  expect(phases.size).toBe(2);
  expect(await watching).toMatchObject({ code: 0, stderr: "" });
});

test("`../` in an ID reads files outside", async () => {
  const outside = join(daemon.dataDir, "..", "secret");
  writeFileSync(outside, "the secret of another directory");
  for (const id of ["../secret", "../../secret", "..%2Fsecret", outside, "a/../../secret", "."]) {
    const { status, body } = await post("Status", { workflow: { id } });
    expect([400, 404]).toContain(status);
    expect(JSON.stringify(body)).not.toContain("another directory");
    const asked = await script.run("status", id);
    expect(asked).toMatchObject({ stdout: "", stderr: expect.not.stringContaining("another directory") });
    expect([2, 4]).toContain(asked.code);
  }
});

test("no authentication", async () => {
  for (const method of ["Submit", "Exec", "Status", "ListWorkflows"]) {
    expect((await post(method, {}, "")).status).toBe(401);
    expect((await post(method, {}, "wrong")).status).toBe(401);
  }
  script.env = { HOLDFAST_TOKEN: "wrong" };
  onTestFinished(() => {
    script.env = {};
  });
  expect((await script.run("list")).code).toBe(3);
});

test("no fsync", async ({ skip }) => {
  skip(spawnSync(STRACE, ["-V"]).status !== 0, "there is no strace here; test/contract/journal-level.test.ts asks the journal itself");
  const trace = join(daemon.directory, "syncs");
  const args = ["-f", "-e", "trace=fsync,fdatasync", "-o", trace, "-p", String(daemon.pid)];
  const tracer = spawn(STRACE, args, { stdio: ["ignore", "ignore", "pipe"] });
  onTestFinished(() => void tracer.kill());
  const said = await new Promise<string>((resolve) => tracer.stderr.once("data", (data: Buffer) => resolve(data.toString())));
  skip(said.includes("not permitted"), "nobody may trace a process here; test/contract/journal-level.test.ts asks the journal itself");
  const syncs = (): number => (existsSync(trace) ? readFileSync(trace, "utf8").split("sync(").length : 0);
  for (let round = 0; round < 3; round++) {
    const before = syncs();
    await submit(script, HELLO);
    expect(syncs()).toBeGreaterThan(before);
  }
});

test("guessable IDs", async () => {
  const ids: string[] = [];
  for (let round = 0; round < 20; round++) {
    const { body } = await post("Submit", { requestId: crypto.randomUUID(), definition: HELLO_DEFINITION });
    ids.push(String(body["id"]));
  }
  // UUIDv7 (RFC 9562): after the time, 74 bits by lot.
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const tails = ids.map((id) => Number.parseInt(id.slice(-12), 16));
  expect(new Set(tails).size).toBe(20);
  expect(tails.slice(1).every((tail, at) => Math.abs(tail - (tails[at] ?? 0)) > 1_000_000)).toBe(true);
});

test("the client exits 0 on failure", async () => {
  const failing = script.file("failing.yaml", HELLO.replace('"true"', '"1 == 2"'));
  expect((await script.run("run", failing)).code).toBe(1);
  const id = await begin(script, HELLO.replace('"true"', '"1 == 2"'));
  expect((await script.run("watch", id)).code).toBe(1);
  expect((await script.run("exec", id, "--wait")).code).toBe(1);
  expect((await script.run("status", "00000000-0000-7000-8000-000000000000")).code).toBe(4);
});

test("the client gives up when the server restarts", async () => {
  const { own, ask } = await ownDaemon();
  const running = ask.run("run", ask.file("slow.yaml", SLOW));
  await until(
    () => ask.run("list"),
    ({ stdout }) => stdout.includes("RUNNING"),
  );
  await own.restart();
  const { code, stderr, lines } = await running;
  expect([code, lines.at(-1)], stderr).toEqual([0, expect.stringMatching(/ SUCCEEDED succeeded=2 failed=0 changed=2$/)]);
});

test("kept: Exec is refused more than an hour after Submit, or after what --submit-ttl says", async () => {
  const { ask } = await ownDaemon({ args: ["--submit-ttl", "500ms"] });
  const id = await submit(ask, HELLO);
  await until(
    () => phaseOf(ask, id),
    (phase) => phase !== "SUBMITTED",
  );
  expect(await phaseOf(ask, id)).toBe("EXPIRED");
  expect(await ask.run("exec", id)).toMatchObject({ code: 1, stderr: expect.stringContaining("expired") });
  const { body } = await post("Submit", { requestId: crypto.randomUUID(), definition: HELLO_DEFINITION });
  expect(Date.parse(String(body["expiresAt"])) - Date.now()).toBeGreaterThan(3_500_000);
});

test("kept: at most ten calls in flight, where --calls-per-principal says ten", async () => {
  const { own, ask } = await ownDaemon({ args: ["--calls-per-principal", "10"] });
  const id = await begin(ask, HELLO.replace('uses: assert, with: { that: "true" }', "uses: wait, with: { for: 1h }"));
  const ender = new AbortController();
  onTestFinished(() => ender.abort());
  const client = connectClient({ address: own.address, token: own.token, callTimeoutMs: 5_000 });
  for (let watches = 0; watches < 10; watches++) {
    const answers = client.watch({ workflow: { id } }, ender.signal)[Symbol.asyncIterator]();
    await answers.next();
  }
  const eleventh = await ask.run("list");
  expect([eleventh.code, eleventh.stderr]).toEqual([1, expect.stringMatching(/calls/)]);
  ender.abort();
  await until(
    () => ask.run("list"),
    ({ code }) => code === 0,
  );
});

/** HELLO as it goes over the wire. */
const HELLO_DEFINITION = {
  name: "hello",
  stages: [{ name: "only", actions: [{ name: "t", uses: "assert", with: { that: "true" } }] }],
};
