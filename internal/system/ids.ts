// New IDs and chance. Workflow IDs are UUIDv7 (RFC 9562): 48 bits of time, a 12-bit counter, 62 random bits.
// 1. Each ID is above all that this source made before, whatever the clock does: a clock that steps back, or more than 4,096 IDs in a
//    millisecond, advance the time field instead (RFC 9562, 6.2, method 1).
// 2. An ID cannot be guessed: 62 bits of each come from the system's random source.

import { randomFillSync } from "node:crypto";
import { WorkflowId } from "../base/ids.ts";
import type { Ids } from "../engine/ports.ts";

const POOL_BYTES = 4_096;
const COUNTER_MAX = 0xfff;
/** A new millisecond begins in the lower half, so that it has room for as many again. */
const COUNTER_START_MAX = 0x7ff;

/** Fills bytes with random ones. */
export type RandomFill = (bytes: Buffer) => void;

/** A source of IDs and chance; `fill` is the system's random source outside tests. */
export function makeIds(fill: RandomFill = (bytes) => void randomFillSync(bytes)): Ids {
  const take = randomPool(fill);
  let lastMs = -1;
  let counter = 0;
  return {
    workflowId(nowMs) {
      if (nowMs > lastMs) {
        lastMs = nowMs;
        counter = take(2).readUInt16BE(0) & COUNTER_START_MAX;
      } else if (counter < COUNTER_MAX) counter++;
      else {
        lastMs++;
        counter = 0;
      }
      return WorkflowId.parse(formatUuid(lastMs, counter, take(8)));
    },
    fraction() {
      const bytes = take(8);
      return ((bytes.readUInt32BE(0) >>> 5) * 2 ** 26 + (bytes.readUInt32BE(4) >>> 6)) / 2 ** 53;
    },
  };
}

function formatUuid(atMs: number, counter: number, random: Buffer): string {
  const time = Math.floor(atMs).toString(16).padStart(12, "0");
  const tail = Buffer.from(random);
  tail[0] = ((tail[0] ?? 0) & 0x3f) | 0x80;
  const hex = tail.toString("hex");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, "0")}-${hex.slice(0, 4)}-${hex.slice(4)}`;
}

/** Random bytes in small pieces, from a pool that is filled anew when it is used up. */
function randomPool(fill: RandomFill): (count: number) => Buffer {
  const pool = Buffer.alloc(POOL_BYTES);
  let at = POOL_BYTES;
  return (count) => {
    if (at + count > POOL_BYTES) {
      fill(pool);
      at = 0;
    }
    at += count;
    return pool.subarray(at - count, at);
  };
}
