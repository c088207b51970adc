// What is taken of each limit, by key: slots, tokens, spacing, known values of `each`; and which task holds what.
// 1. Leases bring their own terms, so a replay needs no policy, and an edited policy is in force from the next start on.
// 2. A task that found nothing to do gives its token back only where that leaves exactly what was before it; else it stays spent.
//    The token of a value of `each` belongs to the value: it is given back with its last open start, when none of them was used.
// 3. A key that says nothing any more is dropped, amortised: each event looks at what fell due, at most LIMIT_SWEEP_MAX at a time.

import type { Lease, LimitsReturned, LimitsTaken } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { assert } from "../base/assert.ts";
import { LIMIT_SWEEP_MAX, SPACED_START_KEPT_MS } from "../base/limits.ts";
import { heapPop, heapPush } from "./heap.ts";
import type { LimitQueues } from "./limit-queue.ts";
import { emptyLimitQueues, foldServed, foldWaitsOfHolder, markMoved } from "./limit-queue.ts";
import type { Moment } from "./token-rate.ts";
import { afterToken, isPast, NEVER } from "./token-rate.ts";

/** What a start found and what it left; compared as objects: while what it left stands, nobody came after it. */
export interface Change<T> {
  readonly before: T;
  readonly after: T;
}

/** The last start that keeps others at a distance. */
interface SpacedStart {
  readonly ms: number;
}

/** A value of `each`. It is known while a start under it is open, and until `knownUntilMs`. */
export interface EachValue {
  /** The open starts under it, in order. */
  readonly open: Set<HeldTask>;
  /** The token by which it became known, while starts are open and none was used. */
  token: (Change<Moment> & { readonly atMs: number; readonly knownMs: number }) | undefined;
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
  start: SpacedStart;
  /** How long that start is remembered at least. */
  spacedUntilMs: number;
  readonly each: Map<string, EachValue>;
  /** The terms of the last lease, to show when there is a token again. */
  terms: { readonly intervalMs: number; readonly burst: number };
  isQueued: boolean;
}

/** A lease, and what it took for itself alone: tokens of values of `each` are the values'. */
export interface HeldLease {
  readonly lease: Lease;
  readonly token: Change<Moment> | undefined;
  readonly start: Change<SpacedStart> | undefined;
}

/** What a task holds. */
export interface HeldTask {
  readonly workflow: string;
  readonly task: number;
  /** Which attempt took it; 0: it was not noted. */
  readonly attempt: number;
  readonly atMs: number;
  /** Later ones have higher numbers. */
  readonly order: number;
  readonly leases: readonly HeldLease[];
}

/** When to look whether a key, or a value under it, can be dropped. Queued once at a time, and not while it is in use. */
interface Due {
  readonly dueMs: number;
  readonly key: LimitKey;
  readonly each: string | undefined;
}

const NO_START: SpacedStart = { ms: 0 };

/** All limits in use. */
export interface LimitState {
  readonly keys: Map<string, LimitKey>;
  /** By workflow and task. */
  readonly held: Map<string, Map<number, HeldTask>>;
  /** A heap. */
  readonly due: Due[];
  readonly queues: LimitQueues;
  lastOrder: number;
}

/** No limits. */
export function emptyLimits(): LimitState {
  return { keys: new Map(), held: new Map(), due: [], queues: emptyLimitQueues(), lastOrder: 0 };
}

/** True when a start under the value of `each` takes no token. */
export function isKnown(value: EachValue | undefined, nowMs: number): boolean {
  return value !== undefined && (value.open.size > 0 || nowMs < value.knownUntilMs);
}

/** The value of `each` that a lease with tokens is for; undefined: every start takes a token. */
export function valueOf(key: LimitKey | undefined, { each, intervalMs }: Lease): EachValue | undefined {
  return intervalMs > 0 && each !== undefined ? key?.each.get(each) : undefined;
}

/** Folds a task's taking of its limits. */
export function foldLimitsTaken(limits: LimitState, { holder, task, attempt, leases }: LimitsTaken, nowMs: number): void {
  const tasks = limits.held.get(holder) ?? new Map<number, HeldTask>();
  assert(!tasks.has(task), "a task takes its limits once, and returns them before it takes them again");
  const order = (limits.lastOrder += 1);
  const held: HeldLease[] = [];
  const holding: HeldTask = { workflow: holder, task, attempt, atMs: nowMs, order, leases: held };
  for (const lease of leases) held.push(take(limits, lease, holding));
  limits.held.set(holder, tasks.set(task, holding));
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
  const holding = tasks?.get(task);
  assert(tasks !== undefined && holding !== undefined, "only what was taken is returned");
  tasks.delete(task);
  if (tasks.size === 0) limits.held.delete(holder);
  giveBack(limits, holding, { nowMs, isUnused: unused });
  sweep(limits, nowMs);
}

