import { Code, ConnectError } from "@connectrpc/connect";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FreezeMode } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { CliDesk } from "../../test/fakes/cli-world.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { FakeService } from "../../test/fakes/fake-service.ts";

const ID = "019a0000-0000-7000-8000-000000000001";

let service: FakeService;
let desk: CliDesk;

beforeEach(async () => {
  service = new FakeService();
  await service.serve();
  desk = new CliDesk({ HOLDFAST_ADDR: service.address }, temporaryDirectory());
});

afterEach(() => service.stop());

test("a freeze without a scope freezes nothing and says that everything has to be said", async () => {
  const bare = await desk.run(["freeze", "--reason", "fire"]);
  expect(bare).toMatchObject({ code: 2, stdout: "" });
  expect(bare.stderr).toContain("nothing was frozen: say what, with one of --everything, --namespace NAME, --workflow NAME or --label");
  const two = await desk.run(["freeze", "--everything", "--namespace", "a", "--reason", "fire"]);
  expect(two).toMatchObject({ code: 2, stderr: expect.stringContaining("more than one scope") });
  const why = await desk.run(["freeze", "--everything"]);
  expect(why).toMatchObject({ code: 2, stderr: expect.stringContaining("say why with --reason") });
  const label = await desk.run(["freeze", "--label", "ams", "--reason", "fire"]);
  expect(label).toMatchObject({ code: 2, stderr: expect.stringContaining("--label must be LABEL=VALUE") });
  expect(service.calls).toEqual([]);
});

test("a freeze prints its proof by name: what took note, what is in flight, what is past the point of no return", async () => {
  service.guard.acknowledged = [ID];
  service.guard.inFlightTasks = [{ workflow: ID, stage: "fix", action: "apply", target: "web-01" }];
  const result = await desk.run(["freeze", "--everything", "--reason", "wrong site"]);
  expect(result.code).toBe(0);
  expect(result.stdout.split("\n")).toEqual([
    "FROZEN f1 everything, by ann: wrong site (what runs comes to its end)",
    "acknowledged (nothing frozen of these starts any more): 1",
    `  ${ID}`,
    "in flight (nothing changed yet): 1",
    `  ${ID} fix/apply@web-01`,
    "past the point of no return: none",
    "",
  ]);
  expect(result.stderr).toContain('f1 is in force; see "holdfast freeze --status", lift it with "holdfast thaw f1"');
});

test("each scope reaches the service, with --abort as the mode, and the same freeze again is the same", async () => {
  for (const scope of [
    ["--namespace", "prod"],
    ["--workflow", "erase"],
    ["--label", "site=a=b"],
    ["--label", "site=a=b"],
  ])
    expect((await desk.run(["freeze", ...scope, "--abort", "--reason", "x"])).code).toBe(0);
  expect(service.guard.freezes.map(({ scope, mode }) => [scope?.kind?.case, scope?.kind?.value, mode])).toEqual([
    ["namespace", "prod", FreezeMode.ABORT],
    ["workflowName", "erase", FreezeMode.ABORT],
    ["label", expect.objectContaining({ label: "site", value: "a=b" }), FreezeMode.ABORT],
  ]);
  const { stdout } = await desk.run(["freeze", "--status"]);
  expect(stdout).toContain("FROZEN f3 targets with site=a=b, by ann: x (what runs is being ended)");
});

test("the status of freezes ends with 0 when nothing is frozen and with 6 when something is", async () => {
  expect(await desk.run(["freeze", "--status"])).toMatchObject({ code: 0, stdout: "nothing is frozen\n" });
  await desk.run(["freeze", "--everything", "--reason", "x"]);
  expect((await desk.run(["freeze", "--status"])).code).toBe(6);
  const json = await desk.run(["freeze", "--status", "-o", "json"]);
  expect(json.code).toBe(6);
  expect(json.json()).toMatchObject([
    { proof: { freezes: [{ id: "f1", scope: { everything: true }, mode: "FINISH" }], pastReturnCount: 0 } },
  ]);
  expect(await desk.run(["freeze", "--status", "--everything"])).toMatchObject({ code: 2 });
});

test("freeze --wait goes on until nothing frozen runs, and says what is left", async () => {
  const task = (target: string) => ({ workflow: ID, stage: "fix", action: "apply", target });
  service.guard.pastReturnTasks = [task("web-01"), task("web-02")];
  const result = await desk.run(["freeze", "--everything", "--reason", "x", "--wait"]);
  expect(result.code).toBe(0);
  expect(result.stdout).toContain("past the point of no return: 2");
  expect(result.stderr).toContain("frozen attempts that still run: 1");
  expect(result.stdout.trimEnd().split("\n").at(-1)).toBe("past the point of no return: none");
});

