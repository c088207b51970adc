// What was found wrong at a gate, and the verdict that follows from it: the strictest wins.
// 1. A fault (an expression that failed, a file that is broken) denies, whatever the rule asks for (H8).
// 2. In a plan nothing is changed: what would hold it is told as a warning; what denies, denies.

import { create } from "@bufbuild/protobuf";
import { VERDICT_MESSAGE_LENGTH_MAX, VERDICT_READS_MAX, VERDICT_RULES_MAX } from "../base/limits.ts";
import type { LedgerReading, Question } from "../engine/ports.ts";
import { Decision, Enforcement, VerdictSchema } from "../gen/holdfast/v1/policy_pb.ts";
import type { Gate, Verdict } from "../gen/holdfast/v1/policy_pb.ts";
import type { CompiledPolicy, CompiledRule } from "./policy.ts";
import { dimensionText, dimensionValue } from "./question-scope.ts";

/** One thing that stands in the way, or is told. */
export interface Finding {
  readonly policy: string;
  readonly digest: string;
  /** Empty: no policy matches, or a file is broken. */
  readonly rule: string;
  readonly enforcement: Enforcement;
  readonly message: string;
  readonly approverRole: string;
  readonly approvalsNeeded: number;
  readonly approvalsGiven: number;
  readonly approvalsEndMs: bigint;
  readonly approvalLastsMs: bigint;
  readonly needsReason: boolean;
}

/** The approvals that count for a rule. */
export interface Counted {
  readonly given: number;
  /** When the first of them ends; undefined: none does. */
  readonly endMs: number | undefined;
}

/** Nobody was asked. */
export const NOBODY: Counted = { given: 0, endMs: undefined };

/** What a verdict is made of. */
export interface GateFindings {
  readonly gate: Gate;
  readonly findings: readonly Finding[];
  readonly rulesAsked: number;
  readonly readings: readonly LedgerReading[];
  readonly targets: number;
  readonly current: readonly { readonly name: string; readonly digest: string }[];
}

const READ_DIMENSION_LENGTH_MAX = 256;
const READ_VALUE_LENGTH_MAX = 1_024;
const STRICTNESS: readonly Enforcement[] = [Enforcement.DENY, Enforcement.APPROVE, Enforcement.WAIT, Enforcement.WARN, Enforcement.AUDIT];

/** A denial that is no rule's: a broken file, an unknown version, a match that failed. */
export function denial(of: { readonly name: string; readonly digest: string; readonly rule?: string }, message: string): Finding {
  const none = { approverRole: "", approvalsNeeded: 0, approvalsGiven: 0, approvalsEndMs: 0n, approvalLastsMs: 0n, needsReason: false };
  const { name, digest, rule = "" } = of;
  return { policy: name.slice(0, 128), digest, rule, enforcement: Enforcement.DENY, message: bounded(message), ...none };
}

/** A rule that does not hold. */
export function brokenRule(
  { name, digest }: CompiledPolicy,
  rule: CompiledRule,
  { message, counted }: { readonly message: string; readonly counted: Counted },
): Finding {
  return {
    policy: name,
    digest,
    rule: rule.name,
    enforcement: rule.enforcement,
    message: bounded(message),
    approverRole: rule.role,
    approvalsNeeded: rule.count,
    approvalsGiven: counted.given,
    approvalsEndMs: BigInt(counted.endMs ?? 0),
    approvalLastsMs: Number.isFinite(rule.lastsMs) ? BigInt(rule.lastsMs) : 0n,
    needsReason: rule.needsReason,
  };
}

/** The approvals of people with the role: each person's last one, while it lasts, and never that of who submitted it. */
export function countApprovals(
  { role, lastsMs, needsReason }: CompiledRule,
  { approvals, submitter, nowMs }: Pick<Question, "approvals" | "submitter" | "nowMs">,
): Counted {
  const ends = new Map<string, number>();
  for (const { name, roles, atMs, hasReason } of approvals) {
    const isOne = name !== submitter.name && (roles.includes(`approver:${role}`) || roles.includes(role));
    const endMs = atMs + lastsMs;
    if (isOne && endMs > nowMs && (hasReason || !needsReason)) ends.set(name, Math.max(endMs, ends.get(name) ?? 0));
  }
  const firstMs = Math.min(Infinity, ...ends.values());
  return { given: ends.size, endMs: Number.isFinite(firstMs) ? firstMs : undefined };
}

/** True when nothing of it stands in the way any more: people approved. */
export function isApproved({ enforcement, approvalsNeeded, approvalsGiven }: Finding): boolean {
  return enforcement === Enforcement.APPROVE && approvalsGiven >= approvalsNeeded;
}

/** What holds a run only tells a plan. */
export function softenForPlan(finding: Finding): Finding {
  const holds = finding.enforcement === Enforcement.WAIT || finding.enforcement === Enforcement.APPROVE;
  return holds ? { ...finding, enforcement: Enforcement.WARN } : finding;
}

/** What all findings together say. */
export function decisionOf(findings: readonly Finding[]): Decision {
  const standing = new Set(findings.filter((finding) => !isApproved(finding)).map(({ enforcement }) => enforcement));
  if (standing.has(Enforcement.DENY)) return Decision.DENY;
  if (standing.has(Enforcement.APPROVE)) return Decision.APPROVE;
  return standing.has(Enforcement.WAIT) ? Decision.WAIT : Decision.ALLOW;
}

/** The verdict: the strictest rules first. */
export function verdictOf({ gate, findings, rulesAsked, readings, targets, current }: GateFindings): Verdict {
  const ordered = [...findings].sort((left, right) => STRICTNESS.indexOf(left.enforcement) - STRICTNESS.indexOf(right.enforcement));
  return create(VerdictSchema, {
    gate,
    decision: decisionOf(findings),
    rules: ordered.slice(0, VERDICT_RULES_MAX),
    rulesBroken: findings.filter((finding) => !isApproved(finding)).length,
    rulesAsked,
    current: current.map(({ name, digest }) => ({ name, digest })),
    reads: readings.slice(0, VERDICT_READS_MAX).map(readOf),
    targets,
  });
}

/** A reading as verdicts and explanations show it. */
export function readOf({ window, dimension, count }: LedgerReading): { window: string; dimension: string; value: string; count: number } {
  return {
    window,
    dimension: dimensionText(dimension).slice(0, READ_DIMENSION_LENGTH_MAX),
    value: dimensionValue(dimension).slice(0, READ_VALUE_LENGTH_MAX),
    count,
  };
}

/** A message within its bound. */
export function bounded(message: string): string {
  return message.length <= VERDICT_MESSAGE_LENGTH_MAX ? message : `${message.slice(0, VERDICT_MESSAGE_LENGTH_MAX - 1)}…`;
}
