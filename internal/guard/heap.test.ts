import { expect, test } from "vitest";
import { Chance } from "../../test/sim/chance.ts";
import { firstInOrder, heapPop, heapPush } from "./heap.ts";

const isLess = (a: number, b: number): boolean => a < b;

test.each([1, 2, 3, 4, 5])("what went in comes out in order, in whatever order it went in (seed %i)", (seed) => {
  const chance = new Chance(seed);
  const numbers = Array.from({ length: 500 }, () => chance.int(0, 100));
  const heap: number[] = [];
  for (const number of numbers) heapPush(heap, number, isLess);
  const out = numbers.map(() => heapPop(heap, isLess));
  const sorted = numbers.toSorted((a, b) => a - b);
  expect([out, heapPop(heap, isLess)]).toEqual([sorted, undefined]);
  expect(firstInOrder(numbers, 7, isLess)).toEqual(sorted.slice(0, 7));
  expect(firstInOrder(numbers.slice(0, 3), 7, isLess)).toEqual(numbers.slice(0, 3).sort((a, b) => a - b));
});
