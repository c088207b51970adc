// What an approver has to see before saying yes: what would be touched, why a person is asked, who has said yes, what a plan found.
// 1. The digest is what is approved; it stands on its own line, in full.

import { Decision, Enforcement } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import type { Scope } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Approval, GetApprovalResponse, PlanSummary } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { phaseName } from "../../internal/sdk/wire-json.ts";
import { indented, labelled, timeText } from "./status-text.ts";
import { pinsText, ruleText } from "./verdict-text.ts";

const ACTIONS_SHOWN_MAX = 20;
const LABELS_SHOWN_MAX = 12;

/** The lines of `holdfast approvals`. */
export function approvalLines({ status, scope, approvals, plan }: GetApprovalResponse): readonly string[] {
  const rules = status?.verdict?.rules ?? [];
  const asking = rules.filter(({ enforcement }) => enforcement === Enforcement.APPROVE);
  const others = rules.filter(({ enforcement }) => enforcement !== Enforcement.APPROVE && enforcement !== Enforcement.AUDIT);
  const by = status === undefined || status.submittedBy === "" ? "" : ` by ${status.submittedBy}`;
  return [
    status === undefined ? "" : `${status.id} ${phaseName(status.phase)}`,
    ...labelled("name", status?.name ?? ""),
    ...labelled("namespace", status?.namespace ?? ""),
    ...labelled("key", status?.key ?? ""),
    ...labelled("submitted", `${timeText(status?.submittedAt)}${by}`),
    ...labelled("digest", status?.digest ?? ""),
    ...Object.entries(status?.annotations ?? {}).flatMap(([name, value]) => labelled("annotation", `${name}=${value}`)),
    ...scopeLines(scope),
    ...labelled("policies", pinsText(status?.policies ?? [])),
    ...asking.flatMap((rule) => labelled("asks", ruleText(rule))),
    ...(asking.length === 0 ? labelled("asks", "no rule asks for an approval of it now") : []),
    ...others.flatMap((rule) => labelled("also", ruleText(rule))),
    ...(status?.verdict?.decision === Decision.DENY ? labelled("also", "it is denied: an approval alone lets nothing start") : []),
    ...approvals.flatMap((approval) => labelled("approved", approvalText(approval))),
    ...(approvals.length === 0 ? labelled("approved", "by nobody yet") : []),
    ...planLines(plan),
  ];
}

function scopeLines(scope: Scope | undefined): readonly string[] {
  if (scope === undefined) return [];
  const actions = Object.entries(scope.tasksByAction).sort(([, left], [, right]) => right - left);
  const more = actions.length - ACTIONS_SHOWN_MAX;
  const shown = actions.slice(0, ACTIONS_SHOWN_MAX).map(([uses, count]) => `${uses} ${count}`);
  const labels = scope.targetsByLabel.slice(0, LABELS_SHOWN_MAX).map(({ label, value, targets }) => `${label}=${value} ${targets}`);
  const unshown = scope.targetsByLabel.length - labels.length;
  return [
    ...labelled("scope", `${scope.targets} targets, ${scope.tasks} tasks`),
    ...labelled("actions", [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join(", ")),
    ...labelled("labels", [...labels, ...(unshown > 0 ? [`and ${unshown} more`] : [])].join(", ")),
  ];
}

function approvalText({ by, roles, at, reason }: Approval): string {
  const when = at === undefined ? "" : ` at ${timeText(at)}`;
  return `by ${by}${roles.length === 0 ? "" : ` as ${roles.join(", ")}`}${when}${reason === "" ? "" : `: ${reason}`}`;
}

function planLines(plan: PlanSummary | undefined): readonly string[] {
  if (plan === undefined)
    return labelled("plan", 'none of the same work is known: "holdfast plan FILE", with the same parameters, shows what would change');
  const { tasks = 0, changed = 0, failed = 0, unreachable = 0 } = plan.counts ?? {};
  const trouble = failed + unreachable === 0 ? "" : `; ${failed} checks failed, ${unreachable} could not be reached`;
  const ended = plan.endedAt === undefined ? "" : ` of ${timeText(plan.endedAt)}`;
  return [
    ...labelled("plan", `${plan.id}${ended}: ${changed} of ${tasks} tasks would change something${trouble}`),
    ...plan.diffs.flatMap(({ target, action, diff }) => indented(target === "" ? action : `${action}@${target}`, diff)),
    ...(plan.diffs.length > 0 ? [`    all of it: holdfast tasks ${plan.id}`] : []),
  ];
}
