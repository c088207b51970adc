import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { expect, test } from "vitest";
import { AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { RetryOn, RetrySchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { isTriedAgain, retryDelayMs, retryRule } from "./retry.ts";

const delays = (parts: Parameters<typeof create<typeof RetrySchema>>[1], fraction = 0.5): readonly number[] => {
  const rule = retryRule(create(RetrySchema, parts));
  return [1, 2, 3, 4].map((failed) => retryDelayMs(rule, failed, fraction));
};

test("without a rule there is one attempt", () => {
  expect(retryRule(undefined).attempts).toBe(1);
  expect(retryRule(create(RetrySchema, { attempts: 0 })).attempts).toBe(1);
});

test("back-off doubles from its first delay to its longest", () => {
  expect(delays({ attempts: 9, backoff: durationFromMs(2_000), backoffMax: durationFromMs(10_000) })).toEqual([
    2_000, 4_000, 8_000, 10_000,
  ]);
});

test("back-off begins at a second and ends at five minutes by default", () => {
  const rule = retryRule(create(RetrySchema, { attempts: 100 }));
  expect(retryDelayMs(rule, 1, 0.5)).toBe(1_000);
  expect(retryDelayMs(rule, 99, 0.5)).toBe(300_000);
  expect(retryDelayMs(rule, 5_000, 0.5)).toBe(300_000);
});

test("a fixed delay stays, and has no jitter unless it is asked for", () => {
  expect(delays({ attempts: 9, delay: durationFromMs(3_000) }, 0.9)).toEqual([3_000, 3_000, 3_000, 3_000]);
  expect(delays({ attempts: 9, delay: durationFromMs(3_000), jitter: 1 }, 0)).toEqual([0, 0, 0, 0]);
});

test("jitter moves a delay by its share at most, and never below zero", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (jitter, fraction) => {
      const delayMs = retryDelayMs(retryRule(create(RetrySchema, { attempts: 2, backoff: durationFromMs(10_000), jitter })), 1, fraction);
      expect(Math.abs(delayMs - 10_000)).toBeLessThanOrEqual(10_000 * jitter + 1);
      expect(delayMs).toBeGreaterThanOrEqual(0);
      expect(Number.isInteger(delayMs)).toBe(true);
    }),
  );
});

test("without `on` every end is tried again, with it only those that it names", () => {
  const ends = [
    { outcome: AttemptOutcome.FAILED, isTimedOut: false },
    { outcome: AttemptOutcome.UNREACHABLE, isTimedOut: false },
    { outcome: AttemptOutcome.FAILED, isTimedOut: true },
    { outcome: AttemptOutcome.UNREACHABLE, isTimedOut: true },
  ];
  const tried = (on: RetryOn[]): readonly boolean[] => ends.map((end) => isTriedAgain(retryRule(create(RetrySchema, { on })), end));
  expect(tried([])).toEqual([true, true, true, true]);
  expect(tried([RetryOn.FAILED])).toEqual([true, false, false, false]);
  expect(tried([RetryOn.UNREACHABLE])).toEqual([false, true, false, false]);
  expect(tried([RetryOn.TIMED_OUT])).toEqual([false, false, true, true]);
});
