// Tokens per time as GCRA (ITU-T I.371): one moment a key, the time at which all its tokens are back, is the whole state.
// 1. In any w milliseconds at most `burst + floor(w / interval)` tokens are taken, whatever happened before.
// 2. Intervals such as an hour's seventh have no end as fractions: a moment is whole milliseconds and a part of one, and a part that is
//    within rounding of a whole one is that. So it is exact for up to 1,000,000 tokens in up to 30 days: no drift, ever.

/** A moment of the guard's time, finer than milliseconds. */
export interface Moment {
  readonly ms: number;
  /** From 0 up to 1. */
  readonly part: number;
}

/** How fast, and how many at once. */
export interface Rate {
  /** Time for one token, milliseconds; above 0. */
  readonly intervalMs: number;
  /** At least 1. */
  readonly burst: number;
}

/** Before everything. */
export const NEVER: Moment = { ms: 0, part: 0 };

const ROUNDING_MS = 4.9e-7;

/** When one more token may be taken, in whole milliseconds; it may be past. `backAt`: when all tokens are back. */
export function tokenAt(backAt: Moment, { intervalMs, burst }: Rate): number {
  const { ms, part } = plus(backAt, -(burst - 1) * intervalMs);
  return part === 0 ? ms : ms + 1;
}

/** When all tokens are back after one was taken. */
export function afterToken(backAt: Moment, nowMs: number, { intervalMs }: Rate): Moment {
  return plus(isPast(backAt, nowMs) ? { ms: nowMs, part: 0 } : backAt, intervalMs);
}

/** True when the moment is not after a time. */
export function isPast({ ms, part }: Moment, nowMs: number): boolean {
  return ms < nowMs || (ms === nowMs && part === 0);
}

function plus({ ms, part }: Moment, deltaMs: number): Moment {
  const sum = part + (deltaMs - Math.floor(deltaMs));
  const nearest = Math.round(sum);
  const isWhole = Math.abs(sum - nearest) <= ROUNDING_MS;
  const carried = isWhole ? nearest : Math.floor(sum);
  return { ms: ms + Math.floor(deltaMs) + carried, part: isWhole ? 0 : sum - carried };
}
