import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ErrorDetailsSchema } from "../../internal/gen/holdfast/v1/error_pb.ts";
import { Decision, Enforcement, Gate } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { HoldKind, Phase } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { CliDesk } from "../../test/fakes/cli-world.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { FakeService } from "../../test/fakes/fake-service.ts";

const ID = "019a0000-0000-7000-8000-000000000001";
const APPROVE = {
  policy: "four-eyes",
  rule: "second-person",
  enforcement: Enforcement.APPROVE,
  message: "erases 100 disks",
  approverRole: "sre",
  approvalsNeeded: 1,
};
const WARN = { policy: "window", rule: "friday", enforcement: Enforcement.WARN, message: "it is Friday" };

let service: FakeService;
let desk: CliDesk;
let file: string;

beforeEach(async () => {
  service = new FakeService();
  await service.serve();
  desk = new CliDesk({ HOLDFAST_ADDR: service.address }, temporaryDirectory());
  file = desk.file("w.yaml", "name: erase\nstages: [{ name: fix, actions: [{ name: x, uses: wait }] }]\n");
});

afterEach(() => service.stop());

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("run, submit and validate print warnings, and what Exec will wait for", async () => {
  service.verdict = { gate: Gate.SUBMIT, decision: Decision.APPROVE, rules: [APPROVE, WARN], rulesBroken: 2, rulesAsked: 3 };
  const notes =
    "exec will wait: four-eyes/second-person (approve by sre, 0 of 1): erases 100 disks\nwarning: window/friday: it is Friday\n";
  const approve = `show what it would do, and approve it, with "holdfast approve ${ID}"\n`;
  expect((await desk.run(["validate", file])).stderr).toBe(notes);
  expect((await desk.run(["submit", file])).stderr).toContain(notes + approve);
  expect((await desk.run(["run", file])).stderr).toContain(notes);
  expect((await desk.run(["validate", file, "-o", "json"])).json()).toMatchObject([
    { verdict: { decision: "APPROVE", rules: [{ rule: "second-person" }, { rule: "friday" }] } },
  ]);
});

test("a denied Submit prints each rule with its message, ends with 3, and the logbook has nothing to resume", async () => {
  const value = create(ErrorDetailsSchema, {
    places: [
      { place: "blast-radius/per-site", reason: "site ams: 60 of 100 targets; at most 5" },
      { place: "allowed-actions/known", reason: "erase@1 is not allowed here" },
    ],
  });
  const denied = new ConnectError("policies deny it: 2 rules do not hold", Code.PermissionDenied, undefined, [
    { desc: ErrorDetailsSchema, value },
  ]);
  service.refusals.set("submit", denied);
  const result = await desk.run(["run", file]);
  expect(result).toMatchObject({ code: 3, stdout: "" });
  expect(result.stderr.split("\n")).toEqual([
    "holdfast: policies deny it: 2 rules do not hold",
    "  blast-radius/per-site: site ams: 60 of 100 targets; at most 5",
    "  allowed-actions/known: erase@1 is not allowed here",
    `  nothing was recorded; what each rule says of it: "holdfast policy explain ${file}"`,
    "",
  ]);
  expect(await desk.run(["resume"])).toMatchObject({ code: 0, stderr: expect.stringContaining("nothing to resume") });
});

test("an Exec that is refused leaves the workflow recorded, and says how to start or end it", async () => {
  service.refusals.set("exec", new ConnectError('frozen by f1 (everything); see "holdfast freeze --status"', Code.FailedPrecondition));
  const result = await desk.run(["run", file]);
  expect(result.code).toBe(1);
  expect(result.stderr).toContain("holdfast: frozen by f1 (everything)");
  expect(result.stderr).toContain(`it is recorded and has not started: start it later with "holdfast exec ${ID}", or end it with`);
});

