// The demonstration, run as a user runs it, and the README's transcript held against what it prints today.
// 1. IDs, ports and times differ from run to run, and how far a running workflow is when it is looked at: those are passed over.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const PROJECT = join(import.meta.dirname, "..", "..");

test("the demonstration loses nothing and does nothing twice, and prints what the README shows", { timeout: 120_000 }, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(PROJECT, "scripts/demo.mjs")], { cwd: PROJECT, encoding: "utf8" });
  expect(status, stdout + stderr).toBe(0);
  const printed = comparable(stdout);
  const shown = comparable(/^```\n(== 3\.[^]*?)^```$/m.exec(readFileSync(join(PROJECT, "README.md"), "utf8"))?.[1] ?? "");
  expect(shown.length).toBeGreaterThan(8);
  const from = printed.indexOf(shown[0] ?? "");
  const until = printed.lastIndexOf(shown.at(-1) ?? "");
  expect(printed.slice(from, until + 1).filter((line) => !line.startsWith("$ holdfast list") && !line.startsWith("ID  "))).toEqual(shown);
});

function comparable(text: string): readonly string[] {
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, "ID")
    .replaceAll(/127\.0\.0\.1:\d{2,}/g, "127.0.0.1:PORT")
    .replaceAll(/\d+ repairs were begun/g, "N repairs were begun")
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "" && !line.startsWith("ID RUNNING"));
}
