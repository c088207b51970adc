// The Pace port on bottleneck: work toward one host or origin starts no faster, and goes on no wider, than the configuration says.
// 1. No guarantee rests on it: nothing is lost when an origin is forgotten, and beyond the bound on origins work goes unpaced.
// 2. Work whose signal aborts before it began never begins; its place in bottleneck's queue is passed over when its turn comes.

import Bottleneck from "bottleneck";
import { HoldfastError } from "../base/errors.ts";
import { PACE_ORIGINS_MAX } from "../base/limits.ts";
import type { Clock, Pace } from "../engine/ports.ts";

/** How traffic to one origin is paced. */
export interface PaceOptions {
  readonly clock: Clock;
  /** How much work goes on at one time, per origin. */
  readonly concurrentMax: number;
  /** The least time between two starts, per origin; zero: none. */
  readonly startIntervalMs: number;
}

interface Origin {
  readonly limiter: Bottleneck;
  count: number;
  usedAtMs: number;
}

/** How many origins each call looks at to forget them: more than it can add, so that they do not pile up. */
const FORGET_LOOKS_MAX = 4;

/** Paces work per origin; origins are made when first used, and forgotten when they have been idle. */
export function createPace({ clock, concurrentMax, startIntervalMs }: PaceOptions): Pace {
  const origins = new Map<string, Origin>();
  const forgetIdle = (): void => {
    let looked = 0;
    for (const [name, origin] of origins) {
      if (looked === FORGET_LOOKS_MAX) return;
      looked += 1;
      origins.delete(name);
      const isIdle = origin.count === 0 && clock.monotonicMs() - origin.usedAtMs >= startIntervalMs;
      if (!isIdle) origins.set(name, origin);
    }
  };
  const originOf = (name: string): Origin | undefined => {
    const known = origins.get(name);
    origins.delete(name);
    forgetIdle();
    if (known === undefined && origins.size >= PACE_ORIGINS_MAX) return undefined;
    const origin = known ?? { limiter: new Bottleneck({ maxConcurrent: concurrentMax, minTime: startIntervalMs }), count: 0, usedAtMs: 0 };
    origins.set(name, origin);
    return origin;
  };
  return {
    async run(name, work, signal) {
      if (signal.aborted) throw cancelled(name);
      const origin = originOf(name);
      if (origin === undefined) return work();
      origin.count += 1;
      try {
        return await schedule(origin.limiter, { name, work, signal });
      } finally {
        origin.count -= 1;
        origin.usedAtMs = clock.monotonicMs();
      }
    },
  };
}

interface Job<T> {
  readonly name: string;
  readonly work: () => Promise<T>;
  readonly signal: AbortSignal;
}

function schedule<T>(limiter: Bottleneck, { name, work, signal }: Job<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let isWaiting = true;
    const leave = (): void => {
      isWaiting = false;
      reject(cancelled(name));
    };
    signal.addEventListener("abort", leave, { once: true });
    const begin = async (): Promise<void> => {
      if (!isWaiting) return;
      signal.removeEventListener("abort", leave);
      try {
        resolve(await work());
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    limiter.schedule(begin).catch(reject);
  });
}

function cancelled(name: string): HoldfastError {
  return new HoldfastError("CANCELLED", `work toward ${JSON.stringify(name)} was cancelled before it began`);
}
