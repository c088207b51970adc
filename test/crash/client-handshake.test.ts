// The handshake's promise: kill the client before or after any single operation, and `resume` makes of it exactly one workflow that
// began exactly once, or nothing at all where nothing had been written down yet.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Phase } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { CliDesk } from "../fakes/cli-world.ts";
import { temporaryDirectory } from "../fakes/temp-directory.ts";
import { FakeService } from "../fakes/fake-service.ts";

const CRASH_CLI = fileURLToPath(new URL("../fakes/crash-cli.ts", import.meta.url));
const WORKFLOW = "name: one\nstages: [{ name: a, actions: [{ name: x, uses: wait }] }]\n";
const STEPS_MAX = 100;
const AT_ONCE = 3;

interface Child {
  readonly signal: string | null;
  readonly code: number | null;
  readonly stderr: string;
}

function runChild(desk: CliDesk, step: number, args: readonly string[]): Promise<Child> {
  const env = { ...process.env, ...desk.env };
  const child = spawn(process.execPath, ["--no-warnings", CRASH_CLI, String(step), ...args], { env, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  return new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal, stderr })));
}

/** Kills a client at one step and resumes; gives undefined when the client came to its end before that step. */
async function crashAt(step: number, verb: string): Promise<{ starts: number[]; hasEntry: boolean } | undefined> {
  const service = new FakeService();
  await service.serve();
  try {
    const desk = new CliDesk({ HOLDFAST_ADDR: service.address }, temporaryDirectory());
    const file = desk.file("w.yaml", WORKFLOW);
    const child = await runChild(desk, step, [verb, file]);
    if (child.signal === null) {
      expect(child).toMatchObject({ code: 0 });
      return undefined;
    }
    expect(child.signal).toBe("SIGKILL");
    const directory = join(desk.directory, "state", "logbook");
    const names = (() => {
      try {
        return readdirSync(directory);
      } catch {
        return [];
      }
    })();
    const resumed = await desk.run(["resume"]);
    expect(resumed).toMatchObject({ code: 0 });
    const again = await desk.run(["resume"]);
    expect(again).toMatchObject({ code: 0, stdout: "" }); // nothing is reported twice
    expect(service.workflows.every(({ phase }) => phase === (verb === "run" ? Phase.SUCCEEDED : Phase.SUBMITTED))).toBe(true);
    return { starts: service.workflows.map(({ starts }) => starts), hasEntry: names.some((name) => name.endsWith(".json")) };
  } finally {
    await service.stop();
  }
}

/** All steps of a verb, a few at a time; the results end where the client came to its end. */
async function crashEverywhere(verb: string): Promise<readonly { step: number; starts: number[]; hasEntry: boolean }[]> {
  const results: { step: number; starts: number[]; hasEntry: boolean }[] = [];
  for (let first = 1; first < STEPS_MAX; first += AT_ONCE) {
    const steps = Array.from({ length: AT_ONCE }, (_, index) => first + index);
    const batch = await Promise.all(steps.map(async (step) => ({ step, result: await crashAt(step, verb) })));
    for (const { step, result } of batch) if (result !== undefined) results.push({ step, ...result });
    if (batch.some(({ result }) => result === undefined)) return results;
  }
  return expect.unreachable(`${verb} never came to its end`);
}

test("a client killed at any step of run leaves one workflow that begins once, or none", async () => {
  const results = await crashEverywhere("run");
  expect(results.length).toBeGreaterThan(20);
  for (const { step, starts, hasEntry } of results) expect([step, starts]).toEqual([step, hasEntry ? [1] : []]);
});

test("a client killed at any step of submit leaves one workflow, or none, and nothing runs", async () => {
  const results = await crashEverywhere("submit");
  expect(results.length).toBeGreaterThan(8);
  for (const { step, starts, hasEntry } of results) expect([step, starts]).toEqual([step, hasEntry ? [0] : []]);
});