/** Folds the end of a workflow: all its tasks return what they hold. */
export function foldLimitsOfHolder(limits: LimitState, workflow: string, nowMs: number): void {
  const tasks = limits.held.get(workflow);
  limits.held.delete(workflow);
  for (const holding of tasks?.values() ?? []) giveBack(limits, holding, { nowMs, isUnused: false });
  foldWaitsOfHolder(limits.queues, workflow);
  sweep(limits, nowMs);
}

function take(limits: LimitState, lease: Lease, holding: HeldTask): HeldLease {
  const { atMs } = holding;
  const key = limits.keys.get(lease.key) ?? newKey(limits, lease.key);
  const before = { start: key.start, backAt: key.backAt };
  key.terms = { intervalMs: lease.intervalMs, burst: lease.burst };
  if (lease.slot) key.slots += 1;
  if (lease.spacingMs > 0) {
    key.start = { ms: atMs };
    // Remembered for longer than its own terms want: another version of the policy may ask for a greater distance.
    key.spacedUntilMs = Math.max(key.spacedUntilMs, atMs + Math.max(lease.spacingMs, SPACED_START_KEPT_MS));
  }
  const isEach = lease.each !== undefined;
  if (lease.intervalMs > 0 && isEach) openEach(key, lease, holding);
  else if (lease.intervalMs > 0) key.backAt = afterToken(key.backAt, atMs, lease);
  queueKey(limits, key, atMs);
  return {
    lease,
    token: lease.intervalMs > 0 && !isEach ? { before: before.backAt, after: key.backAt } : undefined,
    start: lease.spacingMs > 0 ? { before: before.start, after: key.start } : undefined,
  };
}

/** Opens a start under the lease's value of `each`; takes a token when the value was not known. */
function openEach(key: LimitKey, lease: Lease, holding: HeldTask): void {
  const { each = "", knownMs } = lease;
  const { atMs } = holding;
  const value: EachValue = key.each.get(each) ?? { open: new Set(), token: undefined, knownUntilMs: 0, isQueued: false };
  if (!isKnown(value, atMs)) {
    const before = key.backAt;
    key.backAt = afterToken(before, atMs, lease);
    value.token = { before, after: key.backAt, atMs, knownMs: Number(knownMs) };
    value.knownUntilMs = 0;
  }
  value.open.add(holding);
  key.each.set(each, value);
}

/** How a task gives its limits back. */
interface End {
  readonly nowMs: number;
  readonly isUnused: boolean;
}

function giveBack(limits: LimitState, holding: HeldTask, end: End): void {
  for (const { lease, token, start } of holding.leases) {
    const key = limits.keys.get(lease.key);
    if (key === undefined) continue; // all that it took is past, and the key was dropped
    if (lease.slot) key.slots -= 1;
    if (end.isUnused && key.start === start?.after) key.start = start.before;
    if (end.isUnused && key.backAt === token?.after) key.backAt = token.before;
    const value = valueOf(key, lease);
    if (value !== undefined) {
      value.open.delete(holding);
      closeEach(key, value, { ...end, knownMs: Number(lease.knownMs) });
      queueEach(limits, key, { name: lease.each ?? "", value });
    }
    queueKey(limits, key, end.nowMs);
    markMoved(limits.queues, lease.key);
  }
}

/** A start under the value has ended. Its token is spent as soon as one was used; otherwise the last one decides. */
function closeEach(key: LimitKey, value: EachValue, { nowMs, isUnused, knownMs }: End & { readonly knownMs: number }): void {
  const { token } = value;
  if (!isUnused) {
    value.token = undefined;
    value.knownUntilMs = Math.max(value.knownUntilMs, nowMs + knownMs);
  } else if (token !== undefined && value.open.size === 0) {
    value.token = undefined;
    if (key.backAt === token.after) key.backAt = token.before;
    else value.knownUntilMs = token.atMs + token.knownMs; // spent for nothing: the value counts as used when it was taken
  }
}

function newKey(limits: LimitState, name: string): LimitKey {
  const terms = { intervalMs: 0, burst: 1 };
  const times = { backAt: NEVER, start: NO_START, spacedUntilMs: 0 };
  const key: LimitKey = { key: name, slots: 0, ...times, each: new Map(), terms, isQueued: false };
  limits.keys.set(name, key);
  return key;
}

function queueKey(limits: LimitState, key: LimitKey, nowMs: number): void {
  if (key.isQueued || key.slots > 0 || key.each.size > 0) return;
  key.isQueued = true;
  heapPush(limits.due, { dueMs: Math.max(nowMs + 1, key.spacedUntilMs, key.backAt.ms), key, each: undefined }, isSooner);
}

function queueEach(limits: LimitState, key: LimitKey, { name, value }: { readonly name: string; readonly value: EachValue }): void {
  if (value.isQueued || value.open.size > 0) return;
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
  if (value.open.size > 0) return;
  if (isKnown(value, nowMs)) return queueEach(limits, key, { name, value });
  key.each.delete(name);
  queueKey(limits, key, nowMs);
}

function isSooner(a: Due, b: Due): boolean {
  return a.dueMs < b.dueMs;
}
