// Judges tasks, on the event loop and often: what one action of one workflow keeps for life is asked once and remembered.
// 1. What names the target, the time, the fleet or the ledger is asked for every task. 2. A plan takes no limits.

import type { LimitAsk, TaskJudgement, TaskQuestion } from "../engine/ports.ts";
import { TASK_GATE_COST_MAX } from "../base/limits.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import { Decision, Enforcement, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import type { Verdict } from "../gen/holdfast/v1/policy_pb.ts";
import { askBoolean, budgetOf } from "./asking.ts";
import type { Answer, Budget } from "./asking.ts";
import { NOBODY, brokenRule, countApprovals, decisionOf, denial, softenForPlan, verdictOf } from "./finding.ts";
import type { Finding } from "./finding.ts";
import type { FleetCounts } from "./fleet-counts.ts";
import { messageOf, rulesAt } from "./gate-judge.ts";
import { askLimit, isAsk, isFinding, mergeAsks } from "./limit-ask.ts";
import type { LimitAnswer } from "./limit-ask.ts";
import type { Matching, PolicySet } from "./policy-set.ts";
import type { CompiledLimit, CompiledPolicy, CompiledRule } from "./policy.ts";
import { ReadingLedger, gateScope } from "./question-scope.ts";
import type { WorkflowView } from "./workflow-view.ts";

interface AskedRule {
  readonly policy: CompiledPolicy;
  readonly rule: CompiledRule;
  /** What it said of each action, by stage and action; only for rules that are lasting. */
  readonly said: Map<number, Answer<boolean>>;
}

interface AskedLimit {
  readonly policy: CompiledPolicy;
  readonly limit: CompiledLimit;
  readonly said: Map<number, { readonly answer: LimitAnswer }>;
}

/** One task being judged. */
interface Asking {
  readonly question: TaskQuestion;
  readonly action: number;
  readonly budget: Budget;
  /** Steps that were spent on answers to be remembered. */
  rememberedCost: number;
  readonly ledger: ReadingLedger;
  scopeOf(policy: CompiledPolicy): Readonly<Record<string, unknown>>;
}

/** The judge of one workflow's tasks, for one set of versions. */
export class TaskJudge {
  readonly #set: PolicySet;
  readonly #view: WorkflowView;
  readonly #faults: readonly Finding[];
  readonly #rules: readonly AskedRule[];
  readonly #limits: readonly AskedLimit[];
  readonly #fleet: () => FleetCounts;
  /** A verdict that allows and tells nothing is always the same. */
  readonly #allowed: Verdict;

  constructor(
    set: PolicySet,
    { view, matching, fleet }: { readonly view: WorkflowView; readonly matching: Matching; readonly fleet: () => FleetCounts },
  ) {
    this.#set = set;
    this.#view = view;
    this.#fleet = fleet;
    this.#faults = matching.faults;
    this.#rules = matching.matched.flatMap((policy) => rulesAt(policy, Gate.TASK).map((rule) => ({ policy, rule, said: new Map() })));
    this.#limits = matching.matched.flatMap((policy) => policy.limits.map((limit) => ({ policy, limit, said: new Map() })));
    this.#allowed = this.#verdict([], new ReadingLedger(NO_LEDGER));
  }

  /** Says whether a task may start, and what it takes of limits. */
  judge(question: TaskQuestion): TaskJudgement {
    const asking = this.#asking(question);
    const isPlan = question.submitted.mode === Mode.PLAN;
    const broken = this.#askRules(asking);
    const findings = isPlan ? broken.map(softenForPlan) : broken;
    const rulesAllowed = this.#rules.length - (broken.length - this.#faults.length);
    if (isPlan || decisionOf(findings) !== Decision.ALLOW) return this.#answer(findings, { asking, rulesAllowed, limits: [] });
    const limits = this.#askLimits(asking);
    const refused = limits.filter(isFinding);
    if (refused.length > 0) return this.#answer([...findings, ...refused], { asking, rulesAllowed, limits: [] });
    return this.#answer(findings, { asking, rulesAllowed, limits: mergeAsks(limits.filter(isAsk)) });
  }

