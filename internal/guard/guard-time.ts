// The guard's own time: whole milliseconds that never go backward, begun at the wall clock's time when the first event was made.
// 1. Within one boot of the machine it follows the monotonic clock alone, also over restarts: a wall clock that steps changes nothing.
// 2. Over a reboot it moves forward as far as the wall clock did, and holds where the wall clock went backward: limits then wait longer.
// 3. Where the boot cannot be told, every start of the service counts as a reboot.

import type { ClockAnchored, GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { assert } from "../base/assert.ts";
import { GUARD_WALL_DRIFT_MS_MAX } from "../base/limits.ts";
import { guardEvent } from "./guard-event.ts";
import type { GuardState } from "./guard.ts";

/** What the machine's clocks say. */
export interface MachineTime {
  /** Identifies the boot; empty: it cannot be told. */
  readonly bootId: string;
  /** The same clock over restarts of the service, within one boot. */
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** Where the guard's time stands. */
export interface ClockState {
  /** The time of the last event. */
  lastMs: number;
  /** From where time is measured. */
  anchor: (MachineTime & { readonly atMs: number }) | undefined;
  /** True when this process anchored without knowing its boot. Not journaled. */
  isAnchoredHere: boolean;
}

/** The clock before the first event. */
export function emptyClock(): ClockState {
  return { lastMs: 0, anchor: undefined, isAnchoredHere: false };
}

/**
 * The guard's time now; never goes backward. Within one boot it follows the monotonic clock alone, over restarts of the service too; after a
 * reboot it moves forward by as much as the wall clock did since the last event, and holds when the wall clock went backward.
 */
export function guardNow({ clock }: GuardState, time: MachineTime): number {
  const { anchor, lastMs } = clock;
  if (anchor !== undefined && isSameBoot(clock, time)) {
    return Math.max(lastMs, anchor.atMs + Math.floor(time.monotonicMs - anchor.monotonicMs));
  }
  return Math.max(1, lastMs + Math.max(0, Math.floor(time.wallMs - wallAt(clock, lastMs))));
}

/**
 * The event with which the guard's clock follows this boot's; none when it does already. Asked again later in a boot, it makes one when the
 * wall clock was set, so that the next reboot is measured from the right time; the guard's own time does not move by it.
 */
export function anchorClock(guard: GuardState, time: MachineTime): readonly GuardEvent[] {
  const { clock } = guard;
  const nowMs = guardNow(guard, time);
  if (isSameBoot(clock, time) && Math.abs(time.wallMs - wallAt(clock, nowMs)) < GUARD_WALL_DRIFT_MS_MAX) return [];
  if (time.bootId === "") clock.isAnchoredHere = true;
  const value = { bootId: time.bootId, monotonicMs: time.monotonicMs, wallMs: BigInt(Math.floor(time.wallMs)) };
  return [guardEvent(nowMs, { case: "clockAnchored", value })];
}

/** The wall clock's time at a moment of the guard's time, for people: as the clock was when time was last anchored. */
export function guardWallMs({ clock }: GuardState, atMs: number): number {
  return wallAt(clock, atMs);
}

/** Moves the clock to an event's time; events from before there was a clock have none. */
export function tick(clock: ClockState, event: GuardEvent): number {
  if (event.atMs === 0n) return clock.lastMs;
  const atMs = Number(event.atMs);
  assert(atMs >= clock.lastMs, "the guard's time never goes backward");
  clock.lastMs = atMs;
  return atMs;
}

/** Folds the start of a clock. */
export function foldAnchor(clock: ClockState, { bootId, monotonicMs, wallMs }: ClockAnchored, atMs: number): void {
  clock.anchor = { bootId, monotonicMs, wallMs: Number(wallMs), atMs };
}

function isSameBoot({ anchor, isAnchoredHere }: ClockState, { bootId }: MachineTime): boolean {
  if (anchor === undefined || anchor.bootId !== bootId) return false;
  return bootId !== "" || isAnchoredHere;
}

function wallAt({ anchor }: ClockState, atMs: number): number {
  return anchor === undefined ? atMs : anchor.wallMs + (atMs - anchor.atMs);
}
