// The example examples/letter-to-fruit as it stands: the shipped scripts, workflow, sinks and receiver, and kill -9 of the service in the middle.
// 1. The shipped files are used word for word, but for the receiver's port. Script A's log is a pipe here: A stands still until the test reads it.

import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { DaemonFixture } from "./daemon.ts";
import { Script } from "./script.ts";

const EXAMPLE = join(import.meta.dirname, "..", "..", "examples/letter-to-fruit");
const FRUITS = readFileSync(join(EXAMPLE, "fruits.txt"), "utf8");

/** The shipped receiver on a free port, and all that it printed. */
async function startReceiver(): Promise<{ readonly port: string; readonly printed: () => string }> {
  const child = spawn(process.execPath, [join(EXAMPLE, "alerts.mjs"), "0"], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const first = /^alerts at http:\/\/127\.0\.0\.1:(\d+)\/alerts\n/;
  await expect.poll(() => text, { timeout: 20_000 }).toMatch(first);
  return { port: first.exec(text)?.[1] ?? "", printed: () => text.replace(first, "") };
}

async function aScene() {
  const receiver = await startReceiver();
  const args: string[] = [];
  const daemon = new DaemonFixture({ args });
  onTestFinished(() => daemon.remove());
  const directory = join(daemon.directory, "fruit");
  cpSync(EXAMPLE, directory, { recursive: true });
  const sinks = join(directory, "sinks.yaml");
  writeFileSync(sinks, readFileSync(sinks, "utf8").replace("127.0.0.1:7590", `127.0.0.1:${receiver.port}`));
  args.push("--sinks", sinks);
  await daemon.start();
  const script = new Script(daemon);
  const workflow = join(directory, "letter-to-fruit.yaml");
  const run = (...more: string[]) => script.run("run", workflow, "--param", `directory=${directory}`, ...more);
  const file = (name: string): string => readFileSync(join(directory, name), "utf8");
  return { receiver, daemon, script, directory, run, file };
}

test("B finds a fruit for the letter that A wrote, and nobody is alarmed", async () => {
  const { receiver, script, run, file } = await aScene();
  const { code, stdout, stderr } = await run("-o", "json");
  expect(code, stderr).toBe(0);
  const letter = file("letter.txt").trim();
  expect(letter).toMatch(/^[a-z]$/);
  const fruit = FRUITS.split("\n").find((line) => line.startsWith(letter));
  expect(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({ phase: "SUCCEEDED", output: fruit });
  await expect
    .poll(async () => (await script.run("sinks")).stdout, { timeout: 30_000 })
    .toMatch(/^kitchen {2}webhook http:\/\/127\.0\.0\.1:\d+ {2}up to date {2}delivered 0$/m);
  expect(receiver.printed()).toBe("");
  const tried = await script.run("sinks", "kitchen", "--test");
  expect([tried.code, tried.stdout]).toEqual([0, "kitchen took a test event\n"]);
  await expect.poll(() => receiver.printed()).toBe("sinkTest\n");
  expect((await script.run("sinks", "kichen", "--test")).code).toBe(4);
});

test(
  "killed while A runs, it goes on: A has run once, B fails, one alert comes, and a retry runs B alone",
  { timeout: 180_000 },
  async () => {
    const { receiver, daemon, script, directory, run, file } = await aScene();
    const log = join(directory, "letters.log");
    expect(spawnSync("mkfifo", [log]).status).toBe(0);
    writeFileSync(join(directory, "fruits.txt"), "");
    const begun = await run("--key", "today", "--no-wait");
    expect(begun.code, begun.stderr).toBe(0);
    await expect.poll(() => existsSync(join(directory, "letter.new")), { timeout: 30_000 }).toBe(true);
    await daemon.restart(); // A stands before its log, and knows of nothing
    const written = await readFile(log, "utf8");
    expect(written).toMatch(/^[a-z]\n$/);
    const watched = await script.run("watch", "today");
    expect(watched.code, watched.stderr).toBe(1);
    expect(file("letter.txt")).toBe(written);
    await expect
      .poll(() => receiver.printed(), { timeout: 30_000 })
      .toMatch(/^workflow "letter-to-fruit" \(today\) failed: stage "fruit": 1 of its tasks failed/);

    await daemon.restart(); // the alert is not forgotten, and not told anew
    writeFileSync(join(directory, "fruits.txt"), FRUITS);
    const retried = await script.run("retry", "today", "--wait", "-o", "json");
    expect(retried.code, retried.stderr).toBe(0);
    const fruit = FRUITS.split("\n").find((line) => line.startsWith(written.trim()));
    expect(JSON.parse(retried.stdout.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({ phase: "SUCCEEDED", output: fruit });
    const tasks = (await script.run("tasks", "today", "--brief")).stdout;
    expect(tasks, "A was not run again").toMatch(/letter\/write/);
    expect(file("letter.txt")).toBe(written);
    expect(receiver.printed().trimEnd().split("\n")).toHaveLength(1);

    const history = (await script.run("history", "today")).stdout;
    for (const event of ["attemptStarted  letter/write", "attemptEnded  fruit/find", "workflowRetried"]) expect(history).toContain(event);
  },
);
