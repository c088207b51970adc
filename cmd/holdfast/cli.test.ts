import { Code, ConnectError } from "@connectrpc/connect";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Phase, TaskOutcome } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { CliDesk } from "../../test/fakes/cli-world.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { FakeService } from "../../test/fakes/fake-service.ts";

const WORKFLOW = `
name: fix-all
params: { size: { type: int, default: 1 } }
targets: { where: "true" }
stages:
  - { name: fix, over: targets, actions: [{ name: scan, uses: wait }, { name: apply, uses: wait, when: scan.changed }] }
`;

let service: FakeService;
let desk: CliDesk;
let file: string;

beforeEach(async () => {
  service = new FakeService();
  service.token = "t";
  await service.serve();
  desk = new CliDesk({ HOLDFAST_ADDR: service.address }, temporaryDirectory());
  file = desk.file("w.yaml", WORKFLOW);
});

afterEach(() => service.stop());

function entries(): Record<string, unknown>[] {
  const directory = join(desk.directory, "state", "logbook");
  return readdirSync(directory).map((name) => JSON.parse(readFileSync(join(directory, name), "utf8")));
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("run records, executes, follows, and ends with the line that scripts read", async () => {
  const result = await desk.run(["run", file, "--param", "size=3"]);
  expect(result).toMatchObject({ code: 0, stderr: "" });
  const lines = result.stdout.trimEnd().split("\n");
  expect(lines[0]).toBe("019a0000-0000-7000-8000-000000000001 SUBMITTED fix-all targets=3 tasks=6");
  expect(lines.at(-1)).toBe("019a0000-0000-7000-8000-000000000001 SUCCEEDED succeeded=2 failed=0 changed=2");
  expect(service.workflows.map(({ starts, request }) => [starts, request.params])).toEqual([[1, { size: 3 }]]);
  expect(entries()).toMatchObject([
    { id: service.workflows[0]?.id, digest: service.workflows[0]?.digest, end: { phase: "SUCCEEDED" }, request: null },
  ]);
});

test("each phase has its exit code", async () => {
  const codes = [];
  for (const phase of [Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, Phase.WAITING]) {
    service.endsAs = phase;
    codes.push((await desk.run(["run", file])).code);
  }
  expect(codes).toEqual([0, 1, 6, 7]);
});

test("each error has its exit code, and as JSON its code, message and details", async () => {
  const refuse = (code: Code) => service.refusals.set("submit", new ConnectError("no; choose another", code));
  const codes = [];
  for (const code of [Code.InvalidArgument, Code.PermissionDenied, Code.Unauthenticated, Code.NotFound, Code.AlreadyExists]) {
    refuse(code);
    codes.push((await desk.run(["run", file])).code);
  }
  expect(codes).toEqual([2, 3, 3, 4, 1]);
  const result = await desk.run(["run", file, "-o", "json"]);
  expect(JSON.parse(result.stderr)).toEqual({ error: { code: "ALREADY_EXISTS", message: "no; choose another", details: [] } });
  expect(result.stdout).toBe("");
  expect(entries().map(({ end }) => end)).toEqual(Array.from({ length: 6 }, () => expect.objectContaining({ phase: "REFUSED" })));
});

test("wrong usage and invalid files end with 2 and say what is right", async () => {
  expect(await desk.run(["stauts", "x"])).toMatchObject({ code: 2, stderr: expect.stringContaining("Did you mean status?") });
  expect(await desk.run(["run", "gone.yaml"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("gone.yaml: there is no such file"),
  });
  expect(await desk.run(["run", file, "--param", "siez=1"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('did you mean "size"'),
  });
  expect(await desk.run(["list", "--limit", "many", "-o", "json"])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^{"error":{"code":"INVALID_ARGUMENT"/),
  });
  expect(await desk.run(["frobnicate", "-o", "json"])).toMatchObject({ code: 2, stderr: expect.stringMatching(/^{"error":/) });
  expect(await desk.run(["-o", "xml", "list"])).toMatchObject({ code: 2 });
  expect(service.calls).toEqual([]);
});

test("a service that is not there ends with 5, nothing is sent later, and the message says how to go on", async () => {
  await service.stop();
  const result = await desk.run(["run", file]);
  expect(result).toMatchObject({ code: 5, stderr: expect.stringContaining("Start holdfastd") });
  expect(entries()).toMatchObject([{ end: { phase: "UNREACHED" } }]);
  await service.serve();
  expect(await desk.run(["resume"])).toMatchObject({ code: 0, stderr: expect.stringContaining("nothing to resume") });
  expect(service.workflows).toEqual([]);
});

test("a Submit whose answer was lost is repeated, and there is one workflow", async () => {
  service.broken.add("Submit");
  const result = await desk.run(["run", file]);
  expect(result).toMatchObject({ code: 0, stderr: expect.stringContaining("trying again") });
  expect(service.workflows.map(({ starts }) => starts)).toEqual([1]);
});

test("an Exec whose answer was lost is repeated, and the workflow began once", async () => {
  service.broken.add("Exec");
  expect((await desk.run(["run", file])).code).toBe(0);
  expect(service.calls.filter((method) => method === "Exec")).toHaveLength(2);
  expect(service.workflows.map(({ starts }) => starts)).toEqual([1]);
});

test("run outlives a restart of the service", async () => {
  service.endsAs = undefined;
  const running = desk.run(["run", file]);
  await until(() => service.calls.includes("Watch"));
  await service.stop();
  await new Promise((resolve) => setTimeout(resolve, 150));
  await service.serve();
  const [workflow] = service.workflows;
  if (workflow !== undefined) service.change(workflow, Phase.SUCCEEDED);
  const result = await running;
  expect(result.code).toBe(0);
  expect(result.stderr).toMatch(/the (?:service does not answer|connection to the service broke)/);
  expect(result.stderr).toContain("the service answers again");
  expect(result.stdout.trimEnd().split("\n").at(-1)).toMatch(/ SUCCEEDED succeeded=2 failed=0 changed=2$/);
});

test("a silence longer than --give-up-after ends with 5 and says how to resume", async () => {
  service.endsAs = undefined;
  const running = desk.run(["run", file, "--give-up-after", "100ms"]);
  await until(() => service.calls.includes("Watch"));
  await service.stop();
  const result = await running;
  expect(result).toMatchObject({ code: 5, stderr: expect.stringContaining('go on with "holdfast resume 019a') });
});

test("an interrupt detaches, says how to resume, and the workflow goes on", async () => {
  service.endsAs = undefined;
  const running = desk.run(["run", file]);
  await until(() => service.calls.includes("Watch"));
  desk.interrupt.abort(new Error("interrupted by SIGINT"));
  const result = await running;
  expect(result.code).toBe(130);
  expect(result.stderr).toContain("holdfast resume 019a0000-0000-7000-8000-000000000001");
  expect(service.workflows[0]?.phase).toBe(Phase.RUNNING);
});

test("resume follows what runs and reports what ended, each once", async () => {
  service.endsAs = undefined;
  await desk.run(["run", file, "--no-wait"]);
  const [workflow] = service.workflows;
  if (workflow !== undefined) service.change(workflow, Phase.FAILED, { counts: { tasks: 2, failed: 2 } });
  const first = await desk.run(["resume"]);
  expect(first).toMatchObject({ code: 1, stdout: "019a0000-0000-7000-8000-000000000001 FAILED succeeded=0 failed=2 changed=0\n" });
  expect(await desk.run(["resume"])).toMatchObject({ code: 0, stdout: "" });
});

/** As before its Submit, in the form of before there was a sum. */
const UNSENT = { version: 1, sum: undefined, id: null, digest: null, executedAtMs: null };

test("resume starts nothing that was asked for more than an hour ago and never arrived, unless forced", async () => {
  service.endsAs = undefined;
  await desk.run(["run", file, "--no-wait"]);
  const [entry] = entries();
  const path = join(desk.directory, "state", "logbook", `${String(entry?.["requestId"])}.json`);
  const request = { ...entry, ...UNSENT };
  writeFileSync(path, JSON.stringify(request));
  service.workflows.length = 0;
  desk.lateMs = 2 * 3_600_000;
  const late = await desk.run(["resume"]);
  expect(late).toMatchObject({ code: 1, stderr: expect.stringContaining("--force") });
  expect(service.workflows).toEqual([]);
  service.endsAs = Phase.SUCCEEDED;
  expect(await desk.run(["resume", String(entry?.["requestId"]), "--force"])).toMatchObject({ code: 0 });
  expect(service.workflows.map(({ starts }) => starts)).toEqual([1]);
});

test("resume sends no request to another service than it was meant for", async () => {
  service.endsAs = undefined;
  await desk.run(["run", file, "--no-wait"]);
  const [entry] = entries();
  const path = join(desk.directory, "state", "logbook", `${String(entry?.["requestId"])}.json`);
  writeFileSync(
    path,
    JSON.stringify({
      ...entry,
      ...UNSENT,
      service: { address: "http://127.0.0.1:1", credential: "other" },
    }),
  );
  service.workflows.length = 0;
  const result = await desk.run(["resume"]);
  expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining("--addr http://127.0.0.1:1") });
  expect(service.workflows).toEqual([]);
});

test("resume names torn and foreign files, skips them and leaves them alone; one that was an entry ends it with 1", async () => {
  service.endsAs = undefined;
  await desk.run(["run", file, "--no-wait"]);
  const directory = join(desk.directory, "state", "logbook");
  writeFileSync(join(directory, "notes.txt"), "mine");
  expect(await desk.run(["resume", "--no-wait"])).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("notes.txt: not a logbook entry"),
  });
  writeFileSync(join(directory, "00000000-0000-4000-8000-000000000000.json"), '{"version": 1, "requ');
  const result = await desk.run(["resume", "--no-wait"]);
  expect(result.stderr).toContain("notes.txt: not a logbook entry");
  expect(result.stderr).toContain("00000000-0000-4000-8000-000000000000.json: not JSON");
  expect(result.stderr).toContain('"holdfast resume --remote"');
  expect([result.code, result.stdout]).toEqual([1, expect.stringContaining("RUNNING")]);
  expect(readdirSync(directory)).toHaveLength(3);
  const [line] = (await desk.run(["resume", "--no-wait", "-o", "json"])).stderr.split("\n").filter((text) => text.includes("DATA_LOSS"));
  expect(JSON.parse(String(line))).toMatchObject({ error: { code: "DATA_LOSS", message: expect.stringContaining("not JSON") } });
});

