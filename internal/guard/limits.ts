// Limits on starts: slots, tokens, spacing, by keys that policies and stages name. The guard alone says yes or not yet.
// 1. A task takes all its limits in one event or none, in the turn that starts it, so no two tasks pass one check (H7).
// 2. Nobody passes who is ahead in a key's line (limit-queue.ts). What moves a line is told by wakenForLimits, or is mere time.
// 3. The arithmetic is token-rate.ts, the fold limit-state.ts: a key is asked by the asker's own terms, always.

import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { assert } from "../base/assert.ts";
import type { WorkflowId } from "../base/ids.ts";
import { GUARD_WAITING_SHOWN_MAX } from "../base/limits.ts";
import { guardEvent } from "./guard-event.ts";
import type { GuardState } from "./guard.ts";
import { firstInOrder } from "./heap.ts";
import { isBehind, joinLine, leaveLines, takeMoved } from "./limit-queue.ts";
import type { MovedLine } from "./limit-queue.ts";
import type { LimitKey } from "./limit-state.ts";
import { isKnown } from "./limit-state.ts";
import { tokenAt } from "./token-rate.ts";
import { firstWaiting, listWaiting } from "./wait-queue.ts";

/** What a task asks of one limit. */
export interface LimitAsk {
  /** Policy, limit, and the value of its key expression: `satellite/five-at-a-time/erase/ams`. */
  readonly key: string;
  /** How many tasks may hold a slot at a time; absent: any number, and no slot is held. */
  readonly concurrency: number | undefined;
  /** Time for one token, milliseconds; 0: no rate. */
  readonly intervalMs: number;
  /** How many tokens may be taken at once: never more than `burst - 1 + period/interval` in any period. At least 1. */
  readonly burst: number;
  /** The least time between two starts under the key, milliseconds; 0: none. */
  readonly spacingMs: number;
  /** Which value of `each` it is for: only a value that is not known takes a token; undefined: every start takes one. */
  readonly each: string | undefined;
  /** How long a value of `each` stays known after the end of its last start, milliseconds: the limit's period. */
  readonly knownMs: number;
}

/** A task of a workflow. */
export interface LimitHolder {
  readonly workflow: WorkflowId;
  /** The task's position. */
  readonly task: number;
}

/** A task that wants to start, with all its limits, by distinct keys. */
export interface LimitsAsk extends LimitHolder {
  readonly priority: number;
  readonly limits: readonly LimitAsk[];
}

/** May it start? */
export type Room =
  | { readonly kind: "room" }
  | {
      readonly kind: "blocked";
      /** The first limit that blocks it. */
      readonly key: string;
      /** The guard's time at which it may be free by mere time; undefined: when somebody returns, or the line moves. */
      readonly untilMs: number | undefined;
    };

/** One limit in use, for people. */
export interface LimitEntry {
  readonly key: string;
  readonly slots: number;
  /** When there is a token again, by the terms that were asked last; undefined: now. */
  readonly nextAtMs: number | undefined;
  /** Values of `each` that are known, at most GUARD_WAITING_SHOWN_MAX. */
  readonly each: readonly string[];
  /** Workflows that wait, the next first, at most GUARD_WAITING_SHOWN_MAX. */
  readonly waiting: readonly WorkflowId[];
}

const ROOM: Room = { kind: "room" };

/** May the task start now? Says the first limit that blocks it: it is used up, or somebody waits for it who came before. */
export function roomFor({ limits }: GuardState, ask: LimitsAsk, nowMs: number): Room {
  for (const limit of ask.limits) {
    const { key } = limit;
    const state = limits.keys.get(key);
    if (takesNothing(state, limit, nowMs)) continue;
    if (isBehind(limits.queues, key, ask)) return { kind: "blocked", key, untilMs: undefined };
    if (limit.concurrency !== undefined && (state?.slots ?? 0) >= limit.concurrency) return { kind: "blocked", key, untilMs: undefined };
    const untilMs = state === undefined ? 0 : freeAt(state, limit, nowMs);
    if (untilMs > nowMs) return { kind: "blocked", key, untilMs };
  }
  return ROOM;
}

/** The event with which an attempt takes its task's limits; none where it has none. Only where there is room. */
export function takeLimits(guard: GuardState, ask: LimitsAsk & { readonly attempt: number }, nowMs: number): readonly GuardEvent[] {
  if (ask.limits.length === 0) return [];
  assert(roomFor(guard, ask, nowMs).kind === "room", "limits are taken only where there is room");
  assert(!hasLimits(guard, ask), "a task takes its limits once, and returns them before it takes them again");
  assert(new Set(ask.limits.map(({ key }) => key)).size === ask.limits.length, "a task asks for a limit once");
  const leases = ask.limits.map(({ key, concurrency, intervalMs, burst, spacingMs, each, knownMs }) => {
    const lease = {
      key,
      slot: concurrency !== undefined,
      intervalMs,
      burst,
      spacingMs: Math.ceil(spacingMs),
      knownMs: BigInt(Math.ceil(knownMs)),
    };
    return each === undefined ? lease : { ...lease, each };
  });
  return [guardEvent(nowMs, { case: "limitsTaken", value: { holder: ask.workflow, task: ask.task, attempt: ask.attempt, leases } })];
}

