import { afterEach, beforeEach, expect, test } from "vitest";
import { Decision, Enforcement, Gate } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { Phase } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { CliDesk } from "../../test/fakes/cli-world.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { FakeService } from "../../test/fakes/fake-service.ts";

const ID = "019a0000-0000-7000-8000-000000000001";
const FOUR_EYES = {
  gate: Gate.EXEC,
  decision: Decision.APPROVE,
  rules: [
    {
      policy: "four-eyes",
      rule: "second-person",
      enforcement: Enforcement.APPROVE,
      message: "erases 100 disks",
      approverRole: "sre",
      approvalsNeeded: 2,
      approvalsGiven: 1,
    },
    { policy: "window", rule: "hours", enforcement: Enforcement.WAIT, message: "opens Mon 09:00" },
  ],
  rulesBroken: 2,
  rulesAsked: 7,
};

let service: FakeService;
let desk: CliDesk;
let digest: string;

beforeEach(async () => {
  service = new FakeService();
  await service.serve();
  desk = new CliDesk({ HOLDFAST_ADDR: service.address }, temporaryDirectory());
  const file = desk.file(
    "w.yaml",
    'name: erase\nannotations: { change: "CHG-7" }\nstages: [{ name: fix, actions: [{ name: x, uses: wait }] }]\n',
  );
  await desk.run(["submit", file]);
  const [workflow] = service.workflows;
  if (workflow === undefined) throw new Error("nothing was submitted");
  service.change(workflow, Phase.WAITING, { verdict: FOUR_EYES, annotations: { change: "CHG-7" } });
  digest = workflow.digest;
  service.approvalPage = {
    scope: {
      targets: 100,
      tasks: 300,
      tasksByAction: { wait: 100, "erase@1": 200 },
      targetsByLabel: [{ label: "site", value: "ams", targets: 60 }],
    },
    approvals: [{ by: "bob", roles: ["sre"], reason: "looked at it" }],
    plan: {
      id: "019a0000-0000-7000-8000-0000000000ff",
      counts: { tasks: 300, changed: 12 },
      diffs: [{ target: "web-01", action: "apply", diff: "-old\n+new\n" }],
    },
  };
});

afterEach(() => service.stop());

test("an approver sees scope, reasons, annotations, who approved, and what a plan would change, and approves nothing by looking", async () => {
  const { code, stdout } = await desk.run(["approvals", ID]);
  expect(code).toBe(0);
  expect(stdout.split("\n")).toEqual([
    `${ID} WAITING`,
    "  name       erase",
    "  namespace  default",
    "  submitted  2027-01-15T08:00:00.000Z by admin",
    `  digest     ${digest}`,
    "  annotation change=CHG-7",
    "  scope      100 targets, 300 tasks",
    "  actions    erase@1 200, wait 100",
    "  labels     site=ams 60",
    "  asks       four-eyes/second-person (approve by sre, 1 of 2): erases 100 disks",
    "  also       window/hours (wait): opens Mon 09:00",
    "  approved   by bob as sre: looked at it",
    "  plan       019a0000-0000-7000-8000-0000000000ff: 12 of 300 tasks would change something",
    "    apply@web-01:",
    "      -old",
    "      +new",
    "    all of it: holdfast tasks 019a0000-0000-7000-8000-0000000000ff",
    "",
  ]);
  expect(service.approved).toEqual([]);
  service.approvalPage = {};
  expect((await desk.run(["approvals", ID])).stdout).toContain('  plan       none of the same work is known: "holdfast plan FILE"');
  expect((await desk.run(["approvals", ID, "-o", "json"])).json()).toMatchObject([{ status: { digest }, approvals: [], plan: null }]);
});

test("approve shows the page and approves the digest whose first digits are typed", async () => {
  const digits = digest.slice("sha256:".length, "sha256:".length + 8);
  const result = await desk.run(["approve", ID, "--reason", "seen"], { answer: ` ${digits.toUpperCase()} ` });
  expect(result.code).toBe(0);
  expect(result.stderr).toContain(`digest     ${digest}`);
  expect(result.stderr).toContain("to approve it, type the first 8 digits of its digest");
  expect(result.stderr).not.toContain(`(${digits}`);
  expect(result.stderr).toContain(`approved ${digest}; it still needs more: four-eyes/second-person has 1 of 2 by sre`);
  expect(result.stdout).toMatch(/^019a\S+ WAITING succeeded=/);
  expect(service.approved).toEqual([[digest, "seen"]]);
});

test("anything but the digits approves nothing: an empty line, yes, other digits", async () => {
  for (const answer of ["", "y", "yes", "00000000", digest]) {
    const result = await desk.run(["approve", ID], { answer });
    expect(result).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("nothing was approved") });
  }
  expect(service.approved).toEqual([]);
});

test("without a terminal approve shows the page, refuses with 2, and says how a script does it", async () => {
  for (const args of [[], ["--digest", digest], ["-o", "json"]]) {
    const result = await desk.run(["approve", ID, ...args]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(`holdfast approve ${ID} --digest ${digest} --yes`.replaceAll('"', ""));
  }
  expect(await desk.run(["approve", ID, "--yes"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--yes approves nothing unseen"),
  });
  expect(service.approved).toEqual([]);
});

test("a script approves with --digest and --yes, and another digest is refused", async () => {
  expect((await desk.run(["approve", ID, "--digest", digest, "--yes", "-o", "json"])).json()).toMatchObject([{ id: ID, phase: "WAITING" }]);
  const other = `sha256:${"0".repeat(64)}`;
  expect((await desk.run(["approve", ID, "--digest", other, "--yes"])).code).toBe(1);
  expect(await desk.run(["approve", ID, "--digest", other], { answer: "00000000" })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`--digest names another digest than the workflow's, which is ${digest}`),
  });
  expect((await desk.run(["approve", ID, "--digest", "abc", "--yes"])).code).toBe(2);
  expect(service.approved).toEqual([[digest, ""]]);
});
