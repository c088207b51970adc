// The satellite example with an operator's approval: nothing is erased before it, through kill -9 while it is awaited and in the middle of five machines.

import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startScene } from "./satellite-scene.ts";

const PROJECT = join(import.meta.dirname, "..", "..");
const APPROVAL = join(PROJECT, "examples/satellite-disk-erase/operators-approval.yaml");

test("a site is erased once an operator approved it with a reason, and not before", { timeout: 180_000 }, async () => {
  const scene = await startScene({ sites: 2, machines: 6, pause: "1s" });
  const { script, daemon } = scene;
  copyFileSync(APPROVAL, join(scene.directory, "policies/operators-approval.yaml"));
  const checked = await script.run("policy", "check", APPROVAL);
  expect([checked.code, checked.stderr]).toEqual([0, ""]);
  await daemon.restart(); // with the policy
  const begun = await script.run("run", scene.workflow, "--param", "site=sat001", "--key", "sat001", "--no-wait");
  expect(begun.code, begun.stderr).toBe(0);
  const why = async (): Promise<string> => (await script.run("why", "sat001")).stdout;
  const needed =
    "the disks of 6 machines would be erased; 1 of role operator must approve, with a reason, 0 have; an approval counts for 4h";
  await expect.poll(why, { timeout: 30_000 }).toContain(needed);
  await daemon.restart();
  expect(await why()).toContain(needed);

  const token = async (name: string): Promise<string> =>
    (await script.run("token", "create", name, "--role", "approver:operator")).stdout.trimEnd().split("\n").at(-1) ?? "";
  const olga = await token("olga");
  const { digest } = await script.one(["status", "sat001"]);
  const approve = async (...more: readonly string[]): Promise<void> => {
    script.env = { HOLDFAST_TOKEN: olga };
    const said = await script.run("approve", "sat001", "--digest", String(digest), "--yes", ...more);
    script.env = {};
    expect(said.code, said.stderr).toBe(0);
  };
  await approve();
  expect(await why(), "without a reason it does not count").toContain("0 have");
  expect(scene.erases()).toEqual([]);

  await approve("--reason", "ticket 7");
  await expect.poll(() => scene.erases().length, { timeout: 60_000, interval: 10 }).toBeGreaterThan(0);
  await daemon.restart(); // while machines are erased
  const watched = await script.run("watch", "sat001");
  expect([watched.code, watched.lines.at(-1)]).toEqual([0, expect.stringContaining(" SUCCEEDED ")]);
  expect(new Set(scene.erases().map(({ machine }) => machine)).size, "each machine once").toBe(6);
  expect(scene.erases()).toHaveLength(6);
  const history = (await script.run("history", "sat001")).stdout;
  expect(history).toMatch(/approvalGiven {2}by olga .*reason="ticket 7"/);
  expect(readFileSync(APPROVAL, "utf8")).toContain("expires: 4h");
});
