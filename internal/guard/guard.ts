// The guard: one small aggregate over all workflows that alone says yes or not yet: locks, limits, pauses, the ledger, freezes.
// 1. Its events share the atomic batch of the turn that caused them (H7), so a crash neither leaks a slot or a lock nor frees one.
// 2. Its state is the fold of its events, and who waits, which is not journaled: after a restart the waiting ask again.
// 3. Time is its own and in its events (guard-time.ts), so that a replay comes to the same state at any hour, on any clock.

import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { assert, assertNever } from "../base/assert.ts";
import type { WorkflowId } from "../base/ids.ts";
import type { FreezeState } from "./freeze.ts";
import { emptyFreezes, foldFrozen, foldLifted } from "./freeze.ts";
import { guardEvent } from "./guard-event.ts";
import type { ClockState } from "./guard-time.ts";
import { emptyClock, foldAnchor, tick } from "./guard-time.ts";
import type { LedgerState } from "./ledger-state.ts";
import { emptyLedger, foldLedgerOfHolder, foldReserved, foldSettled, foldTouched } from "./ledger-state.ts";
import { foldWaitsOfHolder } from "./limit-queue.ts";
import type { LimitState } from "./limit-state.ts";
import { emptyLimits, foldLimitsOfHolder, foldLimitsReturned, foldLimitsTaken } from "./limit-state.ts";
import type { LockState } from "./locks.ts";
import { emptyLocks, foldLocksOfHolder, foldReleased, foldTaken, handOverAll, namedLock } from "./locks.ts";
import type { RecordedPolicy } from "./recorded-policies.ts";
import { foldPolicy } from "./recorded-policies.ts";

/** The state of the guard: the fold of its events, and who waits. */
export interface GuardState {
  /** The number of the last event. */
  seq: number;
  readonly clock: ClockState;
  readonly locks: LockState;
  readonly limits: LimitState;
  /** When the last pause of a workflow ends, on the guard's clock. */
  readonly pauses: Map<string, number>;
  readonly ledger: LedgerState;
  readonly freezes: FreezeState;
  readonly policies: Map<string, RecordedPolicy>;
  /** Names the last restore from a backup that was followed up; empty: none. */
  restore: string;
}

/** A guard before its first event. */
export function emptyGuard(): GuardState {
  return {
    seq: 0,
    clock: emptyClock(),
    locks: emptyLocks(),
    limits: emptyLimits(),
    pauses: new Map(),
    ledger: emptyLedger(),
    freezes: emptyFreezes(),
    policies: new Map(),
    restore: "",
  };
}

/** Folds one event into the guard. */
export function applyGuardEvent(guard: GuardState, event: GuardEvent): void {
  guard.seq += 1;
  const atMs = tick(guard.clock, event);
  const moment = { atMs, seq: guard.seq };
  const kind = event.kind;
  switch (kind.case) {
    case "lockTaken": {
      const { key, holder } = namedLock(kind.value);
      return foldTaken(guard.locks, key, holder);
    }
    case "lockReleased": {
      const { key, holder } = namedLock(kind.value);
      return foldReleased(guard.locks, key, holder);
    }
    case "holderReleased":
      return foldHolderReleased(guard, kind.value.holder, atMs);
    case "clockAnchored":
      return foldAnchor(guard.clock, kind.value, atMs);
    case "limitsTaken":
      return foldLimitsTaken(guard.limits, kind.value, atMs);
    case "limitsReturned":
      return foldLimitsReturned(guard.limits, kind.value, atMs);
    case "pauseBegan":
      guard.pauses.set(kind.value.holder, atMs + kind.value.pauseMs);
      return;
    case "targetsReserved":
      return foldReserved(guard.ledger, kind.value, moment);
    case "targetTouched":
      return foldTouched(guard.ledger, kind.value, moment);
    case "targetsSettled":
      return foldSettled(guard.ledger, kind.value, moment);
    case "freezePlaced":
      return foldFrozen(guard.freezes, kind.value, atMs);
    case "freezeLifted":
      return foldLifted(guard.freezes, kind.value);
    case "policyRecorded":
      return foldPolicy(guard.policies, kind.value);
    case "storeRestored":
      guard.restore = kind.value.restore;
      return;
    case undefined:
      return assert(false, "a guard's event says what happened");
    default:
      return assertNever(kind);
  }
}

/** The events with which a workflow gives back all that it holds, at its end, and others get its locks. It waits for nothing any more. */
export function releaseHolder(guard: GuardState, workflow: WorkflowId, nowMs: number): readonly GuardEvent[] {
  const handedOver = handOverAll(guard, workflow, nowMs);
  foldWaitsOfHolder(guard.limits.queues, workflow);
  if (!holdsAnything(guard, workflow)) return handedOver;
  return [guardEvent(nowMs, { case: "holderReleased", value: { holder: workflow } }), ...handedOver];
}

function holdsAnything({ locks, limits, pauses, ledger }: GuardState, workflow: string): boolean {
  return locks.held.has(workflow) || limits.held.has(workflow) || pauses.has(workflow) || ledger.reservations.has(workflow);
}

function foldHolderReleased(guard: GuardState, workflow: string, atMs: number): void {
  foldLocksOfHolder(guard.locks, workflow);
  foldLimitsOfHolder(guard.limits, workflow, atMs);
  foldLedgerOfHolder(guard.ledger, workflow, atMs);
  guard.pauses.delete(workflow);
}
