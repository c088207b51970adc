// The floor of the journal: LevelDB as the journal opens it, with the same bytes in the same groups, and nothing else.
// 1. Batches are synced and follow one another, as the journal's do; what a record holds does not compress.

import { randomFillSync } from "node:crypto";
import { Level } from "level";
import { rateOf } from "../samples.ts";
import type { Rate } from "../samples.ts";
import { withScratch } from "../scratch.ts";

const KEY_BYTES = 25; // a frame's key in the journal: its letter, its stream, its number
const VALUES = 4_096;

/** What is written: the defaults are the least that a durable task could cost, its start and its end. */
export interface LevelLoad {
  readonly tasks: number;
  /** Default 2. */
  readonly recordsPerTask?: number;
  /** Of a key and its value. Default 110. */
  readonly recordBytes?: number;
  /** Default 512. */
  readonly recordsPerBatch?: number;
}

/** One repeat: tasks a second (`perSecond`), and how long a synced batch took (`p50Ms`, `p99Ms`). */
export function measureLevel(load: LevelLoad): Promise<Rate> {
  const { tasks, recordsPerTask = 2, recordBytes = 110, recordsPerBatch = 512 } = load;
  const values = Array.from({ length: VALUES }, () => randomFillSync(new Uint8Array(recordBytes - KEY_BYTES)));
  return withScratch(async (directory) => {
    const db = new Level<Uint8Array, Uint8Array>(directory, { keyEncoding: "view", valueEncoding: "view" });
    await db.open();
    const batchesMs: number[] = [];
    const startMs = performance.now();
    for (let first = 0; first < tasks * recordsPerTask; first += recordsPerBatch) {
      const count = Math.min(recordsPerBatch, tasks * recordsPerTask - first);
      const batchStartMs = performance.now();
      await db.batch(
        Array.from({ length: count }, (_, at) => ({ type: "put", key: keyOf(first + at), value: values[(first + at) % VALUES] ?? KEY })),
        { sync: true },
      );
      batchesMs.push(performance.now() - batchStartMs);
    }
    const totalMs = performance.now() - startMs;
    await db.close();
    return { ...rateOf(batchesMs, totalMs), perSecond: (tasks * 1_000) / totalMs };
  });
}

const KEY = new Uint8Array(KEY_BYTES).fill(0x66);

/** Keys in order, as one workflow's frames are. */
function keyOf(nth: number): Uint8Array {
  const key = Buffer.from(KEY);
  key.writeUInt32BE(nth, KEY_BYTES - 4);
  return key;
}