test("resume --remote rebuilds a lost logbook", async () => {
  service.endsAs = undefined;
  await desk.run(["run", file, "--no-wait"]);
  await desk.run(["submit", file]);
  desk.env = { ...desk.env, HOLDFAST_STATE_DIR: join(desk.directory, "new") };
  const result = await desk.run(["resume", "--remote", "--no-wait"]);
  expect(result.stderr).toContain("2 new entries");
  expect(service.workflows.map(({ starts }) => starts)).toEqual([1, 0]);
});

test("submit starts nothing, and exec by digest starts it", async () => {
  const [answer] = (await desk.run(["submit", file, "-o", "json"])).json();
  expect(answer).toEqual({
    id: "019a0000-0000-7000-8000-000000000001",
    digest: service.workflows[0]?.digest,
    scope: { targets: 3, tasks: 6, tasksByAction: { wait: 6 }, targetsByLabel: [] },
    expiresAt: "2027-01-16T08:00:00Z",
    verdict: null,
    policies: [],
  });
  expect(service.workflows[0]?.starts).toBe(0);
  expect(await desk.run(["resume"])).toMatchObject({ code: 0 });
  expect(service.workflows[0]?.starts).toBe(0);
  expect((await desk.run(["exec", String(answer?.["id"]), "--digest", `sha256:${"0".repeat(64)}`])).code).toBe(1);
  expect((await desk.run(["exec", String(answer?.["id"]), "--digest", String(answer?.["digest"]), "--wait"])).code).toBe(0);
  expect(service.workflows[0]?.starts).toBe(1);
});

