// A command that goes silent, for real: its own host ends it, also while the service is down; the next life of the service learns what became of it.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startDaemon } from "./daemon.ts";
import { Script } from "./script.ts";

const WORKFLOW = `
name: restore
params: { at: { required: true }, silence: { default: 2s } }
stages:
  - name: load
    actions:
      - name: restore
        uses: command
        with: { shell: "echo begun >> log; echo table 1; if [ $(wc -l < log) -eq 1 ]; then sleep 300; fi; echo table 2", cwd: "\${{ params.at }}", effects: unsafe }
        timeout: 10m
        heartbeat: "\${{ params.silence }}"
        retry: { attempts: 2, delay: 100ms, on: [timed_out] }
`;

test(
  "a command that goes silent is ended by its own host, and tried again, through a kill of the service",
  { timeout: 120_000 },
  async () => {
    const daemon = await startDaemon();
    const script = new Script(daemon);
    const file = script.file("restore.yaml", WORKFLOW);
    const log = join(daemon.directory, "log");
    const begun = await script.run("run", file, "--param", `at=${daemon.directory}`, "--key", "r", "--no-wait");
    expect(begun.code, begun.stderr).toBe(0);
    await expect.poll(() => existsSync(log), { timeout: 30_000 }).toBe(true);
    await daemon.restart();
    const watched = await script.run("watch", "r");
    expect([watched.code, watched.lines.at(-1)]).toEqual([0, expect.stringContaining(" SUCCEEDED ")]);
    expect(readFileSync(log, "utf8")).toBe("begun\nbegun\n");
    const history = (await script.run("history", "r")).stdout;
    expect(history).toMatch(/attemptInDoubt {2}load\/restore/);
    expect(history).toMatch(
      /attemptEnded {2}load\/restore .*outcome=FAILED .*gave no sign of life for its `heartbeat`: it was last heard \d+ s after it began/,
    );
  },
);

test("an action that gives no signs of life, and a heartbeat that is none, are refused", async () => {
  const script = new Script(await startDaemon());
  const text = WORKFLOW.replace("heartbeat:", "# heartbeat:");
  const wait = script.file("wait.yaml", `${text}      - { name: rest, uses: wait, with: { for: 1s }, heartbeat: 5s }\n`);
  expect((await script.run("validate", wait, "--param", "at=/")).stderr).toContain(
    'stages[0].actions[1].heartbeat: "wait" gives no signs of life while it runs; bound it by `timeout` alone',
  );
  const short = script.file("short.yaml", WORKFLOW);
  expect((await script.run("validate", short, "--param", "at=/", "--param", "silence=10ms")).stderr).toContain(
    'it must be a duration such as "30s", at least 1s, at most 24h',
  );
});
