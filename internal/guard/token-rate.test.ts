import { expect, test } from "vitest";
import { Chance } from "../../test/sim/chance.ts";
import type { Moment } from "./token-rate.ts";
import { afterToken, NEVER, tokenAt } from "./token-rate.ts";

/** Takes tokens as early as they are there, after pauses; returns the times. */
function takeGreedily(
  terms: { tokens: number; periodMs: number; burst: number },
  pauses: (at: number) => number,
  count: number,
): readonly number[] {
  const rate = { intervalMs: terms.periodMs / terms.tokens, burst: terms.burst };
  const times: number[] = [];
  let backAt: Moment = NEVER;
  let nowMs = 1_700_000_000_000;
  for (let at = 0; at < count; at++) {
    nowMs = Math.max(nowMs + pauses(at), tokenAt(backAt, rate));
    times.push(nowMs);
    backAt = afterToken(backAt, nowMs, rate);
  }
  return times;
}

test.each([
  [7, 3_600_000, 2],
  [3, 100, 2],
  [999_983, 1_000_000, 3],
  [1_000_000, 2_592_000_000, 1],
  [9, 1_000, 4],
])("%i tokens in %i ms with a burst of %i: over 100,000 tokens not one is early, and none is late", (tokens, periodMs, burst) => {
  const times = takeGreedily({ tokens, periodMs, burst }, () => 0, 100_000);
  const first = times[0] ?? 0;
  const wrong = times.findIndex((time, at) => time - first !== Math.max(0, Math.ceil(((at + 1 - burst) * periodMs) / tokens)));
  expect(wrong).toBe(-1);
});

test.each(Array.from({ length: 15 }, (_, at) => at + 1))(
  "no window of w ms ever sees more than burst + floor(w / interval) tokens (seed %i)",
  (seed) => {
    const chance = new Chance(seed);
    const terms = { tokens: chance.int(1, 50), periodMs: chance.int(1, 1_000), burst: chance.int(1, 5) };
    const times = takeGreedily(terms, () => (chance.hit(0.2) ? chance.int(0, 200) : 0), 200);
    times.forEach((end, last) => {
      for (let first = 0; first <= last; first++) {
        const over = last - first + 1 - terms.burst;
        expect(over * terms.periodMs <= (end - (times[first] ?? 0)) * terms.tokens).toBe(true);
      }
    });
  },
);
