// Which stage comes next: strictly in order, each when what it needs has ended well.
// 1. A stage without `needs` waits for all before it: when one of them failed, it is not reached, and nothing is said of it.
// 2. The stages that handle how the main ones ended come after those; what they need by default are those before them of their own list.
// 3. A stage over a list begins when its list is known, and policies let it.
// 4. A stage with `needs` that were not met is skipped, with an event that says why.

import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import { Gate } from "../gen/holdfast/v1/policy_pb.ts";
import type { StagePlan } from "./blueprint.ts";
import { isOverdue } from "./deadlines.ts";
import { endOrContinue } from "./continuing.ts";
import { isPartWanted } from "./ended-well.ts";
import { happened } from "./events.ts";
import type { Facts } from "./facts.ts";
import { expandList } from "./list-expanding.ts";
import { stageNeedAnswer } from "./needs.ts";
import type { WorkflowState } from "./state.ts";

/** The event that follows when no stage is under way. */
export function nextStage(state: WorkflowState, facts: Facts): Event | undefined {
  if (isOverdue(state)) return endOrContinue(state, facts);
  if (state.isPaused || (!state.isAdmitted && facts.isGated(Gate.EXEC))) return undefined;
  const next = stageInTurn(state);
  if (next === undefined) return endOrContinue(state, facts);
  const { stage, unmet } = next;
  if (unmet !== undefined) return happened("stageSkipped", { stage: stage.index, reason: skipReason(state, unmet) });
  const { list } = stage;
  if (list !== undefined && list.items === undefined) return expandList(state, { ...stage, list }, facts);
  // It starts with the verdict (gates.ts).
  return list !== undefined && facts.isGated(Gate.EXPAND) ? undefined : happened("stageStarted", { stage: stage.index });
}

/** True when no stage is under way, and none will be. */
export function hasRunAll(state: WorkflowState): boolean {
  return state.stageRun === undefined && stageInTurn(state) === undefined;
}

/** The stage that stands before the gate of its list, which is known; undefined: none does. */
export function stageToExpand(state: WorkflowState): StagePlan | undefined {
  const next = state.stageRun !== undefined || isOverdue(state) ? undefined : stageInTurn(state);
  return next?.unmet === undefined && next?.stage.list?.items !== undefined ? next.stage : undefined;
}

/** The next stage that is started, or skipped for a need that was not met; undefined: there is none. */
function stageInTurn(state: WorkflowState): { readonly stage: StagePlan; readonly unmet: StagePlan | undefined } | undefined {
  for (const stage of state.blueprint.stages) {
    if (state.stageResults[stage.index] !== "pending") continue;
    if (stage.part !== "main" && !isPartWanted(state, stage.part)) continue;
    const unmet = unmetNeed(state, stage);
    if (unmet === undefined || stage.needs !== undefined) return { stage, unmet };
  }
  return undefined;
}

/** The first stage that this one needs, and that did not end well. */
function unmetNeed(state: WorkflowState, stage: StagePlan): StagePlan | undefined {
  const { stages } = state.blueprint;
  const needed =
    stage.needs === undefined
      ? stages.slice(0, stage.index).filter(({ part }) => part === stage.part)
      : stage.needs.flatMap((index) => stages[index] ?? []);
  return needed.find(({ index, continuesOnError }) => {
    const result = state.stageResults[index] ?? "pending";
    // One that was not reached is open to the end of the workflow, and nothing comes of it.
    return result === "pending" || stageNeedAnswer(result, continuesOnError) === "skip";
  });
}

function skipReason(state: WorkflowState, { index, name }: StagePlan): string {
  const found = state.stageResults[index] === "failed" ? "failed" : "was not run";
  return `it needs stage "${name}", which ${found}`;
}
