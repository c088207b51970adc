// The satellite example, scaled down, on the real service and real processes: SIGKILL in the middle of five machines and in a pause.
// 1. What happened is read from the machines' own logs. A machine's erase outlives the service that began it, so it counts until it ends.

import { expect, test } from "vitest";
import { startScene } from "./satellite-scene.ts";
import type { Erase, SatelliteScene } from "./satellite-scene.ts";
import { until } from "./script.ts";

const PERIOD_MS = 6_000;
const PAUSE_MS = 1_000;
/** The machines' clock and the service's differ by how long a process takes to begin, under load. */
const JITTER_MS = 400;

test("killed in the middle of a five, in a pause and between two sites: no sixth machine, no second site", async () => {
  const scene = await startScene({ sites: 4, machines: 12, period: `${PERIOD_MS}ms`, pause: `${PAUSE_MS}ms` });
  const sites = ["sat001", "sat002", "sat003"];
  const ids: unknown[] = [];
  for (const site of sites) ids.push((await scene.script.one(["run", scene.workflow, "--param", `site=${site}`, "--no-wait"]))["id"]);
  await killWhen(scene, (erases) => erases.filter(({ endedMs }) => endedMs === undefined).length === 5);
  await killWhen(scene, (erases) => erases.length >= 5 && erases.every(({ endedMs }) => endedMs !== undefined));
  await killWhen(scene, (erases) => erases.length > 12 && erases.some(({ endedMs }) => endedMs === undefined));
  await until(
    () => scene.script.json(["list"]),
    (workflows) => workflows.every(({ phase }) => phase === "SUCCEEDED"),
  );
  const erases = scene.erases();
  expect(erases.map(({ machine }) => machine).toSorted()).toEqual(
    sites.flatMap((site) => Array.from({ length: 12 }, (_, at) => `${site}-m${String(at + 1).padStart(2, "0")}`)),
  );
  expect(mostAtOnce(erases)).toBeLessThanOrEqual(5);
  checkSites(erases);
  checkPauses(erases);
  for (const id of ids) expect((await scene.script.one(["status", String(id)]))["counts"]).toMatchObject({ changed: 12, failed: 0 });
});

/** SIGKILL as soon as the machines' logs look like this, and a new start. */
async function killWhen(scene: SatelliteScene, holds: (erases: readonly Erase[]) => boolean): Promise<void> {
  await expect.poll(() => holds(scene.erases()), { timeout: 40_000, interval: 10 }).toBe(true);
  await scene.daemon.restart();
}

function mostAtOnce(erases: readonly Erase[]): number {
  const at = (ms: number): number => erases.filter(({ beganMs, endedMs = Infinity }) => beganMs <= ms && ms < endedMs).length;
  return Math.max(...erases.map(({ beganMs }) => at(beganMs)));
}

function checkSites(erases: readonly Erase[]): void {
  const began = new Map<string, number>();
  for (const { site, beganMs } of erases) if (!began.has(site)) began.set(site, beganMs);
  const times = [...began.values()];
  for (const [at, ms] of times.slice(1).entries()) expect(ms - (times[at] ?? 0)).toBeGreaterThanOrEqual(PERIOD_MS - JITTER_MS);
}

function checkPauses(erases: readonly Erase[]): void {
  for (const site of new Set(erases.map((erase) => erase.site))) {
    const own = erases.filter((erase) => erase.site === site);
    for (let at = 5; at < own.length; at += 5) {
      const ended = Math.max(...own.slice(at - 5, at).map(({ endedMs = Infinity }) => endedMs));
      expect((own[at]?.beganMs ?? 0) - ended).toBeGreaterThanOrEqual(PAUSE_MS);
    }
  }
}
