// Killed between an apply and its record, for every action that changes something: what was done is found by looking, and not done again.

import { expect, test } from "vitest";
import { Scene } from "./scene.ts";

interface Case {
  readonly uses: string;
  readonly args: string;
  /** What the host must hold at the end, and how often the work was done. */
  readonly check: (scene: Scene) => void;
}

const CASES: readonly Case[] = [
  {
    uses: "file",
    args: '{ path: app.conf, content: "wanted\\n", mode: "0640" }',
    check: (scene) => expect(scene.read("host-00", "app.conf")).toBe("wanted\n"),
  },
  {
    uses: "directory",
    args: '{ path: conf.d, mode: "0750" }',
    check: (scene) => expect(scene.read("host-00", "conf.d/../done.log")).toBe(""),
  },
  {
    uses: "command",
    args: '{ shell: "echo once >>done.log" }',
    check: (scene) => expect(scene.read("host-00", "done.log")).toBe("once\n"),
  },
  {
    // A file that may be created but not edited: doing it twice would fail.
    uses: "create@1",
    args: "{ text: once }",
    check: (scene) => expect(scene.read("host-00", "created")).toBe("once\n"),
  },
];

const CREATE_ONCE = `
name: create@1
description: Creates a file that may be created but not edited.
effects: idempotent
args: { text: { type: string, required: true } }
check: { argv: [sh, -c, "[ -e created ]"] }
apply: { argv: [sh, -c, 'set -C; echo "$1" >created', sh, "\${{ args.text }}"] }
`;

for (const { uses, args, check } of CASES) {
  test(`${uses}: killed between its apply and the record, it is not applied again`, { timeout: 120_000 }, async () => {
    const scene = await aScene();
    try {
      const file = scene.write("w.yaml", workflow(uses, args));
      await scene.start({ HOLDFAST_CRASH_APPLY: uses });
      const first = await scene.client("run", file, "--give-up-after", "200ms");
      expect(first.code).not.toBe(0);
      expect(await scene.daemon.ended()).toMatchObject({ signal: "SIGKILL" });
      await scene.start();
      const resumed = await scene.client("resume");
      expect(resumed.code, resumed.stdout + resumed.stderr).toBe(0);
      const [done] = await scene.list();
      expect(done).toMatchObject({ phase: "SUCCEEDED", counts: { changed: 1, unknown: 0, failed: 0 } });
      check(scene);
      if (uses === "command") return;
      const again = await scene.client("run", file);
      expect(again.stdout.trim().split("\n").at(-1)).toMatch(/ SUCCEEDED succeeded=1 failed=0 changed=0$/);
    } finally {
      await scene.remove();
    }
  });
}

test("a command goes on while the service is dead, and its outcome is known when the service is back", { timeout: 120_000 }, async () => {
  const scene = await aScene();
  try {
    const file = scene.write("w.yaml", workflow("command", '{ shell: "echo begun >>done.log; sleep 2; echo ended >>done.log; exit 3" }'));
    await scene.start();
    const client = scene.spawnClient(["run", file, "--give-up-after", "100ms"]);
    await until(() => scene.read("host-00", "done.log") === "begun\n");
    await scene.daemon.kill();
    await client.ended;
    await until(() => scene.read("host-00", "done.log") === "begun\nended\n");
    await scene.start();
    const resumed = await scene.client("resume");
    expect(resumed.code, resumed.stderr).toBe(1);
    const [failed] = await scene.list();
    const [task] = await scene.tasks(failed?.id ?? "");
    expect(task).toMatchObject({ outcome: "FAILED", attempts: 1 });
    expect(task?.error).toContain("3");
    expect(scene.read("host-00", "done.log")).toBe("begun\nended\n");
  } finally {
    await scene.remove();
  }
});

async function aScene(): Promise<Scene> {
  const actions: string[] = [];
  const scene = new Scene(1, actions);
  actions.push("--actions", scene.write("actions/create.yaml", CREATE_ONCE).replace(/\/create\.yaml$/, ""));
  return scene;
}

function workflow(uses: string, args: string): string {
  return `name: w\ntargets: { where: "true" }\nstages:\n  - { name: s, over: targets, actions: [{ name: a, uses: ${uses}, with: ${args} }] }\n`;
}

/** Looks every 20 ms, for at most half a minute: another process is at work, and tells nobody but the disk. */
async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_500; tries++) {
    if (isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("waited half a minute in vain");
}
