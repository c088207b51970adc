// One run of the campaign: a service, its hosts and its clients, an ordeal, a clean start, and the reckoning.
// 1. Everything lies in one temporary directory, which is kept when something was found.

import { EXIT } from "../../../cmd/holdfastd/program.ts";
import { ClientCrew } from "./client-crew.ts";
import { finalLook, keepScene } from "./final-look.ts";
import { fleetScene } from "./fleet-scene.ts";
import { FullDisk } from "./full-disk.ts";
import type { DiskMeans } from "./full-disk.ts";
import { prepareOrdeal, suffer } from "./ordeal.ts";
import type { Ground } from "./ordeal.ts";
import { attend, bringToEnd } from "./person.ts";
import type { Finding } from "./reckoning.ts";
import { drawRun } from "./run-plan.ts";
import type { RunPlan, Trouble } from "./run-plan.ts";
import { ServiceLife } from "./service-life.ts";

/** How a run is made. */
export interface RunOptions {
  readonly diskMeans: DiskMeans;
  readonly stopMsMax: number;
  /** So much later than it says the service writes what it acknowledged; 0: it is honest. To show that the campaign can fail. */
  readonly lieMs: number;
}

/** What came of a run. */
export interface RunResult {
  readonly seed: number;
  readonly trouble: Trouble;
  readonly serviceKills: number;
  readonly clientKills: number;
  readonly stops: number;
  readonly fills: number;
  /** How often the service ended because a write failed, or did not start for want of room (H12). */
  readonly selfEnds: number;
  readonly tasks: number;
  readonly held: number;
  readonly findings: readonly Finding[];
  /** Where everything is kept; empty: nothing was found, and nothing is kept. */
  readonly kept: string;
}

/** Makes the run of a seed. */
export async function oneRun(seed: number, options: RunOptions): Promise<RunResult> {
  const plan = drawRun(seed);
  const ground = setUp(plan, options);
  const { scene, life, crew, disk } = ground;
  const findings: Finding[] = [];
  let held = 0;
  let tasks = 0;
  try {
    await life.begin();
    for (const client of plan.clients) crew.send(client);
    await suffer(plan.trouble, ground);
    held += await attend(scene, crew);
    await life.settle(plan);
    held += await bringToEnd(scene, crew);
    const found = await finalLook({ scene, crew, life, wasFull: plan.trouble === "disk full" });
    tasks = found.tasks;
    findings.push(...found.findings);
  } catch (error) {
    findings.push({ kind: "fault", what: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
  await scene.daemon.kill();
  const { chance: _, ...about } = plan;
  const kept = findings.length === 0 ? "" : keepScene({ scene, crew }, { ...about, findings });
  disk.remove();
  if (kept === "") await scene.remove();
  return {
    seed,
    trouble: plan.trouble,
    serviceKills: life.kills,
    clientKills: crew.kills,
    stops: life.stops + crew.stops,
    fills: disk.fills,
    selfEnds: life.ends.filter(({ code }) => code === EXIT.fatal || code === EXIT.cannotStart).length,
    tasks,
    held,
    findings,
    kept,
  };
}

function setUp(plan: RunPlan, options: RunOptions): Ground {
  const scene = fleetScene(plan);
  const ground = {
    scene,
    life: new ServiceLife(scene),
    crew: new ClientCrew(scene),
    disk: new FullDisk(scene.daemon.dataDir, options.diskMeans),
    chance: plan.chance,
    stopMsMax: options.stopMsMax,
  };
  prepareOrdeal(plan.trouble, ground);
  if (options.lieMs > 0) ground.life.nextEnv = () => ({ HOLDFAST_CRASH_LIE: String(options.lieMs) });
  return ground;
}
