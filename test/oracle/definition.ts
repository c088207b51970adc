// A plan as the service reads it: definitions on the wire's JSON, and limits as a policy file.

import type { JsonValue } from "@bufbuild/protobuf";
import type { ActionPlan, AmountPlan, LimitPlan, RepeatPlan, StagePlan, WorkflowPlan } from "./plan.ts";
import { ITEM_FIRST, needsOf, targetName } from "./plan.ts";

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
  const actions = stage.actions.map((action, a) => actionOf(action, { ...at, a, isList: stage.list !== undefined }));
  const name = `s${at.s}`;
  const repeat = repeatOf(stage.repeat, { "tried-twice": "true", unchanged: `stage('${name}').changed == 0` });
  if (!stage.isOver) return { name, actions, ...repeat };
  const lock = stage.lock === "all" ? "all" : "${{ target.labels.site }}";
  const { list } = stage;
  const names = Array.from({ length: list?.items ?? 0 }, (_, n) => `'${targetName(ITEM_FIRST + n)}'`);
  return {
    name,
    actions,
    ...repeat,
    over: list === undefined ? { targets: true } : { list: { items: `[${names.join(", ")}]`, max: list.max } },
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

function actionOf(action: ActionPlan, at: { readonly w: number; readonly s: number; readonly a: number; readonly isList: boolean }): Json {
  const [first] = needsOf(action, at.a);
  const when = whenOf(action, first);
  return {
    name: `a${at.a}`,
    uses: action.uses,
    with: argumentsOf(action, at),
    ...(action.needs === undefined ? {} : { needs: { actions: action.needs.map((position) => `a${position}`) } }),
    ...(when === undefined ? {} : { when }),
    ...(action.attempts === 1 ? {} : { retry: retryOf(action) }),
    ...repeatOf(action.repeat, { "tried-twice": `a${at.a}.attempts >= 2`, unchanged: `!a${at.a}.changed` }),
  };
}

/** Items are done on one host: each has a value of its own there. */
function argumentsOf(
  { uses, finishes = "succeeded" }: ActionPlan,
  at: Parameters<typeof valueName>[0] & { readonly isList: boolean },
): Json {
  if (uses === "finish") return { outcome: finishes };
  return uses === "set" ? { name: `${valueName(at)}${at.isList ? " ${{ item }}" : ""}`, value: "1" } : { n: 1 };
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