test("freeze --wait ends with 1 when its time is up, names what still runs, and the freeze stays", async () => {
  service.guard.inFlightTasks = [{ workflow: ID, stage: "fix", action: "apply", target: "web-01" }];
  const result = await desk.run(["freeze", "--everything", "--reason", "x", "--wait", "--wait-at-most", "0s"]);
  expect(result.code).toBe(1);
  expect(result.stderr).toContain("frozen attempts that still run: 1; the time of --wait-at-most is up, the freeze stays in force");
  expect(service.guard.freezes).toHaveLength(1);
  expect((await desk.run(["freeze", "--status", "--wait-at-most", "1s"])).code).toBe(2);
});

test("a freeze whose answer was lost is asked for again, and there is one freeze", async () => {
  service.broken.add("Freeze");
  expect((await desk.run(["freeze", "--everything", "--reason", "x"])).code).toBe(0);
  expect(service.calls).toEqual(["Freeze", "Freeze"]);
  expect(service.guard.freezes).toHaveLength(1);
});

test("a freeze that reaches no service tells of the file that freezes without one", async () => {
  await service.stop();
  const result = await desk.run(["freeze", "--everything", "--reason", "x"]);
  expect(result.code).toBe(5);
  expect(result.stderr).toContain(`touch ${join(desk.directory, "data", "FREEZE")}`);
});

test("thaw lifts one freeze by ID or those of one scope, and says what is still frozen", async () => {
  await desk.run(["freeze", "--everything", "--reason", "x"]);
  await desk.run(["freeze", "--namespace", "prod", "--reason", "y"]);
  expect(await desk.run(["thaw"])).toMatchObject({ code: 2, stderr: expect.stringContaining("nothing was thawed: name one freeze") });
  expect(await desk.run(["thaw", "f1", "--everything"])).toMatchObject({ code: 2, stderr: expect.stringContaining("not both") });
  expect(await desk.run(["thaw", "--workflow", "erase"])).toMatchObject({ code: 4 });
  const first = await desk.run(["thaw", "f1", "--reason", "all clear"]);
  expect(first).toMatchObject({
    code: 0,
    stdout: "thawed f1\nFROZEN f2 namespace prod, by ann: y (what runs comes to its end)\n",
    stderr: expect.stringContaining("other freezes are still in force: 1"),
  });
  expect(await desk.run(["thaw", "--namespace", "prod"])).toMatchObject({ code: 0, stdout: "thawed f2\n", stderr: "" });
  service.guard.hasFile = true;
  expect(await desk.run(["thaw", "--everything"])).toMatchObject({ code: 1, stderr: expect.stringContaining("/data/FREEZE") });
});

test("locks and limits are a line each, with who waits, and can be narrowed by a prefix", async () => {
  service.guard.held = [
    { key: "target:web-01", workflow: ID, target: "web-01", waiting: ["019a0000-0000-7000-8000-000000000002"] },
    { key: "lock:rack 7", workflow: ID, target: "web-01" },
  ];
  service.guard.used = [{ key: "disk/five/erase/ams", slots: 5, nextAt: timestampFromMs(1_800_000_000_000), each: ["ams"], waiting: [ID] }];
  expect((await desk.run(["locks"])).stdout.split("\n")).toEqual([
    `target:web-01  held by ${ID}  waiting: 019a0000-0000-7000-8000-000000000002`,
    `lock:rack 7  held by ${ID} for web-01`,
    "",
  ]);
  expect((await desk.run(["locks", "lock:", "-o", "json"])).json()).toEqual([
    { key: "lock:rack 7", workflow: ID, target: "web-01", waiting: [] },
  ]);
  expect((await desk.run(["limits"])).stdout).toBe(
    `disk/five/erase/ams  5 in use  next token at 2027-01-15T08:00:00.000Z  each ams  waiting: ${ID}\n`,
  );
  expect(await desk.run(["limits", "x"])).toMatchObject({ code: 0, stdout: "", stderr: "no limit is in use whose key begins so\n" });
  expect(await desk.run(["locks", "x"])).toMatchObject({ code: 0, stdout: "", stderr: "no lock is held whose key begins so\n" });
});

test("a freeze that is not allowed ends with 3", async () => {
  service.guard.refusal = new ConnectError('needs a role of: operator, admin; "ann" has viewer', Code.PermissionDenied);
  expect((await desk.run(["freeze", "--everything", "--reason", "x"])).code).toBe(3);
});