test("exec of a workflow that then waits for people says for whom, and ends with 0", async () => {
  service.endsAs = undefined;
  service.execTo = Phase.WAITING;
  await desk.run(["submit", file]);
  const result = await desk.run(["exec", ID]);
  expect(result).toMatchObject({ code: 0, stdout: `${ID} WAITING succeeded=0 failed=0 changed=0\n` });
  expect(result.stderr).toContain(`see "holdfast why ${ID}"`);
});

test("the history tells verdicts with their rules, approvals with their roles, and freezes", async () => {
  await desk.run(["submit", file]);
  const verdict = { gate: Gate.WAVE, decision: Decision.APPROVE, rules: [APPROVE], rulesBroken: 1, rulesAsked: 1 };
  service.events.push(
    { seq: 2n, stage: "fix", event: { kind: { case: "verdictGiven", value: { verdict } } } },
    { seq: 3n, event: { by: "bob", kind: { case: "approvalGiven", value: { roles: ["sre"], reason: "seen" } } } },
    { seq: 4n, event: { kind: { case: "freezeBegan", value: { freezes: ["f1 (everything, by ann): wrong site"], whole: true } } } },
  );
  expect((await desk.run(["history", ID])).stdout.split("\n")).toEqual([
    "    2  verdictGiven  fix  wave=0 gate=wave decision=APPROVE four-eyes/second-person (approve by sre, 0 of 1): erases 100 disks",
    "    3  approvalGiven  by bob  reason=seen roles=sre",
    "    4  freezeBegan  whole=true f1 (everything, by ann): wrong site",
    "",
  ]);
});

test("the history says which events of an endless workflow are not kept, and with what a generation began; the status says which it is", async () => {
  await desk.run(["submit", file]);
  const begun = { generation: 7, seq: 40n, vars: { n: 3 }, attemptBase: 9, executedBy: "ann", executedMs: 5n };
  service.events.push(
    { seq: 1n, event: { kind: { case: "workflowSubmitted", value: {} } } },
    { seq: 40n, event: { kind: { case: "continuedAsNew", value: begun } } },
  );
  expect((await desk.run(["history", ID])).stdout.split("\n").slice(1)).toEqual([
    "       … events 2 to 39 are not kept: older generations (continue_as_new)",
    '   40  continuedAsNew  generation=7 vars={"n":3}',
    "",
  ]);
  const [workflow] = service.workflows;
  if (workflow === undefined) throw new Error("nothing was submitted");
  service.change(workflow, Phase.RUNNING, { generation: 7 });
  expect((await desk.run(["status", ID])).stdout).toContain("  generation 7; what follows is of this one\n");
});

test("run watches a frozen workflow on, says by what it is frozen, and ends when it has ended after the thaw", async () => {
  service.endsAs = undefined;
  const running = desk.run(["run", file]);
  await until(() => service.hasWatchers);
  const [workflow] = service.workflows;
  if (workflow === undefined) throw new Error("nothing was submitted");
  service.change(workflow, Phase.FROZEN, { waitingFor: [{ kind: HoldKind.FREEZE, message: "f1 (everything, by ann): wrong site" }] });
  await until(() => service.hasWatchers);
  service.change(workflow, Phase.RUNNING, { waitingFor: [] });
  await until(() => service.hasWatchers);
  service.change(workflow, Phase.SUCCEEDED);
  const result = await running;
  expect(result.code).toBe(0);
  expect(result.stderr).toBe(`${ID} FROZEN: f1 (everything, by ann): wrong site\n`);
  const phases = result.stdout.split("\n").map((line) => line.split(" ")[1]);
  expect(phases).toEqual(["SUBMITTED", "RUNNING", "FROZEN", "RUNNING", "SUCCEEDED", "SUCCEEDED", undefined]);
});

