// What policies said, for people: which rule of which policy, what would pass, and what to do next.
// 1. Every text has a bounded length; the output makes it safe for a terminal.

import type { PolicyPin, RuleVerdict, Verdict } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { Decision, DecisionSchema, Enforcement, EnforcementSchema, Gate, GateSchema } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { formatDurationMs } from "../../internal/sdk/duration.ts";
import { enumName } from "../../internal/sdk/wire-json.ts";

const DIGEST_COLUMNS = 12;
const PINS_SHOWN_MAX = 20;

/** `four-eyes/second-person (approve by sre, 1 of 2): …`. */
export function ruleText(rule: RuleVerdict): string {
  return `${ruleName(rule)} (${enforcementText(rule)})${rule.message === "" ? "" : `: ${rule.message}`}`;
}

/** The lines that `status` shows of a verdict: what all rules together say, then each rule that does not hold. */
export function verdictLines(verdict: Verdict | undefined): readonly string[] {
  if (verdict === undefined) return [];
  const { rules, rulesBroken, rulesAsked, gate, decision } = verdict;
  const rest = rulesBroken - rules.length;
  const at = gate === Gate.UNSPECIFIED ? "" : ` at the gate ${enumName(GateSchema, gate).toLowerCase()}`;
  return [
    `${enumName(DecisionSchema, decision)}${at}: ${rulesBroken} of ${rulesAsked} rules do not hold`,
    ...rules.map((rule) => `  ${ruleText(rule)}`),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ];
}

/** What a submission is told beside its ID: warnings, and what Exec will have to wait for. */
export function submissionNotes(verdict: Verdict | undefined, { id }: { readonly id: string }): readonly string[] {
  if (verdict === undefined) return [];
  const notes = verdict.rules.flatMap((rule) => {
    switch (rule.enforcement) {
      case Enforcement.WARN:
        return [`warning: ${ruleName(rule)}: ${rule.message}`];
      case Enforcement.APPROVE:
      case Enforcement.WAIT:
      case Enforcement.DENY:
        return [`exec will wait: ${ruleText(rule)}`];
      default: // audit is for the journal alone
        return [];
    }
  });
  return id !== "" && needsApproval(verdict) ? [...notes, `show what it would do, and approve it, with "holdfast approve ${id}"`] : notes;
}

/** True when people still have to approve. */
export function needsApproval(verdict: Verdict | undefined): boolean {
  if (verdict === undefined || verdict.decision === Decision.DENY) return false;
  return verdict.rules.some(isUnapproved);
}

/** True for a rule that waits for more approvals than it has. */
export function isUnapproved(rule: RuleVerdict): boolean {
  return rule.enforcement === Enforcement.APPROVE && rule.approvalsGiven < rule.approvalsNeeded;
}

/** `blast-radius@3f9a…`: a policy's name and the beginning of its version's digest. */
function pinText({ name, digest }: PolicyPin): string {
  return `${name}@${digest.replace(/^sha256:/, "").slice(0, DIGEST_COLUMNS)}`;
}

/** Several of them, bounded. */
export function pinsText(pins: readonly PolicyPin[]): string {
  const rest = pins.length - PINS_SHOWN_MAX;
  return [...pins.slice(0, PINS_SHOWN_MAX).map(pinText), ...(rest > 0 ? [`and ${rest} more`] : [])].join(", ");
}

/** `policy/rule`; a policy without a rule is itself at fault. */
function ruleName({ policy, rule }: RuleVerdict): string {
  if (policy === "") return "no policy";
  return rule === "" ? policy : `${policy}/${rule}`;
}

function enforcementText(rule: RuleVerdict): string {
  const { enforcement, approverRole, approvalsGiven, approvalsNeeded, approvalLastsMs, needsReason } = rule;
  const word = enumName(EnforcementSchema, enforcement).toLowerCase();
  const lasts = approvalLastsMs === 0n ? "" : `, each for ${formatDurationMs(Number(approvalLastsMs))}`;
  return enforcement === Enforcement.APPROVE
    ? `${word} by ${approverRole}, ${approvalsGiven} of ${approvalsNeeded}${lasts}${needsReason ? ", with a reason" : ""}`
    : word;
}
