// The example scan-and-fix, run for real: the service is killed in the middle of the repairs, and every host gets its report.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../fakes/temp-directory.ts";
import { startDaemon } from "./daemon.ts";
import { Script } from "./script.ts";

const EXAMPLE = join(import.meta.dirname, "..", "..", "examples/scan-and-fix");
const HOSTS = 9;

test("scan-and-fix goes on after a SIGKILL in the middle, repairs each host once, and reports what is not resolved", async () => {
  const directory = temporaryDirectory();
  const made = spawnSync(process.execPath, [join(EXAMPLE, "make-fleet.mjs"), directory, String(HOSTS), "web-03"]);
  expect(made.status).toBe(0);
  const daemon = await startDaemon({ args: ["--inventory", join(directory, "inventory.yaml")] });
  const script = new Script(daemon);
  const params = ["may_stay_broken=20%", "tries=1", "rescan_after=1s"].flatMap((param) => ["--param", param]);
  const { id } = await script.one(["run", join(EXAMPLE, "scan-and-fix.yaml"), "--no-wait", ...params]);
  const root = (host: string): string => join(directory, "hosts", host);
  const repairs = (): readonly string[] =>
    readdirSync(join(directory, "hosts")).flatMap((host) => {
      const log = join(root(host), "var/repairs.log");
      return existsSync(log) ? readFileSync(log, "utf8").split("\n").filter(Boolean) : [];
    });
  await expect.poll(() => repairs().length, { timeout: 30_000 }).toBeGreaterThanOrEqual(3);
  await daemon.restart();
  const done = await script.run("watch", String(id));
  expect([done.code, done.lines.at(-1)]).toEqual([0, expect.stringContaining(" SUCCEEDED ")]);
  expect(repairs()).toHaveLength(7);
  expect(new Set(repairs()).size).toBe(7);
  const report = (host: string): unknown => JSON.parse(readFileSync(join(root(host), "var/report.json"), "utf8"));
  expect(report("web-01")).toEqual({ host: "web-01", outcome: "success", unresolved: [] });
  expect(report("web-03")).toEqual({ host: "web-03", outcome: "failure", unresolved: ["the disk is failing: replace it"] });
  const status = await script.one(["status", String(id)]);
  expect(status["output"]).toEqual({ hosts: HOSTS, repaired: 6, unresolved: ["web-03"] });

  rmSync(join(root("web-03"), "run/disk.failing"));
  const again = await script.run("retry", String(id), "--stage", "rescan", "--reason", "the disk was replaced", "--wait");
  expect([again.code, again.stderr]).toEqual([0, ""]);
  expect(report("web-03")).toEqual({ host: "web-03", outcome: "success", unresolved: [] });
  const tasks = await script.json(["tasks", String(id), "--stage", "rescan"]);
  expect(tasks.filter(({ action }) => action === "scan").map(({ run }) => run)).toEqual(Array.from({ length: HOSTS }, () => 2));
});
