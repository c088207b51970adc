// The example examples/sweep-findings as it stands, under its own policy: the list waits for an approval, and the service is killed while it is gone through.

import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../fakes/temp-directory.ts";
import { startDaemon } from "./daemon.ts";
import { Script, until } from "./script.ts";
import type { Printed } from "./script.ts";

const EXAMPLE = join(import.meta.dirname, "..", "..", "examples/sweep-findings");
const LONG_AGO_S = 1_600_000_000;

/** A directory of build trees that were not used for years. */
function someTrees(...names: readonly string[]): string {
  const directory = temporaryDirectory();
  for (const name of names) addTree(directory, name);
  return directory;
}

function addTree(directory: string, name: string): void {
  mkdirSync(join(directory, name));
  writeFileSync(join(directory, name, ".last-used"), "");
  utimesSync(join(directory, name, ".last-used"), LONG_AGO_S, LONG_AGO_S);
}

async function aScene(directory: string) {
  const daemon = await startDaemon({ args: ["--policies", join(EXAMPLE, "policies")] });
  const script = new Script(daemon);
  const params = [`directory=${directory}`, `programs=${EXAMPLE}`].flatMap((param) => ["--param", param]);
  const { id } = await script.one(["run", join(EXAMPLE, "sweep-findings.yaml"), "--no-wait", ...params]);
  const waiting = (): Promise<Printed> =>
    until(
      () => script.one(["status", String(id)]),
      ({ phase }) => phase === "WAITING",
    );
  return { daemon, script, id: String(id), waiting };
}

function removals(directory: string): readonly string[] {
  const log = join(directory, "removals.log");
  return existsSync(log) ? readFileSync(log, "utf8").split("\n").filter(Boolean) : [];
}

test("six trees wait for an approval, go one by one though the service is killed, and the next rounds see what is there then", async () => {
  const directory = someTrees("build-1", "build-2", "build-3", "build-4", "build-5", "build-6");
  writeFileSync(join(directory, "build-6", ".keep"), "");
  mkdirSync(join(directory, "in use"));
  const { daemon, script, id, waiting } = await aScene(directory);
  const held = await waiting();
  expect(held).toMatchObject({ stages: [{ phase: "SUCCEEDED" }, { phase: "PENDING", items: 6 }] });
  expect((await script.run("why", id)).stdout).toContain("6 trees are to be removed, more than 5 want an approval");
  const approver = new Script(daemon);
  approver.env = { HOLDFAST_TOKEN: (await script.run("token", "create", "bob", "--role", "approver:sre")).lines.at(-1) ?? "" };
  expect((await approver.run("approve", id, "--digest", String(held["digest"]), "--yes", "--reason", "looked")).code).toBe(0);
  await expect.poll(() => removals(directory).length, { timeout: 30_000 }).toBeGreaterThanOrEqual(2);
  await daemon.restart();
  const done = await script.run("watch", id);
  expect([done.code, done.lines.at(-1)]).toEqual([0, expect.stringContaining(" SUCCEEDED ")]);
  expect(removals(directory)).toHaveLength(5);
  expect(new Set(removals(directory)).size).toBe(5);
  expect(readdirSync(directory).sort()).toEqual(["build-6", "in use", "removals.log"]);
  expect(await script.one(["status", id])).toMatchObject({ output: { removed: 5, left: ["build-6"] } });
  const [failed] = await script.json(["tasks", id, "--target", "build-6"]);
  expect(failed).toMatchObject({
    stage: "remove",
    target: "build-6",
    outcome: "FAILED",
    error: expect.stringContaining("has a file .keep"),
  });

  rmSync(join(directory, "build-6", ".keep"));
  addTree(directory, "build-9");
  const again = ["retry", id, "--all", "--reason", "swept again", "--wait"] as const;
  expect((await script.run(...again)).code).toBe(0);
  expect(await script.one(["status", id])).toMatchObject({ output: { removed: 2, left: [] } });
  expect(new Set(removals(directory)).size).toBe(7);
  expect((await script.run(...again)).code).toBe(0);
  const { stdout } = await script.run("status", id);
  expect(stdout).toMatch(/finished +early as succeeded by scan\/nothing: nothing is stale/);
  expect(stdout).toMatch(/output +\{"removed":0,"left":\[\]\}/);
  const history = (await script.run("history", id)).stdout;
  expect([...history.matchAll(/items=(\d)/g)].map(([, items]) => items)).toEqual(["6", "2"]);
  expect(history).toContain("remove/remove@build-1");
});

test("its policy passes its own tests", async () => {
  const daemon = await startDaemon();
  expect((await new Script(daemon).run("policy", "check", join(EXAMPLE, "policies"))).code).toBe(0);
});

test("a list with a release in it is denied before anything of it is removed", async () => {
  const directory = someTrees("build-1", "release-2");
  const { script, id, waiting } = await aScene(directory);
  expect(await waiting()).toMatchObject({ verdict: { gate: "EXPAND", decision: "DENY" } });
  expect((await script.run("why", id)).stdout).toContain("these are releases: release-2");
  expect(readdirSync(directory)).toEqual(["build-1", "release-2"]);
});
