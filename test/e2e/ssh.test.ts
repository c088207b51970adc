// The built service and client over real ssh: eight hosts repaired in waves, everything killed in the middle, hosts that go away and come back.

import { existsSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../fakes/temp-directory.ts";
import { aFleet, isAlive, until } from "./ssh-fleet.ts";
import type { Fleet } from "./ssh-fleet.ts";

const HOSTS = 8;

/** What a terminal would obey. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/;
const UNTIL_GO = "until [ -e go ]; do sleep 0.02; done";

/** A repair that is not repeatable: it counts itself, and ends when its host has a file `go`. */
const REPAIR = `echo "$HOLDFAST_TASK_KEY" >>repairs; ${UNTIL_GO}; rm -f broken`;

const SCAN_AND_FIX = `
name: scan-and-fix
params: { port: { type: int, default: 8080 } }
targets: { where: target.labels.role == "web", expect: ${HOSTS} }
stages:
  - name: fix
    over: targets
    rollout: { waves: [1, 50%, 100%], parallel: 8 }
    actions:
      - &scan
        name: scan
        uses: command
        with: { shell: 'if [ -e broken ]; then echo "{\\"issues\\": [1]}"; else echo "{\\"issues\\": []}"; fi', output: json, effects: none }
      - { name: repair, when: size(scan.output.issues) > 0, uses: command, with: { shell: '${REPAIR}' } }
      - { name: config, uses: file, with: { path: "\${{ target.labels.home }}/app.conf", source: app.conf.tmpl, template: true, mode: "0640" } }
      - { name: rescan, uses: command, with: { shell: '! [ -e broken ] && echo "{\\"issues\\": []}"', output: json, effects: none } }
      - { name: proof, uses: assert, with: { that: size(rescan.output.issues) == 0 } }
output: "stage('fix').changed"
`;

function scanAndFix(fleet: Fleet): string {
  fleet.write("app.conf.tmpl", "host = ${{ target.name }}\nport = ${{ params.port }}\n");
  return fleet.write("scan-and-fix.yaml", SCAN_AND_FIX.replace("&scan\n        ", ""));
}

/** One stage of one action over all hosts. */
function oneAction(fleet: Fleet, action: Readonly<Record<string, unknown>>, rollout = {}): string {
  const stage = { name: "only", over: "targets", rollout, actions: [{ name: "work", uses: "command", ...action }] };
  return fleet.write("one.yaml", JSON.stringify({ name: "one", targets: { where: "true" }, stages: [stage] }));
}

test("eight hosts are scanned, repaired, configured and proven in waves, and a repeat changes nothing", async () => {
  const fleet = await aFleet({ hosts: HOSTS });
  fleet.put("go");
  fleet.put("broken", "", [0, 1, 2, 3, 4, 5]);
  fleet.put("app.conf", "host = old\nport = 80\n", [0]);
  const first = await fleet.client("run", scanAndFix(fleet));
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expect(first.stdout.trimEnd().split("\n").at(-1)).toBe(`${first.id} SUCCEEDED succeeded=38 failed=0 changed=14`);
  expect(fleet.hosts.map((_, n) => fleet.lines(n, "repairs").length)).toEqual([1, 1, 1, 1, 1, 1, 0, 0]);
  expect(fleet.hosts.map((_, n) => fleet.lines(n, "app.conf"))).toEqual(fleet.hosts.map((_, n) => [`host = web-${n}`, "port = 8080"]));
  expect(statSync(fleet.at(5, "app.conf")).mode & 0o777).toBe(0o640);
  const shown = await fleet.client("tasks", first.id, "--target", "web-0");
  expect(shown.stdout).toContain("-host = old");
  expect(shown.stdout).toContain("+host = web-0");
  const repeat = await fleet.client("run", scanAndFix(fleet));
  expect(repeat.stdout).toContain(" SUCCEEDED succeeded=32 failed=0 changed=0");
});

test("service and client killed while commands are under way: resume finds what went on, and each host is repaired once", async () => {
  const fleet = await aFleet({ hosts: HOSTS });
  fleet.put("broken");
  fleet.put("go", "", [0]);
  const run = fleet.start("run", scanAndFix(fleet));
  await until(() => [1, 2, 3, 4].every((n) => fleet.lines(n, "repairs").length === 1));
  run.child.kill("SIGKILL");
  await fleet.daemon.kill();
  fleet.put("go", "", [1, 2]);
  await until(() => [1, 2].every((n) => !fleet.has(n, "broken")));
  fleet.host(3).cut();
  await fleet.daemon.start();
  const resumed = fleet.start("resume");
  fleet.put("go");
  expect(await resumed.ended).toMatchObject({ code: 0, stdout: expect.stringContaining("SUCCEEDED succeeded=40 failed=0 changed=16") });
  expect(fleet.hosts.map((_, n) => fleet.lines(n, "repairs").length)).toEqual(fleet.hosts.map(() => 1));
});

test("a connection that is cut under a running command is found again, with the command's real status and output", async () => {
  const fleet = await aFleet({ hosts: 1 });
  const file = oneAction(fleet, { with: { shell: `echo x >>begun; ${UNTIL_GO}; echo all of it` } });
  const run = fleet.start("run", file);
  await until(() => fleet.has(0, "begun"));
  fleet.host(0).cut();
  fleet.put("go");
  const { code, id } = await run.ended;
  expect(code).toBe(0);
  expect(await fleet.tasks(id)).toMatchObject([{ outcome: "SUCCEEDED", attempts: 1, outputTail: "all of it" }]);
  expect(fleet.lines(0, "begun")).toEqual(["x"]);
});

test("cancel ends the whole process group at the far end, grandchildren too", async () => {
  const fleet = await aFleet({ hosts: 2 });
  const shell = `sleep 300 & echo $! >child; sh -c 'sleep 300 & echo $! >grandchild; wait' & wait`;
  const run = fleet.start("run", oneAction(fleet, { with: { shell } }));
  await until(() => [0, 1].every((n) => fleet.lines(n, "child").length + fleet.lines(n, "grandchild").length === 2));
  const pids = [0, 1].flatMap((n) => [...fleet.lines(n, "child"), ...fleet.lines(n, "grandchild")]);
  expect(pids.map(isAlive)).toEqual([true, true, true, true]);
  const cancelled = await fleet.client("cancel", await fleet.newestId(), "--wait");
  expect(pids.map(isAlive)).toEqual([false, false, false, false]);
  expect(cancelled.code).toBe(6);
  expect(await run.ended).toMatchObject({ code: 6 });
  expect(await fleet.tasks(cancelled.id)).toMatchObject([{ outcome: "CANCELLED" }, { outcome: "CANCELLED" }]);
});

test("a host that goes away under a change is unknown and waits for a person, who says what became of it", async () => {
  const fleet = await aFleet({ hosts: 2 });
  const file = oneAction(fleet, { timeout: "2s", with: { shell: `echo $$ >>begun; ${UNTIL_GO}; echo x >>done` } });
  const run = fleet.start("run", file);
  await until(() => [0, 1].every((n) => fleet.lines(n, "begun").length === 1));
  await Promise.all(fleet.hosts.map((host) => host.stop()));
  const { code, id, stdout } = await run.ended;
  expect([code, stdout]).toEqual([7, expect.stringContaining(`${id} WAITING`)]);
  const why = await fleet.client("why", id, "web-1");
  expect(why.stdout).toContain("UNKNOWN: only/work is unknown: nobody can say whether it was done");
  const reason = { outcome: "UNKNOWN", error: expect.stringContaining("cannot be reached to see how the run ended") };
  expect(await fleet.tasks(id)).toMatchObject([reason, reason]);
  await Promise.all(fleet.hosts.map((host) => host.start()));
  await until(() => ![0, 1].some((n) => isAlive(fleet.lines(n, "begun")[0] ?? ""))); // ended there by its own timeout
  fleet.put("go");
  expect((await fleet.client("resolve", id, "only/work@web-0", "succeeded", "--reason", "looked")).code).toBe(0);
  const ended = await fleet.client("resolve", id, "only/work@web-1", "run-again", "--reason", "looked", "--wait");
  expect([ended.code, ended.stdout]).toEqual([0, expect.stringContaining("SUCCEEDED succeeded=2 failed=0")]);
  expect([0, 1].map((n) => [fleet.lines(n, "begun").length, fleet.lines(n, "done").length])).toEqual([
    [1, 0],
    [2, 1],
  ]);
});

test("a cancel that cannot reach the host leaves the outcome unknown", async () => {
  const fleet = await aFleet({ hosts: 1 });
  const run = fleet.start("run", oneAction(fleet, { with: { shell: `echo x >>begun; ${UNTIL_GO}` } }));
  await until(() => fleet.has(0, "begun"));
  await fleet.host(0).stop();
  const id = await fleet.newestId();
  expect((await fleet.client("cancel", id)).code).toBe(0);
  fleet.host(0).changeHostKey();
  await fleet.host(0).start();
  expect(await run.ended).toMatchObject({ code: 6, stdout: expect.stringContaining(`${id} CANCELLED`) });
  expect(await fleet.tasks(id)).toMatchObject([{ outcome: "UNKNOWN", error: expect.stringContaining("cannot be reached to end the run") }]);
  fleet.put("go");
});

test("a host that is down, unknown, changed or lacks flock is unreachable with the thing to do; it counts as a failure, and nobody is asked", async () => {
  const bin = aPoorHost();
  const fleet = await aFleet({ hosts: 5, sshd: { 3: { env: { PATH: bin } } } });
  await fleet.host(0).stop();
  writeFileSync(fleet.host(1).knownHosts, "");
  await fleet.host(2).stop();
  fleet.host(2).changeHostKey();
  await fleet.host(2).start();
  const action = { with: { shell: "echo x >>begun" } };
  const within = await fleet.client("run", oneAction(fleet, action, { max_failures: 4 }));
  expect([within.code, within.stdout]).toEqual([0, expect.stringContaining("SUCCEEDED succeeded=1")]);
  const tasks = await fleet.tasks(within.id);
  expect(tasks.map(({ outcome }) => outcome)).toEqual([...Array(4).fill("UNREACHABLE"), "SUCCEEDED"]);
  const [down, unknown, changed, poor] = tasks.map(({ error }) => error);
  expect(down).toContain("Connection refused");
  expect(unknown).toContain(`is not known; compare what "ssh-keyscan -p ${fleet.host(1).port} 127.0.0.1" prints`);
  expect(changed).toContain("ssh-keygen -R");
  expect(poor).toContain('"flock" is not in its PATH');
  const past = await fleet.client("run", oneAction(fleet, action, { max_failures: 3 }));
  expect([past.code, past.stdout]).toEqual([1, expect.stringContaining("FAILED")]);
  expect(fleet.hosts.map((_, n) => fleet.has(n, "begun"))).toEqual([false, false, false, false, true]);
  expect(existsSync(fleet.askedFile)).toBe(false);
});

test("a file is replaced as a whole: whoever reads it sees the old or the new one", async () => {
  const fleet = await aFleet({ hosts: 1 });
  const [old, wanted] = ["old\n".repeat(100_000), "new\n".repeat(200_000)];
  fleet.put("big.conf", old);
  fleet.write("big.conf", wanted);
  const file = oneAction(fleet, { uses: "file", with: { path: "${{ target.labels.home }}/big.conf", source: "big.conf" } });
  const seen = new Set<number>();
  let isOver = false;
  const watching = until(() => {
    seen.add(readFileSync(fleet.at(0, "big.conf")).length);
    return isOver;
  });
  const run = await fleet.client("run", file);
  isOver = true;
  await watching;
  expect(run.code).toBe(0);
  expect([...seen]).toEqual([old.length, wanted.length]);
  expect(readFileSync(fleet.at(0, "big.conf"), "utf8")).toBe(wanted);
  expect(readdirSync(fleet.host(0).home)).toEqual(["big.conf"]);
});

test("what a host prints cannot reach the terminal", async () => {
  const fleet = await aFleet({ hosts: 1 });
  const shell = String.raw`printf '\033]0;title\007\033[2Jshown\377\000\n'; printf '\033[31mred\n' >&2; exit 3`;
  const run = await fleet.client("run", oneAction(fleet, { with: { shell } }));
  expect(run.code).toBe(1);
  const texts = await Promise.all([
    fleet.client("tasks", run.id),
    fleet.client("history", run.id, "--details"),
    fleet.client("why", run.id),
  ]);
  for (const { stdout, stderr } of [run, ...texts]) expect(`${stdout}${stderr}`).not.toMatch(CONTROL);
  expect(texts[0]?.stdout).toContain("\\x1b]0;title\\x07\\x1b[2Jshown");
  const json = await fleet.client("tasks", run.id, "-o", "json");
  expect(json.stdout).not.toMatch(CONTROL);
});

/** A PATH with what a shim needs, but no flock. */
function aPoorHost(): string {
  const bin = temporaryDirectory();
  for (const tool of ["sh", "setsid", "head", "cat"]) symlinkSync(`/usr/bin/${tool}`, `${bin}/${tool}`);
  return bin;
}
