// Drives calls with a fixed number in flight, as so many patient clients would, and times each.
// 1. A call is started as soon as another ends, never on a schedule: what is measured is what the other side can do.

import { rateOf } from "./samples.ts";
import type { Rate } from "./samples.ts";

/** Makes `count` calls with at most `inFlight` at one time; the first that fails fails all. `call` gets the call's number, from 0. */
export async function runInFlight(
  { count, inFlight }: { readonly count: number; readonly inFlight: number },
  call: (nth: number) => Promise<unknown>,
): Promise<Rate> {
  const latenciesMs: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const nth = next++;
      const startMs = performance.now();
      await call(nth);
      latenciesMs.push(performance.now() - startMs);
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, lane));
  return rateOf(latenciesMs, performance.now() - startMs);
}
