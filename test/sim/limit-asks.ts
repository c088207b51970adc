// What a task asks of limits, by the plain terms of policies and the rate of its stage.

import type { Ask } from "./key-starts.ts";
import type { Model } from "./model.ts";
import type { ModelTask } from "./model-tasks.ts";
import type { LimitTerms, PolicyTerms } from "./random-policies.ts";

/** What the rate of the stage asks of a target that begins; nothing: it has none. */
export function rateAsk(model: Model, { stage, action }: ModelTask): readonly Ask[] {
  // To undo a target with its wave, which in this round began nothing on it, is not to begin it.
  if (model.columns[stage]?.[action]?.part === "undo") return [];
  const rate = model.stages[stage]?.rollout?.rate;
  if (rate?.period === undefined) return [];
  const periodMs = Number(rate.period.seconds) * 1_000 + rate.period.nanos / 1e6;
  const key = `rate of ${model.id} stage ${stage}`;
  return [{ key, each: undefined, concurrency: Infinity, spacingMs: 0, rate: { tokens: rate.tokens, periodMs, burst: 1 } }];
}

/** What the limits of policies ask of a task, by distinct keys, the strictest terms of each. */
export function limitAsks(model: Model, task: ModelTask, policies: readonly PolicyTerms[]): readonly Ask[] {
  const asks = new Map<string, Ask>();
  for (const limit of policies.flatMap(({ limits }) => limits)) {
    if (limit.uses !== undefined && limit.uses !== model.uses(task)) continue;
    if ((limit.keyBy === "site" || limit.each !== undefined) && !model.isOverTargets(task.stage)) continue;
    const ask = askOf(model, task, limit);
    const known = asks.get(ask.key);
    asks.set(ask.key, known === undefined ? ask : strictest(known, ask));
  }
  return [...asks.values()];
}

function askOf(model: Model, task: ModelTask, limit: LimitTerms): Ask {
  const { name, keyBy, each, concurrency = Infinity, tokens, periodS, burst = 1, spacingS = 0 } = limit;
  const shared = keyBy === "all" ? "all" : keyBy === "site" ? model.label(task, "site") : model.uses(task);
  return {
    key: `${name}/${shared}`,
    each: each === undefined ? undefined : model.label(task, each),
    concurrency,
    rate: tokens === undefined ? undefined : { tokens, periodMs: periodS * 1_000, burst },
    spacingMs: spacingS * 1_000,
  };
}

function strictest(one: Ask, other: Ask): Ask {
  const rates = [one, other].flatMap(({ rate }) => rate ?? []);
  const [first] = rates;
  const burst = Math.min(...rates.map((rate) => rate.burst));
  const tokens = Math.min(...rates.map((rate) => rate.tokens));
  return {
    ...one,
    concurrency: Math.min(one.concurrency, other.concurrency),
    spacingMs: Math.max(one.spacingMs, other.spacingMs),
    rate: first === undefined ? undefined : { periodMs: first.periodMs, tokens, burst },
  };
}
