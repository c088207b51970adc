import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Amount } from "../gen/holdfast/v1/workflow_pb.ts";
import { AmountSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { cutWaves, isPositive, resolveAmount } from "./rollout.ts";

const count = (value: number): Amount => create(AmountSchema, { kind: { case: "count", value } });
const percent = (value: number): Amount => create(AmountSchema, { kind: { case: "percent", value } });
const sizes = (targets: number, ...amounts: Amount[]): readonly number[] => cutWaves(targets, amounts).map((wave) => wave.count);

test.each([
  ["no sizes are one wave of all", 7, [], [7]],
  ["the last size repeats", 12, [count(5)], [5, 5, 2]],
  ["1, 10%, 100% of 120", 120, [count(1), percent(10), percent(100)], [1, 12, 107]],
  ["percentages of waves are rounded up", 11, [percent(10)], [2, 2, 2, 2, 2, 1]],
  ["7% of 100 is 7 and not 8", 100, [percent(7), percent(100)], [7, 93]],
  ["a size beyond the rest is the rest", 3, [count(200)], [3]],
  ["the tiniest percentage is one target", 2, [percent(1e-10)], [1, 1]],
  ["no targets have no waves", 0, [count(3)], []],
])("%s", (_, targets, amounts, expected) => {
  expect(sizes(targets, ...amounts)).toEqual(expected);
});

test("waves cover every target once, in order, whatever the sizes", () => {
  const amount = fc.oneof(fc.integer({ min: 1, max: 50 }).map(count), fc.double({ min: 1e-12, max: 100, noNaN: true }).map(percent));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.array(amount, { maxLength: 5 }), (targets, amounts) => {
      let next = 0;
      for (const wave of cutWaves(targets, amounts)) {
        expect(wave.first).toBe(next);
        expect(wave.count).toBeGreaterThan(0);
        next += wave.count;
      }
      expect(next).toBe(targets);
    }),
  );
});

test.each([
  [percent(2), 120, 2],
  [percent(1), 99, 0],
  [percent(49), 4, 1],
  [percent(50), 4, 2],
  [percent(100), 7, 7],
  [count(9), 4, 9],
])("budgets are rounded down: %o of %i", (amount, targets, expected) => {
  expect(resolveAmount(amount, targets, "down")).toBe(expected);
});

test("an amount of nothing is not positive", () => {
  expect([count(0), percent(0), create(AmountSchema), count(1), percent(0.1)].map(isPositive)).toEqual([false, false, false, true, true]);
});
