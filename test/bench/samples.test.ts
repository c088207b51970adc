import { expect, test } from "vitest";
import { runInFlight } from "./in-flight.ts";
import { median, quantile, rateOf } from "./samples.ts";

test("a median is the middle value, or the mean of the two in the middle", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([9, 1, 5, 7])).toBe(6);
  expect(median([10, 9, 100])).toBe(10); // by size, not by spelling
  expect(() => median([])).toThrow("no median of no values");
});

test("a quantile is a measured value", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(quantile(hundred, 0.5)).toBe(50);
  expect(quantile(hundred, 0.99)).toBe(99);
  expect(quantile(hundred, 1)).toBe(100);
  expect(quantile([3, 1, 2], 0.99)).toBe(3);
  expect(() => quantile([], 0.5)).toThrow("no quantile of no values");
});

test("a rate counts calls against the time of all", () => {
  expect(rateOf([1, 2, 3, 4], 2_000)).toEqual({ perSecond: 2, p50Ms: 2, p99Ms: 4 });
});

test("calls are made once each, with so many in flight and no more", async () => {
  const made: number[] = [];
  let running = 0;
  let most = 0;
  const { p50Ms } = await runInFlight({ count: 20, inFlight: 3 }, async (nth) => {
    made.push(nth);
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
  });
  expect(made).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(most).toBe(3);
  expect(p50Ms).toBeGreaterThan(0);
});

test("a call that fails fails the measurement", async () => {
  const broken = runInFlight({ count: 5, inFlight: 2 }, (nth) => (nth === 3 ? Promise.reject(new Error("cut")) : Promise.resolve()));
  await expect(broken).rejects.toThrow("cut");
});
