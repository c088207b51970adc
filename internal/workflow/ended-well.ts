// How the main stages of a workflow ended, and so which of the stages that handle an end are run.
// 1. A failed stage with `continue_on_error` is no failure here. 2. A plan runs none of them, and a cancelled workflow none any more.

import type { Part } from "../expr/workflow-parts.ts";
import { Mode, WorkflowOutcome } from "../gen/holdfast/v1/event_pb.ts";
import type { WorkflowState } from "./state.ts";

/** The first stage that failed and keeps the workflow from ending well; undefined: none. */
export function failedStage(state: WorkflowState, parts: readonly Part[]): number | undefined {
  const found = state.blueprint.stages.find(
    ({ index, part, continuesOnError }) => parts.includes(part) && state.stageResults[index] === "failed" && !continuesOnError,
  );
  return found?.index;
}

/** True when stages of this part are run after the main stages, as those have ended. */
export function isPartWanted(state: WorkflowState, part: Part): boolean {
  return !state.isCancelRequested && handlesEnd(state, part);
}

/** The same, whatever a cancel may keep from running: a Retry brings that. */
export function handlesEnd(state: WorkflowState, part: Part): boolean {
  if (state.blueprint.mode === Mode.PLAN) return false;
  if (part === "always") return true;
  const hasFailed = state.finish?.decided.outcome === WorkflowOutcome.FAILED || failedStage(state, ["main"]) !== undefined;
  return part === (hasFailed ? "on_failure" : "on_success");
}
