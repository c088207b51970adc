// Which actions may finish a workflow early: main actions of its main stages, and no others.
// 1. What handles an end comes after it, and an alternative or an undo is a part of another action: none of them has the word.

import type { Action } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FaultList } from "./fault-list.ts";

/** The action that finishes a workflow early, as in `uses`. */
export const FINISH_ACTION = "finish";

/** Finds what may not finish the workflow: an alternative, an undo and what handles an end leave the workflow's end to others. */
export function checkFinish(
  action: Action,
  place: string,
  { faults, isMain }: { readonly faults: FaultList; readonly isMain: boolean },
): void {
  if (action.uses === FINISH_ACTION && !isMain)
    faults.add(`${place}.uses`, "what handles an end does not finish the workflow; only the main actions of its stages do");
  if (action.uses === FINISH_ACTION && action.repeat !== undefined)
    faults.add(`${place}.repeat`, "what finishes the workflow runs once; it takes no repeat");
  for (const [index, { uses }] of action.try.entries())
    if (uses === FINISH_ACTION)
      faults.add(`${place}.try[${index}].uses`, "an alternative does not finish the workflow; use an action of its own");
  if (action.undo?.uses === FINISH_ACTION) faults.add(`${place}.undo.uses`, "what is taken back does not finish the workflow");
}
