// What clumsy and hostile hands send: each gets a clear error with its place and what to do, nothing is lost, and the service goes on.

import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { WorkflowId, workflowStream } from "../../internal/base/ids.ts";
import { frameKey } from "../../internal/journal/layout.ts";
import { connectClient } from "../../internal/sdk/client.ts";
import type { HoldfastClient } from "../../internal/sdk/client.ts";
import { DaemonFixture, localInventory } from "./daemon.ts";
import { Script } from "./script.ts";

const HOSTS = 3;
const SECRET = "Zq7-very-secret-value-93";
const HEAD = "name: x\ntargets: { names: [host-00, host-01, host-02] }\nstages:\n";
const ONE = "  - { name: s, actions: [{ name: a, uses: assert, with: { that: 'true' } }] }\n";
const GO_ON =
  /correct|write|put|see|use|say|look|must|known|there (?:is|are)|has|choose|write|not supported|deeper|more than|larger|twice|already|waits|takes/;

let daemon: DaemonFixture;
let script: Script;

beforeAll(async () => {
  daemon = new DaemonFixture({ env: { HOLDFAST_SECRET_DB: SECRET } });
  writeFileSync(daemon.inventoryFile, localInventory(daemon.directory, HOSTS));
  await daemon.start();
});
afterAll(() => daemon.remove());
beforeEach(() => {
  script = new Script(daemon);
});

/** A command that waits for the file `go` beside the hosts, at most some seconds. */
const WAITS = "i=0; until test -e ../../go || test $i -gt 400; do sleep 0.05; i=$((i+1)); done";

/** A service of a test's own, with hosts. */
async function ownDaemon(args: readonly string[] = []): Promise<DaemonFixture> {
  const own = new DaemonFixture({ args });
  onTestFinished(() => own.remove());
  writeFileSync(own.inventoryFile, localInventory(own.directory, HOSTS));
  await own.start();
  return own;
}

function client(of: DaemonFixture): HoldfastClient {
  return connectClient({ address: of.address, token: of.token, callTimeoutMs: 20_000 });
}

