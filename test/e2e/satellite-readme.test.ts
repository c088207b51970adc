// The transcripts in the README of examples/satellite-disk-erase, run again, with every file of `refused/` (see readme-blocks.ts).

import { join } from "node:path";
import { expect, test } from "vitest";
import { replayReadme } from "./readme-blocks.ts";
import { startScene } from "./satellite-scene.ts";

const PROJECT = join(import.meta.dirname, "..", "..");
const EXAMPLE = "examples/satellite-disk-erase/";
const POLICIES = ["allowed-actions", "satellite-disk-erase"];
const WAITING = new Set(["why", "limits", "locks"]);

test("what the example's README shows is what is printed", async () => {
  const scene = await startScene({ sites: 100, machines: 50, policies: POLICIES });
  await replayReadme({
    path: join(PROJECT, EXAMPLE, "README.md"),
    ask: async ([, ...args]) => {
      const paths = args.map((arg) =>
        arg.replace(`${EXAMPLE}satellite-disk-erase.yaml`, scene.workflow).replace(EXAMPLE, `${scene.directory}/`),
      );
      const { stdout, stderr } = await scene.script.run(...paths);
      return (stdout + stderr)
        .replaceAll(scene.workflow, `${EXAMPLE}satellite-disk-erase.yaml`)
        .replaceAll(`${scene.directory}/`, EXAMPLE)
        .replaceAll(`127.0.0.1:${scene.port}`, "127.0.0.1:7580");
    },
    isWaiting: ([, verb = ""]) => WAITING.has(verb),
    settled: async () => {
      await expect.poll(() => scene.erases().filter(({ endedMs }) => endedMs !== undefined).length, { timeout: 20_000 }).toBe(5);
    },
  });
  expect(scene.erases().map(({ site }) => site)).toEqual(Array.from({ length: 5 }, () => "sat001"));
});
