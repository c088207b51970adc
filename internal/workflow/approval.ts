// A person approves a workflow, as frozen in its digest; policies say how many people of which role it takes.
// 1. Whoever submitted it does not count; a person counts once, whatever roles it has.

import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import { HoldfastError } from "../base/errors.ts";
import { APPROVALS_MAX } from "../base/limits.ts";
import type { Command } from "./commands.ts";
import { caused } from "./events.ts";
import type { WorkflowState } from "./state.ts";

/** What approver roles begin with: `approver:sre`. */
const APPROVER = "approver:";

/** The events of an approval; none when the person has approved before. */
export function decideApprove(state: WorkflowState, command: Extract<Command, { kind: "approve" }>): readonly Event[] {
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
  if (state.approvers.some((approver) => approver.by === by && approver.roles.join() === roles.join())) return [];
  if (state.approvers.length >= APPROVALS_MAX)
    throw new HoldfastError("RESOURCE_EXHAUSTED", `workflow ${id} has ${APPROVALS_MAX} approvals already`);
  return [caused(by, "approvalGiven", { digest, roles, reason })];
}
