// kill -9 in the middle of limited work: waves, a pause, five at a time, one site in a period, a lock of a rack. By the hosts' own log and the
// machine's own clock no sixth host is under change and no second site comes early; and a freeze that was answered is in force after it.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Scene } from "./scene.ts";

const PERIOD_MS = 3_000;
const HOSTS = 8;
const AMS = 6;
/** A run makes 19 to 22 appends, as they happen to be grouped; these are spread over those that every run has. */
const KILLS = [
  { nth: 3, when: "after" },
  { nth: 6, when: "before" },
  { nth: 9, when: "after" },
  { nth: 13, when: "before" },
  { nth: 15, when: "after" },
  { nth: 17, when: "before" },
] as const;

const POLICY = `
name: erase
match: 'true'
limits:
  - { name: one-site-a-period, match: 'true', key: '"erase"', each: target.labels.site, tokens: 1, period: 3s }
  - { name: five-at-a-time, match: 'true', key: '"erase"', concurrency: 5 }
`;

/** Each host says when it begins and ends, by the machine's clock that no step moves. */
const WORKFLOW = `
name: erase
targets: { where: "true" }
stages:
  - name: erase
    over: targets
    rollout: { waves: [5], pause: 1s, parallel: 10 }
    lock: "rack-\${{ target.labels.rack }}"
    actions:
      - name: erase
        uses: command
        with:
          shell: 'log() { echo "$1 \${{ target.name }} $(cut -d" " -f1 /proc/uptime)" >>../../log; }; log begin; sleep 0.3; touch done; log end'
          creates: done
`;

/** A line of the hosts' log. */
interface Line {
  readonly kind: string;
  readonly host: string;
  readonly atMs: number;
}

function aScene(): Scene {
  const args: string[] = [];
  const scene = new Scene(HOSTS, args);
  args.push("--policies", scene.write("policies/erase.yaml", POLICY).replace(/\/erase\.yaml$/, ""));
  const targets = scene.hosts.map((name, index) => {
    const labels = `{ site: ${index < AMS ? "ams" : "fra"}, rack: r${index % 4} }`;
    return `  - { name: ${name}, labels: ${labels}, connection: { local: { root: ./hosts/${name} } } }`;
  });
  writeFileSync(scene.daemon.inventoryFile, `targets:\n${targets.join("\n")}\n`);
  scene.write("log", "");
  return scene;
}

function linesOf(scene: Scene): readonly Line[] {
  const text = readFileSync(join(scene.daemon.directory, "log"), "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [kind = "", host = "", uptime = ""] = line.split(" ");
      return { kind, host, atMs: Math.round(Number(uptime) * 1_000) };
    });
}

function siteOf(scene: Scene, host: string): string {
  return scene.hosts.indexOf(host) < AMS ? "ams" : "fra";
}

/** A limit counts the start of a task. Its change comes after its check, and the first check may have taken so much longer than the second. */
const CHECK_MS = 400;

/** What the hosts say: never six at a time, never two of a rack, never a second site within the period, and each host once. */
function expectKept(scene: Scene, at: { readonly what: string; readonly siteAtMs: number }): void {
  const { what, siteAtMs } = at;
  const open = new Set<string>();
  const lines = linesOf(scene);
  for (const { kind, host } of lines) {
    if (kind === "end") open.delete(host);
    if (kind !== "begin") continue;
    const racks = [...open].map((other) => scene.hosts.indexOf(other) % 4);
    expect(racks, `${what}: ${host}`).not.toContain(scene.hosts.indexOf(host) % 4);
    open.add(host);
    expect(open.size, what).toBeLessThanOrEqual(5);
  }
  const begins = lines.filter(({ kind }) => kind === "begin");
  expect(begins.map(({ host }) => host).sort(), what).toEqual(scene.hosts);
  const fraAtMs = begins.find(({ host }) => siteOf(scene, host) === "fra")?.atMs ?? 0;
  expect(fraAtMs - siteAtMs, what).toBeGreaterThanOrEqual(PERIOD_MS - CHECK_MS);
}

/** The machine's time since its boot. */
function uptimeMs(): number {
  return Math.round(Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 1_000);
}

