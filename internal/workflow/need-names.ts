// The names in `needs` made ready: `action` of the same stage, `stage.action` of an earlier one, and the stages that a stage needs.
// 1. Only what comes before can be needed across stages: stages run strictly in order.

import type { Action, Stage } from "../gen/holdfast/v1/workflow_pb.ts";
import { columnsOf } from "../expr/workflow-parts.ts";
import { didYouMean } from "../base/nearest.ts";
import type { FaultList } from "./fault-list.ts";
import type { EarlierNeed } from "./needs.ts";

/** What an action needs of earlier stages; names that are wrong are left out. */
export function earlierNeedsOf(action: Action | undefined, earlier: readonly Stage[]): readonly EarlierNeed[] {
  return (action?.needs?.actions ?? []).flatMap((name) => {
    const [stageName, actionName] = name.split(".");
    const stage = earlier.findIndex((candidate) => candidate.name === stageName);
    const columns = earlier[stage] === undefined ? [] : columnsOf(earlier[stage]);
    const at = columns.findIndex(({ action: candidate, part }) => part === "main" && candidate.name === actionName);
    return at === -1 ? [] : [{ stage, action: at }];
  });
}

/** What is wrong with a need that names no action of the same stage; undefined: nothing, it names one of an earlier stage. */
export function needFault(
  name: string,
  { actions, earlier }: { readonly actions: readonly Action[]; readonly earlier: readonly Stage[] },
): string | undefined {
  const [stageName = "", actionName, ...rest] = name.split(".");
  if (actionName === undefined)
    return `no action "${name}" in this stage${didYouMean(
      name,
      actions.map((action) => action.name),
    )}; one of an earlier stage is written stage.action`;
  const stages = earlier.map((stage) => stage.name);
  const stage = earlier.find((candidate) => candidate.name === stageName);
  if (stage === undefined)
    return `no earlier stage "${stageName}"${didYouMean(stageName, stages)}; only stages before this one can be needed`;
  const known = stage.actions.map((action) => action.name);
  if (rest.length === 0 && known.includes(actionName)) return undefined;
  return `no action "${[actionName, ...rest].join(".")}" in stage "${stageName}"${didYouMean(actionName, known)}`;
}

/** The positions of the stages that a stage needs; undefined: it says nothing, and needs all earlier ones. */
export function planStageNeeds(
  { needs }: Stage,
  { place, faults, earlier }: { readonly place: string; readonly faults: FaultList; readonly earlier: readonly Stage[] },
): readonly number[] | undefined {
  if (needs === undefined) return undefined;
  const known = earlier.map((stage) => stage.name);
  return needs.stages.flatMap((name, position) => {
    const index = known.indexOf(name);
    if (index === -1)
      faults.add(`${place}.needs[${position}]`, `no earlier stage "${name}"${didYouMean(name, known)}; stages run in order`);
    return index === -1 ? [] : [index];
  });
}
