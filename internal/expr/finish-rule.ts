// Which actions may finish a workflow early: main actions of its main stages, and no others.
// 1. What handles an end comes after it, and an alternative or an undo is a part of another action: none of them has the word.
// 2. One rule for the reader of workflow files and for the service, with the same words.

import type { Action } from "../gen/holdfast/v1/workflow_pb.ts";

/** The action that finishes a workflow early, as in `uses`. */
export const FINISH_ACTION = "finish";

/** What is wrong, by the field of the action. */
interface FinishFault {
  readonly field: string;
  readonly message: string;
}

/** What may not finish the workflow: an alternative, an undo and what handles an end leave the workflow's end to others. */
export function finishFaults(
  { uses, repeat, try: ways, undo }: Pick<Action, "uses" | "repeat" | "try" | "undo">,
  { isMain }: { readonly isMain: boolean },
): readonly FinishFault[] {
  const isFinish = uses === FINISH_ACTION;
  const own = [
    ...(isFinish && !isMain
      ? [{ field: "uses", message: "what handles an end does not finish the workflow; only the main actions of its stages do" }]
      : []),
    ...(isFinish && repeat !== undefined ? [{ field: "repeat", message: "what finishes the workflow runs once; it takes no repeat" }] : []),
  ];
  const alternatives = ways.flatMap((way, index) =>
    way.uses === FINISH_ACTION
      ? [{ field: `try[${index}].uses`, message: "an alternative does not finish the workflow; use an action of its own" }]
      : [],
  );
  const isUndo = undo?.uses === FINISH_ACTION;
  return [...own, ...alternatives, ...(isUndo ? [{ field: "undo.uses", message: "what is taken back does not finish the workflow" }] : [])];
}
