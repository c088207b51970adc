import fc from "fast-check";
import { expect, test } from "vitest";
import { DueQueue, WorkQueue } from "./queues.ts";

test("what was pushed first comes first, and what is no longer wanted is passed over", () => {
  const queue = new WorkQueue();
  for (const task of [4, 2, 9]) queue.push(task);
  const wanted = new Set([2, 9]);
  expect(queue.firstWhere((task) => wanted.has(task))).toBe(2);
  queue.take(2, (task) => wanted.has(task));
  expect(queue.firstWhere((task) => wanted.has(task))).toBe(9);
});

test("taking from the middle leaves what stands before it", () => {
  const queue = new WorkQueue();
  for (const task of [1, 2, 3]) queue.push(task);
  queue.take(2, () => true);
  queue.take(7, () => true);
  expect(queue.firstWhere(() => true)).toBe(1);
  queue.take(1, () => true);
  expect(queue.firstWhere(() => true)).toBe(3);
});

test("a queue behaves as a list does, however long it lives", () => {
  const queue = new WorkQueue();
  const list: number[] = [];
  const wanted = new Set<number>();
  for (let task = 0; task < 20_000; task++) {
    queue.push(task);
    list.push(task);
    wanted.add(task);
    if (task % 3 === 0) wanted.delete(task);
    if (task % 2 === 0) {
      const first = list.find((item) => wanted.has(item));
      expect(queue.firstWhere((item) => wanted.has(item))).toBe(first);
      if (first === undefined) continue;
      queue.take(first, (item) => wanted.has(item));
      list.splice(0, list.indexOf(first) + 1);
    }
  }
});

test("the earliest due comes first, of those due at once the lowest, whatever was set and deleted before", () => {
  const action = fc.tuple(fc.integer({ min: 0, max: 20 }), fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }));
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const queue = new DueQueue();
      const model = new Map<number, number>();
      for (const [task, atMs] of actions) {
        if (atMs === undefined) {
          queue.delete(task);
          model.delete(task);
        } else {
          queue.set(task, atMs);
          model.set(task, atMs);
        }
        const [first] = [...model].toSorted(([a, left], [b, right]) => left - right || a - b);
        expect(queue.peek()).toEqual(first === undefined ? undefined : { task: first[0], atMs: first[1] });
        expect(queue.size).toBe(model.size);
      }
    }),
  );
});
