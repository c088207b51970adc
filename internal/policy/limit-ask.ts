// What a task asks of limits: which match it, under which keys; several versions of a policy ask together, at their strictest.
// 1. A limit that cannot be asked denies the task (H8). 2. Merging only tightens: fewer slots, longer intervals, smaller bursts.

import { LIMIT_KEY_LENGTH_MAX } from "../base/limits.ts";
import type { LimitAsk } from "../engine/ports.ts";
import { askBoolean, askText } from "./asking.ts";
import type { Budget } from "./asking.ts";
import { denial } from "./finding.ts";
import type { Finding } from "./finding.ts";
import type { CompiledLimit, CompiledPolicy } from "./policy.ts";

/** What a limit said of a task: nothing to ask, an ask, or why the task may not start. */
export type LimitAnswer = LimitAsk | Finding | undefined;

/** True for a limit that could not be asked. */
export function isFinding(answer: LimitAsk | Finding): answer is Finding {
  return "enforcement" in answer;
}

/** True for what the guard is asked. */
export function isAsk(answer: LimitAsk | Finding): answer is LimitAsk {
  return !isFinding(answer);
}

/** Asks one limit about a task. */
export function askLimit(
  policy: CompiledPolicy,
  limit: CompiledLimit,
  { scope, budget }: { readonly scope: Readonly<Record<string, unknown>>; readonly budget: Budget },
): LimitAnswer {
  const refuse = (reason: string): Finding =>
    denial({ name: policy.name, digest: policy.digest, rule: limit.name }, `the limit could not be asked, so it denies: ${reason}`);
  const match = askBoolean(limit.match, scope, budget);
  if (match.kind === "fault") return refuse(match.reason);
  if (!match.value) return undefined;
  const value = askText(limit.key, scope, budget);
  if (value.kind === "fault") return refuse(value.reason);
  const each = limit.each === undefined ? undefined : askText(limit.each, scope, budget);
  if (each?.kind === "fault") return refuse(each.reason);
  const key = `${policy.name}/${limit.name}/${value.value}`;
  if (key.length > LIMIT_KEY_LENGTH_MAX || (each !== undefined && each.value.length > LIMIT_KEY_LENGTH_MAX))
    return refuse(`${limit.place}: its key or its each is longer than ${LIMIT_KEY_LENGTH_MAX} characters`);
  return { key, ...limit.terms, each: each?.value };
}

/** One ask for each key, sorted by key: the strictest term of each. */
export function mergeAsks(asks: readonly LimitAsk[]): readonly LimitAsk[] {
  if (asks.length < 2) return asks;
  const byKey = new Map<string, LimitAsk>();
  for (const ask of asks) {
    const known = byKey.get(ask.key);
    byKey.set(ask.key, known === undefined ? ask : strictest(known, ask));
  }
  return [...byKey.values()].sort((left, right) => (left.key < right.key ? -1 : 1));
}

function strictest(left: LimitAsk, right: LimitAsk): LimitAsk {
  const slots = [left.concurrency, right.concurrency].filter((count) => count !== undefined);
  // A version without tokens says nothing of `each`; where two versions read it differently, every start takes a token.
  const rated = [left, right].filter(({ intervalMs }) => intervalMs > 0);
  const [first = left, second = first] = rated;
  const isSameEach = first.each === second.each;
  return {
    key: left.key,
    concurrency: slots.length === 0 ? undefined : Math.min(...slots),
    intervalMs: Math.max(left.intervalMs, right.intervalMs),
    burst: Math.min(...(rated.length === 0 ? [left] : rated).map(({ burst }) => burst)),
    spacingMs: Math.max(left.spacingMs, right.spacingMs),
    each: isSameEach ? first.each : undefined,
    knownMs: isSameEach ? Math.min(first.knownMs, second.knownMs) : 0,
  };
}
