// Locks of targets: a target is changed by one workflow at a time, whatever submitted it; so are all that share a stage's lock.
// 1. A target takes all its keys together or none, so nobody waits while it holds: no deadlock.
// 2. One order of those who wait, the same for every key: priority, then arrival. Who is first for each of its keys goes as soon as all
//    are free, by events in the same list as the giving back: no race, no lost wake-up, nobody passed.
// 3. The holder is a target of a workflow: two targets of one workflow exclude each other under a stage's lock too.

import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { assert } from "../base/assert.ts";
import type { WorkflowId } from "../base/ids.ts";
import { GUARD_WAITING_SHOWN_MAX } from "../base/limits.ts";
import { guardEvent } from "./guard-event.ts";
import type { GuardState } from "./guard.ts";
import { firstInOrder } from "./heap.ts";
import type { Waiter, WaitQueues } from "./wait-queue.ts";
import { firstWaiting, isAhead, joinQueue, leaveQueue, listWaiting } from "./wait-queue.ts";

/** What a target asks for before it is first changed. */
export interface LockAsk {
  readonly workflow: WorkflowId;
  readonly target: string;
  /** Distinct; its own first. */
  readonly keys: readonly string[];
  readonly priority: number;
}

/** A target of a workflow that holds locks. */
export interface LockHolder {
  readonly workflow: string;
  readonly target: string;
}

/** One lock, for people. */
export interface LockEntry extends LockHolder {
  readonly key: string;
  /** Workflows that wait, the next first; see waitingFor. */
  readonly waiting: readonly string[];
}

interface LockWaiter extends Waiter, LockHolder {
  readonly keys: readonly string[];
}

/** The locks that are held, and who waits for which. */
export interface LockState {
  readonly holders: Map<string, LockHolder>;
  /** By workflow and target. */
  readonly held: Map<string, Map<string, Set<string>>>;
  readonly queues: WaitQueues<LockWaiter>;
  /** By workflow and target. */
  readonly waiters: Map<string, Map<string, LockWaiter>>;
  arrivals: number;
}

/** No locks. */
export function emptyLocks(): LockState {
  return { holders: new Map(), held: new Map(), queues: new Map(), waiters: new Map(), arrivals: 0 };
}

/** The key of a target's own lock. */
export function targetLock(name: string): string {
  return `target:${name}`;
}

/** The key of a lock that a stage names. */
export function stageLock(key: string): string {
  return `lock:${key}`;
}

/** True when each of its keys is held by this target already, or free with nobody ahead who waits for it. */
export function canTakeLocks({ locks }: GuardState, ask: LockAsk): boolean {
  const place = locks.waiters.get(ask.workflow)?.get(ask.target) ?? { priority: ask.priority, arrival: Infinity };
  return ask.keys.every((key) => {
    const holder = locks.holders.get(key);
    if (holder !== undefined) return holder.workflow === ask.workflow && holder.target === ask.target;
    const first = firstWaiting(locks.queues, key);
    return first === undefined || first === place || !isAhead(first, place);
  });
}

/** The events that take those locks which are not held yet. Only after canTakeLocks. */
export function takeLocks(guard: GuardState, ask: LockAsk, nowMs: number): readonly GuardEvent[] {
  assert(canTakeLocks(guard, ask), "locks are taken only when all of them can be");
  const { workflow, target } = ask;
  return ask.keys.filter((key) => !guard.locks.holders.has(key)).map((key) => lockTaken({ workflow, target, key }, nowMs));
}

