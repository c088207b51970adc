// When a failed attempt is tried again. Exponential back-off with jitter, or a fixed delay.
// 1. The delay is drawn once, in the turn that ends the attempt, and journaled: a replay waits the same time (H4).

import { durationMs } from "@bufbuild/protobuf/wkt";
import { AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import type { Retry } from "../gen/holdfast/v1/workflow_pb.ts";
import { RetryOn } from "../gen/holdfast/v1/workflow_pb.ts";

/** A retry rule with every default filled in. */
export interface RetryRule {
  /** Attempts in all. */
  readonly attempts: number;
  readonly firstDelayMs: number;
  /** 2: doubling; 1: fixed. */
  readonly factor: 1 | 2;
  readonly delayMaxMs: number;
  /** How much of the delay is drawn by lot, 0 to 1. */
  readonly jitter: number;
  /** After which ends it is tried again. */
  readonly on: ReadonlySet<RetryOn>;
}

const BACKOFF_FIRST_DEFAULT_MS = 1_000;
const BACKOFF_MAX_DEFAULT_MS = 300_000;
const BACKOFF_JITTER_DEFAULT = 0.2;
const ON_DEFAULT = [RetryOn.FAILED, RetryOn.UNREACHABLE, RetryOn.TIMED_OUT] as const;

/** The rule of an action, defaults filled in. */
export function retryRule(retry: Retry | undefined): RetryRule {
  const attempts = Math.max(1, retry?.attempts ?? 1);
  const on = new Set(retry === undefined || retry.on.length === 0 ? ON_DEFAULT : retry.on);
  if (retry?.delay !== undefined) {
    const delayMs = durationMs(retry.delay);
    return { attempts, firstDelayMs: delayMs, factor: 1, delayMaxMs: delayMs, jitter: retry.jitter ?? 0, on };
  }
  const delayMaxMs = retry?.backoffMax === undefined ? BACKOFF_MAX_DEFAULT_MS : durationMs(retry.backoffMax);
  const firstDelayMs = retry?.backoff === undefined ? BACKOFF_FIRST_DEFAULT_MS : durationMs(retry.backoff);
  return {
    attempts,
    firstDelayMs: Math.min(firstDelayMs, delayMaxMs),
    factor: 2,
    delayMaxMs,
    jitter: retry?.jitter ?? BACKOFF_JITTER_DEFAULT,
    on,
  };
}

/** True when an attempt that ended so is one of those that the rule tries again. */
export function isTriedAgain(
  rule: RetryRule,
  { outcome, isTimedOut }: { readonly outcome: AttemptOutcome; readonly isTimedOut: boolean },
): boolean {
  if (isTimedOut) return rule.on.has(RetryOn.TIMED_OUT);
  return rule.on.has(outcome === AttemptOutcome.UNREACHABLE ? RetryOn.UNREACHABLE : RetryOn.FAILED);
}

/** The delay after `failed` failed attempts (1: after the first). `fraction` is uniform in [0, 1). */
export function retryDelayMs(rule: RetryRule, failed: number, fraction: number): number {
  const grown = Math.min(rule.delayMaxMs, rule.firstDelayMs * rule.factor ** (failed - 1));
  return Math.round(grown * (1 + rule.jitter * (2 * fraction - 1)));
}
