// What limits allow, worked out again from the bare list of starts each time: slow, in whole numbers, and easy to believe.

import type { LimitAsk } from "../../internal/guard/limits.ts";

/** A limit as a policy writes it. */
export interface Terms {
  readonly key: string;
  readonly concurrency?: number;
  /** So many tokens in a period of so many milliseconds. */
  readonly tokens?: number;
  readonly periodMs?: number;
  readonly burst?: number;
  readonly spacingMs?: number;
  readonly isEach?: boolean;
}

interface Start {
  readonly terms: Terms;
  readonly atMs: number;
  readonly each: string | undefined;
  readonly hasToken: boolean;
  endMs: number | undefined;
  /** Its token, and its place in the spacing, as if never taken. */
  isTokenBack: boolean;
  isSpacingBack: boolean;
  /** True for one that found nothing to do and took no token, or whose token is back: it says nothing about its value. */
  isVoid: boolean;
}

/** The limit as a task asks for it. */
export function askOf({ key, concurrency, tokens = 0, periodMs = 0, burst = 1, spacingMs = 0, isEach }: Terms, value: string): LimitAsk {
  const intervalMs = tokens === 0 ? 0 : periodMs / tokens;
  return { key, concurrency, intervalMs, burst, spacingMs, each: isEach === true ? value : undefined, knownMs: periodMs };
}

/** All starts under some limits. */
export class LimitOracle {
  readonly #starts: { readonly task: string; readonly start: Start }[] = [];

  /** May a start happen under the limit? */
  mayStart(terms: Terms, value: string, nowMs: number): boolean {
    return this.#hasSlot(terms) && this.#isSpaced(terms, nowMs) && (this.#isKnown(terms, value, nowMs) || this.#hasToken(terms, nowMs));
  }

  start(task: string, terms: Terms, value: string, nowMs: number): void {
    const hasToken = terms.tokens !== undefined && !this.#isKnown(terms, value, nowMs);
    const each = terms.isEach === true ? value : undefined;
    const start = { terms, atMs: nowMs, each, hasToken, endMs: undefined, isTokenBack: false, isSpacingBack: false, isVoid: false };
    this.#starts.push({ task, start });
  }

  /** The task ends all its starts. */
  end(task: string, nowMs: number, isUnused: boolean): void {
    for (const { start } of this.#starts.filter((each) => each.task === task && each.start.endMs === undefined)) {
      start.endMs = nowMs;
      if (!isUnused) continue;
      const all = this.#of(start.terms);
      const later = all.slice(all.indexOf(start) + 1);
      const hasLaterToken = later.some((each) => each.hasToken && !each.isTokenBack);
      const isValueUsed = later.some((each) => each.each !== undefined && each.each === start.each && !each.isVoid);
      start.isTokenBack = start.hasToken && !hasLaterToken && !isValueUsed;
      start.isSpacingBack = !later.some((each) => !each.isSpacingBack);
      start.isVoid = !start.hasToken || start.isTokenBack;
      if (!start.isVoid) start.endMs = start.atMs; // spent for nothing: as if used when it started
    }
  }

  #of(terms: Terms): readonly Start[] {
    return this.#starts.filter(({ start }) => start.terms.key === terms.key).map(({ start }) => start);
  }

  #hasSlot(terms: Terms): boolean {
    return terms.concurrency === undefined || this.#of(terms).filter(({ endMs }) => endMs === undefined).length < terms.concurrency;
  }

  #isSpaced(terms: Terms, nowMs: number): boolean {
    return this.#of(terms).every(({ atMs, isSpacingBack }) => isSpacingBack || nowMs >= atMs + (terms.spacingMs ?? 0));
  }

  #isKnown(terms: Terms, value: string, nowMs: number): boolean {
    if (terms.tokens === undefined) return true;
    if (terms.isEach !== true) return false;
    const same = this.#of(terms).filter((start) => start.each === value);
    return same.some(({ endMs, isVoid }) => endMs === undefined || (!isVoid && nowMs < endMs + (terms.periodMs ?? 0)));
  }

  /** With this start, any run of n token starts takes at least (n - burst) intervals: in whole numbers, (n - burst) periods / tokens. */
  #hasToken(terms: Terms, nowMs: number): boolean {
    const { tokens = 0, periodMs = 0, burst = 1 } = terms;
    const times = this.#of(terms).filter(({ hasToken, isTokenBack }) => hasToken && !isTokenBack);
    return times.every(({ atMs }, at) => (times.length - at + 1 - burst) * periodMs <= (nowMs - atMs) * tokens);
  }
}
