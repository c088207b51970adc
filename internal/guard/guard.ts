// The guard: one small aggregate over all workflows that alone says yes or not yet. Today it keeps the locks of targets:
// a target is changed by one workflow at a time, whatever submitted it.
// 1. Its events share the atomic batch of the turn that took or gave back (H7), so a crash neither leaks a lock nor frees one.
// 2. A lock that comes free goes, in the same turn, to who waits with the highest priority, the first come first: fair, and no race.
// 3. Who waits is not journaled: after a restart the waiting ask again.

import { create } from "@bufbuild/protobuf";
import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { GuardEventSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { assert, assertNever } from "../base/assert.ts";
import type { WorkflowId } from "../base/ids.ts";

/** The state of the guard: the fold of its events, and who waits. */
export interface GuardState {
  /** The number of the last event. */
  seq: number;
  /** Which workflow holds a target's lock. */
  readonly holders: Map<string, string>;
  /** The keys that a workflow holds. */
  readonly held: Map<string, Set<string>>;
  /** Who waits for a key, with its priority, the first come first. */
  readonly waiting: Map<string, Map<string, number>>;
}

/** A guard before its first event. */
export function emptyGuard(): GuardState {
  return { seq: 0, holders: new Map(), held: new Map(), waiting: new Map() };
}

/** Folds one event into the guard. */
export function applyGuardEvent(guard: GuardState, event: GuardEvent): void {
  guard.seq += 1;
  const kind = event.kind;
  switch (kind.case) {
    case "lockTaken":
      return take(guard, kind.value.key, kind.value.holder);
    case "lockReleased":
      return release(guard, kind.value.key, kind.value.holder);
    case "holderReleased":
      for (const key of Array.from(guard.held.get(kind.value.holder) ?? [])) release(guard, key, kind.value.holder);
      return;
    case undefined:
      return assert(false, "a guard's event says what happened");
    default:
      return assertNever(kind);
  }
}

/** Who holds the lock; undefined: nobody. */
export function lockHolder(guard: GuardState, key: string): string | undefined {
  return guard.holders.get(key);
}

/** True when the workflow holds the lock, or could take it now without passing anybody who waits. */
export function canTakeLock(guard: GuardState, key: string, workflow: WorkflowId): boolean {
  const holder = guard.holders.get(key);
  if (holder !== undefined) return holder === workflow;
  const first = firstWaiting(guard, key);
  return first === undefined || first === workflow;
}

/** The events that take a lock: none when it is held already. Only after canTakeLock. */
export function takeLock(guard: GuardState, key: string, workflow: WorkflowId): readonly GuardEvent[] {
  assert(canTakeLock(guard, key, workflow), "a lock is taken only when it can be");
  if (guard.holders.get(key) === workflow) return [];
  return [create(GuardEventSchema, { kind: { case: "lockTaken", value: { key, holder: workflow } } })];
}

/** Puts a workflow among those who wait for a lock: behind all of its priority or a higher one. Waiting twice changes nothing. */
export function waitForLock(guard: GuardState, key: string, waiter: { readonly workflow: WorkflowId; readonly priority: number }): void {
  const waiting = guard.waiting.get(key) ?? new Map<string, number>();
  if (!waiting.has(waiter.workflow)) waiting.set(waiter.workflow, waiter.priority);
  guard.waiting.set(key, waiting);
}

/** The workflow has no use for the lock any more: it waits for it no longer. */
export function stopWaiting(guard: GuardState, key: string, workflow: WorkflowId): void {
  const waiting = guard.waiting.get(key);
  waiting?.delete(workflow);
  if (waiting?.size === 0) guard.waiting.delete(key);
}

/** The workflow waits for nothing any more. */
export function stopAllWaiting(guard: GuardState, workflow: WorkflowId): void {
  for (const key of guard.waiting.keys()) stopWaiting(guard, key, workflow);
}

/** The events that give a lock back and hand it to the first who waits: none when it is not held. */
export function giveLock(guard: GuardState, key: string, workflow: WorkflowId): readonly GuardEvent[] {
  if (guard.holders.get(key) !== workflow) return [];
  const released = create(GuardEventSchema, { kind: { case: "lockReleased", value: { key, holder: workflow } } });
  return [released, ...handOver(guard, key)];
}

/** The events that give back all that a workflow holds, at its end; it waits for nothing any more. */
export function giveAllLocks(guard: GuardState, workflow: WorkflowId): readonly GuardEvent[] {
  stopAllWaiting(guard, workflow);
  const held = guard.held.get(workflow);
  if (held === undefined || held.size === 0) return [];
  const released = create(GuardEventSchema, { kind: { case: "holderReleased", value: { holder: workflow } } });
  return [released, ...[...held].flatMap((key) => handOver(guard, key))];
}

function firstWaiting(guard: GuardState, key: string): string | undefined {
  let first: { readonly workflow: string; readonly priority: number } | undefined;
  for (const [workflow, priority] of guard.waiting.get(key) ?? []) {
    if (first === undefined || priority > first.priority) first = { workflow, priority };
  }
  return first?.workflow;
}

function handOver(guard: GuardState, key: string): readonly GuardEvent[] {
  const next = firstWaiting(guard, key);
  return next === undefined ? [] : [create(GuardEventSchema, { kind: { case: "lockTaken", value: { key, holder: next } } })];
}

function take(guard: GuardState, key: string, holder: string): void {
  assert(!guard.holders.has(key), "a lock has one holder");
  guard.holders.set(key, holder);
  const keys = guard.held.get(holder) ?? new Set();
  guard.held.set(holder, keys.add(key));
  const waiting = guard.waiting.get(key);
  waiting?.delete(holder);
  if (waiting?.size === 0) guard.waiting.delete(key);
}

function release(guard: GuardState, key: string, holder: string): void {
  assert(guard.holders.get(key) === holder, "only its holder gives a lock back");
  guard.holders.delete(key);
  const keys = guard.held.get(holder);
  keys?.delete(key);
  if (keys?.size === 0) guard.held.delete(holder);
}