test("status as JSON has every field, enums without prefix, counts as numbers and null for absent times", async () => {
  await desk.run(["submit", file]);
  const result = await desk.run(["status", "019a0000-0000-7000-8000-000000000001", "-o", "json"]);
  expect(result.code).toBe(0);
  expect(result.json()).toMatchObject([
    {
      id: "019a0000-0000-7000-8000-000000000001",
      name: "fix-all",
      phase: "SUBMITTED",
      counts: {
        tasks: 2,
        succeeded: 0,
        changed: 0,
        unchanged: 0,
        failed: 0,
        unknown: 0,
        unreachable: 0,
        skipped: 0,
        running: 0,
        waiting: 2,
        cancelled: 0,
      },
      stages: [{ name: "fix", phase: "PENDING", wave: 0, nextWaveAt: null, annotations: {} }],
      output: null,
      executedAt: null,
      endedAt: null,
      seq: 1,
      mode: "UNSPECIFIED",
      waitingFor: [],
      annotations: {},
    },
  ]);
});

test("what a host printed cannot reach the terminal's controls", async () => {
  await desk.run(["submit", file]);
  const [workflow] = service.workflows;
  workflow?.tasks.push({
    stage: "fix",
    action: "scan",
    target: "web-01",
    outcome: TaskOutcome.FAILED,
    error: "\u001b[2Jgone\u0007",
    outputTail: "a\u001b]0;title\u0007\n\u202eb",
  });
  const text = await desk.run(["tasks", "019a0000-0000-7000-8000-000000000001"]);
  expect(text.stdout).toBe(
    ["fix/scan@web-01  FAILED  attempts=0  \\x1b[2Jgone\\x07", "    printed:", "      a\\x1b]0;title\\x07", "      \\u202eb", ""].join(
      "\n",
    ),
  );
  const json = await desk.run(["tasks", "019a0000-0000-7000-8000-000000000001", "-o", "json", "--outcome", "failed"]);
  expect(json.stdout).toContain("\\u202eb");
  expect(json.json()).toMatchObject([
    { stage: "fix", action: "scan", target: "web-01", outcome: "FAILED", attempts: 0, changed: false, output: null },
  ]);
});

