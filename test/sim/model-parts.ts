// What of a target's work in a stage is run after its main actions, as the model sees it.
// 1. on_success after a good end, on_failure after any other, always after those; none of them in a plan.

import type { Column, Part } from "../../internal/expr/workflow-parts.ts";
import type { ModelStage } from "./model-stage.ts";
import { isOpenStanding } from "./model-tasks.ts";
import type { ModelTask, Standing } from "./model-tasks.ts";

const ORDER: readonly Part[] = ["main", "undo", "on_success", "on_failure", "always"];

/** One target in the stage under way. */
export interface TargetParts {
  readonly run: ModelStage;
  readonly target: number;
  readonly isPlan: boolean;
  /** The tasks of the target. */
  readonly tasks: readonly ModelTask[];
  /** What each of them is. */
  readonly columns: readonly Column[];
  /** True when the stage undoes a failed wave whole, and this one is past its budget. */
  readonly isWaveLost: boolean;
  /** True for one whose failure is none of its target's. */
  isContinued(task: ModelTask): boolean;
}

/** True when all that comes before the task's part has ended. */
export function isTurn(of: TargetParts, task: ModelTask): boolean {
  const part = partOf(of, task);
  return of.tasks.every((other) => ORDER.indexOf(partOf(of, other)) >= ORDER.indexOf(part) || !isOpenStanding(other.standing));
}

/** True when the part is over for the target: it failed there, or too many others did. */
export function isPartOver(of: TargetParts, part: Part): boolean {
  if (part === "main") return of.run.failed.has(of.target) || of.run.stopped.has(of.target);
  if (part === "on_success" && of.tasks.some((task) => partOf(of, task) === "undo" && task.standing !== "skipped")) return true;
  return of.tasks.some((task) => partOf(of, task) === part && task.standing === "failed" && !of.isContinued(task));
}

/** True when it was stopped with main actions left to do. */
export function wasCutShort(of: TargetParts): boolean {
  return of.run.stopped.has(of.target) && of.tasks.some((task) => partOf(of, task) === "main" && task.standing === "after");
}

/** What is closed on the target as it stands, and how. */
export function closedBy(of: TargetParts): readonly (readonly [ModelTask, Standing])[] {
  const closed: (readonly [ModelTask, Standing])[] = [];
  for (const part of ORDER) {
    const own = of.tasks.filter((task) => partOf(of, task) === part);
    const left = own.filter((task) => isOpenStanding(task.standing));
    const cut = isPartOver(of, part) ? left.filter((task) => task.standing === "open") : [];
    closed.push(...cut.map((task) => [task, "after"] as const));
    if (cut.length < left.length) return closed;
    if (part === "main") closed.push(...unwanted(of, own, cut.length > 0));
  }
  return closed;
}

function unwanted(of: TargetParts, main: readonly ModelTask[], isCut: boolean): readonly (readonly [ModelTask, Standing])[] {
  const { run, target, isPlan } = of;
  if (run.judged.has(target)) return [];
  run.judged.add(target);
  const wasStopped = run.stopped.has(target) && (isCut || main.some((task) => task.standing === "after"));
  const isLost = run.failed.has(target) || wasStopped || of.isWaveLost;
  const isWanted = (task: ModelTask): boolean => {
    const part = partOf(of, task);
    return part === "undo" ? isLost && isTouched(of, task) : part !== (isLost ? "on_success" : "on_failure");
  };
  return of.tasks
    .filter((task) => task.standing === "open" && partOf(of, task) !== "main" && (isPlan || !isWanted(task)))
    .map((task) => [task, "skipped"] as const);
}

/** True when the action that a task undoes changed something, or may have. */
export function isTouched(of: TargetParts, undo: ModelTask): boolean {
  return undoneTasks(of, undo).some((task) => (task.standing === "good" && task.hasChanged) || task.isTouched);
}

function undoneTasks(of: TargetParts, undo: ModelTask): readonly ModelTask[] {
  const action = of.columns[undo.action]?.action;
  return of.tasks.filter((task) => partOf(of, task) === "main" && of.columns[task.action]?.action === action);
}

/** The task that undoes what a main task did, when it did. */
export function takenBack(of: TargetParts, task: ModelTask): boolean {
  const action = of.columns[task.action]?.action;
  return of.tasks.some((undo) => partOf(of, undo) === "undo" && of.columns[undo.action]?.action === action && undo.standing === "good");
}

/** True when something was taken back, and nothing is left that was changed or that failed in what handles the end. */
export function isUndone(of: TargetParts): boolean {
  const touched = of.tasks.filter(
    (task) => partOf(of, task) === "main" && (task.isTouched || (task.standing === "good" && task.hasChanged)),
  );
  const hasFailed = of.tasks.some((task) => partOf(of, task) !== "main" && task.standing === "failed" && !of.isContinued(task));
  return touched.length > 0 && !hasFailed && touched.every((task) => takenBack(of, task));
}

/** Nothing that needs what the task undoes is left to be undone. */
export function isUndoneInOrder(
  { tasks, columns }: TargetParts,
  undo: ModelTask,
  needs: (task: ModelTask) => readonly ModelTask[],
): boolean {
  const own = columns[undo.action]?.action;
  return tasks.every((other) => {
    const column = columns[other.action];
    const needer = tasks[columns.findIndex(({ part, action }) => part === "main" && action === column?.action)];
    if (column?.part !== "undo" || other === undo || needer === undefined || !isOpenStanding(other.standing)) return true;
    return !needs(needer).some((needed) => columns[needed.action]?.action === own && needed.stage === undo.stage);
  });
}

function partOf({ columns }: TargetParts, task: ModelTask): Part {
  return columns[task.action]?.part ?? "main";
}