test.each(KILLS)(
  "killed $when its append $nth, no sixth host and no second site get through",
  { timeout: 120_000 },
  async ({ nth, when }) => {
    const scene = aScene();
    try {
      const file = scene.write("erase.yaml", WORKFLOW);
      await scene.start({ HOLDFAST_CRASH_APPEND: String(nth), HOLDFAST_CRASH_WHEN: when });
      const startMs = uptimeMs();
      const first = await scene.client("run", file, "--give-up-after", "200ms");
      expect(first.code, first.stderr).not.toBe(0);
      expect(await scene.daemon.ended(), first.stderr).toMatchObject({ signal: "SIGKILL" });
      // A token is taken when a task starts; it begins to change something later, after the restart when it was killed in between.
      const siteAtMs = linesOf(scene)[0]?.atMs ?? startMs;
      await scene.start();
      const resumed = await scene.client("resume");
      expect(resumed.code, resumed.stdout + resumed.stderr).toBe(0);
      expectKept(scene, { what: `${nth} ${when}`, siteAtMs });
    } finally {
      await scene.remove();
    }
  },
);

test("a freeze that was answered is in force after a kill, and what it stopped goes on after the thaw", { timeout: 120_000 }, async () => {
  const scene = aScene();
  try {
    const file = scene.write("erase.yaml", WORKFLOW);
    await scene.start();
    const client = scene.spawnClient(["run", file, "--give-up-after", "200ms"]);
    await until(() => linesOf(scene).some(({ kind }) => kind === "begin"));
    const frozen = await scene.client("freeze", "--everything", "--reason", "look");
    expect(frozen.code, frozen.stderr).toBe(0);
    await scene.daemon.kill();
    await client.ended;
    await scene.start();
    expect(await scene.client("freeze", "--status")).toMatchObject({ code: 6 });
    await until(
      () => linesOf(scene).filter(({ kind }) => kind === "end").length === linesOf(scene).filter(({ kind }) => kind === "begin").length,
    );
    const before = linesOf(scene).length;
    // Longer than the period and the pause: whatever is not frozen would begin.
    await new Promise((resolve) => setTimeout(resolve, PERIOD_MS + 1_500));
    expect(linesOf(scene).length).toBe(before);
    expect(await scene.client("thaw", "f1")).toMatchObject({ code: 0 });
    const resumed = await scene.client("resume");
    expect(resumed.code, resumed.stdout + resumed.stderr).toBe(0);
    expectKept(scene, { what: "frozen", siteAtMs: linesOf(scene)[0]?.atMs ?? 0 });
  } finally {
    await scene.remove();
  }
});

const HELD = `
name: held
match: 'true'
rules:
  - { name: not-yet, gates: [wave], expr: 'false', message: '"not yet"', enforcement: wait }
`;

/** Nothing else moves: so the freeze, or the thaw, is the first append of its life, and the workflow's note of it the second. */
test.each([
  { what: "before the freeze is on disk", when: "before", nth: 1, status: 0 },
  { what: "between the freeze and the workflow's note of it", when: "after", nth: 1, status: 6 },
  { what: "after the note", when: "after", nth: 2, status: 6 },
])("killed $what: it is in force or it is not, and so is its thaw", { timeout: 120_000 }, async ({ when, nth, status }) => {
  const scene = aScene();
  try {
    scene.write("policies/held.yaml", HELD);
    const file = scene.write("erase.yaml", WORKFLOW);
    await scene.start();
    expect(await scene.client("run", file, "--no-wait")).toMatchObject({ code: 0 });
    await scene.daemon.kill();
    await scene.start({ HOLDFAST_CRASH_APPEND: String(nth), HOLDFAST_CRASH_WHEN: when });
    await scene.client("freeze", "--everything", "--reason", "look", "--give-up-after", "200ms");
    expect(await scene.daemon.ended()).toMatchObject({ signal: "SIGKILL" });
    await scene.start();
    expect(await scene.client("freeze", "--status")).toMatchObject({ code: status });
    expect((await scene.list())[0]?.phase).toBe(status === 0 ? "RUNNING" : "FROZEN");
    if (status === 0) return;
    await scene.daemon.kill();
    await scene.start({ HOLDFAST_CRASH_APPEND: "1", HOLDFAST_CRASH_WHEN: when });
    await scene.client("thaw", "f1", "--give-up-after", "200ms");
    expect(await scene.daemon.ended()).toMatchObject({ signal: "SIGKILL" });
    await scene.start();
    expect(await scene.client("freeze", "--status")).toMatchObject({ code: 0 });
    expect((await scene.list())[0]?.phase).toBe("RUNNING");
    expect(linesOf(scene)).toEqual([]);
  } finally {
    await scene.remove();
  }
});

/** Looks every 20 ms, for at most half a minute: another process is at work, and tells nobody but the disk. */
async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_500; tries++) {
    if (isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("waited half a minute in vain");
}