test("tasks reads all pages, and --limit cuts them", async () => {
  await desk.run(["submit", file]);
  for (let index = 0; index < 1_200; index++) service.workflows[0]?.tasks.push({ stage: "fix", action: "scan", target: `t-${index}` });
  expect((await desk.run(["tasks", "019a0000-0000-7000-8000-000000000001", "-o", "json"])).json()).toHaveLength(1_200);
  expect((await desk.run(["tasks", "019a0000-0000-7000-8000-000000000001", "-o", "json", "--limit", "7"])).json()).toHaveLength(7);
});

test("validate checks here, and by the service when there is one", async () => {
  expect((await desk.run(["validate", file, "-o", "json"])).json()).toMatchObject([
    { valid: true, checkedBy: ["client", "service"], scope: { targets: 3 } },
  ]);
  await service.stop();
  const alone = await desk.run(["validate", file, "-o", "json"]);
  expect([alone.code, ...alone.json()]).toEqual([0, { valid: true, checkedBy: ["client"], scope: null, verdict: null }]);
});

test("resolve reads STAGE/ACTION@TARGET, and asks for a reason", async () => {
  await desk.run(["submit", file]);
  const id = "019a0000-0000-7000-8000-000000000001";
  expect((await desk.run(["resolve", id, "fix/apply@web-01", "run-again", "--reason", "looked"])).code).toBe(0);
  expect((await desk.run(["resolve", id, "fix/apply@web-01", "run-again"])).code).toBe(2);
  expect((await desk.run(["resolve", id, "apply", "failed", "--reason", "x"])).code).toBe(2);
  expect((await desk.run(["resolve", id, "fix/apply", "done", "--reason", "x"])).code).toBe(2);
});

test("the live view shows failed and unknown, and gives the cursor back", async () => {
  const result = await desk.run(["run", file], { isTerminal: true });
  expect(result.code).toBe(0);
  expect(result.stdout).toContain("failed 0 · unknown 0");
  expect(result.stdout.indexOf("\u001b[?25h")).toBeGreaterThan(result.stdout.indexOf("\u001b[?25l"));
  desk.env = { ...desk.env, NO_COLOR: "1" };
  // oxlint-disable-next-line no-control-regex
  expect((await desk.run(["run", file], { isTerminal: true })).stdout).not.toMatch(/\u001b\[\d+m/);
});

test("the admin token of a local data directory is found, and sent to this machine only", async () => {
  desk.env = { ...desk.env, HOLDFAST_TOKEN: undefined };
  expect((await desk.run(["list"])).code).toBe(0);
  expect((await desk.run(["run", file])).code).toBe(3);
  const { mkdirSync } = await import("node:fs");
  mkdirSync(join(desk.directory, "data"));
  writeFileSync(join(desk.directory, "data", "admin.token"), "t\n");
  expect((await desk.run(["run", file])).code).toBe(0);
});