async function post(
  method: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<{ code: string; message: string }> {
  const response = await fetch(`${daemon.address}/holdfast.v1.WorkflowService/${method}`, {
    method: "POST",
    headers: { authorization: `Bearer ${daemon.token}`, "content-type": "application/json", ...headers },
    body,
  });
  return (await response.json()) as { code: string; message: string };
}

/** Files, and what must be said about each: all with line and column. */
const FILES: readonly (readonly [what: string, text: string, said: string])[] = [
  ["an empty file", "", "1:1: a workflow must be a map"],
  ["no stages", "name: x\n", "1:1: stages is missing: a workflow needs at least one stage"],
  ["an empty list of stages", "name: x\nstages: []\n", "2:9: stages: a workflow needs at least one stage; found none"],
  ["an unknown field", `name: x\nstagse: 1\nstages:\n${ONE}`, '2:1: stagse: unknown field; did you mean "stages"?'],
  ["a key twice", `name: x\nname: y\nstages:\n${ONE}`, '2:1: the key "name" appears twice'],
  ["a name twice", `name: x\nstages:\n${ONE}${ONE}`, '4:13: stages[1].name: "s" is the name of stages[0] already'],
  ["wrong types", "name: [1]\nstages: { a: 1 }\n", "1:7: name: must be text; found a list"],
  ["a truncated file", 'name: x\nstages: [{ name: s, actions: [{ name: a, uses: "asse', '2:53: Missing closing "quote'],
  ["a tab", "name: x\nstages:\n\t- name: s\n", "3:1: Tabs are not allowed"],
  ["a tag", "name: !!js/function x\n", "1:21: tags are not supported"],
  ["an alias of itself", "name: &a [*a]\n", "1:11: this alias names no anchor before it"],
  ["10,000 nested brackets", `name: x\nstages: ${"[".repeat(10_000)}${"]".repeat(10_000)}\n`, ": nested deeper than 64"],
  ["10,000 nested dashes", `name: x\nstages:\n ${"- ".repeat(10_000)}x\n`, ": nested deeper than 64"],
  [
    "a cycle in needs",
    `${HEAD}  - { name: s, actions: [{ name: a, uses: wait, needs: [b] }, { name: b, uses: wait, needs: [a] }] }\n`,
    '4:56: stages[0].actions[0].needs: "a" waits for itself',
  ],
  [
    "needs of nothing",
    `${HEAD}  - { name: s, actions: [{ name: a, uses: wait, needs: [zz] }] }\n`,
    '4:57: stages[0].actions[0].needs[0]: there is no action "zz"',
  ],
  [
    "an unknown action",
    `${HEAD}  - { name: s, actions: [{ name: a, uses: fiel }] }\n`,
    '4:43: stages[0].actions[0].uses: the service knows no action "fiel"; did you mean "file"?',
  ],
  [
    "an unknown argument",
    `${HEAD}  - { name: s, actions: [{ name: a, uses: assert, with: { that: 'true', thta: 1 } }] }\n`,
    "4:73: stages[0].actions[0].with.thta: unknown argument",
  ],
  [
    "an unknown stage in an expression",
    `${HEAD}  - { name: s, actions: [{ name: a, uses: wait, when: "stage('zz').failed > 0" }] }\n`,
    "4:55: stages[0].actions[0].when: stage('…') names no stage",
  ],
  [
    "an expression that does not parse",
    `${HEAD}  - { name: s, actions: [{ name: a, uses: wait, when: '1 + ' }] }\n`,
    "4:58: stages[0].actions[0].when: syntax error",
  ],
  [
    "an expression that the service reads",
    `${HEAD}  - { name: s, actions: [{ name: a, uses: assert, with: { that: '1 + ' } }] }\n`,
    "4:68: stages[0].actions[0].with.that: syntax error",
  ],
  [
    "an unknown name in an expression",
    `${HEAD}  - { name: s, actions: [{ name: a, uses: wait, when: nosuch }] }\n`,
    '4:55: stages[0].actions[0].when: no such name "nosuch"',
  ],
  [
    "an expression of 10,000 brackets",
    `${HEAD}  - { name: s, actions: [{ name: a, uses: assert, with: { that: '${"(".repeat(10_000)}' } }] }\n`,
    "stages[0].actions[0].with.that: the expression is",
  ],
  [
    "an unknown target",
    "name: x\ntargets: { names: [nosuch] }\nstages: [{ name: s, over: targets, actions: [{ name: a, uses: assert, with: { that: 'true' } }] }]\n",
    '2:19: targets.names: the inventory does not hold 1 of them: "nosuch"',
  ],
  [
    "a path that leads out",
    `${HEAD}  - { name: s, over: targets, actions: [{ name: a, uses: file, with: { path: ../../x, content: a } }] }\n`,
    '4:78: stages[0].actions[0].with.path: must not hold ".."',
  ],
  [
    "a secret's name that leads out",
    `${HEAD}  - { name: s, actions: [{ name: a, uses: http, with: { url: "\${{ secret('../x') }}" } }] }\n`,
    "secret() takes one literal name",
  ],
  [
    "a source that is a directory",
    `${HEAD}  - { name: s, over: targets, actions: [{ name: a, uses: file, with: { path: /x, source: . } }] }\n`,
    "stages[0].actions[0].with.source: it cannot be read (EISDIR)",
  ],
  [
    "a source that never ends",
    `${HEAD}  - { name: s, over: targets, actions: [{ name: a, uses: file, with: { path: /x, source: /dev/zero } }] }\n`,
    "stages[0].actions[0].with.source: the file is larger",
  ],
];

test.each(FILES)("%s is refused by validate with line and column, and what to do", async (_what, text, said) => {
  const file = script.file("bad.yaml", text);
  const result = await script.run("validate", file);
  expect([result.code, result.stdout]).toEqual([2, ""]);
  expect(result.stderr).toContain(said);
  const [first = ""] = result.stderr.split("\n");
  expect(first).toMatch(/^holdfast: \/.*\/bad\.yaml:\d+:\d+: /);
  expect(result.stderr).toMatch(GO_ON);
  expect(result.stderr.length).toBeLessThan(4_000);
});

test("a file that is too large, not text, a bomb, or no file is refused before anything is sent", async () => {
  const bomb = [
    "a: &a [x,x,x,x,x,x,x,x,x]",
    ..."bcdefghi"
      .split("")
      .map((name, index) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${"abcdefgh"[index]}`).join(",")}]`),
  ];
  const cases: [string | Uint8Array, RegExp][] = [
    [`name: "${"x".repeat(2_000_000)}"`, /the file is larger than 1048576 bytes/],
    [Uint8Array.from([0xff, 0xfe, 0, 1]), /not UTF-8 text/],
    [bomb.join("\n"), /\d+:\d+: (more than 1000 aliases|aliases expand to more than 10000 values)/],
  ];
  for (const [text, said] of cases) {
    const file = script.file("bad.yaml", "");
    writeFileSync(file, text);
    expect(await script.error(["run", file, "--addr", "127.0.0.1:1"])).toMatchObject({ exit: 2, message: expect.stringMatching(said) });
  }
});

test("parameters that are undeclared, of another type or out of bounds are refused, each by its name", async () => {
  const file = script.file(
    "params.yaml",
    `name: p\nparams: { n: { type: int, min: 1, max: 9 }, must: { type: string, required: true, pattern: '^a' } }\nstages:\n${ONE}`,
  );
  const cases: [readonly string[], RegExp][] = [
    [["--param", "must=a", "--param", "zz=1"], /zz/],
    [["--param", "must=a", "--param", "n=many"], /\bn\b.*int|whole/],
    [["--param", "must=a", "--param", "n=99"], /\bn\b/],
    [["--param", "must=b"], /must/],
    [[], /must/],
    [["--param", "must"], /name=value/],
  ];
  for (const [args, said] of cases)
    expect([args, await script.error(["run", file, ...args])]).toMatchObject([args, { exit: 2, message: expect.stringMatching(said) }]);
});

test("`../` and other strange words in IDs, keys and namespaces are refused in words, and reach no file", async () => {
  const file = script.file("ok.yaml", `name: ok\nstages:\n${ONE}`);
  for (const id of ["../../etc/passwd", "a/../b", "..", "", "a\nb", "ä"]) {
    expect([id, await script.error(["status", id])]).toMatchObject([id, { exit: 2, message: expect.stringContaining("must be") }]);
    expect(await script.error(["resume", id])).toMatchObject({ exit: expect.any(Number) });
    if (id !== "")
      expect(await script.error(["submit", file, "--key", id])).toMatchObject({ exit: 2, message: expect.stringMatching(/^key: must be/) });
    if (id !== "")
      expect(await script.error(["list", "--namespace", id])).toMatchObject({
        exit: 2,
        message: expect.stringMatching(/^namespace: must be/),
      });
  }
  expect(await script.error(["journal", "dump", "--stream", "../x"])).toMatchObject({ exit: 2 });
  const likeAnId = await script.error(["submit", file, "--key", "019a9f1e-5c3a-7d10-8f00-0123456789ab"]);
  expect(likeAnId).toMatchObject({ exit: 2, message: expect.stringContaining("key: it has the form of a workflow ID") });
});

test("malformed, truncated and oversized messages, forged tokens and hostile filters are refused; the service goes on", async () => {
  const { code } = await post("Status", "{");
  expect(code).toBe("invalid_argument");
  expect(await post("Status", '{"workflow":{"id":"a"},"wrokflow":{}}')).toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining("wrokflow"),
  });
  expect(await post("Submit", " ".repeat(17 * 2 ** 20))).toMatchObject({ code: "resource_exhausted" });
  const proto = { "content-type": "application/proto" };
  expect(await post("Status", Uint8Array.from([0xff, 0xff, 0xff, 1]), proto)).toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining("parse binary"),
  });
  const { id } = await script.one(["submit", script.file("ok.yaml", `name: ok\nstages:\n${ONE}`)]);
  for (const pageToken of ["zzzz", "-1", "../../x", "OTk5"]) {
    expect(await post("ListTasks", JSON.stringify({ workflow: { id }, pageToken }))).toMatchObject({ code: "invalid_argument" });
    expect(await post("ListWorkflows", JSON.stringify({ pageToken }))).toMatchObject({ code: "invalid_argument" });
  }
  const ten = "[1,2,3,4,5,6,7,8,9,10]";
  const slow = "abcdefgh".split("").reduce((inner, name) => `${ten}.all(${name}, ${inner})`, "true");
  expect(await script.error(["list", "--filter", slow])).toMatchObject({ exit: 1, code: "RESOURCE_EXHAUSTED" });
  expect(await script.error(["tasks", String(id), "--filter", "(".repeat(5_000)])).toMatchObject({ exit: 2 });
  expect(await script.error(["list", "--filter", "workflow.nosuch == 1"])).toMatchObject({
    exit: 2,
    message: expect.stringMatching(/filter:1:\d+: /),
  });
  expect((await script.json(["history", String(id), "--after", "999999"])).length).toBe(0);
  const bearers = ["", "Bearer", "Bearer wrong", `Basic ${daemon.token}`, `Bearer ${daemon.token}x`];
  for (const authorization of bearers)
    expect(await post("ListWorkflows", "{}", { authorization })).toMatchObject({
      code: "unauthenticated",
      message: expect.stringContaining("HOLDFAST_TOKEN"),
    });
  expect((await script.run("status", String(id))).code).toBe(0);
});

