// The arithmetic of the rules as docs/workflow-file.md and docs/policies.md tell it, each in the plainest words that there are.
// 1. A rule can be bent: the comparison must notice. Nothing else is ever bent.

import type { ActionPlan, AmountPlan, LimitPlan, StagePlan } from "./plan.ts";

/** What the rules say; FAITHFUL is how they are meant. */
export interface Rules {
  /** Percentages of waves are rounded up. */
  readonly roundWaves: (value: number) => number;
  /** The last size repeats. */
  readonly lastWaveRepeats: boolean;
  /** Percentages of budgets are rounded down. */
  readonly roundBudgets: (value: number) => number;
  /** How many more targets than `max_at_risk` may be at risk. */
  readonly atRiskMore: number;
  /** How many more targets than `max_failures` may fail before all stops. */
  readonly failuresMore: number;
  /** The pause between waves, as a part of what is written. */
  readonly pausePart: number;
  /** What was skipped counts as ended well for what needs it. */
  readonly isSkippedGood: boolean;
  /** By how much each further delay grows. */
  readonly backoffGrows: number;
  /** How many more targets than `parallel` may be in flight. */
  readonly parallelMore: number;
  /** A retry takes from the stage's rate again. */
  readonly rateCountsRetries: boolean;
  /** How many more tasks than `concurrency` hold a slot. */
  readonly slotsMore: number;
  /** How many more starts than `burst` may come at once. */
  readonly burstMore: number;
  /** 1: a larger priority goes first; -1: a smaller one. */
  readonly priorityWeight: number;
  /** A paused workflow starts nothing. */
  readonly isPausedKept: boolean;
  /** Two targets are never changed under one key. */
  readonly isLockKept: boolean;
  /** After another end than those of `on` nothing is tried again. */
  readonly isRetryOnKept: boolean;
  /** How many more iterations than `max` are made. */
  readonly iterationsMore: number;
  /** The retries of an action are for all of its iterations together. */
  readonly iterationsShareRetries: boolean;
  /** After an early finish targets that have not begun are not begun any more. */
  readonly isFinishKept: boolean;
  /** How many more items than `max` a list may have. */
  readonly itemsMore: number;
  /** A Retry leaves what had succeeded as it is. */
  readonly isDoneKept: boolean;
  /** A cancelled workflow starts nothing. */
  readonly isCancelKept: boolean;
  // Half-sentences of the docs that are easily overlooked: false is without them, and a test shows that each matters.
  /** A target whose first attempt had to wait for locks takes from the rate again. */
  readonly rateCountsDeferred: boolean;
  /** A value of `each` stays known for the period after the end of its last start, not after its beginning. */
  readonly isKnownAfterEnd: boolean;
  /** A target that failed is at risk no more once all of its tasks in a later stage were skipped. */
  readonly isSkippingAWord: boolean;
  /** A target that failed and holds unknown tasks counts once for each where it is asked whether too many may have failed. */
  readonly isUnknownCountedTwice: boolean;
  /** The token of a value of `each` goes back with the value's last start under way, when none was used. Without it: with its own start, where nobody started after it. */
  readonly isTokenOfValue: boolean;
  /** Only what a start's first attempt took goes back where it is put off; without it, what any attempt did. */
  readonly isLaterAttemptUsed: boolean;
  /** A task stands in the line of the first limit alone that holds it back; without it, in those of all that do. */
  readonly isLineOfFirst: boolean;
  /** Lines are of workflows: one that waits since earlier, with whatever task, stands before. Without it each task has a place of its own. */
  readonly isLineOfWorkflows: boolean;
}

/** What the docs say, and in four places what the service does instead. */
export const FAITHFUL: Rules = {
  roundWaves: (value) => Math.ceil(value),
  lastWaveRepeats: true,
  roundBudgets: (value) => Math.floor(value),
  atRiskMore: 0,
  failuresMore: 0,
  pausePart: 1,
  isSkippedGood: true,
  backoffGrows: 2,
  parallelMore: 0,
  rateCountsRetries: false,
  slotsMore: 0,
  burstMore: 0,
  priorityWeight: 1,
  isPausedKept: true,
  isLockKept: true,
  isRetryOnKept: true,
  iterationsMore: 0,
  iterationsShareRetries: false,
  isFinishKept: true,
  itemsMore: 0,
  isDoneKept: true,
  isCancelKept: true,
  rateCountsDeferred: true,
  isKnownAfterEnd: true,
  isSkippingAWord: true,
  isUnknownCountedTwice: true,
  isTokenOfValue: true,
  isLaterAttemptUsed: true,
  isLineOfFirst: true,
  isLineOfWorkflows: true,
};

