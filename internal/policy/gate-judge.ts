// Judges a gate: a pure function over compiled policies, the question, counts of the fleet and a reader of the ledger.
// 1. All policies that match are asked, and all must allow. 2. At exec the rules of submit are asked again, so that what waits or needs
//    approval holds there. 3. Messages are asked after all rules: what they cost takes nothing from a decision.

import type { GateQuestion } from "../engine/ports.ts";
import { Enforcement, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import { askBoolean, askText } from "./asking.ts";
import type { Budget } from "./asking.ts";
import { NOBODY, brokenRule, countApprovals, denial, isApproved, softenForPlan } from "./finding.ts";
import type { Finding, GateFindings } from "./finding.ts";
import type { FleetCounts } from "./fleet-counts.ts";
import { matchAll, standingDenials } from "./policy-set.ts";
import type { PolicySet } from "./policy-set.ts";
import type { CompiledPolicy, CompiledRule } from "./policy.ts";
import { ReadingLedger, gateScope } from "./question-scope.ts";
import { workflowView } from "./workflow-view.ts";
import type { WorkflowView } from "./workflow-view.ts";

/** What a judge reads besides the question. */
export interface JudgeContext {
  readonly fleet: () => FleetCounts;
  readonly budget: Budget;
  /** The workflow's view, where it was made already. */
  readonly view?: WorkflowView;
}

/** What came of a gate. */
export interface GateAnswer extends GateFindings {
  readonly isTimeBound: boolean;
}

type ScopeOf = (policy: CompiledPolicy) => Readonly<Record<string, unknown>>;

interface BrokenRule {
  readonly policy: CompiledPolicy;
  readonly rule: CompiledRule;
}

/** Asks everything that the gate's rules ask. */
export function judgeGate(set: PolicySet, question: GateQuestion, context: JudgeContext): GateAnswer {
  const { submitted, submitter, gate } = question;
  const view = context.view ?? workflowView(submitted);
  const { budget } = context;
  const matching = matchAll(set, view, { submitter, budget });
  const isNewWork = gate === Gate.SUBMIT || gate === Gate.EXEC;
  const workflowName = submitted.definition?.name ?? "";
  const standing = isNewWork ? standingDenials(set, view, { matching, workflowName, submitter, budget }) : [];
  const ledger = new ReadingLedger(question.ledger);
  const scope = scopeOf(question, { view, ledger, fleet: context.fleet });
  const rules = matching.matched.flatMap((policy) => rulesAt(policy, gate).map((rule) => ({ policy, rule })));
  const broken = rules.flatMap(({ policy, rule }) => askRule(policy, rule, { scope, budget, question }));
  const told = broken.map((found) => ("message" in found ? found : withMessage(found, { scope, budget, question })));
  const findings = [...matching.faults, ...standing, ...told];
  const isPlan = submitted.mode === Mode.PLAN;
  return {
    gate,
    findings: isPlan ? findings.map(softenForPlan) : findings,
    rulesAsked: rules.length,
    readings: ledger.readings,
    targets: question.targets.length,
    current: set.newer,
    isTimeBound: rules.some(({ rule }) => rule.isTimeBound),
  };
}

/** The rules that are asked at a gate: at exec those of submit too. */
export function rulesAt({ rules }: CompiledPolicy, gate: Gate): readonly CompiledRule[] {
  return rules.filter(({ gates }) => gates.has(gate) || (gate === Gate.EXEC && gates.has(Gate.SUBMIT)));
}

/** The message of a rule, or what can be said without it. */
export function messageOf({ name }: CompiledPolicy, rule: CompiledRule, scope: Readonly<Record<string, unknown>>, budget: Budget): string {
  const answer = askText(rule.message, scope, budget);
  if (answer.kind === "value" && answer.value.trim() !== "") return answer.value;
  const why = answer.kind === "fault" ? `; its message failed: ${answer.reason}` : "";
  return `rule "${rule.name}" of policy "${name}" does not hold (${rule.place})${why}`;
}

interface RuleContext {
  readonly scope: ScopeOf;
  readonly budget: Budget;
  readonly question: GateQuestion;
}

function askRule(policy: CompiledPolicy, rule: CompiledRule, { scope, budget }: RuleContext): readonly (BrokenRule | Finding)[] {
  const answer = askBoolean(rule.expr, scope(policy), budget);
  if (answer.kind === "fault")
    return [denial({ ...policy, rule: rule.name }, `the rule could not be asked, so it denies: ${answer.reason}`)];
  return answer.value ? [] : [{ policy, rule }];
}

function withMessage({ policy, rule }: BrokenRule, { scope, budget, question }: RuleContext): Finding {
  const isAsked = rule.enforcement === Enforcement.APPROVE;
  const counted = isAsked ? countApprovals(rule, question) : NOBODY;
  const finding = brokenRule(policy, rule, { message: "", counted });
  if (isApproved(finding)) return finding;
  return brokenRule(policy, rule, { message: messageOf(policy, rule, scope(policy), budget), counted });
}

function scopeOf(
  question: GateQuestion,
  { view, ledger, fleet }: { readonly view: WorkflowView; readonly ledger: ReadingLedger; readonly fleet: () => FleetCounts },
): ScopeOf {
  const { submitter, approvals, nowMs, targets, stage, wave } = question;
  const scope = gateScope({ view, submitter, approvals, nowMs, targets, stage, wave, task: undefined, fleet, ledger });
  const known = new Map<CompiledPolicy, Readonly<Record<string, unknown>>>();
  return (policy) => {
    const made = known.get(policy) ?? scope(policy.params);
    known.set(policy, made);
    return made;
  };
}
