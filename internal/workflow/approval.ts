// A person approves a workflow, as frozen in its digest; policies say how many people of which role it takes.
// 1. Whoever submitted it does not count; a person counts once, whatever roles it has.
// 2. Where a policy lets approvals expire, the same person may approve again; the same call again is one approval.

import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import { HoldfastError } from "../base/errors.ts";
import { APPROVALS_MAX, APPROVAL_REPEAT_MS } from "../base/limits.ts";
import type { Command } from "./commands.ts";
import { caused } from "./events.ts";
import type { Facts } from "./facts.ts";
import type { Approver, WorkflowState } from "./state.ts";

/** What approver roles begin with: `approver:sre`. */
const APPROVER = "approver:";

/** The events of an approval; none when the person has approved before. */
export function decideApprove(
  state: WorkflowState,
  command: Extract<Command, { kind: "approve" }>,
  { nowMs }: Pick<Facts, "nowMs">,
): readonly Event[] {
  const { by, digest, reason } = command;
  const { id } = state.blueprint;
  if (state.life.kind === "ended" || state.life.kind === "expired")
    throw new HoldfastError("FAILED_PRECONDITION", `workflow ${id} has ended; there is nothing left to approve`);
  if (digest !== state.submitted.digest) {
    const found = `workflow ${id} has digest ${state.submitted.digest}, another one was quoted`;
    throw new HoldfastError("FAILED_PRECONDITION", `${found}; look at it with "holdfast approvals ${id}" and approve what you see there`);
  }
  if (by === state.submittedBy)
    throw new HoldfastError("PERMISSION_DENIED", `${by} submitted workflow ${id}; somebody else has to approve it`);
  const roles = command.roles.filter((role) => role.startsWith(APPROVER)).sort();
  if (roles.length === 0)
    throw new HoldfastError("PERMISSION_DENIED", `${by} has no role to approve in; an administrator gives one: --role approver:ROLE`);
  const before = state.approvers.findLast((approver) => approver.by === by && approver.roles.join() === roles.join());
  if (before !== undefined && !saysMore(state, { before, reason, nowMs })) return [];
  if (state.approvers.length >= APPROVALS_MAX)
    throw new HoldfastError("RESOURCE_EXHAUSTED", `workflow ${id} has ${APPROVALS_MAX} approvals already`);
  return [caused(by, "approvalGiven", { digest, roles, reason })];
}

/** True when the same person's approval is not the former one again: it brings the reason, or begins the time anew of one that expires. */
function saysMore(
  { gateHeld, lastVerdict, submitted }: WorkflowState,
  { before, reason, nowMs }: { readonly before: Approver; readonly reason: string; readonly nowMs: number },
): boolean {
  if (before.reason === "" && reason !== "") return true;
  const verdict = gateHeld?.verdict ?? lastVerdict ?? submitted.verdict;
  const lasts = (verdict?.rules ?? []).map((rule) => Number(rule.approvalLastsMs)).filter((lastsMs) => lastsMs > 0);
  return lasts.length > 0 && nowMs - before.atMs >= Math.min(APPROVAL_REPEAT_MS, ...lasts);
}