/** Puts a target among those who wait for locks that it cannot take now. Waiting twice changes nothing: it keeps its place. */
export function waitForLocks({ locks }: GuardState, { workflow, target, keys, priority }: LockAsk): void {
  const waiting = locks.waiters.get(workflow) ?? new Map<string, LockWaiter>();
  const known = waiting.get(target);
  if (known !== undefined) {
    assert(
      known.keys.length === keys.length && known.keys.every((key) => keys.includes(key)),
      "who waits for locks keeps to the same ones",
    );
    return;
  }
  assert(locks.held.get(workflow)?.has(target) !== true, "nobody waits for locks while it holds some");
  locks.arrivals += 1;
  const waiter: LockWaiter = { workflow, target, keys, priority, arrival: locks.arrivals, isGone: false };
  locks.waiters.set(workflow, waiting.set(target, waiter));
  for (const key of keys) joinQueue(locks.queues, key, waiter);
}

/** True while the target waits for locks: they are handed to it in turn. */
export function isWaitingForLocks({ locks }: GuardState, { workflow, target }: LockHolder): boolean {
  return locks.waiters.get(workflow)?.has(target) === true;
}

/** The target waits for locks no longer; the events hand over to those behind it who can go now. */
export function stopWaiting(guard: GuardState, workflow: WorkflowId, target: string, nowMs: number): readonly GuardEvent[] {
  return handOver(guard, [], leaveQueues(guard.locks, workflow, target), nowMs);
}

/** The workflow waits for no lock any more; the events hand over to those behind it who can go now. */
export function stopAllWaiting(guard: GuardState, workflow: WorkflowId, nowMs: number): readonly GuardEvent[] {
  return handOver(guard, [], leaveAllQueues(guard.locks, workflow), nowMs);
}

/** The events that give back all locks of a target and hand them to those who can go now; none when it holds none. */
export function giveLocks(
  guard: GuardState,
  holder: { readonly workflow: WorkflowId; readonly target: string },
  nowMs: number,
): readonly GuardEvent[] {
  const { workflow, target } = holder;
  const held = guard.locks.held.get(workflow)?.get(target);
  if (held === undefined) return [];
  const keys = Array.from(held);
  const released = keys.map((key) => guardEvent(nowMs, { case: "lockReleased", value: { key, holder: workflow, target } }));
  return [...released, ...handOver(guard, keys, keys, nowMs)];
}

/** Who holds the lock; undefined: nobody. */
export function lockHolder({ locks }: GuardState, key: string): LockHolder | undefined {
  return locks.holders.get(key);
}

/** The locks that a target of a workflow holds. */
export function locksOf({ locks }: GuardState, { workflow, target }: LockHolder): readonly string[] {
  return Array.from(locks.held.get(workflow)?.get(target) ?? []);
}

/** Workflows that wait for the lock, the next first, at most GUARD_WAITING_SHOWN_MAX. For people: it looks at all who wait. */
export function waitingFor({ locks }: GuardState, key: string): readonly string[] {
  const first = listWaiting(locks.queues, key, 10 * GUARD_WAITING_SHOWN_MAX);
  return [...new Set(first.map(({ workflow }) => workflow))].slice(0, GUARD_WAITING_SHOWN_MAX);
}

/** The first locks by key that are held or waited for, and how many there are. A free one has an empty holder. For people. */
export function listLocks(
  guard: GuardState,
  prefix: string,
  max: number,
): { readonly locks: readonly LockEntry[]; readonly count: number } {
  const { holders, queues } = guard.locks;
  const keys = [...holders.keys(), ...[...queues.keys()].filter((key) => !holders.has(key))].filter((key) => key.startsWith(prefix));
  const locks = firstInOrder(keys, max, (a, b) => a < b).map((key) => {
    const { workflow, target } = holders.get(key) ?? { workflow: "", target: "" };
    return { key, workflow, target, waiting: waitingFor(guard, key) };
  });
  return { locks, count: keys.length };
}

/** The events that follow when a workflow lets go of everything: it waits no longer, and its locks go to those who can go now. */
export function handOverAll(guard: GuardState, workflow: WorkflowId, nowMs: number): readonly GuardEvent[] {
  const freed = [...(guard.locks.held.get(workflow)?.values() ?? [])].flatMap((keys) => [...keys]);
  return handOver(guard, freed, [...freed, ...leaveAllQueues(guard.locks, workflow)], nowMs);
}

