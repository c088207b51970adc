// Reasons from outside the workflow why it, or one of its tasks, stands still: freezes, gates, rules, limits.
// 1. Each says which thing, what was found, and what to do next; a gate's reasons are those of its last verdict.

import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { durationText } from "../base/duration.ts";
import { TASK_REJUDGE_MS } from "../base/limits.ts";
import { Decision, Enforcement, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import type { RuleVerdict } from "../gen/holdfast/v1/policy_pb.ts";
import type { Hold } from "../gen/holdfast/v1/status_pb.ts";
import { HoldKind, HoldSchema } from "../gen/holdfast/v1/status_pb.ts";
import { placeOf, unitName } from "./blueprint.ts";
import type { HeldBack } from "./parking.ts";
import type { WorkflowState } from "./state.ts";

/** How many reasons of one kind are shown. */
const REASONS_MAX = 10;

/** A freeze that the workflow took note of. */
export function freezeHolds({ freeze }: WorkflowState): readonly Hold[] {
  if (freeze === undefined) return [];
  const what = freeze.isWhole ? "it is frozen" : "some of its targets are frozen";
  const next = 'it goes on after the thaw; "holdfast freeze --status" shows all freezes';
  return [create(HoldSchema, { kind: HoldKind.FREEZE, message: `${what} by ${freeze.names.join("; ")}; ${next}` })];
}

/** The gate that the workflow stands before. */
export function gateHolds({ gateHeld, blueprint, submitted }: WorkflowState): readonly Hold[] {
  if (gateHeld === undefined) return [];
  const stage = blueprint.stages[gateHeld.stage];
  const named = `stage "${stage?.name ?? ""}"`;
  const later = gateHeld.gate === Gate.WAVE ? `wave ${gateHeld.wave + 1} of ${named}` : `${named} over its list`;
  const where = gateHeld.gate === Gate.EXEC ? "its execution" : later;
  const rules = gateHeld.verdict.rules.filter((rule) => isHolding(rule)).slice(0, REASONS_MAX);
  return rules.map((rule) => ruleHold(rule, { where, id: blueprint.id, digest: submitted.digest }));
}

function isHolding({ enforcement }: RuleVerdict): boolean {
  return enforcement === Enforcement.DENY || enforcement === Enforcement.WAIT || enforcement === Enforcement.APPROVE;
}

/** What the rule is called in messages. */
export function ruleName({ policy, rule }: Pick<RuleVerdict, "policy" | "rule">): string {
  return rule === "" ? policy : `${policy}/${rule}`;
}

function ruleHold(rule: RuleVerdict, at: { readonly where: string; readonly id: string; readonly digest: string }): Hold {
  const name = ruleName(rule);
  if (rule.enforcement === Enforcement.APPROVE) {
    const message = `${at.where} needs approval by policy ${name}: ${rule.message}; ${neededText(rule)}; "holdfast approve ${at.id}"`;
    const until = rule.approvalsEndMs === 0n ? {} : { until: timestampFromMs(Number(rule.approvalsEndMs)) };
    return create(HoldSchema, { kind: HoldKind.APPROVAL, message, names: [name], ...until });
  }
  const next =
    rule.enforcement === Enforcement.WAIT
      ? "it is judged again by itself"
      : `"holdfast cancel ${at.id}", or change what the rule looks at: it is judged again when policies change`;
  return create(HoldSchema, {
    kind: HoldKind.POLICY,
    message: `policy ${name} holds ${at.where}: ${rule.message}; ${next}`,
    names: [name],
  });
}

/** Who must approve, how many have, and for how long that counts. */
function neededText({ approvalsNeeded, approverRole, approvalsGiven, approvalLastsMs, needsReason }: RuleVerdict): string {
  const lasts = approvalLastsMs === 0n ? "" : `; an approval counts for ${durationText(Number(approvalLastsMs))}`;
  return `${approvalsNeeded} of role ${approverRole} must approve${needsReason ? ", with a reason" : ""}, ${approvalsGiven} have${lasts}`;
}

/** What holds tasks back that may start otherwise. */
export function parkedHolds(state: WorkflowState): readonly Hold[] {
  const holds: Hold[] = [];
  for (const parking of [state.parking, state.entrance]) {
    for (const { held, count, first } of parking.lots()) {
      if (holds.length >= REASONS_MAX) return holds;
      if (held.kind === HoldKind.FREEZE) continue;
      holds.push(heldHold(held, { count, name: taskName(state, first) }));
    }
  }
  return holds;
}

/** Why one task is held back; undefined: it is not. */
export function parkedHold(state: WorkflowState, task: number): Hold | undefined {
  const held = state.parking.reason(task) ?? state.entrance.reason(task);
  return held === undefined ? undefined : heldHold(held, { count: 1, name: taskName(state, task) });
}

function heldHold(held: HeldBack, at: { readonly count: number; readonly name: string }): Hold {
  const tasks = at.count === 1 ? at.name : `${at.count} tasks, ${at.name} first,`;
  const until = held.untilMs === undefined ? {} : { until: timestampFromMs(held.untilMs) };
  return create(HoldSchema, {
    kind: held.kind,
    message: `${tasks} ${at.count === 1 ? "waits" : "wait"}: ${held.message}`,
    names: [at.name],
    ...until,
  });
}

/** What a task is called in messages: `fix/apply on h3`. */
export function taskName(state: WorkflowState, task: number): string {
  const { stage, action, ordinal } = placeOf(state.blueprint, task);
  const target = unitName(state.blueprint, stage, ordinal);
  return target === "" ? `${stage.name}/${action.name}` : `${stage.name}/${action.name} on ${target}`;
}

/** How a task's judgement holds it back. What time decides is judged again; so is what approvals count for, when the first of them ends. */
export function heldByRules(
  verdict: { readonly decision: Decision; readonly rules: readonly RuleVerdict[] },
  now: { readonly guardMs: number; readonly wallMs: number },
): HeldBack {
  const [rule] = verdict.rules.filter((candidate) => isHolding(candidate));
  const name = rule === undefined ? "policy" : ruleName(rule);
  const isWait = verdict.decision === Decision.WAIT;
  const approval = rule?.enforcement === Enforcement.APPROVE ? `; ${neededText(rule)}` : "";
  const untilMs = Number(rule?.approvalsEndMs ?? 0n);
  const approvalsEnd = untilMs === 0 ? {} : { lookAtMs: now.guardMs + (untilMs - now.wallMs), untilMs };
  return {
    key: `policy:${name}`,
    kind: rule?.enforcement === Enforcement.APPROVE ? HoldKind.APPROVAL : HoldKind.POLICY,
    message: `policy ${name}: ${rule?.message ?? "it is not allowed"}${approval}`,
    isShared: false,
    isFinal: !isWait,
    ...(isWait ? { lookAtMs: now.guardMs + TASK_REJUDGE_MS } : approvalsEnd),
  };
}