test("resume follows what is frozen, and without waiting reports it with 6", async () => {
  service.endsAs = Phase.FROZEN;
  await desk.run(["run", file, "--no-wait"]);
  await until(() => service.workflows[0]?.phase === Phase.FROZEN);
  const report = await desk.run(["resume", "--no-wait"]);
  expect(report).toMatchObject({ code: 6, stdout: `${ID} FROZEN succeeded=0 failed=0 changed=0\n` });
  expect(report.stderr).toContain('it goes on by itself after the thaw; see "holdfast freeze --status"');
  const following = desk.run(["resume"]);
  await until(() => service.calls.includes("Watch"));
  const [workflow] = service.workflows;
  if (workflow !== undefined) service.change(workflow, Phase.SUCCEEDED);
  expect((await following).code).toBe(0);
});

test("run ends with 7 where an approval is needed, and prints the command that gives it", async () => {
  service.endsAs = undefined;
  const running = desk.run(["run", file]);
  await until(() => service.calls.includes("Watch"));
  const [workflow] = service.workflows;
  if (workflow === undefined) throw new Error("nothing was submitted");
  const verdict = { gate: Gate.EXEC, decision: Decision.APPROVE, rules: [APPROVE], rulesBroken: 1, rulesAsked: 1 };
  service.change(workflow, Phase.WAITING, { verdict });
  const result = await running;
  expect(result.code).toBe(7);
  expect(result.stderr).toContain("  four-eyes/second-person (approve by sre, 0 of 1): erases 100 disks\n");
  expect(result.stderr).toContain(`approve it, with "holdfast approve ${ID}"; then follow with "holdfast watch ${ID}"`);
});

test("status shows the verdict, the policies and the command to approve; an ended workflow asks for no approval", async () => {
  await desk.run(["submit", file]);
  const [workflow] = service.workflows;
  if (workflow === undefined) throw new Error("nothing was submitted");
  const verdict = { gate: Gate.WAVE, decision: Decision.APPROVE, rules: [APPROVE, WARN], rulesBroken: 3, rulesAsked: 9 };
  const policies = [{ name: "four-eyes", digest: `sha256:${"ab".repeat(32)}` }];
  service.change(workflow, Phase.WAITING, { verdict, policies, tasksAllowed: 12 });
  const { stdout } = await desk.run(["status", ID]);
  expect(stdout).toContain(
    [
      "  policies   four-eyes@abababababab",
      "  allowed    12 attempts, by the rules of the task gate",
      "  verdict    APPROVE at the gate wave: 3 of 9 rules do not hold",
      "               four-eyes/second-person (approve by sre, 0 of 1): erases 100 disks",
      "               window/friday (warn): it is Friday",
      "               and 1 more",
      `  approve    holdfast approve ${ID}`,
    ].join("\n"),
  );
  service.change(workflow, Phase.FAILED);
  expect((await desk.run(["status", ID])).stdout).not.toContain("holdfast approve");
});

test("why names what holds it, and says what to do where the service has not", async () => {
  await desk.run(["submit", file]);
  const [workflow] = service.workflows;
  if (workflow === undefined) throw new Error("nothing was submitted");
  const waitingFor = [
    { kind: HoldKind.FREEZE, message: "f1 (everything, by ann): wrong site" },
    { kind: HoldKind.APPROVAL, message: `four-eyes asks for sre; approve with "holdfast approve ${ID}"` },
    { kind: HoldKind.LIMIT, message: "disk/five is used up", names: ["disk/five/ams"] },
  ];
  service.change(workflow, Phase.FROZEN, { waitingFor });
  const { stdout, stderr } = await desk.run(["why", ID]);
  expect(stdout.split("\n")).toEqual([
    `${ID} FROZEN`,
    "  FREEZE: f1 (everything, by ann): wrong site",
    `  APPROVAL: four-eyes asks for sre; approve with "holdfast approve ${ID}"`,
    "  LIMIT: disk/five is used up (disk/five/ams)",
    "",
  ]);
  expect(stderr).toBe('what is frozen, by whom and why: "holdfast freeze --status"\nthe limits in use, and who waits: "holdfast limits"\n');
});
