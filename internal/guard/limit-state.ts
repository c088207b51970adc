// What is taken of each limit, by key: slots, tokens, spacing, known values of `each`; and which task holds what.
// 1. Leases bring their own terms, so a replay needs no policy, and an edited policy is in force from the next start on.
// 2. A task that found nothing to do gives its token back only where that leaves exactly what was before it; else it stays spent.
// 3. A key that says nothing any more is dropped, amortised: each event looks at what fell due, at most LIMIT_SWEEP_MAX at a time.

import type { Lease, LimitsReturned, LimitsTaken } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { assert } from "../base/assert.ts";
import { LIMIT_SWEEP_MAX } from "../base/limits.ts";
import { heapPop, heapPush } from "./heap.ts";
import type { LimitQueues } from "./limit-queue.ts";
import { emptyLimitQueues, foldServed, foldWaitsOfHolder, markMoved } from "./limit-queue.ts";
import type { Moment } from "./token-rate.ts";
import { afterToken, isPast, isSame, NEVER } from "./token-rate.ts";

/** A value of `each`. It is known while a start under it is open, and until `knownUntilMs`. */
export interface EachValue {
  open: number;
  /** The time up to which it is known by starts that were used. */
  knownUntilMs: number;
  isQueued: boolean;
}

/** What is taken under one key. */
export interface LimitKey {
  readonly key: string;
  slots: number;
  /** When all tokens are back. */
  backAt: Moment;
  /** The last start that keeps others at a distance; 0: none. */
  startMs: number;
  /** How long that start is remembered at least. */
  spacedUntilMs: number;
  readonly each: Map<string, EachValue>;
  /** The terms of the last lease, to show when there is a token again. */
  terms: { readonly intervalMs: number; readonly burst: number };
  isQueued: boolean;
}

interface HeldLease {
  readonly lease: Lease;
  readonly atMs: number;
  /** The tokens before and after; undefined: it took none. */
  readonly token: { readonly before: Moment; readonly after: Moment } | undefined;
  readonly startBeforeMs: number;
}

/** When to look whether a key, or a value under it, can be dropped. Queued once at a time, and not while it is in use. */
interface Due {
  readonly dueMs: number;
  readonly key: LimitKey;
  readonly each: string | undefined;
}

/** All limits in use. */
export interface LimitState {
  readonly keys: Map<string, LimitKey>;
  /** By workflow and task. */
  readonly held: Map<string, Map<number, readonly HeldLease[]>>;
  /** A heap. */
  readonly due: Due[];
  readonly queues: LimitQueues;
}

/** No limits. */
export function emptyLimits(): LimitState {
  return { keys: new Map(), held: new Map(), due: [], queues: emptyLimitQueues() };
}

/** True when a start under the value of `each` takes no token. */
export function isKnown(value: EachValue | undefined, nowMs: number): boolean {
  return value !== undefined && (value.open > 0 || nowMs < value.knownUntilMs);
}

/** Folds a task's taking of its limits. */
export function foldLimitsTaken(limits: LimitState, { holder, task, leases }: LimitsTaken, nowMs: number): void {
  const tasks = limits.held.get(holder) ?? new Map<number, readonly HeldLease[]>();
  assert(!tasks.has(task), "a task takes its limits once, and returns them before it takes them again");
  limits.held.set(
    holder,
    tasks.set(
      task,
      leases.map((lease) => take(limits, lease, nowMs)),
    ),
  );
  foldServed(
    limits.queues,
    holder,
    leases.map(({ key }) => key),
  );
  for (const { key, each } of leases) if (each !== undefined) markMoved(limits.queues, key, "all");
  sweep(limits, nowMs);
}

/** Folds a task's return of its limits. */
export function foldLimitsReturned(limits: LimitState, { holder, task, unused }: LimitsReturned, nowMs: number): void {
  const tasks = limits.held.get(holder);
  const leases = tasks?.get(task);
  assert(tasks !== undefined && leases !== undefined, "only what was taken is returned");
  tasks.delete(task);
  if (tasks.size === 0) limits.held.delete(holder);
  for (const held of leases) giveBack(limits, held, { nowMs, isUnused: unused });
  sweep(limits, nowMs);
}

/** Folds the end of a workflow: all its tasks return what they hold. */
export function foldLimitsOfHolder(limits: LimitState, workflow: string, nowMs: number): void {
  const tasks = limits.held.get(workflow);
  limits.held.delete(workflow);
  for (const leases of tasks?.values() ?? []) for (const held of leases) giveBack(limits, held, { nowMs, isUnused: false });
  foldWaitsOfHolder(limits.queues, workflow);
  sweep(limits, nowMs);
}

