// Every shipped example under the shipped policies that are meant to fit it, and the gallery of wrong ways refused under the same.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../fakes/temp-directory.ts";
import { startDaemon } from "./daemon.ts";
import { SATELLITE_POLICIES, startScene } from "./satellite-scene.ts";
import { Script, until } from "./script.ts";

const PROJECT = join(import.meta.dirname, "..", "..");
const ALL_POLICIES = readdirSync(join(PROJECT, "policies"))
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => name.slice(0, -".yaml".length));

/** What each file of examples/satellite-disk-erase/refused must be refused for; exit code, then what stderr must name. */
const REFUSALS: Readonly<Record<string, readonly [number, ...string[]]>> = {
  "another-site-looked-up.yaml": [3, "/one-site:"],
  "another-site-smuggled-in.yaml": [3, "/one-site:", "sat001 (6), sat002 (6)"],
  "empty-list.yaml": [1, "an empty choice is an error"],
  "empty-site.yaml": [3, "/one-site:"],
  "erase-before-look-up.yaml": [3, "/precheck-before-each-erase:", "/erase-after-precheck:"],
  "erase-waits-for-nothing.yaml": [3, "/erase-after-precheck:"],
  "failures-allowed.yaml": [3, "/five-and-a-pause:"],
  "half-a-site.yaml": [3, "/whole-site:"],
  "look-up-that-expects-less.yaml": [3, "/precheck-first:"],
  "look-up-that-may-be-skipped.yaml": [3, "/precheck-before-each-erase:"],
  "missing-look-up.yaml": [3, "/two-stages:"],
  "missing-precheck.yaml": [3, "/two-stages:"],
  "misspelled-argument.yaml": [2, "Device"],
  "misspelled-parameter.yaml": [2, "Site"],
  "misspelled-setting.yaml": [2, "paralel"],
  "more-at-a-time.yaml": [3, "/five-and-a-pause:"],
  "no-targets-named.yaml": [2, "targets"],
  "parallel-left-out.yaml": [3, "/five-and-a-pause:"],
  "retries.yaml": [3, "/no-retry-storm:"],
  "shorter-pause.yaml": [3, "/five-and-a-pause:"],
  "under-another-name.yaml": [3, "allowed-actions/in-their-place:", "/two-stages:"],
  "wrong-order.yaml": [3, "/two-stages:"],
};

test("every way of erasing but the right one is refused, and no machine has noticed", async () => {
  const scene = await startScene({ policies: ALL_POLICIES });
  expect(scene.refused).toEqual(Object.keys(REFUSALS).sort());
  for (const name of scene.refused) {
    const [code, ...named] = REFUSALS[name] ?? [0];
    const file = join(scene.directory, "refused", name);
    const site = readFileSync(file, "utf8").includes("required: true") ? ["--param", "site=sat001"] : [];
    const wrong = await scene.script.run("run", file, ...site, "--no-wait");
    expect([name, wrong.code, wrong.stdout], wrong.stderr).toEqual([name, code, ""]);
    for (const text of named) expect(wrong.stderr).toContain(text);
  }
  expect(scene.erases()).toEqual([]);
  expect((await scene.script.run("list")).stdout + (await scene.script.run("limits")).stdout).toBe("");
  const right = await scene.script.one(["validate", scene.workflow, "--param", "site=sat001"]);
  expect(right["scope"]).toMatchObject({ targets: 6, tasks: 13 });
});

test("a site is erased under the shipped policies that are meant to fit, and a site that is not in decom is left alone", async () => {
  const scene = await startScene({ machines: 2 });
  const done = await scene.script.run("run", scene.workflow, "--param", "site=sat001");
  expect([done.code, done.stderr]).toEqual([0, ""]);
  expect(done.lines.at(-1)).toMatch(/ SUCCEEDED succeeded=5 failed=0 changed=2$/);
  expect(scene.erases().map(({ machine }) => machine)).toEqual(expect.arrayContaining(["sat001-m01", "sat001-m02"]));
  const live = await scene.script.run("run", scene.workflow, "--param", "site=sat003");
  expect([live.code, live.stdout]).toEqual([1, expect.stringContaining("FAILED")]);
  expect(scene.erases()).toHaveLength(2);
});

test("scan-and-fix runs to its end under the shipped policies that are meant to fit; blast-radius takes it, and holds its second wave", async () => {
  const meant = await startScanAndFix(SATELLITE_POLICIES);
  const done = await meant.run("run", SCAN_AND_FIX);
  expect([done.code, done.stderr], done.stdout).toEqual([0, ""]);
  const all = await startScanAndFix(ALL_POLICIES);
  const { id } = await all.one(["run", SCAN_AND_FIX, "--no-wait"]);
  const held = await until(
    () => all.run("why", String(id)),
    ({ stdout }) => stdout.includes("blast-radius/per-site"),
  );
  expect(held.stdout).toContain("have had their share for this hour");
});

const SCAN_AND_FIX = join(PROJECT, "examples/scan-and-fix/scan-and-fix.yaml");

/** The example scan-and-fix on a fleet of its own, under these policies. */
async function startScanAndFix(policies: readonly string[]): Promise<Script> {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, "policies"));
  for (const name of policies) cpSync(join(PROJECT, "policies", `${name}.yaml`), join(directory, "policies", `${name}.yaml`));
  const made = spawnSync(process.execPath, [join(PROJECT, "examples/scan-and-fix/make-fleet.mjs"), directory, "9"]);
  expect(made.status).toBe(0);
  const inventory = ["--inventory", join(directory, "inventory.yaml")];
  const actions = ["--actions", join(PROJECT, "examples/satellite-disk-erase/actions")];
  return new Script(await startDaemon({ args: [...inventory, ...actions, "--policies", join(directory, "policies")] }));
}
