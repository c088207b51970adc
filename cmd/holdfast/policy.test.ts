import { expect, onTestFinished, test } from "vitest";
import { Decision, Enforcement, Gate } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { CliDesk } from "../../test/fakes/cli-world.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { FakeService } from "../../test/fakes/fake-service.ts";

const WORKFLOW = "name: w\nstages: [{ name: fix, actions: [{ name: x, uses: wait }] }]\n";
const DIGEST = `sha256:${"3f".repeat(32)}`;
const ID = "019a0000-0000-7000-8000-000000000001";
const PIN = { name: "blast-radius", digest: DIGEST };

/** A service with these answers, and a client that knows it. */
async function served(policies: FakeService["policies"]): Promise<CliDesk> {
  const service = new FakeService();
  service.policies = policies;
  onTestFinished(() => service.stop());
  await service.serve();
  return new CliDesk({ HOLDFAST_ADDR: service.address }, temporaryDirectory());
}

const policyFile = (expr: string): string => `name: p
match: 'true'
rules: [{ name: few, gates: [submit], enforcement: deny, expr: '${expr}', message: '"has " + string(scope.tasks) + " tasks"' }]
tests:
  - name: two tasks are one too many
    workflow: { name: w, stages: [{ name: s, actions: [{ name: a, uses: wait }, { name: b, uses: wait }] }] }
    expect: { deny: [few] }
  - name: one is allowed
    workflow: { name: w, stages: [{ name: s, actions: [{ name: a, uses: wait }] }] }
    expect: allow
`;

test("policy check needs no service: whole files whose tests pass end with 0", async () => {
  const desk = new CliDesk({ HOLDFAST_ADDR: "http://127.0.0.1:9" }, temporaryDirectory());
  const file = desk.file("p.yaml", policyFile("scope.tasks < 2"));
  const { code, stdout } = await desk.run(["policy", "check", file]);
  expect(stdout).toContain(`ok      ${file}: policy p, 1 rules, 0 limits, 2 of 2 tests pass`);
  expect(stdout).toContain("all is well: 1 files, 2 tests, 0 failed");
  expect(code).toBe(0);
});

test("a failing test ends with 1, and says what was expected and what was found", async () => {
  const desk = new CliDesk({}, temporaryDirectory());
  const { code, stdout } = await desk.run(["policy", "check", "--brief", desk.file("p.yaml", policyFile("scope.tasks < 3"))]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/FAILED {2}two tasks are one too many \(.*p\.yaml:5:5\)/);
  expect(stdout).toMatch(/expected deny: few\n.*found {4}deny: nothing/);
  expect(stdout).not.toContain("one is allowed");
});

test("a broken file ends with 1 and its places; with -o json a line a file", async () => {
  const desk = new CliDesk({}, temporaryDirectory());
  const file = desk.file("p.yaml", policyFile("scope.taks < 2"));
  const text = await desk.run(["policy", "check", file]);
  expect(text.code).toBe(1);
  expect(text.stdout).toMatch(/p\.yaml:3:71: rules\[0\]\.expr: no such field "taks" in scope; did you mean "tasks"/);
  expect(text.stdout).not.toContain("no rule of this name");
  const json = await desk.run(["policy", "check", file, "-o", "json"]);
  expect(json.json()).toMatchObject([{ file, policy: "", fault: expect.stringContaining("taks") }]);
});

test("a fault inside a test's workflow has its place in the policy file", async () => {
  const desk = new CliDesk({}, temporaryDirectory());
  const file = desk.file(
    "p.yaml",
    policyFile("scope.tasks < 2").replace("uses: wait }] }] }\n    expect: allow", "usse: wait }] }] }\n    expect: allow"),
  );
  const { code, stdout } = await desk.run(["policy", "check", file]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/p\.yaml:9:\d+: stages\[0\]\.actions\[0\]\.usse: unknown field; did you mean "uses"/);
});

test("a path that is not there, and a directory without policies, are told", async () => {
  const desk = new CliDesk({}, temporaryDirectory());
  expect((await desk.run(["policy", "check", "/nowhere/p.yaml"])).code).toBe(4);
  const empty = await desk.run(["policy", "check", desk.directory]);
  expect(empty.code).toBe(2);
  expect(empty.stderr).toContain("there is no policy file");
});