function take(limits: LimitState, lease: Lease, nowMs: number): HeldLease {
  const key = limits.keys.get(lease.key) ?? newKey(limits, lease.key);
  const startBeforeMs = key.startMs;
  key.terms = { intervalMs: lease.intervalMs, burst: lease.burst };
  if (lease.slot) key.slots += 1;
  if (lease.spacingMs > 0) {
    key.startMs = nowMs;
    key.spacedUntilMs = Math.max(key.spacedUntilMs, nowMs + lease.spacingMs);
  }
  const before = key.backAt;
  const takesToken = lease.intervalMs > 0 && !openEach(key, lease, nowMs);
  if (takesToken) key.backAt = afterToken(before, nowMs, lease);
  queueKey(limits, key, nowMs);
  return { lease, atMs: nowMs, token: takesToken ? { before, after: key.backAt } : undefined, startBeforeMs };
}

/** Opens a start under the lease's value of `each`; true when the value was known. */
function openEach(key: LimitKey, { each }: Lease, nowMs: number): boolean {
  if (each === undefined) return false;
  const value = key.each.get(each) ?? { open: 0, knownUntilMs: 0, isQueued: false };
  const wasKnown = isKnown(value, nowMs);
  if (!wasKnown) value.knownUntilMs = 0;
  value.open += 1;
  key.each.set(each, value);
  return wasKnown;
}

function giveBack(limits: LimitState, held: HeldLease, end: { readonly nowMs: number; readonly isUnused: boolean }): void {
  const { lease, token, atMs } = held;
  const key = limits.keys.get(lease.key);
  if (key === undefined) return; // all that it took is past, and the key was dropped
  if (lease.slot) key.slots -= 1;
  if (end.isUnused && lease.spacingMs > 0 && key.startMs === atMs) key.startMs = held.startBeforeMs;
  const value = lease.intervalMs > 0 && lease.each !== undefined ? key.each.get(lease.each) : undefined;
  if (value !== undefined) value.open -= 1;
  if (token !== undefined && end.isUnused && isSame(key.backAt, token.after) && !wasUsed(value)) key.backAt = token.before;
  else if (value !== undefined && (token !== undefined || !end.isUnused)) {
    // Used, or spent for nothing: then the value counts as used at its start.
    value.knownUntilMs = Math.max(value.knownUntilMs, (end.isUnused ? atMs : end.nowMs) + Number(lease.knownMs));
  }
  if (value !== undefined && lease.each !== undefined) queueEach(limits, key, { name: lease.each, value });
  queueKey(limits, key, end.nowMs);
  markMoved(limits.queues, lease.key);
}

/** True when another start under the value is open, or one was used since the value's token was taken. */
function wasUsed(value: EachValue | undefined): boolean {
  return value !== undefined && (value.open > 0 || value.knownUntilMs > 0);
}

function newKey(limits: LimitState, name: string): LimitKey {
  const terms = { intervalMs: 0, burst: 1 };
  const key: LimitKey = { key: name, slots: 0, backAt: NEVER, startMs: 0, spacedUntilMs: 0, each: new Map(), terms, isQueued: false };
  limits.keys.set(name, key);
  return key;
}

function queueKey(limits: LimitState, key: LimitKey, nowMs: number): void {
  if (key.isQueued || key.slots > 0 || key.each.size > 0) return;
  key.isQueued = true;
  heapPush(limits.due, { dueMs: Math.max(nowMs + 1, key.spacedUntilMs, key.backAt.ms), key, each: undefined }, isSooner);
}

function queueEach(limits: LimitState, key: LimitKey, { name, value }: { readonly name: string; readonly value: EachValue }): void {
  if (value.isQueued || value.open > 0) return;
  value.isQueued = true;
  heapPush(limits.due, { dueMs: value.knownUntilMs, key, each: name }, isSooner);
}

function sweep(limits: LimitState, nowMs: number): void {
  for (let count = 0; count < LIMIT_SWEEP_MAX; count++) {
    const due = limits.due[0];
    if (due === undefined || due.dueMs > nowMs) return;
    heapPop(limits.due, isSooner);
    if (due.each === undefined) dropKey(limits, due.key, nowMs);
    else dropEach(limits, due.key, due.each, nowMs);
  }
}

function dropKey(limits: LimitState, key: LimitKey, nowMs: number): void {
  key.isQueued = false;
  if (key.slots > 0 || key.each.size > 0) return;
  if (key.spacedUntilMs <= nowMs && isPast(key.backAt, nowMs)) limits.keys.delete(key.key);
  else queueKey(limits, key, nowMs);
}

function dropEach(limits: LimitState, key: LimitKey, name: string, nowMs: number): void {
  const value = key.each.get(name);
  if (value === undefined) return;
  value.isQueued = false;
  if (value.open > 0) return;
  if (isKnown(value, nowMs)) return queueEach(limits, key, { name, value });
  key.each.delete(name);
  queueKey(limits, key, nowMs);
}

function isSooner(a: Due, b: Due): boolean {
  return a.dueMs < b.dueMs;
}
