// The ordeal of one run: what each kind of trouble does to service and clients while they work.
// 1. Each ends by itself: when its blows are spent, or when there is nobody left to hit.

import { setTimeout as sleep } from "node:timers/promises";
import { assertNever } from "../../../internal/base/assert.ts";
import type { Chance } from "../../sim/chance.ts";
import type { ClientCrew } from "./client-crew.ts";
import type { FullDisk } from "./full-disk.ts";
import type { Trouble } from "./run-plan.ts";
import type { ServiceLife } from "./service-life.ts";
import type { Scene } from "../scene.ts";

/** What an ordeal works on. */
export interface Ground {
  readonly scene: Scene;
  readonly life: ServiceLife;
  readonly crew: ClientCrew;
  readonly disk: FullDisk;
  readonly chance: Chance;
  /** The longest that something stands still. */
  readonly stopMsMax: number;
}

const STEP_MS = 20;
const DISK_MS_MAX = 8_000;

/** Before the service's first start: what its lives are born with. */
export function prepareOrdeal(trouble: Trouble, { life, chance, disk }: Ground): void {
  if (trouble === "disk full") disk.prepare();
  if (trouble !== "service killed at appends") return;
  const when = chance.pick(["before", "after"] as const) ?? "after";
  // The first append of a life must come through now and then, or nothing would ever move.
  const nth = chance.int(when === "before" ? 2 : 1, 12);
  const lives = chance.int(2, 8);
  life.nextEnv = (start) => (start < lives ? { HOLDFAST_CRASH_APPEND: String(nth), HOLDFAST_CRASH_WHEN: when } : {});
}

/** Resolves when the trouble is over. */
export async function suffer(trouble: Trouble, ground: Ground): Promise<void> {
  const { life, crew, chance } = ground;
  switch (trouble) {
    case "service killed":
      return blows(ground, chance.int(1, 4), async () => life.kill());
    case "service killed at appends":
      return; // it does so by itself
    case "client killed":
      return blows(ground, chance.int(1, 4), async () => killClient(ground));
    case "both killed":
      return blows(ground, chance.int(2, 5), async () => {
        const isService = chance.hit(0.5);
        if (isService || chance.hit(0.3)) life.kill();
        if (!isService || chance.hit(0.3)) killClient(ground);
      });
    case "service stopped":
      return blows(ground, chance.int(1, 2), async () => life.stop(drawStopMs(ground)));
    case "client stopped":
      return blows(ground, chance.int(1, 3), async () => crew.stop({ which: chance.int(0, 9), forMs: drawStopMs(ground) }));
    case "disk full":
      return fillDisk(ground);
    case "killed while recovering":
      return killRecovering(ground);
    default:
      return assertNever(trouble);
  }
}

function killClient({ crew, chance }: Ground): void {
  crew.kill({ which: chance.int(0, 9), resumedAfterMs: chance.hit(0.7) ? chance.int(0, 1_500) : undefined });
}

/** So many blows, each after a while, as long as anybody works. */
async function blows(ground: Ground, count: number, strike: () => Promise<void>): Promise<void> {
  for (let blow = 0; blow < count; blow++) {
    await whileAtWork(ground, ground.chance.int(30, 1_500));
    if (ground.crew.isDone) return;
    await strike();
  }
}

/** Mostly short; sometimes longer than an attempt's watchdog or a keepalive. */
function drawStopMs({ chance, stopMsMax }: Ground): number {
  const drawn = chance.hit(0.7) ? chance.int(200, 3_000) : chance.hit(0.8) ? chance.int(3_000, 12_000) : chance.int(25_000, 75_000);
  return Math.min(stopMsMax, drawn);
}

/** The service ends at its next append (H12) and cannot go on, until somebody makes room. */
async function fillDisk(ground: Ground): Promise<void> {
  const { scene, life, disk, chance } = ground;
  for (let times = chance.int(1, 2); times > 0; times--) {
    await whileAtWork(ground, chance.int(30, 1_200));
    const ends = life.ends.length;
    // Sometimes the next lives find no room either: room is made after so many ends.
    const endsFull = chance.int(1, 3);
    disk.fill({ pid: scene.daemon.pid, roomBytes: chance.hit(0.5) ? 0 : chance.int(0, 16_384) });
    const isFull = (): boolean => life.ends.length < ends + endsFull && !ground.crew.isDone;
    for (let waitedMs = 0; waitedMs < DISK_MS_MAX && isFull(); waitedMs += STEP_MS) await sleep(STEP_MS);
    disk.makeRoom();
  }
}

/** One kill in the middle of work, then several while it reads its journal, marks what is in doubt, and looks at hosts. */
async function killRecovering(ground: Ground): Promise<void> {
  const { life, chance } = ground;
  let left = chance.int(3, 7);
  life.nextEnv = (start) => {
    if (start === 0 || left === 0 || chance.hit(0.6)) return {};
    left -= 1;
    return { HOLDFAST_CRASH_APPEND: String(chance.int(1, 3)), HOLDFAST_CRASH_WHEN: chance.hit(0.5) ? "before" : "after" };
  };
  life.onBorn = (start) => {
    if (start === 0 || left === 0) return;
    left -= 1;
    // From the middle of its start to some hundred milliseconds of service.
    setTimeout(() => life.kill(), chance.int(150, 1_200));
  };
  await whileAtWork(ground, chance.int(300, 1_800));
  life.kill();
}

/** Waits, but not for nothing. */
async function whileAtWork({ crew }: Ground, forMs: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < forMs && !crew.isDone; waitedMs += STEP_MS) await sleep(STEP_MS);
}