/** The sizes of all waves of a stage over so many targets. */
export function wavesOf(rules: Rules, stage: StagePlan, targets: number): readonly number[] {
  if (targets === 0) return []; // an empty list is a stage without work
  if (!stage.isOver || stage.waves.length === 0) return [targets];
  const sizes: number[] = [];
  let left = targets;
  while (left > 0) {
    const repeated = rules.lastWaveRepeats ? stage.waves.at(-1) : undefined;
    const amount = stage.waves[sizes.length] ?? repeated ?? { count: left };
    const size = Math.min(left, amount.count ?? Math.max(1, rules.roundWaves(partOf(amount, targets))));
    sizes.push(size);
    left -= size;
  }
  return sizes;
}

/** A budget in targets; undefined: there is no bound. */
export function budgetOf(rules: Rules, amount: AmountPlan | undefined, targets: number): number | undefined {
  if (amount === undefined) return undefined;
  return amount.count ?? rules.roundBudgets(partOf(amount, targets));
}

function partOf(amount: AmountPlan, targets: number): number {
  // First the product: 7 % of 100 is 7, and not a little more.
  return ((amount.percent ?? 0) * targets) / 100;
}

/** The delay after the n-th failed attempt (from 1). */
export function retryDelayMs(rules: Rules, action: ActionPlan, failures: number): number {
  if (action.delayMs !== undefined) return action.delayMs;
  let delayMs = action.backoffMs ?? 1_000;
  for (let further = 1; further < failures; further++) delayMs *= rules.backoffGrows;
  return Math.min(delayMs, action.backoffMaxMs ?? 300_000);
}

/** The even distance between two targets of a stage; 0: no rate. */
export function rateIntervalMs(stage: StagePlan): number {
  return stage.rate === undefined ? 0 : Math.ceil(stage.rate.periodMs / stage.rate.tokens);
}

/** A start under a limit's key. */
export interface LimitStart {
  readonly atMs: number;
  readonly each: string;
  /** False: its value of `each` was known, or the token went back. */
  tookToken: boolean;
  /** False: its place in the spacing went back. */
  keepsDistance: boolean;
  /** When its task gave the limit back; undefined: it has not yet. */
  endedAtMs: number | undefined;
  /** True: its task was put off, and had not used what it took. */
  isUnused: boolean;
}

/** What a start that is to come finds under its key. */
interface Asked {
  readonly starts: readonly LimitStart[];
  readonly each: string;
  readonly nowMs: number;
}

/** The first moment from now on at which the starts of the past leave room for one more. */
export function limitOpensMs(rules: Rules, limit: LimitPlan, asked: Asked): number {
  const { starts, nowMs } = asked;
  let atMs = nowMs;
  for (const start of starts) if (start.keepsDistance) atMs = Math.max(atMs, start.atMs + (limit.spacingMs ?? 0));
  if (limit.tokens === undefined || isKnown(rules, limit, asked)) return atMs;
  const intervalMs = Math.ceil(limit.periodMs / limit.tokens);
  const taken = starts.filter(({ tookToken }) => tookToken);
  // In any stretch of time w at most burst + floor(w / interval) starts, this one included.
  for (const [index, first] of taken.entries()) {
    const count = taken.length - index + 1;
    atMs = Math.max(atMs, first.atMs + (count - limit.burst - rules.burstMore) * intervalMs);
  }
  return atMs;
}

/** True when a start takes no token: its value of `each` is known, while a start under it runs and for the period after its last one. */
export function isKnown(rules: Rules, limit: LimitPlan, { starts, each, nowMs }: Asked): boolean {
  if (limit.each === undefined) return false;
  return starts.some((start) => {
    if (start.isUnused) return false;
    const lastMs = rules.isKnownAfterEnd ? (start.endedAtMs ?? nowMs) : start.atMs;
    return start.each === each && nowMs < lastMs + limit.periodMs;
  });
}
