// All starts under one key of a limit, in order, and what may not be: too many at once, too close together, too many tokens in a window.
// 1. A token comes back only from the last start that took one: so what may come back stands at the end of its list.
// 2. What others start, under looser terms too, takes no slot away: a start that goes on after a thaw needs room only where it had given its slot back.

import { must } from "./violation.ts";

/** What a task asks of one key. */
export interface Ask {
  readonly key: string;
  readonly each: string | undefined;
  readonly concurrency: number;
  /** Undefined: no tokens. */
  readonly rate: { readonly tokens: number; readonly periodMs: number; readonly burst: number } | undefined;
  readonly spacingMs: number;
}

/** One start under a key. */
export interface Start {
  readonly ask: Ask;
  readonly holder: string;
  readonly guardMs: number;
  readonly trueMs: number;
  readonly boot: string;
  /** It took a token, as far as anybody can tell from outside. */
  hasToken: boolean;
  isOpen: boolean;
  /** It found nothing to do, or was put off. */
  isUnused: boolean;
  /** Its token came back, or may have. */
  isVoid: boolean;
  /** A thaw may have given back what it took. */
  isLent: boolean;
}

/** Windows are looked at over so many starts that took a token; those of most runs have fewer. */
const WINDOW_STARTS_MAX = 256;

/** The starts of one key. */
export class KeyStarts {
  /** Those that hold a slot. */
  readonly #open = new Set<Start>();
  /** Those that hold a slot, or gave it back at a thaw. */
  readonly #lent = new Set<Start>();
  /** So many of those that may have given a slot back did, at the least: others could not have started otherwise. */
  #givenBackLeast = 0;
  /** Those that count for the spacing. */
  readonly #spaced: Start[] = [];
  /** Those that took a token, and keep it. */
  readonly #tokens: Start[] = [];

