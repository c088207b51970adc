// Runs one test of a policy: asks its gates, and compares what follows with what is expected.
// 1. Without a gate the workflow goes through all of them as it would: submit, exec, the first wave of each stage, the first task of each
//    action; the first gate that does not let it pass is the outcome. 2. Only the policy itself is asked.

import { create } from "@bufbuild/protobuf";
import { timeMs } from "../base/ids.ts";
import { columnsOf, isOverTargets, stagesOf as allStages } from "../expr/workflow-parts.ts";
import type { GateQuestion, LedgerReader, Policies, TaskQuestion } from "../engine/ports.ts";
import type { WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import { Decision, Enforcement, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import type { RuleVerdict, Verdict } from "../gen/holdfast/v1/policy_pb.ts";
import type { Stage, Target } from "../gen/holdfast/v1/workflow_pb.ts";
import { TargetSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { LimitAsk } from "../guard/limits.ts";
import type { PolicyTest } from "./policy.ts";
import { dimensionText, dimensionValue } from "./question-scope.ts";
import { gateName } from "./vocabulary.ts";

/** What came of the gates that were asked. */
export interface TestOutcome {
  /** The gate that did not let it pass, or the last one: `wave of stage "fix"`. */
  readonly at: string;
  readonly decision: Decision;
  /** At that gate; rules that only tell are gathered from all gates. */
  readonly rules: readonly RuleVerdict[];
  readonly limits: readonly string[];
}

interface Step {
  readonly at: string;
  readonly ask: () => Promise<{ readonly verdict: Verdict; readonly limits: readonly LimitAsk[] }>;
}

/** Asks the gates of a test. */
export async function runGates(test: PolicyTest, submitted: WorkflowSubmitted, policies: Policies): Promise<TestOutcome> {
  const told: RuleVerdict[] = [];
  const limits = new Set<string>();
  let at = "";
  for (const step of stepsOf(test, submitted, policies)) {
    const answer = await step.ask();
    at = step.at;
    for (const ask of answer.limits) limits.add(limitText(ask));
    const { decision, rules } = answer.verdict;
    if (decision !== Decision.ALLOW) return { at, decision, rules: [...rules, ...told], limits: [...limits].sort() };
    told.push(...rules.filter(({ enforcement }) => enforcement === Enforcement.WARN || enforcement === Enforcement.AUDIT));
  }
  return { at, decision: Decision.ALLOW, rules: told, limits: [...limits].sort() };
}

function stepsOf(test: PolicyTest, submitted: WorkflowSubmitted, policies: Policies): readonly Step[] {
  const context = { test, submitted, policies };
  const all = submitted.targets;
  switch (test.gate) {
    case Gate.SUBMIT:
    case Gate.EXEC:
      return [gateStep(context, { gate: test.gate, targets: named(test, all) })];
    case Gate.EXPAND:
    case Gate.WAVE:
      return stagesOf(context).map(({ stage, index }) =>
        waveStep(context, { gate: test.gate === Gate.WAVE ? Gate.WAVE : Gate.EXPAND, stage, index }),
      );
    case Gate.TASK:
      return stagesOf(context).flatMap(({ stage, index }) => taskSteps(context, stage, index));
    case Gate.UNSPECIFIED:
    case undefined:
    default:
      return [
        gateStep(context, { gate: Gate.SUBMIT, targets: named(test, all) }),
        gateStep(context, { gate: Gate.EXEC, targets: named(test, all) }),
        ...stagesOf(context).flatMap(({ stage, index }) => [
          ...(stage.over === undefined ? [] : [waveStep(context, { gate: isOverTargets(stage) ? Gate.WAVE : Gate.EXPAND, stage, index })]),
          ...taskSteps(context, stage, index),
        ]),
      ];
  }
}

interface StepContext {
  readonly test: PolicyTest;
  readonly submitted: WorkflowSubmitted;
  readonly policies: Policies;
}

/** The stage that the test names, or all of them. */
function stagesOf({ test, submitted }: StepContext): readonly { readonly stage: Stage; readonly index: number }[] {
  const stages = (submitted.definition === undefined ? [] : allStages(submitted.definition)).map(({ stage }, index) => ({ stage, index }));
  return test.stage === undefined ? stages : stages.filter(({ stage }) => stage.name === test.stage);
}

function gateStep(
  { test, submitted, policies }: StepContext,
  {
    gate,
    targets,
    stage,
    at,
  }: { readonly gate: GateQuestion["gate"]; readonly targets: readonly Target[]; readonly stage?: number; readonly at?: string },
): Step {
  const place = stage === undefined ? {} : { stage, wave: test.wave };
  const question: GateQuestion = { ...factsOf(test, submitted), gate, targets, ...place };
  return { at: at ?? gateName(gate), ask: async () => ({ verdict: (await policies.judge(question)).verdict, limits: [] }) };
}

function waveStep(
  context: StepContext,
  { gate, stage, index }: { readonly gate: GateQuestion["gate"]; readonly stage: Stage; readonly index: number },
): Step {
  const { test, submitted } = context;
  const items = (test.targets ?? []).map((name) => create(TargetSchema, { name }));
  const targets = test.targets === undefined ? firstOf(stage, submitted) : named(test, submitted.targets);
  return gateStep(context, {
    gate,
    targets: isOverList(stage) ? items : targets,
    stage: index,
    at: `${gateName(gate)} of stage "${stage.name}"`,
  });
}

function taskSteps({ test, submitted, policies }: StepContext, stage: Stage, index: number): readonly Step[] {
  const target = targetOf(test, stage, submitted);
  return columnsOf(stage).flatMap(({ name }, action) => {
    if (test.action !== undefined && test.action !== name) return [];
    const question: TaskQuestion = { ...factsOf(test, submitted), stage: index, action, target };
    const at = `task ${stage.name}/${name}${target === undefined ? "" : `@${target.name}`}`;
    return [{ at, ask: async () => policies.judgeTask(question) }];
  });
}

function factsOf(test: PolicyTest, submitted: WorkflowSubmitted) {
  const { principal, approvals, nowMs } = test;
  const given = approvals.map(({ agoMs, ...approval }) => ({ ...approval, atMs: timeMs(Math.max(0, nowMs - agoMs)) }));
  return { submitted, submitter: principal, nowMs: timeMs(nowMs), ledger: testLedger(test), approvals: given };
}

function testLedger({ ledger }: PolicyTest): LedgerReader {
  return {
    touched: (window, dimension) => {
      const text = dimensionText(dimension);
      const key = dimension.kind === "all" ? text : `${text}${dimension.kind === "label" ? "=" : ":"}${dimensionValue(dimension)}`;
      return { count: ledger.get(`${window} ${key}`) ?? 0, version: 0 };
    },
  };
}

function named({ targets: names }: PolicyTest, all: readonly Target[]): readonly Target[] {
  return names === undefined ? all : all.filter(({ name }) => names.includes(name));
}

/** The one that the test names, or the first; items of a list are known to the test alone. */
function targetOf(test: PolicyTest, stage: Stage, { targets }: WorkflowSubmitted): Target | undefined {
  if (isOverList(stage)) return test.target === undefined ? undefined : create(TargetSchema, { name: test.target });
  return isOverTargets(stage) ? (targets.find(({ name }) => name === test.target) ?? targets[0]) : undefined;
}

function isOverList({ over }: Stage): boolean {
  return over?.kind.case === "list";
}

function firstOf(stage: Stage, { targets }: WorkflowSubmitted): readonly Target[] {
  return targets.slice(0, firstWave(stage, targets.length));
}

/** How many targets the first wave has: percentages rounded up. */
function firstWave({ rollout }: Stage, targets: number): number {
  const [first] = rollout?.waves ?? [];
  if (first?.kind.case === "count") return Math.min(first.kind.value, targets);
  return first?.kind.case === "percent" ? Math.ceil((first.kind.value * targets) / 100) : targets;
}

/** `NAME/KEY`, or `NAME/KEY each VALUE`: the policy's own name is left out. */
function limitText({ key, each }: LimitAsk): string {
  const own = key.slice(key.indexOf("/") + 1);
  return each === undefined ? own : `${own} each ${each}`;
}
