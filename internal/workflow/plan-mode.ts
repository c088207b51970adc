// What is special about a plan, a workflow of the checks alone: what an earlier action would change has not been changed.
// 1. CHANGED means "would change" there, and what comes after it on the same target may not be knowable.

import { placeOf, taskAt } from "./blueprint.ts";
import type { WorkflowState } from "./state.ts";
import { TaskState } from "./task-state.ts";

/** True when something that comes before the task on its target would change it. */
export function wouldChangeBefore(state: WorkflowState, task: number): boolean {
  const { stage, ordinal, action } = placeOf(state.blueprint, task);
  return stage.actions.some((other) => {
    return action.before.includes(other.identifier) && state.tasks.get(taskAt(stage, ordinal, other.index)) === TaskState.CHANGED;
  });
}