test("a token that cannot be one is refused without being shown", async () => {
  for (const token of ["to\nken-93", "to ken-93", "tökén-93"]) {
    script.env = { HOLDFAST_TOKEN: token };
    const refused = await script.error(["list"]);
    expect(refused).toMatchObject({ exit: 2, message: expect.stringContaining("HOLDFAST_TOKEN") });
    expect(refused.message).not.toContain("ken-93");
  }
});

test("one request_id is one workflow: repeated at once it is the same, with other content it is refused", async () => {
  const definition = { name: "same", stages: [{ name: "s", actions: [{ name: "a", uses: "assert", with: { that: "true" } }] }] };
  const request = { requestId: "11111111-1111-4111-8111-111111111111", definition };
  const sdk = client(daemon);
  const answers = await Promise.all(Array.from({ length: 8 }, () => sdk.submit(request)));
  expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
  await expect(sdk.submit({ ...request, definition: { ...definition, name: "other" } })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  await expect(sdk.submit({ ...request, key: "k" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  await expect(sdk.plan({ submission: request })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
});

test("an offset beyond the end is refused or waits, and never shows what is not there", async () => {
  const { id } = await script.one(["run", script.file("ok.yaml", `name: ok\nstages:\n${ONE}`)]);
  const seen: bigint[] = [];
  for await (const { events } of client(daemon).watch({ workflow: { id: String(id), namespace: "" }, afterSeq: 99_999n })) {
    seen.push(...events.map(({ seq }) => seq));
  }
  expect(seen).toEqual([]);
});

test("a secret is in nothing that the service keeps or says; only the host that was given it has it", async () => {
  const file = script.file(
    "secret.yaml",
    `name: secret
targets: { names: [host-00] }
stages:
  - name: s
    over: targets
    actions:
      - { name: say, uses: command, with: { shell: 'echo "it is $PW"; echo "$PW" >&2', env: { PW: "\${{ secret('db') }}" }, effects: none } }
      - { name: put, uses: file, with: { path: /conf, content: "password=\${{ secret('db') }}\\n" } }
      - { name: fail, uses: command, with: { argv: [sh, -c, 'echo "no $0" >&2; exit 9', "\${{ secret('db') }}"], effects: none } }
`,
  );
  expect((await script.run("plan", file, "--target", "host-00")).stdout).not.toContain(SECRET);
  const run = await script.run("run", file);
  const id = String(run.lines.at(-1)).split(" ")[0] ?? "";
  expect([run.code, run.stderr.includes("***") || !run.stderr.includes(SECRET)]).toEqual([1, true]);
  const said = [run];
  for (const args of [
    ["tasks", id],
    ["tasks", id, "-o", "json"],
    ["history", id, "--details"],
    ["status", id],
    ["why", id],
    ["journal", "dump"],
    ["list", "-o", "json"],
  ]) {
    said.push(await script.run(...args));
  }
  for (const { stdout, stderr } of said) expect([stdout.includes(SECRET), stderr.includes(SECRET)]).toEqual([false, false]);
  expect(said[1]?.stdout).toContain("it is ***");
  expect(readFileSync(join(daemon.directory, "hosts", "host-00", "conf"), "utf8")).toBe(`password=${SECRET}\n`);
  expect(filesWith(daemon.directory, SECRET)).toEqual([join(daemon.directory, "hosts", "host-00", "conf")]);
  expect(daemon.stderr).not.toContain(SECRET);
});

test("what a host prints cannot steer the terminal, in text or JSON", async () => {
  const file = script.file(
    "escape.yaml",
    `name: escape
targets: { names: [host-01] }
stages: [{ name: s, over: targets, actions: [{ name: a, uses: command, with: { shell: 'printf "\\033]0;owned\\007\\033[2J\\302\\233\\342\\200\\256x"; exit 1', effects: none } }] }]
`,
  );
  const run = await script.run("run", file);
  const id = String(run.lines.at(-1)).split(" ")[0] ?? "";
  for (const args of [
    ["tasks", id],
    ["tasks", id, "-o", "json"],
    ["history", id, "--details"],
    ["status", id],
  ]) {
    const { stdout, stderr } = await script.run(...args);
    // oxlint-disable-next-line no-control-regex
    expect(`${stdout}${stderr}`).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  }
});

test("a workflow that is not executed in time expires, and Exec says so", async () => {
  const own = await ownDaemon(["--submit-ttl", "1ms"]);
  const desk = new Script(own);
  const { id } = await desk.one(["submit", desk.file("ok.yaml", `name: ok\nstages:\n${ONE}`)]);
  expect(await desk.error(["exec", String(id)])).toMatchObject({
    exit: 1,
    code: "FAILED_PRECONDITION",
    message: expect.stringMatching(/expired/i),
  });
  expect(await desk.one(["status", String(id)])).toMatchObject({ phase: "EXPIRED" });
  expect((await desk.run("watch", String(id))).code).toBe(1);
});

test("without free space no new work is taken, what was acknowledged is whole, and it goes on when there is space again", async () => {
  const own = await ownDaemon();
  const desk = new Script(own);
  const file = desk.file("ok.yaml", `name: ok\nstages:\n${ONE}`);
  const { id } = await desk.one(["submit", file]);
  await own.stop();
  const full = new DaemonFixture({ args: ["--disk-free-min", "9999999GiB", "--data", own.dataDir] });
  onTestFinished(() => full.remove());
  await full.start();
  desk.env = { HOLDFAST_ADDR: full.address };
  expect(await desk.error(["submit", file])).toMatchObject({ exit: 1, code: "RESOURCE_EXHAUSTED", message: expect.stringMatching(/free/) });
  expect(await desk.error(["exec", String(id)])).toMatchObject({ exit: 1, code: "RESOURCE_EXHAUSTED" });
  expect(await desk.one(["status", String(id)])).toMatchObject({ phase: "SUBMITTED" });
  await full.stop();
  await own.start();
  desk.env = { HOLDFAST_ADDR: own.address };
  expect((await desk.run("exec", String(id), "--wait")).code).toBe(0);
});

test("a damaged or missing frame stops its own workflow, which says JOURNAL_CORRUPT and keeps its locks; the others go on", async () => {
  const own = await ownDaemon();
  const desk = new Script(own);
  const over = (name: string, host: string, shell: string): string =>
    desk.file(
      `${name}.yaml`,
      `name: ${name}\ntargets: { names: [${host}] }\nstages: [{ name: s, over: targets, actions: [{ name: a, uses: command, with: { shell: '${shell}', creates: done-${name} } }] }]\n`,
    );
  const ids: WorkflowId[] = [];
  for (const [name, host] of [
    ["missing", "host-00"],
    ["damaged", "host-01"],
    ["whole", "host-02"],
  ] as const) {
    const started = await desk.run("run", over(name, host, `${WAITS}; touch done-${name}`), "--no-wait");
    ids.push(WorkflowId.parse(String(started.lines.at(-1)).slice(0, 36)));
  }
  await own.kill();
  const [missing, damaged, whole] = ids;
  if (missing === undefined || damaged === undefined || whole === undefined) throw new Error("three workflows were started");
  await alterFrames(own.dataDir, { missing, damaged });
  await own.start();
  desk.env = { HOLDFAST_ADDR: own.address };
  writeFileSync(join(own.directory, "go"), "");
  expect((await desk.run("watch", whole)).code).toBe(0);
  for (const id of [missing, damaged]) {
    const status = await desk.one(["status", id]);
    expect(status).toMatchObject({
      phase: "WAITING",
      waitingFor: [{ kind: "JOURNAL_CORRUPT" }],
      error: expect.stringContaining("journal verify"),
    });
    const lost = { exit: 1, code: "DATA_LOSS", message: expect.stringContaining("JOURNAL_CORRUPT") };
    for (const verb of ["watch", "tasks", "history"]) expect([verb, await desk.error([verb, id])]).toMatchObject([verb, lost]);
    expect((await desk.run("resume", id)).code).toBe(7);
  }
  expect((await desk.json(["list"])).length).toBe(3);
  const verified = await desk.run("journal", "verify");
  expect(verified).toMatchObject({ code: 1, stderr: expect.stringContaining("docs/journal-format.md") });
  expect(verified.stdout).toContain(missing);
  expect(verified.stdout).toContain(damaged);
  const next = await desk.run("run", over("next", "host-00", "touch done-next"), "--no-wait");
  const nextId = String(next.lines.at(-1)).split(" ")[0] ?? "";
  await expect.poll(async () => (await desk.run("why", nextId, "host-00")).stdout, { timeout: 20_000 }).toContain("LOCK");
  expect(existsSync(join(own.directory, "hosts", "host-00", "done-next"))).toBe(false);
  expect((await desk.run("run", over("other", "host-02", "touch done-other"))).code).toBe(0);
});

/** Takes one frame away and flips a bit in another, as a disk might. */
async function alterFrames(dataDir: string, { missing, damaged }: { missing: WorkflowId; damaged: WorkflowId }): Promise<void> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(join(dataDir, "journal"), { keyEncoding: "view", valueEncoding: "view" });
  await level.open();
  await level.del(frameKey(workflowStream(missing), 2));
  const key = frameKey(workflowStream(damaged), 2);
  const frame = Uint8Array.from((await level.get(key)) ?? []);
  frame[frame.length >> 1] = (frame[frame.length >> 1] ?? 0) ^ 1;
  await level.put(key, frame);
  await level.close();
}

/** All files below a directory that hold a text. */
function filesWith(directory: string, text: string): readonly string[] {
  const paths = readdirSync(directory, { recursive: true, encoding: "utf8" }).map((path) => join(directory, path));
  return paths.filter((path) => statSync(path).isFile() && readFileSync(path).includes(text));
}