test("policy explain shows each gate, what holds and what does not, and ends with 3 where it is denied", async () => {
  const desk = await served({
    explain: async () => ({
      gates: [
        {
          gate: Gate.SUBMIT,
          decision: Decision.DENY,
          rules: [
            { pin: PIN, rule: "few", enforcement: Enforcement.DENY, matches: true, holds: false, message: "has 2 tasks" },
            { pin: PIN, rule: "named", enforcement: Enforcement.WARN, matches: true, holds: true },
            { pin: { name: "other", digest: DIGEST }, rule: "x", enforcement: Enforcement.WAIT },
          ],
        },
        {
          gate: Gate.TASK,
          stage: "fix",
          action: "x",
          target: "web-1",
          decision: Decision.ALLOW,
          limits: [{ key: "p/l/erase", terms: "1 token per 1h" }],
        },
      ],
    }),
  });
  const file = desk.file("w.yaml", WORKFLOW);
  const { code, stdout } = await desk.run(["policy", "explain", file]);
  expect(code).toBe(3);
  expect(stdout).toBe(
    [
      "DENY at the gate submit",
      "  BROKEN  blast-radius@3f3f3f3f3f3f/few (deny): has 2 tasks",
      "  holds   blast-radius@3f3f3f3f3f3f/named (warn)",
      "  no part other@3f3f3f3f3f3f/x (wait): the policy does not match the workflow",
      "ALLOW at the gate task fix/x@web-1",
      "  takes   p/l/erase: 1 token per 1h",
      "",
    ].join("\n"),
  );
  expect((await desk.run(["policy", "explain", file, "--broken"])).stdout).not.toContain("named");
});

test("policy replay sends candidates, prints what would be decided otherwise, and ends with 1 when there is any", async () => {
  const asked: { sinceS: number; files: string[] }[] = [];
  const desk = await served({
    replay: async function* replay({ since, candidates }) {
      asked.push({ sinceS: Number(since?.seconds ?? 0n), files: candidates.map(({ file }) => file) });
      if (candidates.length > 0) yield { id: ID, name: "w", was: Decision.ALLOW, now: Decision.DENY, rules: ["p/few: has 2 tasks"] };
      yield { examined: 7 };
    },
  });
  const file = desk.file("p.yaml", policyFile("true"));
  const changed = await desk.run(["policy", "replay", "--since", "90d", "--policies", file]);
  expect(changed.code).toBe(1);
  expect(changed.stdout).toContain(`${ID}`);
  expect(changed.stdout).toContain("ALLOW -> DENY  w\n  p/few: has 2 tasks");
  expect(changed.stderr).toContain("1 of 7 workflows would be decided otherwise by these policies");
  expect((await desk.run(["policy", "replay", "--since", "1h"])).code).toBe(0);
  expect(asked.map(({ files }) => files)).toEqual([[file], []]);
  expect((asked[1]?.sinceS ?? 0) - (asked[0]?.sinceS ?? 0)).toBeGreaterThan(89 * 86_400);
  expect((await desk.run(["policy", "replay", "--since", "soon"])).code).toBe(2);
});

test("policy list names the broken files and says what that means", async () => {
  const desk = await served({
    listPolicies: async () => ({
      policies: [
        { pin: PIN, file: "a.yaml", rules: ["few"], limits: ["five"] },
        { pin: PIN, file: "b.yaml", fault: "b.yaml:1:1: ruels: unknown field" },
      ],
    }),
  });
  const { code, stdout } = await desk.run(["policy", "list"]);
  expect(code).toBe(1);
  expect(stdout).toContain("ok      a.yaml  blast-radius@3f3f3f3f3f3f: rules few; limits five\n");
  expect(stdout).toContain("BROKEN  b.yaml  blast-radius@3f3f3f3f3f3f\n  this version serves what runs");
  const open = await served({ listPolicies: async () => ({ isDefault: true }) });
  expect((await open.run(["policy", "list"])).stderr).toContain("the built-in default allows everything");
});
