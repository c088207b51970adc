// When a delivery is tried again.

import { expect, test } from "vitest";
import { retryDelayMs } from "./retry.ts";

const TERMS = { firstMs: 1_000, maxMs: 60_000 };

test("waits double up to the longest, and stay there however often it failed", () => {
  const waits = [1, 2, 3, 7, 8, 1_000_000].map((tries) => retryDelayMs(tries, TERMS, 1));
  expect(waits).toEqual([1_000, 2_000, 4_000, 60_000, 60_000, 60_000]);
});

test("chance takes at most half of a wait away", () => {
  expect([0, 0.5].map((fraction) => retryDelayMs(3, TERMS, fraction))).toEqual([2_000, 3_000]);
});
