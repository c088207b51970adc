// What each rule says of a workflow and why, for people: also the rules that hold, and those of policies that do not match.
// 1. It asks as the judges ask, with the same budgets, and decides nothing.

import { create } from "@bufbuild/protobuf";
import { EXPR_COST_LOOP_MAX, GATE_COST_LOOP_MAX } from "../base/limits.ts";
import type { GateQuestion, Person, TaskQuestion } from "../engine/ports.ts";
import { Enforcement, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import { RuleExplanationSchema } from "../gen/holdfast/v1/policy_service_pb.ts";
import type { RuleExplanation } from "../gen/holdfast/v1/policy_service_pb.ts";
import { askBoolean, budgetOf } from "./asking.ts";
import type { Budget } from "./asking.ts";
import { bounded, countApprovals, readOf } from "./finding.ts";
import type { FleetCounts } from "./fleet-counts.ts";
import { messageOf, rulesAt } from "./gate-judge.ts";
import type { PolicySet } from "./policy-set.ts";
import type { CompiledPolicy, CompiledRule } from "./policy.ts";
import { ReadingLedger, gateScope, lastingScope } from "./question-scope.ts";
import type { WorkflowView } from "./workflow-view.ts";

interface Explaining {
  readonly view: WorkflowView;
  readonly fleet: () => FleetCounts;
}

/** One entry for each rule of the gate, by policy. */
export function explainRules(set: PolicySet, question: GateQuestion | TaskQuestion, explaining: Explaining): readonly RuleExplanation[] {
  const gate = "gate" in question ? question.gate : Gate.TASK;
  return set.all.flatMap((policy) => {
    const rules = rulesAt(policy, gate);
    if (rules.length === 0) return [];
    const budget = budgetOf({ exprCostMax: EXPR_COST_LOOP_MAX, gateCostMax: GATE_COST_LOOP_MAX });
    const match = askBoolean(policy.match, lastingScope(explaining.view, question.submitter, policy.params), budget);
    if (match.kind === "fault")
      return rules.map((rule) => explanation(policy, rule, { matches: true, message: `match failed: ${match.reason}` }));
    if (!match.value) return rules.map((rule) => explanation(policy, rule, { matches: false, message: "" }));
    return rules.map((rule) => explainRule(policy, rule, { question, budget, ...explaining }));
  });
}

function explainRule(
  policy: CompiledPolicy,
  rule: CompiledRule,
  { question, budget, view, fleet }: Explaining & { readonly question: GateQuestion | TaskQuestion; readonly budget: Budget },
): RuleExplanation {
  const ledger = new ReadingLedger(question.ledger);
  const scope = gateScope({ ...factsOf(question), view, fleet, ledger })(policy.params);
  const answer = askBoolean(rule.expr, scope, budget);
  const reads = ledger.readings.map(readOf);
  if (answer.kind === "fault") return { ...explanation(policy, rule, { matches: true, message: answer.reason }), ...readsOf(reads) };
  const isApproved = rule.enforcement === Enforcement.APPROVE && countApprovals(rule, question).given >= rule.count;
  const holds = answer.value || isApproved;
  const message = holds ? "" : messageOf(policy, rule, scope, budget);
  return create(RuleExplanationSchema, {
    ...base(policy, rule),
    matches: true,
    holds,
    message: bounded(message),
    reads: reads.slice(0, 256),
  });
}

function explanation(
  policy: CompiledPolicy,
  rule: CompiledRule,
  said: { readonly matches: boolean; readonly message: string },
): RuleExplanation {
  return create(RuleExplanationSchema, { ...base(policy, rule), matches: said.matches, holds: false, message: bounded(said.message) });
}

function base({ name, digest }: CompiledPolicy, rule: CompiledRule) {
  return { pin: { name, digest }, rule: rule.name, enforcement: rule.enforcement };
}

function readsOf(reads: readonly ReturnType<typeof readOf>[]) {
  return { reads: create(RuleExplanationSchema, { reads: reads.slice(0, 256) }).reads };
}

function factsOf(question: GateQuestion | TaskQuestion) {
  const { submitter, approvals, nowMs }: { submitter: Person; approvals: readonly Person[]; nowMs: GateQuestion["nowMs"] } = question;
  if ("gate" in question) {
    const { targets, stage, wave } = question;
    return { submitter, approvals, nowMs, targets, stage, wave, task: undefined };
  }
  const { stage, action, target } = question;
  return { submitter, approvals, nowMs, targets: target === undefined ? [] : [target], stage, wave: undefined, task: { action, target } };
}