/** The event that returns all that a task holds; none when it holds nothing. `isUnused`: it looked and found nothing to do. */
export function returnLimits(guard: GuardState, at: LimitHolder & { readonly isUnused: boolean }, nowMs: number): readonly GuardEvent[] {
  if (!hasLimits(guard, at)) return [];
  return [guardEvent(nowMs, { case: "limitsReturned", value: { holder: at.workflow, task: at.task, unused: at.isUnused } })];
}

/** True while the task holds limits. */
export function hasLimits({ limits }: GuardState, { workflow, task }: LimitHolder): boolean {
  return limits.held.get(workflow)?.has(task) === true;
}

/** The attempt that took what the task holds; undefined: it holds nothing, or nobody noted it. */
export function takerOf({ limits }: GuardState, { workflow, task }: LimitHolder): number | undefined {
  const attempt = limits.held.get(workflow)?.get(task)?.attempt ?? 0;
  return attempt === 0 ? undefined : attempt;
}

/** Puts a workflow in the line of a limit that blocks it. Waiting twice changes nothing: it keeps its place. */
export function waitForLimit({ limits }: GuardState, key: string, who: { readonly workflow: WorkflowId; readonly priority: number }): void {
  joinLine(limits.queues, key, who);
}

/** The workflow waits no longer, but for these keys; returns the keys whose line it left, where the next may go. */
export function stopWaitingForLimits(
  { limits }: GuardState,
  workflow: WorkflowId,
  exceptKeys: ReadonlySet<string> = new Set(),
): readonly string[] {
  return leaveLines(limits.queues, workflow, exceptKeys);
}

/** Who is first in the line of a limit. */
export function nextForLimit({ limits }: GuardState, key: string): WorkflowId | undefined {
  return firstWaiting(limits.queues.queues, key)?.workflow;
}

/** Who waits for which limit and may go since this was asked last: they are to ask again. Asking forgets them. */
export function wakenForLimits({ limits }: GuardState): readonly MovedLine[] {
  return takeMoved(limits.queues);
}

/** The event with which a workflow's pause between two waves begins; it ends by itself. */
export function beginPause(_guard: GuardState, workflow: WorkflowId, pauseMs: number, nowMs: number): readonly GuardEvent[] {
  return [guardEvent(nowMs, { case: "pauseBegan", value: { holder: workflow, pauseMs } })];
}

/** The guard's time at which the workflow's last pause ends or ended; 0: it never paused. */
export function pauseEndsMs({ pauses }: GuardState, workflow: WorkflowId): number {
  return pauses.get(workflow) ?? 0;
}

/** The first limits by key that are in use or waited for, and how many there are. For people: it looks at all of them. */
export function listLimits(
  { limits }: GuardState,
  prefix: string,
  range: { readonly max: number; readonly nowMs: number },
): { readonly limits: readonly LimitEntry[]; readonly count: number } {
  const { queues } = limits.queues;
  const isShown = (key: string): boolean => key.startsWith(prefix);
  const keys = [...limits.keys.keys(), ...[...queues.keys()].filter((key) => !limits.keys.has(key))].filter(isShown);
  const entries = firstInOrder(keys, range.max, (a, b) => a < b).map((key): LimitEntry => {
    const state = limits.keys.get(key);
    const nextAtMs = state === undefined || state.terms.intervalMs === 0 ? 0 : tokenAt(state.backAt, state.terms);
    return {
      key,
      slots: state?.slots ?? 0,
      nextAtMs: nextAtMs > range.nowMs ? nextAtMs : undefined,
      each: knownValues(state, range.nowMs),
      waiting: listWaiting(queues, key, GUARD_WAITING_SHOWN_MAX).map(({ workflow }) => workflow),
    };
  });
  return { limits: entries, count: keys.length };
}

/** True where a start uses nothing up for which others could stand in line: a known value, of a limit that is only about values. */
function takesNothing(state: LimitKey | undefined, { concurrency, intervalMs, spacingMs, each }: LimitAsk, nowMs: number): boolean {
  if (concurrency !== undefined || spacingMs > 0) return false;
  return intervalMs === 0 || (each !== undefined && isKnown(state?.each.get(each), nowMs));
}

/** When spacing and tokens of a key let a start under these terms pass; past or now: at once. */
function freeAt(state: LimitKey, { intervalMs, burst, spacingMs, each }: LimitAsk, nowMs: number): number {
  const spacedMs = spacingMs > 0 && state.start.ms > 0 ? state.start.ms + Math.ceil(spacingMs) : 0;
  const isFree = intervalMs === 0 || (each !== undefined && isKnown(state.each.get(each), nowMs));
  return Math.max(spacedMs, isFree ? 0 : tokenAt(state.backAt, { intervalMs, burst }));
}

function knownValues(state: LimitKey | undefined, nowMs: number): readonly string[] {
  const values: string[] = [];
  for (const [name, value] of state?.each ?? []) {
    if (values.length === GUARD_WAITING_SHOWN_MAX) break;
    if (isKnown(value, nowMs)) values.push(name);
  }
  return values;
}
