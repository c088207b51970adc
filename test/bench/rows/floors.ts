// What the machine itself does: the floors of the other rows, measured for their own sake.
// 1. Nothing of Holdfast runs here but the generated messages of the echo.

import type { Figure, Row, Scale } from "../row.ts";
import { startEcho } from "../floors/echo.ts";
import { measureLevel } from "../floors/level.ts";
import { measureSync } from "../floors/sync.ts";
import type { Rate } from "../samples.ts";

const REPEATS = 7;

/** The row. */
export const row: Row = { name: "floors", title: "What the machine does with nothing of Holdfast on it", measure };

async function measure(scale: Scale): Promise<readonly Figure[]> {
  if (scale === "quick") return [];
  const echo = await startEcho();
  const sync: Rate[] = [];
  const level: Rate[] = [];
  const alone: Rate[] = [];
  const crowd: Rate[] = [];
  await echo.measure({ count: 2_000, inFlight: 64 }); // warm
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    sync.push(await measureSync({ count: 300, bytes: 4_096 }));
    level.push(await measureLevel({ tasks: 50_000 }));
    alone.push(await echo.measure({ count: 500, inFlight: 1 }));
    crowd.push(await echo.measure({ count: 3_000, inFlight: 64 }));
  }
  await echo.close();
  return [
    ...timesOf("4 KiB appended and fdatasync", sync),
    {
      what: "bare LevelDB: tasks of two 110-byte records, synced batches of 512",
      unit: "/s",
      better: "higher",
      values: level.map(perSecond),
    },
    ...timesOf("bare echo, 1 call in flight", alone),
    { what: "bare echo, 64 calls in flight", unit: "/s", better: "higher", values: crowd.map(perSecond) },
  ];
}

function timesOf(what: string, rates: readonly Rate[]): readonly Figure[] {
  return [
    { what: `${what}: p50`, unit: "ms", better: "lower", values: rates.map(({ p50Ms }) => p50Ms) },
    { what: `${what}: p99`, unit: "ms", better: "lower", values: rates.map(({ p99Ms }) => p99Ms) },
  ];
}

function perSecond(rate: Rate): number {
  return rate.perSecond;
}