  #answer(
    findings: readonly Finding[],
    { asking, rulesAllowed, limits }: { readonly asking: Asking; readonly rulesAllowed: number; readonly limits: readonly LimitAsk[] },
  ): TaskJudgement {
    const verdict = findings.length === 0 ? this.#allowed : this.#verdict(findings, asking.ledger);
    return { verdict, rulesAllowed, limits, cost: asking.rememberedCost + spentOf(asking.budget) };
  }

  #verdict(findings: readonly Finding[], { readings }: ReadingLedger): Verdict {
    return verdictOf({ gate: Gate.TASK, findings, rulesAsked: this.#rules.length, readings, targets: 1, current: this.#set.newer });
  }

  #asking(question: TaskQuestion): Asking {
    const { submitter, approvals, nowMs, stage, action, target } = question;
    const ledger = new ReadingLedger(question.ledger);
    const budget = budgetOf({ exprCostMax: TASK_GATE_COST_MAX, gateCostMax: TASK_GATE_COST_MAX });
    const targets = target === undefined ? [] : [target];
    const task = { action, target };
    const facts = { view: this.#view, submitter, approvals, nowMs, targets, stage, wave: undefined, task, fleet: this.#fleet, ledger };
    const scope = gateScope(facts);
    return {
      question,
      action: stage * ACTIONS_STRIDE + action,
      budget,
      rememberedCost: 0,
      ledger,
      scopeOf: (policy) => scope(policy.params),
    };
  }

  #askRules(asking: Asking): readonly Finding[] {
    if (this.#rules.length === 0) return this.#faults;
    const found: Finding[] = [...this.#faults];
    for (const asked of this.#rules) {
      const finding = findingOf(asked, asking);
      if (finding !== undefined) found.push(finding);
    }
    return found;
  }

  #askLimits(asking: Asking): readonly (LimitAsk | Finding)[] {
    const answers: (LimitAsk | Finding)[] = [];
    for (const asked of this.#limits) {
      const answer = limitAnswer(asked, asking);
      if (answer !== undefined) answers.push(answer);
    }
    return answers;
  }
}

/** More than a stage has actions. */
const ACTIONS_STRIDE = 1_024;
const NO_LEDGER = { touched: () => ({ count: 0, version: 0 }) };

function findingOf(asked: AskedRule, asking: Asking): Finding | undefined {
  const { policy, rule } = asked;
  const { question, budget } = asking;
  const answer = ruleAnswer(asked, asking);
  if (answer.kind === "fault")
    return denial(
      { name: policy.name, digest: policy.digest, rule: rule.name },
      `the rule could not be asked, so it denies: ${answer.reason}`,
    );
  if (answer.value) return undefined;
  const counted = rule.enforcement === Enforcement.APPROVE ? countApprovals(rule, question) : NOBODY;
  if (rule.enforcement === Enforcement.APPROVE && counted.given >= rule.count) return undefined;
  return brokenRule(policy, rule, { message: messageOf(policy, rule, asking.scopeOf(policy), budget), counted });
}

function ruleAnswer({ policy, rule, said }: AskedRule, asking: Asking): Answer<boolean> {
  if (!rule.isLasting) return askBoolean(rule.expr, asking.scopeOf(policy), asking.budget);
  const known = said.get(asking.action);
  if (known !== undefined) return known;
  const budget = ownBudget();
  const answer = askBoolean(rule.expr, asking.scopeOf(policy), budget);
  asking.rememberedCost += spentOf(budget);
  said.set(asking.action, answer);
  return answer;
}

function limitAnswer({ policy, limit, said }: AskedLimit, asking: Asking): LimitAnswer {
  if (!limit.isLasting) return askLimit(policy, limit, { scope: asking.scopeOf(policy), budget: asking.budget });
  const known = said.get(asking.action);
  if (known !== undefined) return known.answer;
  const budget = ownBudget();
  const answer = askLimit(policy, limit, { scope: asking.scopeOf(policy), budget });
  asking.rememberedCost += spentOf(budget);
  said.set(asking.action, { answer });
  return answer;
}

/** Of a budget of TASK_GATE_COST_MAX. */
function spentOf({ left }: Budget): number {
  return TASK_GATE_COST_MAX - left;
}

/** What is remembered must not depend on what else was asked of the first task. */
function ownBudget(): Budget {
  return budgetOf({ exprCostMax: TASK_GATE_COST_MAX, gateCostMax: TASK_GATE_COST_MAX });
}
