// The example examples/rolling-upgrade as it stands: its fleet, its workflow, and kill -9 of the service in the middle of a wave and of its undo.
// 1. The hosts' own logs say what was done to them, and that nothing was done twice.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startDaemon } from "./daemon.ts";
import { Script } from "./script.ts";

const EXAMPLE = join(import.meta.dirname, "..", "..", "examples/rolling-upgrade");

async function aScene() {
  const daemon = await startDaemon();
  expect(spawnSync(process.execPath, [join(EXAMPLE, "make-fleet.mjs"), daemon.directory]).status).toBe(0);
  await daemon.restart(); // with the fleet's inventory, which is where the service looks
  const script = new Script(daemon);
  const path = (host: number, name: string): string => join(daemon.directory, "hosts", `app-${host}`, name);
  const read = (host: number, name: string): string => (existsSync(path(host, name)) ? readFileSync(path(host, name), "utf8") : "");
  const versions = (): readonly string[] => [1, 2, 3, 4, 5, 6].map((host) => read(host, "etc/version").trim());
  const log = (host: number): readonly string[] => read(host, "var/log").trimEnd().split("\n");
  return { daemon, script, path, read, versions, log };
}

test(
  "a wave that fails is taken back whole, through kill -9 in its middle and in that of its undo; a retry goes on with that wave",
  { timeout: 240_000 },
  async () => {
    const { daemon, script, path, read, versions, log } = await aScene();
    const workflow = join(EXAMPLE, "rolling-upgrade.yaml");
    const begun = await script.run("run", workflow, "--param", "version=2", "--param", "previous=1", "--key", "up", "--no-wait");
    expect(begun.code, begun.stderr).toBe(0);
    await expect.poll(() => read(2, "var/log"), { timeout: 60_000 }).toContain("drain");
    await daemon.restart(); // in the second wave
    await expect.poll(() => read(4, "var/log"), { timeout: 60_000 }).toContain("use 1");
    await daemon.restart(); // while the third wave is undone
    const watched = await script.run("watch", "up");
    expect(watched.code, watched.stderr).toBe(1);

    expect(versions(), "the third wave runs what it ran before").toEqual(["2", "2", "2", "1", "1", "1"]);
    for (const host of [1, 2, 3]) expect(log(host), `app-${host}`).toEqual(["drain", "use 2", "enable"]);
    expect(log(4)).toEqual(["drain", "use 2", "use 1", "enable"]);
    expect(existsSync(path(5, "var/drained"))).toBe(false);
    expect(existsSync(path(6, "var/log")), "app-6 was never begun").toBe(false);
    const status = JSON.parse((await script.run("status", "up", "-o", "json")).stdout) as { readonly [name: string]: unknown };
    expect(status).toMatchObject({ phase: "FAILED", output: { failed: ["app-4"] } });
    expect(status["targets_at_risk"] ?? 0, "what was taken back well is not at risk").toBe(0);
    expect((await script.run("tasks", "up", "--stage", "told")).stdout).toContain("version 2 was taken back; it failed on app-4");

    const canary = log(1);
    writeFileSync(path(4, "etc/refuses"), "");
    const retried = await script.run("retry", "up", "--wait");
    expect(retried.code, retried.stderr).toBe(0);
    expect(versions()).toEqual(["2", "2", "2", "2", "2", "2"]);
    expect(log(1), "what stayed as it was is not done again").toEqual(canary);
    for (const host of [1, 2, 3, 4, 5, 6]) expect(existsSync(path(host, "var/drained")), `app-${host}`).toBe(false);
  },
);
