// Renewal of limits: a task that begins later than it took its limits takes the same ones again, at the time at which it begins.
// 1. It is exact: all is as if it had been taken now. Where somebody took since, nothing is renewed. Slots are kept: who holds one asks for no room.
// 2. The token of a value of `each` is renewed with all open starts under the value, for it is theirs together.

import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { guardEvent } from "./guard-event.ts";
import type { GuardState } from "./guard.ts";
import type { LimitHolder } from "./limits.ts";
import type { EachValue, HeldTask, LimitKey, LimitState } from "./limit-state.ts";
import { valueOf } from "./limit-state.ts";
import type { Moment } from "./token-rate.ts";
import { isPast } from "./token-rate.ts";

/** What may be done with the limits of a task that begins only now. */
export type Renewal =
  /** It holds none, or slots alone, or it took them at this moment. */
  | "needless"
  /** Its tokens are renewed as far as nobody took since. */
  | "tokens"
  /** It keeps a distance to others, which several that begin at one moment cannot. */
  | "spacing";

/** Whether a task's limits count from another time than now. */
export function renewalOf({ limits }: GuardState, { workflow, task }: LimitHolder, nowMs: number): Renewal {
  const holding = limits.held.get(workflow)?.get(task);
  if (holding === undefined) return "needless";
  const isEarlier = holding.atMs < nowMs;
  if (isEarlier && holding.leases.some(({ start }) => start !== undefined)) return "spacing";
  const isOwn = isEarlier && holding.leases.some(({ token }) => token !== undefined);
  const isValues = valuesOf(limits, holding).some(({ token }) => token !== undefined && token.atMs < nowMs);
  return isOwn || isValues ? "tokens" : "needless";
}

/** The events that give a task's limits back unused and take the same again now, with those of all that share a token with it; none where
 * there is nothing to renew, or where somebody took since. */
export function renewLimits(guard: GuardState, at: LimitHolder, nowMs: number): readonly GuardEvent[] {
  const holding = guard.limits.held.get(at.workflow)?.get(at.task);
  if (holding === undefined || renewalOf(guard, at, nowMs) === "needless") return [];
  const all = allWith(guard.limits, holding);
  if (!areAsNow(guard.limits, all, nowMs)) return [];
  const returned = all.map(({ workflow, task }) =>
    guardEvent(nowMs, { case: "limitsReturned", value: { holder: workflow, task, unused: true } }),
  );
  const taken = all.map(({ workflow, task, attempt, leases }) =>
    guardEvent(nowMs, { case: "limitsTaken", value: { holder: workflow, task, attempt, leases: leases.map(({ lease }) => lease) } }),
  );
  return [...returned.toReversed(), ...taken];
}

/** The task and all that are open under the same values, for as long as these have tokens to give back; in the order in which they took. */
function allWith(limits: LimitState, first: HeldTask): readonly HeldTask[] {
  const all = new Set([first]);
  for (const holding of all)
    for (const { token, open } of valuesOf(limits, holding)) if (token !== undefined) for (const other of open) all.add(other);
  return [...all].toSorted((a, b) => a.order - b.order);
}

function valuesOf(limits: LimitState, { leases }: HeldTask): readonly EachValue[] {
  return leases.flatMap(({ lease }) => valueOf(limits.keys.get(lease.key), lease) ?? []);
}

/** True when nobody else took since what still counts: given back from the last to the first, each finds what it left, or nothing. */
function areAsNow(limits: LimitState, all: readonly HeldTask[], nowMs: number): boolean {
  const left = new Map<LimitKey, Pick<LimitKey, "backAt" | "start">>();
  const open = new Map<EachValue, number>();
  for (const { leases } of all.toReversed())
    for (const { lease, start, token } of leases) {
      const key = limits.keys.get(lease.key);
      if (key === undefined) continue; // nothing counts any more
      const now = left.get(key) ?? { backAt: key.backAt, start: key.start };
      const value = valueOf(key, lease);
      const isLastOfValue = value !== undefined && (open.get(value) ?? value.open.size) === 1;
      if (value !== undefined) open.set(value, (open.get(value) ?? value.open.size) - 1);
      const tokens = isLastOfValue ? value.token : token;
      if (start !== undefined && now.start !== start.after && now.start.ms + lease.spacingMs > nowMs) return false;
      if (tokens !== undefined && now.backAt !== tokens.after && !isPast(now.backAt, nowMs)) return false;
      if (isLastOfValue && !takesAsBefore(value, now.backAt, nowMs)) return false;
      left.set(key, { backAt: tokens?.before ?? now.backAt, start: start?.before ?? now.start });
    }
  return true;
}

/** True when the value, closed and opened again, takes a token where it took one, and none where starts under it were used. */
function takesAsBefore({ token, knownUntilMs }: EachValue, backAt: Moment, nowMs: number): boolean {
  if (token === undefined) return nowMs < knownUntilMs;
  return backAt === token.after || nowMs >= token.atMs + token.knownMs;
}
