// The transcripts in the example's README, run again: each `$ holdfast …` must print what is shown below it.
// 1. IDs, digests, times and ports differ from run to run, and are passed over. What waits is looked at until it shows what is shown.
// 2. `UPDATE_DOCS=1 npx vitest run test/e2e/satellite-readme.test.ts` writes what is printed into the README.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startScene } from "./satellite-scene.ts";
import type { SatelliteScene } from "./satellite-scene.ts";

const PROJECT = join(import.meta.dirname, "..", "..");
const README = join(PROJECT, "examples/satellite-disk-erase/README.md");
const EXAMPLE = "examples/satellite-disk-erase/";
const IS_UPDATE = process.env["UPDATE_DOCS"] === "1";
const POLICIES = ["allowed-actions", "satellite-disk-erase"];
/** What comes to show what is shown only after a while. */
const WAITING = new Set(["why", "limits", "locks"]);

test("what the example's README shows is what is printed", async () => {
  const scene = await startScene({ sites: 100, machines: 50, policies: POLICIES });
  const readme = readFileSync(README, "utf8");
  const parts: string[] = [];
  for (const [index, part] of readme.split(/^```console\n([^]*?)^```$/m).entries()) {
    if (index % 2 === 0) parts.push(part);
    else parts.push(`\`\`\`console\n${await runBlock(scene, part)}\`\`\``);
  }
  if (IS_UPDATE) writeFileSync(README, parts.join(""));
  expect(scene.erases().map(({ site }) => site)).toEqual(Array.from({ length: 5 }, () => "sat001"));
});

/** Runs the commands of a block; what was printed. */
async function runBlock(scene: SatelliteScene, block: string): Promise<string> {
  let printed = "";
  for (const entry of block.split(/^\$ /m).slice(1)) {
    const [command = "", ...shown] = entry.split("\n");
    printed += `$ ${command}\n${await runCommand(scene, command, shown.join("\n"))}`;
  }
  return printed;
}

async function runCommand(scene: SatelliteScene, command: string, shown: string): Promise<string> {
  const [, ...args] = command.split(" ");
  const paths = args.map((arg) =>
    arg.replace(`${EXAMPLE}satellite-disk-erase.yaml`, scene.workflow).replace(EXAMPLE, `${scene.directory}/`),
  );
  const ask = async (): Promise<string> => {
    const { stdout, stderr } = await scene.script.run(...paths);
    return (stdout + stderr)
      .replaceAll(scene.workflow, `${EXAMPLE}satellite-disk-erase.yaml`)
      .replaceAll(`${scene.directory}/`, EXAMPLE)
      .replaceAll(`127.0.0.1:${scene.port}`, "127.0.0.1:7580");
  };
  const isWaiting = WAITING.has(args[0] ?? "");
  if (IS_UPDATE) {
    if (isWaiting)
      await expect.poll(() => scene.erases().filter(({ endedMs }) => endedMs !== undefined).length, { timeout: 20_000 }).toBe(5);
    return ask();
  }
  if (isWaiting) await expect.poll(async () => comparable(await ask()), { timeout: 20_000 }).toEqual(comparable(shown));
  else expect(comparable(await ask()), command).toEqual(comparable(shown));
  return shown;
}

/** How many lines of progress there are depends on how fast it goes. */
const PROGRESS = /^ID RUNNING stage=/;

function comparable(text: string): readonly string[] {
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, "ID")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replaceAll(/\bin (?:\d+(?:ms|s|m|h) ?)+/g, "in A WHILE ")
    .replaceAll(/@[0-9a-f]{12}\b/g, "@DIGEST")
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "" && !PROGRESS.test(line));
}
