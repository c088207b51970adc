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
  /** True for one that found nothing to do, but for one whose token of a value is spent all the same: it says nothing about its value. */
  isVoid: boolean;
}

/** The limit as a task asks for it. */
export function askOf({ key, concurrency, tokens = 0, periodMs = 0, burst = 1, spacingMs = 0, isEach }: Terms, value: string): LimitAsk {
  const intervalMs = tokens === 0 ? 0 : periodMs / tokens;
  return { key, concurrency, intervalMs, burst, spacingMs, each: isEach === true ? value : undefined, knownMs: periodMs };
}

function holdsToken({ hasToken, isTokenBack }: Start): boolean {
  return hasToken && !isTokenBack;
}

function isSameValue(a: Start, b: Start): boolean {
  return a.each !== undefined && a.each === b.each && a.terms.key === b.terms.key;
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
      start.isVoid = true;
      start.isSpacingBack = this.#isLast(start, ({ isSpacingBack }) => !isSpacingBack);
      if (start.each === undefined) start.isTokenBack = start.hasToken && this.#isLast(start, holdsToken);
      else this.#settleValue(start);
    }
  }

  /** The task begins only now: it and all that share an unused token with it start anew, where nobody else took since. True: they did. */
  renew(task: string, nowMs: number): boolean {
    const group = this.#groupOf(task);
    const tokens = group.flatMap((start) => (start.each === undefined ? start : (this.#unusedToken(start) ?? [])));
    const taken = tokens.filter(holdsToken);
    const spaced = group.filter(({ terms }) => terms.spacingMs !== undefined);
    const own = this.#starts.filter((each) => each.task === task && each.start.endMs === undefined).map(({ start }) => start);
    const ownTokens = own.map((start) => (start.each === undefined ? start : this.#unusedToken(start)));
    const isStale =
      ownTokens.some((start) => start !== undefined && holdsToken(start) && start.atMs < nowMs) ||
      own.some((start) => spaced.includes(start) && start.atMs < nowMs);
    const areLast =
      taken.every((start) => this.#isTokenAsNow(start, taken, nowMs)) &&
      spaced.every((start) => {
        const isInTheWay = (each: Start): boolean => !each.isSpacingBack && nowMs < each.atMs + (each.terms.spacingMs ?? 0);
        return this.#isLast(start, (each) => !group.includes(each) && isInTheWay(each));
      });
    if (!isStale || !areLast || !group.every((start) => this.#staysKnown(start, group, nowMs))) return false;
    for (const start of taken) start.isTokenBack = true;
    const moved = this.#starts.filter(({ start }) => group.includes(start));
    for (const start of group) Object.assign(start, { endMs: nowMs, isVoid: true, isSpacingBack: true });
    for (const { task: name, start } of moved) this.start(name, start.terms, start.each ?? "", nowMs);
    return true;
  }

  /** All open starts of a task and, as long as their values' tokens are unused, of all tasks with starts under these. */
  #groupOf(task: string): readonly Start[] {
    const tasks = new Set([task]);
    const open = this.#starts.filter(({ start }) => start.endMs === undefined);
    for (const name of tasks)
      for (const { start } of open.filter((each) => each.task === name)) {
        if (start.each === undefined || this.#unusedToken(start) === undefined) continue;
        for (const { task: other, start: same } of open) if (isSameValue(same, start)) tasks.add(other);
      }
    return open.filter((each) => tasks.has(each.task)).map(({ start }) => start);
  }

  /** The start that took the token by which the start's value is known, when none was used since. */
  #unusedToken(start: Start): Start | undefined {
    const same = this.#of(start.terms).filter((each) => isSameValue(each, start));
    const first = same.findLastIndex(({ hasToken }) => hasToken);
    const isUnused = same.slice(first).every(({ endMs, isVoid }) => endMs === undefined || isVoid);
    const token = same[first];
    return isUnused && token?.isTokenBack === false ? token : undefined;
  }

  /** After the last of a value's starts that found nothing to do, its token is back, or spent: then as if used when it was taken. */
  #settleValue(start: Start): void {
    const token = this.#unusedToken(start);
    if (token === undefined || this.#of(start.terms).some((each) => isSameValue(each, start) && each.endMs === undefined)) return;
    token.isTokenBack = this.#isLast(token, holdsToken);
    if (token.isTokenBack) return;
    token.isVoid = false;
    token.endMs = token.atMs;
  }

  /** A value that is known by use must be so without the group as well. */
  #staysKnown(start: Start, group: readonly Start[], nowMs: number): boolean {
    if (start.each === undefined || this.#unusedToken(start) !== undefined) return true;
    const others = this.#of(start.terms).filter((each) => isSameValue(each, start) && !group.includes(each));
    return others.some(({ endMs, isVoid, terms }) => endMs === undefined || (!isVoid && nowMs < endMs + (terms.periodMs ?? 0)));
  }

  /** No token was taken between it and the next one of its group; or all that were are back by now. */
  #isTokenAsNow(start: Start, group: readonly Start[], nowMs: number): boolean {
    const all = this.#of(start.terms).filter(holdsToken);
    const at = all.indexOf(start);
    const next = all.findIndex((each, place) => place > at && group.includes(each));
    const before = all.slice(0, next < 0 ? all.length : next);
    if (before.length === at + 1) return true;
    const { tokens = 0, periodMs = 0 } = start.terms;
    const areBack = before.every(({ atMs }, place) => (before.length - place) * periodMs <= (nowMs - atMs) * tokens);
    return areBack && (start.each === undefined || nowMs >= start.atMs + periodMs);
  }

  #isLast(start: Start, takes: (other: Start) => boolean): boolean {
    const all = this.#of(start.terms);
    return !all.slice(all.indexOf(start) + 1).some(takes);
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
