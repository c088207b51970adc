// A backup of a service under load, the service ended, the backup brought back: it begins frozen, changes nothing at the hosts, and after the
// thaw nothing unsafe is done twice. Each host counts what was done to it; the service that the backup was taken from went on meanwhile.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { expect, onTestFinished, test } from "vitest";
import { AttemptDetailSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { detailKey } from "../../internal/journal/layout.ts";
import { seal } from "../../internal/journal/record.ts";
import { Store } from "../../internal/journal/store.ts";
import { seededRandom } from "../fakes/fake-ids.ts";
import { anId } from "../fakes/journal-entries.ts";
import { Scene } from "./scene.ts";

const HOSTS = 6;
const WORKFLOW = `
name: fix
targets: { where: "true" }
stages:
  - name: fix
    over: targets
    rollout: { waves: [1, 100%], parallel: 2 }
    actions:
      - { name: fix, uses: command, with: { shell: "echo begin >>begin.log; sleep 0.2; echo fix >>done.log; touch fixed" } }
      - { name: guarded, uses: command, with: { shell: "echo guarded >>done.log; touch guarded", creates: guarded } }
      - { name: conf, uses: file, with: { path: app.conf, content: "target=\${{ target.name }}\\n" } }
`;
/** The first start of a restored store: the workflow is told, everything is frozen, then come the first turns. */
const KILLS = [1, 2, 3].flatMap((nth) => [
  { nth, when: "before" },
  { nth, when: "after" },
]);
const RESTORES = 8;
const ROWS = 160;
const ROW_BYTES = 256 * 1024;

function aScene(hosts: number): Scene {
  const scene = new Scene(hosts);
  onTestFinished(() => scene.remove());
  return scene;
}

/** Resolves when it is so. */
async function until(isSo: () => boolean, what: string): Promise<void> {
  const giveUpMs = Date.now() + 30_000;
  while (!isSo()) {
    if (Date.now() > giveUpMs) throw new Error(`${what}: it never came to that`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What all hosts say was done to them. */
function deeds(scene: Scene): readonly string[] {
  return scene.hosts.map((host) => ["begin.log", "done.log", "app.conf"].map((file) => scene.read(host, file)).join("|"));
}

function doneAt(scene: Scene): number {
  return scene.hosts.filter((host) => scene.read(host, "done.log").includes("fix")).length;
}

/** Takes a backup while the workflow runs, and ends the service when so many hosts are fixed; what it began there comes to its end. */
async function backedUp(endedAt: number): Promise<{ readonly scene: Scene; readonly backup: string; readonly id: string }> {
  const scene = aScene(HOSTS);
  const file = scene.write("fix.yaml", WORKFLOW);
  const backup = join(scene.daemon.directory, "backup");
  await scene.start();
  const running = scene.spawnClient(["run", file, "--give-up-after", "200ms"]);
  await until(() => doneAt(scene) >= 1, "the first host is fixed");
  const taken = await scene.client("journal", "backup", backup);
  expect(taken.code, taken.stderr).toBe(0);
  expect(taken.stdout).toMatch(
    /^wrote .*: \d+ bytes, \d+ rows, 1 workflows \(1 open\)\ntaken 2\S+Z at batch \d+\nhead [0-9a-f]{64}\nstore [0-9a-f]{64}\n$/,
  );
  expect([statSync(backup).mode & 0o777, existsSync(`${backup}.partial`)]).toEqual([0o600, false]);
  const [workflow] = await scene.list();
  await until(() => doneAt(scene) >= endedAt, "the service went on");
  if (endedAt === HOSTS) await running.ended;
  await scene.daemon.kill();
  await running.ended;
  await until(
    () => scene.hosts.every((host) => scene.read(host, "begin.log") === "" || existsSync(scene.at(host, "fixed"))),
    "the hosts are still",
  );
  return { scene, backup, id: workflow?.id ?? "" };
}

/** Brings the backup back in place of the data directory. */
async function restore(scene: Scene, backup: string, options: { readonly keepsRuns: boolean }): Promise<void> {
  const { dataDir } = scene.daemon;
  const former = `${dataDir}.former`;
  if (existsSync(former)) rmSync(dataDir, { recursive: true });
  else renameSync(dataDir, former);
  const done = await scene.client("journal", "restore", backup, "--data", dataDir);
  expect(done.code, done.stderr).toBe(0);
  expect(done.stdout).toMatch(/\nopen [0-9a-f-]{36} fix\n$/);
  expect(done.stderr).toContain("it begins frozen, changes nothing, and looks");
  if (options.keepsRuns) cpSync(join(former, "runs"), join(dataDir, "runs"), { recursive: true });
}

/** The freezes in force, by the client. */
async function freezes(scene: Scene): Promise<readonly string[]> {
  const { code, stdout } = await scene.client("freeze", "--status");
  const lines = stdout.split("\n").filter((line) => /\bby restore\b/.test(line));
  expect(code, stdout).toBe(lines.length === 0 ? 0 : 6);
  return lines;
}

/** Follows the workflow; a person looks at the host of each task that is held, and says what is so. Returns how many there were. */
async function follow(scene: Scene, id: string): Promise<number> {
  for (let held = 0; ;) {
    const watched = await scene.client("watch", id);
    if (watched.code === 0) return held;
    expect(watched.code, watched.stdout + watched.stderr).toBe(7);
    for (const task of (await scene.tasks(id)).filter(({ outcome }) => outcome === "UNKNOWN")) {
      expect([task.action, task.error]).toEqual(["fix", expect.stringContaining("restored from a backup of 2")]);
      const word = scene.read(task.target, "done.log").includes("fix") ? "succeeded" : "run-again";
      const said = await scene.client("resolve", id, `fix/fix@${task.target}`, word, "--reason", "looked at the host");
      expect(said.code, said.stderr).toBe(0);
      held += 1;
    }
  }
}

/** Makes the journal of a service that is down so much larger. */
async function addRows(scene: Scene, rows: number): Promise<void> {
  const store = await Store.open(join(scene.daemon.dataDir, "journal"), { isCreated: false });
  for (let task = 0; task < rows; task++) {
    const key = detailKey(anId(1), task, 1);
    const detail = create(AttemptDetailSchema, { task, attempt: 1, outputTail: `${task}`.padEnd(ROW_BYTES, "x") });
    await store.write([{ key, value: seal(key, [toBinary(AttemptDetailSchema, detail)]) }]);
  }
  await store.close();
}

function expectOnce(scene: Scene): void {
  for (const host of scene.hosts) {
    expect(scene.read(host, "begin.log"), host).toBe("begin\n");
    expect(scene.read(host, "done.log"), host).toBe("fix\nguarded\n");
    expect(scene.read(host, "app.conf"), host).toBe(`target=${host}\n`);
  }
}

test.each([
  { endedAt: HOSTS, keepsRuns: false, what: "had ended the workflow" },
  { endedAt: 4, keepsRuns: false, what: "was killed in the middle of it" },
  { endedAt: 4, keepsRuns: true, what: "was killed in the middle of it, and the hosts remember their runs" },
])(
  "a restored service begins frozen, and does nothing unsafe twice, where the former one $what",
  { timeout: 240_000 },
  async ({ endedAt, keepsRuns }) => {
    const { scene, backup, id } = await backedUp(endedAt);
    await restore(scene, backup, { keepsRuns });
    const before = deeds(scene);
    await scene.start();
    expect(await freezes(scene)).toHaveLength(1);
    const [workflow] = await scene.list();
    expect(workflow).toMatchObject({ id, phase: "FROZEN" });
    const refused = await scene.client("run", join(scene.daemon.directory, "fix.yaml"));
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining("frozen by f1 (everything, by restore): restored from the backup of"),
    ]);
    expect(deeds(scene)).toEqual(before);
    const thawed = await scene.client("thaw", "f1", "--reason", "looked");
    expect(thawed.code, thawed.stderr).toBe(0);
    const held = await follow(scene, id);
    console.log(
      `restored where ${endedAt} of ${HOSTS} hosts were fixed, runs ${keepsRuns ? "kept" : "lost"}: ${held} tasks held for a person`,
    );
    expectOnce(scene);
    const verified = await scene.client("journal", "verify");
    expect(verified.code, verified.stdout).toBe(0);
  },
);

test(
  "killed at any append of its first start, a restored service is frozen once, and tells each workflow once",
  { timeout: 300_000 },
  async () => {
    const { scene, backup, id } = await backedUp(3);
    const before = deeds(scene);
    for (const { nth, when } of KILLS) {
      await restore(scene, backup, { keepsRuns: false });
      const crash = { HOLDFAST_CRASH_APPEND: String(nth), HOLDFAST_CRASH_WHEN: when };
      await scene.start(crash).catch(() => undefined); // it may die before it serves
      expect(await scene.daemon.ended(), `${nth} ${when}`).toMatchObject({ signal: "SIGKILL" });
      await scene.start();
      expect(await freezes(scene), `${nth} ${when}`).toHaveLength(1);
      const { stdout } = await scene.client("history", id, "-o", "json");
      expect(stdout.split("\n").filter((line) => line.includes("workflowRestored"))).toHaveLength(1);
      expect(deeds(scene)).toEqual(before);
      await scene.daemon.kill();
    }
    await scene.start();
    await scene.client("thaw", "f1", "--reason", "looked");
    await scene.daemon.restart();
    expect(await freezes(scene)).toEqual([]);
    await follow(scene, id);
    expectOnce(scene);
  },
);

test("a restore that is killed at any time leaves no journal, or a whole one that begins frozen", { timeout: 300_000 }, async () => {
  const { scene, backup } = await backedUp(3);
  const { dataDir } = scene.daemon;
  renameSync(dataDir, `${dataDir}.former`);
  const seed = Number(process.env["HOLDFAST_SEED"] ?? 5);
  const random = seededRandom(seed);
  const seen = { kills: 0, none: 0, whole: 0 };
  for (let round = 0; round < RESTORES; round++) {
    rmSync(dataDir, { recursive: true, force: true });
    mkdirSync(dataDir);
    cpSync(join(`${dataDir}.former`, "journal-head"), join(dataDir, "journal-head"));
    const restoring = scene.spawnClient(["journal", "restore", backup, "--data", dataDir]);
    // Most of the time goes by before it begins; from there on it may be killed anywhere.
    await until(() => existsSync(join(dataDir, "journal.restoring")) || restoring.child.exitCode !== null, "the restore has begun");
    const delayMs = random() * 60;
    const endMs = performance.now() + delayMs;
    await until(() => performance.now() >= endMs, "some time has passed");
    restoring.child.kill("SIGKILL");
    seen.kills += (await restoring.ended).code === null ? 1 : 0;
    if (!existsSync(join(dataDir, "journal"))) {
      seen.none += 1;
      const again = await scene.client("journal", "restore", backup, "--data", dataDir);
      expect(again.code, `seed ${seed}, round ${round}: ${again.stderr}`).toBe(0);
    } else seen.whole += 1;
    const verified = await scene.client("journal", "verify", "--data", dataDir);
    expect(verified.code, `seed ${seed}, round ${round}: ${verified.stdout}`).toBe(0);
  }
  console.log(`restores: ${RESTORES}, killed: ${seen.kills}, no journal: ${seen.none}, whole: ${seen.whole} (seed ${seed})`);
  expect(seen.kills).toBeGreaterThan(0);
  await scene.start();
  expect(await freezes(scene)).toHaveLength(1);
});

test("a disk that is full leaves no backup, and says so", { timeout: 240_000 }, async () => {
  const scene = aScene(1);
  await scene.start();
  const backup = join(scene.daemon.directory, "backup");
  // No file may grow beyond 512 bytes: what is written fails, as on a full disk.
  const limited = ["-c", 'ulimit -f 1; exec "$@"', "sh", process.execPath, "cmd/holdfast/main.ts", "journal", "backup", backup];
  await scene.daemon.kill();
  await addRows(scene, 4);
  await scene.start();
  const ended = spawnSync("sh", limited, { env: { ...process.env, ...scene.daemon.clientEnv }, encoding: "utf8" });
  expect([ended.status, ended.stderr]).toEqual([
    1,
    expect.stringMatching(/backup cannot be written \(EFBIG\), and there is no backup there; look/),
  ]);
  expect([existsSync(backup), existsSync(`${backup}.partial`)]).toEqual([false, false]);
});

test("a backup that is cut off by a kill of the service or of the client never looks whole", { timeout: 240_000 }, async () => {
  const scene = aScene(1);
  await scene.start();
  await scene.daemon.kill();
  await addRows(scene, ROWS);
  const backup = join(scene.daemon.directory, "backup");
  const partial = `${backup}.partial`;
  const hasBegun = () => (statSync(partial, { throwIfNoEntry: false })?.size ?? 0) > 1024 * 1024;
  await scene.start();
  const first = scene.spawnClient(["journal", "backup", backup]);
  await until(hasBegun, "the backup has begun");
  await scene.daemon.kill();
  const end = await first.ended;
  expect([end.code, existsSync(backup), existsSync(partial)], end.stderr).toEqual([5, false, false]);
  await scene.start();
  const second = scene.spawnClient(["journal", "backup", backup]);
  await until(hasBegun, "the second backup has begun");
  second.child.kill("SIGKILL");
  await second.ended;
  expect([existsSync(backup), existsSync(partial)]).toEqual([false, true]);
  const cut = await scene.client("journal", "verify", "--backup", partial);
  expect([cut.code, cut.stderr]).toEqual([1, expect.stringMatching(/is cut short.*no closing record/)]);
  const beganMs = performance.now();
  const third = await scene.client("journal", "backup", backup);
  expect(third.code, third.stderr + scene.daemon.stderr).toBe(0);
  console.log(`a backup of ${statSync(backup).size} bytes: ${Math.round(performance.now() - beganMs)} ms, start of the client included`);
  const there = await scene.client("journal", "backup", backup);
  expect([there.code, there.stderr]).toEqual([
    1,
    expect.stringContaining("is there already; name another file, or replace it with --force"),
  ]);
  const before = readFileSync(backup);
  const forced = await scene.client("journal", "backup", backup, "--force");
  expect([forced.code, readFileSync(backup).length]).toEqual([0, before.length]);
});
