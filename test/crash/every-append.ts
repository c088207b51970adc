// kill -9 at the 1st, 2nd, 3rd … append of a scan-and-fix, before the entry is on disk and after: restart, resume, and the end is the same.
// Each host counts what was done to it: nothing is lost, and nothing is done twice. The two halves are tests of their own, for they take minutes.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { Scene } from "./scene.ts";

/** Every kind of effect: a scan, an unsafe command, a guarded one, a file, a directory; in waves, with a report at the end. */
const WORKFLOW = `
name: scan-and-fix
targets: { where: "true" }
stages:
  - name: fix
    over: targets
    rollout: { waves: [1, 100%], parallel: 2, max_at_risk: 2 }
    actions:
      - { name: scan, uses: command, with: { shell: 'if [ -e fixed ]; then echo "{\\"issues\\":0}"; else echo "{\\"issues\\":1}"; fi', output: json, effects: none } }
      - { name: fix, when: scan.output.issues > 0, uses: command, with: { shell: "echo fix >>done.log; touch fixed" } }
      - { name: guarded, uses: command, with: { shell: "echo guarded >>done.log; touch guarded", creates: guarded } }
      - { name: dir, uses: directory, with: { path: conf.d } }
      - { name: conf, uses: file, with: { path: conf.d/app.conf, content: "target=\${{ target.name }}\\n" } }
      - { name: proof, uses: assert, with: { that: "fix.outcome == 'SUCCEEDED'" } }
  - name: report
    actions:
      - { name: enough, uses: assert, with: { that: "stage('fix').failed == 0" } }
output: "stage('fix').changed"
`;

/** Far more than there are; the test ends at the first run that needs no kill. */
const APPENDS_MAX = 200;

/** Kills it at each of its appends; throws when anything is lost or doubled. */
export async function killAtEveryAppend(when: "before" | "after"): Promise<void> {
  let kills = 0;
  for (let nth = 1; nth <= APPENDS_MAX; nth++) {
    if (!(await survives(nth, when))) break;
    kills += 1;
  }
  console.log(`killed ${when} each of ${kills} appends: none lost, none doubled`);
  expect(kills).toBeGreaterThan(12);
}

/** One life with a kill and one without. False: the workflow ended before the n-th append. */
async function survives(nth: number, when: "before" | "after"): Promise<boolean> {
  const scene = new Scene(2);
  try {
    const file = scene.write("fix.yaml", WORKFLOW);
    const countFile = join(scene.daemon.directory, "appends");
    await scene.start({ HOLDFAST_CRASH_APPEND: String(nth), HOLDFAST_CRASH_WHEN: when, HOLDFAST_CRASH_COUNT_FILE: countFile });
    const first = await scene.client("run", file, "--give-up-after", "200ms");
    if (first.code === 0) {
      await expectDone(scene);
      expect(Number(readFileSync(countFile, "utf8"))).toBeLessThan(nth);
      return false;
    }
    expect(await scene.daemon.ended(), first.stderr).toMatchObject({ signal: "SIGKILL" });
    await scene.start();
    const resumed = await scene.client("resume");
    if (resumed.code === 7) await resolveUnknown(scene);
    else expect(resumed.code, `${nth} ${when}: ${resumed.stdout}${resumed.stderr}`).toBe(0);
    await expectDone(scene);
    return true;
  } finally {
    await scene.remove();
  }
}

/** An unsafe command that was journaled and never started is unknown: only the host can tell that nothing was done, so a person says so. */
async function resolveUnknown(scene: Scene): Promise<void> {
  const [workflow] = await scene.list();
  const id = workflow?.id ?? "";
  const held = (await scene.tasks(id)).filter((task) => task.outcome === "UNKNOWN");
  expect(held.map((task) => task.action)).toEqual(held.map(() => "fix"));
  for (const task of held) {
    expect(scene.read(task.target, "done.log")).toBe("");
    const said = await scene.client("resolve", id, `fix/fix@${task.target}`, "run-again", "--reason", "looked: nothing was done");
    expect(said.code, said.stderr).toBe(0);
  }
  const watched = await scene.client("watch", id);
  expect(watched.code, watched.stdout + watched.stderr).toBe(0);
}

async function expectDone(scene: Scene): Promise<void> {
  const workflows = await scene.list();
  expect(workflows).toHaveLength(1);
  expect(workflows[0]).toMatchObject({ phase: "SUCCEEDED", counts: { tasks: 13, succeeded: 13, failed: 0, unknown: 0 } });
  for (const host of scene.hosts) {
    expect(scene.read(host, "done.log")).toBe("fix\nguarded\n");
    expect(scene.read(host, "conf.d/app.conf")).toBe(`target=${host}\n`);
  }
}
