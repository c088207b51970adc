// IDs and chance from a seed: the same seed gives the same run.

import { makeIds } from "../../internal/system/ids.ts";
import type { Ids } from "../../internal/engine/ports.ts";

/** A seeded source; the IDs are true UUIDv7s of the times they are asked for. */
export function fakeIds(seed: number): Ids {
  const next = seededRandom(seed);
  return makeIds((bytes) => {
    for (let at = 0; at < bytes.length; at++) bytes[at] = Math.floor(next() * 256);
  });
}

/** Uniform in [0, 1), from a seed (mulberry32, by Tommy Ettinger). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
