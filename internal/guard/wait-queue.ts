// Who waits for a key, in order: the higher priority first, then who came first. Locks and limits both wait in these.
// 1. Leaving is O(1): who has gone is skipped when it comes to the front, and swept when the gone are more than the waiting.
// 2. Queues are not journaled: after a restart the waiting ask again.

import { firstInOrder, heapPop, heapPush } from "./heap.ts";

/** A place in an order that is the same in all queues, so that no two who wait are each ahead of the other. */
export interface Place {
  readonly priority: number;
  /** Counts up over all who ever waited. */
  readonly arrival: number;
}

/** Somebody who waits, in one queue or in several. */
export interface Waiter extends Place {
  isGone: boolean;
}

/** Those who wait for one key. */
export interface WaitQueue<T extends Waiter> {
  heap: T[];
  /** How many of them have not gone. */
  count: number;
}

/** Queues by key; none is kept empty. */
export type WaitQueues<T extends Waiter> = Map<string, WaitQueue<T>>;

/** True when `a` goes before `b`. */
export function isAhead(a: Place, b: Place): boolean {
  return a.priority !== b.priority ? a.priority > b.priority : a.arrival < b.arrival;
}

/** Puts somebody in the queue of a key. */
export function joinQueue<T extends Waiter>(queues: WaitQueues<T>, key: string, waiter: T): void {
  const queue = queues.get(key) ?? { heap: [], count: 0 };
  heapPush(queue.heap, waiter, isAhead);
  queue.count += 1;
  queues.set(key, queue);
}

/** Counts out one that has gone, whose `isGone` is set already. */
export function leaveQueue<T extends Waiter>(queues: WaitQueues<T>, key: string): void {
  const queue = queues.get(key);
  if (queue === undefined) return;
  queue.count -= 1;
  if (queue.count === 0) queues.delete(key);
  else if (queue.heap.length > 2 * queue.count + 16) sweep(queue);
}

/** Who goes first; undefined: nobody waits. */
export function firstWaiting<T extends Waiter>(queues: WaitQueues<T>, key: string): T | undefined {
  const heap = queues.get(key)?.heap ?? [];
  while (heap[0]?.isGone === true) heapPop(heap, isAhead);
  return heap[0];
}

/** The first of those who wait, in order, at most `max`; looks at all of the queue: for people only. */
export function listWaiting<T extends Waiter>(queues: WaitQueues<T>, key: string, max: number): readonly T[] {
  const waiting = queues.get(key)?.heap.filter(({ isGone }) => !isGone) ?? [];
  return firstInOrder(waiting, max, isAhead);
}

function sweep<T extends Waiter>(queue: WaitQueue<T>): void {
  const left: T[] = [];
  for (const waiter of queue.heap) if (!waiter.isGone) heapPush(left, waiter, isAhead);
  queue.heap = left;
}