/** The events that hand what is free to those who wait and can go now: after a restart, when all have asked again. */
export function handOverFree(guard: GuardState, nowMs: number): readonly GuardEvent[] {
  return handOver(guard, [], [...guard.locks.queues.keys()], nowMs);
}

/** Folds a lock taken; who takes a lock waits no longer. */
export function foldTaken(locks: LockState, key: string, { workflow, target }: LockHolder): void {
  assert(!locks.holders.has(key), "a lock has one holder");
  locks.holders.set(key, { workflow, target });
  const targets = locks.held.get(workflow) ?? new Map<string, Set<string>>();
  locks.held.set(workflow, targets.set(target, (targets.get(target) ?? new Set()).add(key)));
  leaveQueues(locks, workflow, target);
}

/** Folds a lock given back. */
export function foldReleased(locks: LockState, key: string, { workflow, target }: LockHolder): void {
  const holder = locks.holders.get(key);
  assert(holder?.workflow === workflow && holder.target === target, "only its holder gives a lock back");
  locks.holders.delete(key);
  const targets = locks.held.get(workflow);
  const keys = targets?.get(target);
  keys?.delete(key);
  if (keys?.size === 0) targets?.delete(target);
  if (targets?.size === 0) locks.held.delete(workflow);
}

/** Folds the end of a holder. */
export function foldLocksOfHolder(locks: LockState, workflow: string): void {
  leaveAllQueues(locks, workflow);
  for (const keys of locks.held.get(workflow)?.values() ?? []) for (const key of keys) locks.holders.delete(key);
  locks.held.delete(workflow);
}

/** The key and target of a lock's event: the first journals named a lock by its target alone. */
export function namedLock({ key, holder, target }: { readonly key: string; readonly holder: string; readonly target: string }): {
  readonly key: string;
  readonly holder: LockHolder;
} {
  if (target !== "") return { key, holder: { workflow: holder, target } };
  const name = key.startsWith(targetLock("")) ? key.slice(targetLock("").length) : key;
  return { key: targetLock(name), holder: { workflow: holder, target: name } };
}

/** The events that take what `freed` gives back, for whoever is now first for all its keys; only heads of the `moved` queues can be. */
function handOver({ locks }: GuardState, freed: readonly string[], moved: readonly string[], nowMs: number): readonly GuardEvent[] {
  if (moved.length === 0) return [];
  const free = new Set(freed);
  const taken = new Set<string>();
  const events: GuardEvent[] = [];
  for (const key of moved) {
    const first = firstWaiting(locks.queues, key);
    if (first === undefined || taken.has(key)) continue;
    const canGo = first.keys.every((each) => {
      return (free.has(each) || !locks.holders.has(each)) && !taken.has(each) && firstWaiting(locks.queues, each) === first;
    });
    if (!canGo) continue;
    for (const each of first.keys) {
      taken.add(each);
      events.push(lockTaken({ workflow: first.workflow, target: first.target, key: each }, nowMs));
    }
  }
  return events;
}

function lockTaken({ key, workflow, target }: LockHolder & { readonly key: string }, nowMs: number): GuardEvent {
  return guardEvent(nowMs, { case: "lockTaken", value: { key, holder: workflow, target } });
}

/** Returns the keys whose queue it left. */
function leaveQueues(locks: LockState, workflow: string, target: string): readonly string[] {
  const waiting = locks.waiters.get(workflow);
  const waiter = waiting?.get(target);
  if (waiting === undefined || waiter === undefined) return [];
  waiter.isGone = true;
  waiting.delete(target);
  if (waiting.size === 0) locks.waiters.delete(workflow);
  for (const key of waiter.keys) leaveQueue(locks.queues, key);
  return waiter.keys;
}

function leaveAllQueues(locks: LockState, workflow: string): readonly string[] {
  return Array.from(locks.waiters.get(workflow)?.keys() ?? []).flatMap((target) => leaveQueues(locks, workflow, target));
}
