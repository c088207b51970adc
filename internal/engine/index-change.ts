// What a workflow's entry changes in the indexes of the journal: its record when it is submitted, when it ends, and when it is opened again.
// 1. While it is open its record holds the status of its Submit: nobody asks the journal where an open workflow stands.

import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { isEnded, phaseOf, statusOf } from "../workflow/status.ts";
import type { IndexChange } from "./ports.ts";

/** The change of a workflow that is submitted now. */
export function openedIndex(state: WorkflowState): IndexChange {
  return { kind: "opened", record: { ...recordOf(state), isOpen: true } };
}

/** The change that a turn's events bring; undefined: none. */
export function movedIndex(state: WorkflowState, events: readonly Event[]): IndexChange | undefined {
  if (isEnded(phaseOf(state))) return { kind: "ended", record: { ...recordOf(state), isOpen: false } };
  const isReopened = events.some(({ kind }) => kind.case === "workflowRetried");
  return isReopened ? { kind: "reopened", record: { ...recordOf(state), isOpen: true } } : undefined;
}

function recordOf(state: WorkflowState) {
  const { requestId, requestDigest } = state.submitted;
  return { status: statusOf(state), requestId, requestDigest };
}
