// A binary heap in a plain list: the least item first, O(log n) in and out. (Williams, 1964.)
// 1. Every item is not before its parent, by the order that the caller gives, always the same one for a list.

/** True when `a` comes before `b`. */
export type Order<T> = (a: T, b: T) => boolean;

/** Puts an item in. */
export function heapPush<T>(heap: T[], item: T, isBefore: Order<T>): void {
  let at = heap.length;
  heap.push(item);
  while (at > 0) {
    const parentAt = (at - 1) >> 1;
    const parent = heap[parentAt];
    if (parent === undefined || !isBefore(item, parent)) break;
    heap[at] = parent;
    at = parentAt;
  }
  heap[at] = item;
}

/** Takes the first item out; undefined: there is none. Items are never undefined themselves. */
export function heapPop<T>(heap: T[], isBefore: Order<T>): T | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (last !== undefined && heap.length > 0) sink(heap, last, isBefore);
  return first;
}

/** The first `max` items of a list in order, without ordering the rest: O(n log max). */
export function firstInOrder<T>(items: Iterable<T>, max: number, isBefore: Order<T>): readonly T[] {
  const isAfter: Order<T> = (a, b) => isBefore(b, a);
  const kept: T[] = [];
  for (const item of items) {
    const worst = kept[0];
    if (kept.length < max) heapPush(kept, item, isAfter);
    else if (worst !== undefined && isBefore(item, worst)) sink(kept, item, isAfter);
  }
  const sorted: T[] = [];
  for (let item = heapPop(kept, isAfter); item !== undefined; item = heapPop(kept, isAfter)) sorted.push(item);
  return sorted.reverse();
}

/** Replaces the first item and lets it sink to its place. */
function sink<T>(heap: T[], item: T, isBefore: Order<T>): void {
  let at = 0;
  for (;;) {
    const left = heap[2 * at + 1];
    if (left === undefined) break;
    const right = heap[2 * at + 2];
    const isRight = right !== undefined && isBefore(right, left);
    const child = isRight ? right : left;
    if (!isBefore(child, item)) break;
    heap[at] = child;
    at = 2 * at + (isRight ? 2 : 1);
  }
  heap[at] = item;
}
