// A plan as the service reads it: definitions on the wire's JSON, and limits as a policy file.

import type { JsonValue } from "@bufbuild/protobuf";
import type { ActionPlan, AmountPlan, LimitPlan, RepeatPlan, StagePlan, WorkflowPlan } from "./plan.ts";
import { needsOf } from "./plan.ts";

type Json = { [key: string]: JsonValue };

/** The name of the value that a `set` writes: each task's own. */
export function valueName({ w, s, a }: { readonly w: number; readonly s: number; readonly a: number }): string {
  return `w${w}s${s}a${a}`;
}

/** A workflow's definition. */
export function definitionOf(workflow: WorkflowPlan, w: number): JsonValue {
  return { name: `w${w}`, targets: { where: "true" }, stages: workflow.stages.map((stage, s) => stageOf(stage, { w, s })) };
}

function stageOf(stage: StagePlan, at: { readonly w: number; readonly s: number }): Json {
  const actions = stage.actions.map((action, a) => actionOf(action, { ...at, a }));
  const name = `s${at.s}`;
  const repeat = repeatOf(stage.repeat, { "tried-twice": "true", unchanged: `stage('${name}').changed == 0` });
  if (!stage.isOver) return { name, actions, ...repeat };
  const lock = stage.lock === "all" ? "all" : "${{ target.labels.site }}";
  return {
    name,
    actions,
    ...repeat,
    over: { targets: true },
    ...(stage.lock === undefined ? {} : { locks: [lock] }),
    rollout: {
      parallel: stage.parallel,
      pause: seconds(stage.pauseMs),
      waves: stage.waves.map(amountOf),
      ...(stage.maxFailures === undefined ? {} : { maxFailures: amountOf(stage.maxFailures) }),
      ...(stage.maxAtRisk === undefined ? {} : { maxAtRisk: amountOf(stage.maxAtRisk) }),
      ...(stage.rate === undefined ? {} : { rate: { tokens: stage.rate.tokens, period: seconds(stage.rate.periodMs) } }),
    },
  };
}

function actionOf(action: ActionPlan, at: { readonly w: number; readonly s: number; readonly a: number }): Json {
  const [first] = needsOf(action, at.a);
  const when = whenOf(action, first);
  return {
    name: `a${at.a}`,
    uses: action.uses,
    with: action.uses === "set" ? { name: valueName(at), value: "1" } : { n: 1 },
    ...(action.needs === undefined ? {} : { needs: { actions: action.needs.map((position) => `a${position}`) } }),
    ...(when === undefined ? {} : { when }),
    ...(action.attempts === 1 ? {} : { retry: retryOf(action) }),
    ...repeatOf(action.repeat, { "tried-twice": `a${at.a}.attempts >= 2`, unchanged: `!a${at.a}.changed` }),
  };
}

function repeatOf(repeat: RepeatPlan | undefined, conditions: { readonly [until: string]: string }): Json {
  if (repeat === undefined) return {};
  return { repeat: { until: conditions[repeat.until] ?? "false", max: repeat.max, every: seconds(repeat.everyMs) } };
}

function whenOf({ when }: ActionPlan, first: number | undefined): string | undefined {
  if (when === "no") return "false";
  if (when === undefined || first === undefined) return undefined;
  return when === "changed" ? `a${first}.changed` : `!a${first}.changed`;
}

function retryOf({ attempts, delayMs, backoffMs, backoffMaxMs, on }: ActionPlan): Json {
  const ends = on === undefined ? {} : { on: [on === "failed" ? "RETRY_ON_FAILED" : "RETRY_ON_UNREACHABLE"] };
  if (delayMs !== undefined) return { attempts, delay: seconds(delayMs), jitter: 0, ...ends };
  return {
    attempts,
    ...ends,
    jitter: 0,
    ...(backoffMs === undefined ? {} : { backoff: seconds(backoffMs) }),
    ...(backoffMaxMs === undefined ? {} : { backoffMax: seconds(backoffMaxMs) }),
  };
}

function amountOf(amount: AmountPlan): Json {
  return amount.count === undefined ? { percent: amount.percent ?? 0 } : { count: amount.count };
}

function seconds(ms: number): string {
  return `${Math.floor(ms / 1_000)}.${String(ms % 1_000).padStart(3, "0")}s`;
}

/** The limits as a policy that every workflow matches. */
export function policyOf(limits: readonly LimitPlan[]): string {
  return [`name: oracle`, `match: 'true'`, `limits:`, ...limits.flatMap(limitLines), ""].join("\n");
}

function limitLines(limit: LimitPlan, index: number): readonly string[] {
  const isTargeted = limit.keyBy === "site" || limit.each !== undefined;
  const match = `task.uses == "${limit.uses}"${isTargeted ? ' && stage.over == "targets"' : ""}`;
  return [
    `  - name: limit-${index}`,
    `    match: '${match}'`,
    `    key: '${limit.keyBy === "site" ? "target.labels.site" : '"all"'}'`,
    ...(limit.each === undefined ? [] : [`    each: target.labels.site`]),
    ...(limit.concurrency === undefined ? [] : [`    concurrency: ${limit.concurrency}`]),
    ...(limit.tokens === undefined ? [] : [`    tokens: ${limit.tokens}`, `    period: ${limit.periodMs}ms`, `    burst: ${limit.burst}`]),
    ...(limit.spacingMs === undefined ? [] : [`    spacing: ${limit.spacingMs}ms`]),
  ];
}