  /** Takes a start in; throws when it may not be. */
  add(start: Start): void {
    const { key, concurrency, spacingMs } = start.ask;
    // A start under terms without concurrency holds no slot, and is not counted when an edit brings one.
    const holders = (): string => [...this.#open, start].map(({ holder }) => holder).join(" and ");
    must(this.#open.size < concurrency, "concurrency", () => `${holders()} hold ${key}, ${concurrency} may`);
    this.#givenBackLeast = Math.max(this.#givenBackLeast, this.#givenBackFor(concurrency));
    if (concurrency < Infinity) this.#open.add(start);
    this.#checkSpacing(start);
    if (spacingMs > 0) this.#spaced.push(start);
    if (!start.hasToken) return;
    this.#tokens.push(start);
    this.#checkWindows("guard");
    this.#checkWindows("true");
  }

  /** True when a later start took a token and keeps it. */
  hasLaterToken(start: Start): boolean {
    return this.#tokens.at(-1) !== start;
  }

  /** A start that may have given back all that it took, and is not known to have. When it took it anew nobody can tell from outside: it counts no more. */
  lend(start: Start): void {
    if (this.#open.delete(start)) this.#lent.add(start);
    start.isLent = true;
    while (this.#spaced.at(-1)?.isLent === true) this.#spaced.pop();
    while (this.#tokens.at(-1)?.isLent === true) this.#tokens.pop();
  }

  /** It goes on, and so has a slot again: its own, which it may have kept, or a new one by the terms of now. Without any now, nobody can tell. */
  takeBack(start: Start, concurrency: number): void {
    const { key } = start.ask;
    if (concurrency === Infinity || !this.#lent.has(start)) return;
    const mayHaveKept = this.#lent.size > this.#givenBackLeast;
    must(
      mayHaveKept || this.#open.size < concurrency,
      "concurrency",
      () => `${start.holder} goes on beside ${this.#open.size} that hold ${key}, ${concurrency} may`,
    );
    const others = this.#leaveLent(start);
    // Had it given its slot back, it found room for a new one, as any start does.
    const wasAnew = Math.max(others, this.#givenBackFor(concurrency));
    this.#givenBackLeast = Math.min(wasAnew, mayHaveKept ? this.#givenBackLeast : wasAnew);
    this.#open.add(start);
  }

  end(start: Start, how: { readonly isUnused: boolean; readonly isVoid: boolean }): void {
    start.isOpen = false;
    start.isUnused = how.isUnused;
    start.isVoid = how.isVoid;
    this.#open.delete(start);
    if (this.#lent.has(start)) this.#givenBackLeast = this.#leaveLent(start);
    while (this.#spaced.at(-1)?.isUnused === true) this.#spaced.pop();
    if (start.isVoid && this.#tokens.at(-1) === start) this.#tokens.pop();
  }

  /** How many must have given a slot back where one more finds room. */
  #givenBackFor(concurrency: number): number {
    return Math.max(0, this.#open.size + this.#lent.size + 1 - concurrency);
  }

  /** How many of the others must have given a slot back, if this one had. */
  #leaveLent(start: Start): number {
    this.#lent.delete(start);
    return Math.max(0, this.#givenBackLeast - 1);
  }

  #checkSpacing({ ask: { spacingMs, key }, guardMs }: Start): void {
    const before = this.#spaced.findLast(({ isUnused, isLent }) => !isUnused && !isLent);
    if (before === undefined || spacingMs === 0) return;
    const apartMs = guardMs - before.guardMs;
    must(apartMs >= spacingMs, "spacing", () => `two starts of ${key} within ${apartMs} ms, ${spacingMs} are wanted`);
  }

  /** In no window that ends with the last start there are more tokens than the terms allow. True time goes on only within a boot. */
  #checkWindows(clock: "guard" | "true"): void {
    const last = this.#tokens.at(-1);
    if (last === undefined) return;
    const terms = new WindowTerms();
    const end = this.#tokens.length - 1;
    for (let first = end; first >= Math.max(0, end - WINDOW_STARTS_MAX); first--) {
      const from = this.#tokens[first];
      if (from === undefined || (clock === "true" && from.boot !== last.boot)) return;
      if (from.ask.rate !== undefined) terms.add(from.ask.rate);
      const widthMs = clock === "guard" ? last.guardMs - from.guardMs : last.trueMs - from.trueMs;
      const most = terms.tokensMost(widthMs);
      const count = end - first + 1;
      const shown = (): string =>
        this.#tokens
          .slice(first)
          .map(({ holder, guardMs }) => `${holder} at ${guardMs}`)
          .join(", ");
      const text = (): string =>
        `${count} tokens of ${last.ask.key} within ${widthMs} ms of ${clock} time, ${most} may be taken: ${shown()}`;
      must(count <= most, last.ask.each === undefined ? "tokens" : "each", text);
    }
  }
}

type Rate = NonNullable<Ask["rate"]>;

/** Terms of the starts in a window. Of one rate: the burst, and what comes back within the window. Of several: what the loosest of each would allow. */
class WindowTerms {
  #one: Rate | undefined;
  #isOne = true;
  #intervalMs = Infinity;
  #aheadMs = 0;

  add(rate: Rate): void {
    const { periodMs, tokens, burst } = rate;
    this.#one ??= rate;
    this.#isOne &&= periodMs === this.#one.periodMs && tokens === this.#one.tokens && burst === this.#one.burst;
    this.#intervalMs = Math.min(this.#intervalMs, periodMs / tokens);
    this.#aheadMs = Math.max(this.#aheadMs, (burst - 1) * Math.ceil(periodMs / tokens));
  }

  tokensMost(widthMs: number): number {
    const { burst, tokens, periodMs } = this.#one ?? { burst: 1, tokens: 1, periodMs: 1 };
    if (this.#isOne) return burst + Math.floor((widthMs * tokens) / periodMs);
    return 1 + Math.floor((widthMs + this.#aheadMs) / this.#intervalMs);
  }
}
