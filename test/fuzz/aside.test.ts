// What a run of the fuzzer leaves behind lands in a directory of its own, and is removed with it.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { goAside } from "./aside.ts";
import { runTarget } from "./campaign.ts";
import { newDirectory } from "./journal-rows.ts";

const MAIN = join(import.meta.dirname, "main.ts");
const TIME_MAX_MS = 100_000;

/** The client writes a file beside whoever calls it: into the working directory. */
const BACKUP = { args: ["journal", "backup", "left-behind"], files: {}, env: {}, isTold: true };
const LITTER = { target: "broken-litter", seed: 1, forMs: 0, inputs: ["left-behind"] };

test("a campaign is refused where its litter would lie among the sources", async () => {
  await expect(runTarget(LITTER)).rejects.toThrow("goAside");
  expect(existsSync("left-behind")).toBe(false);
});

test("what a target leaves under a relative path lands aside, and goes when the run is over", async () => {
  const home = process.cwd();
  const back = goAside();
  const aside = process.cwd();
  try {
    expect((await runTarget(LITTER)).faults).toEqual([]);
    expect(readdirSync(aside)).toEqual(["left-behind"]);
  } finally {
    back();
  }
  expect(process.cwd()).toBe(home);
  expect(existsSync(aside)).toBe(false);
  expect(existsSync("left-behind")).toBe(false);
});

test("a run of command lines leaves nothing where it was started", { timeout: TIME_MAX_MS }, () => {
  const cwd = newDirectory();
  try {
    const args = [MAIN, "--target", "command-line", "--input", JSON.stringify(BACKUP)];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
    expect(stdout, stderr).toContain("1 inputs, 0 faults");
    expect(readdirSync(cwd)).toEqual([]);
  } finally {
    rmSync(cwd, { recursive: true });
  }
});
