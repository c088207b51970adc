// The work of each target as events tell it: nothing that was done is done again without having been taken back, and no success hides an undo.
// 1. It adds up events alone; of the state it takes the definition and the end.

import { AttemptOutcome, Resolution } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Event } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { placeOf } from "../../internal/workflow/blueprint.ts";
import type { ActionPlan, TaskPlace } from "../../internal/workflow/blueprint.ts";
import type { Drill } from "../fakes/drill.ts";
import { hasSucceeded } from "./friendly-world.ts";
import { FAITHFUL } from "./rules.ts";
import type { Rules } from "./rules.ts";

/** What became of one action, with its alternatives, at one target. */
interface Work {
  readonly place: TaskPlace;
  /** The position of the action, or of its first alternative. */
  readonly first: number;
  isDone: boolean;
  isUndone: boolean;
  /** True once something has begun to take it back, or what it needs, since it was done. */
  hasUndoBegun: boolean;
}

/** The first fault of the work in all that happened; undefined: none. */
export function faultOfWork(drill: Drill, rules: Rules): string | undefined {
  const { works, doneAgain } = readWork(drill, rules);
  if (doneAgain !== undefined) return `${nameOf(doneAgain)} is done again, and was not taken back`;
  const { state } = drill;
  if (!hasSucceeded(state) || state.blueprint.stages.some(({ continuesOnError }) => continuesOnError)) return undefined;
  const undone = works.find((work) => work.isUndone && !(rules.isFailureAllowed && mayFail(work)));
  return undone === undefined ? undefined : `it succeeded, and ${nameOf(undone)} is undone`;
}

/** The first work that was taken back and not done since; undefined: there is none. */
export function undoneWork(drill: Drill): string | undefined {
  const undone = readWork(drill, FAITHFUL).works.find(({ isUndone }) => isUndone);
  return undone === undefined ? undefined : nameOf(undone);
}

/** What became of all work, and what was the first to be done again without having been taken back. */
function readWork({ state, events }: Drill, rules: Rules): { readonly works: readonly Work[]; readonly doneAgain: Work | undefined } {
  const works = new Map<string, Work>();
  let doneAgain: Work | undefined;
  for (const { event } of events) {
    if (beginsAnew(event)) works.clear();
    const task = taskOf(event);
    if (task === undefined) continue;
    const place = placeOf(state.blueprint, task);
    if (place.action.part !== "main" && place.action.part !== "undo") continue;
    const work = workAt(works, place);
    if (place.action.part === "undo") takeBack(works, work, event);
    else if (isDoneAgain(work, event, { action: place.action, rules })) doneAgain ??= work;
    else if (endsWell(event)) Object.assign(work, { isDone: true, isUndone: false, hasUndoBegun: false });
  }
  return { works: [...works.values()], doneAgain };
}

/** From here on all may be done once more. */
function beginsAnew({ kind }: Event): boolean {
  return (
    kind.case === "stageRepeated" || kind.case === "continuedAsNew" || (kind.case === "workflowRetried" && kind.value.again !== undefined)
  );
}

/** The task that the event is about, where it tells of work. */
function taskOf({ kind }: Event): number | undefined {
  const tells =
    kind.case === "attemptStarted" || kind.case === "applyStarted" || kind.case === "attemptEnded" || kind.case === "taskResolved";
  return tells ? kind.value.task : undefined;
}

/** An undo stands for the action that it takes back, an alternative for the first one. */
function workAt(works: Map<string, Work>, place: TaskPlace): Work {
  const { stage, ordinal, action } = place;
  const first = action.undoes ?? action.alternatives.first;
  const key = `${stage.index}/${ordinal}/${first}`;
  const work = works.get(key) ?? { place, first, isDone: false, isUndone: false, hasUndoBegun: false };
  works.set(key, work);
  return work;
}

/** What needs it was done for what is no more: that may be done again as well. */
function takeBack(works: ReadonlyMap<string, Work>, undone: Work, event: Event): void {
  const { kind } = event;
  const isPutOff = kind.case === "attemptEnded" && kind.value.outcome === AttemptOutcome.DEFERRED;
  if (kind.case !== "attemptStarted" && !isPutOff)
    for (const work of works.values()) if (work === undone || isNeeded(undone, work)) work.hasUndoBegun = true;
  if (endsWell(event)) Object.assign(undone, { isDone: false, isUndone: true });
}

/** True where the other needs it, directly or through others. */
function isNeeded(work: Work, by: Work): boolean {
  const { stage, ordinal } = by.place;
  if (work.place.stage !== stage || work.place.ordinal !== ordinal) return false;
  const open = [by.first];
  for (const at of open) {
    const needs = (stage.actions[at]?.needs ?? []).map((need) => stage.actions[need]?.alternatives.first ?? need);
    open.push(...needs.filter((need) => !open.includes(need)));
  }
  return open.slice(1).includes(work.first);
}

/** An iteration of an action is no doing again. */
function isDoneAgain(work: Work, { kind }: Event, { action, rules }: { readonly action: ActionPlan; readonly rules: Rules }): boolean {
  if (kind.case !== "attemptStarted" || action.repeat !== undefined) return false;
  return rules.isUndoKnown ? work.isDone && !work.hasUndoBegun : work.isDone || work.isUndone;
}

function endsWell({ kind }: Event): boolean {
  if (kind.case === "taskResolved") return kind.value.resolution === Resolution.SUCCEEDED;
  if (kind.case !== "attemptEnded") return false;
  return kind.value.outcome === AttemptOutcome.CHANGED || kind.value.outcome === AttemptOutcome.UNCHANGED;
}

function mayFail({ place: { stage, action } }: Work): boolean {
  return stage.failuresMax > 0 || action.continuesOnError;
}

function nameOf({ place: { stage, ordinal, action } }: Work): string {
  return `"${action.name}" of target ${ordinal} in stage "${stage.name}"`;
}
