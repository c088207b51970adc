// What the rollout of a model knows of its workflow: its parts, its bounds, and what each task needs. Said from the definition.

import type { Column, Part } from "../../internal/expr/workflow-parts.ts";
import type { WorkflowSubmitted } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Stage } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { ModelTask, ModelTasks } from "./model-tasks.ts";

/** What the rollout asks of its workflow. */
export interface RolloutOwner {
  readonly id: string;
  readonly isPlan: boolean;
  readonly isCancelled: boolean;
  readonly isPaused: boolean;
  readonly life: "submitted" | "executing" | "ended";
  readonly stages: readonly Stage[];
  readonly stageParts: readonly Part[];
  readonly columns: readonly (readonly Column[])[];
  readonly submitted: WorkflowSubmitted;
  readonly targets: readonly string[];
}

/** What stands for each action that a task needs: of one with alternatives the first that has not failed, or the last. */
export function needsOf(owner: RolloutOwner, all: ModelTasks, task: ModelTask): readonly ModelTask[] {
  return neededBy(owner, all, task).map((first) => {
    const ways = alternativesOf(owner, all, first);
    return ways.find((way) => way.standing !== "failed") ?? ways.at(-1) ?? first;
  });
}

/** The tasks of all alternatives of a task's action on its target. */
export function alternativesOf({ columns }: RolloutOwner, all: ModelTasks, { stage, target, action }: ModelTask): readonly ModelTask[] {
  const own = columns[stage]?.[action];
  return all.of(stage, target).filter((other) => {
    const column = columns[stage]?.[other.action];
    return column?.action === own?.action && column?.part === own?.part;
  });
}

/** True when what a main task did was taken back, or was to be, or something that it needs. */
export function isDoneAgain(owner: RolloutOwner, all: ModelTasks, task: ModelTask): boolean {
  const columns = owner.columns[task.stage] ?? [];
  const action = columns[task.action]?.action;
  const isTakenBack = all
    .of(task.stage, task.target)
    .some(
      ({ action: at, standing, tries, isTouched }) =>
        columns[at]?.part === "undo" && columns[at].action === action && (standing === "good" || tries > 0 || isTouched),
    );
  const [head] = alternativesOf(owner, all, task);
  const needed = head === undefined ? [] : needsOf(owner, all, head).filter(({ stage }) => stage === task.stage);
  return isTakenBack || needed.some((other) => isDoneAgain(owner, all, other));
}

/** True for one whose failure is none of its target's. */
export function isContinued({ columns }: RolloutOwner, { stage, action }: ModelTask): boolean {
  const column = columns[stage]?.[action];
  if (column === undefined || column.part === "undo") return false;
  return column.action.continueOnError || column.alternative < column.alternatives - 1;
}

/** True for what may be built upon. */
export function isMet(owner: RolloutOwner, task: ModelTask): boolean {
  const { standing } = task;
  return standing === "good" || standing === "skipped" || (standing === "failed" && isContinued(owner, task));
}

/** The tasks that a task needs: the first alternative of each. */
function neededBy(owner: RolloutOwner, all: ModelTasks, task: ModelTask): readonly ModelTask[] {
  const columns = owner.columns[task.stage] ?? [];
  const own = columns[task.action];
  const tasks = all.of(task.stage, task.target);
  if (own === undefined || own.alternative > 0 || own.part === "undo") return [];
  const names = own.action.needs?.actions;
  const before = columns[task.action - 1];
  const isNeeded = (column: Column): boolean =>
    column.part === own.part && (names === undefined ? column.action === before?.action : names.includes(column.action.name));
  const within = columns.flatMap((column, index) => (column.alternative === 0 && isNeeded(column) ? (tasks[index] ?? []) : []));
  return [...within, ...(names ?? []).flatMap((name) => (name.includes(".") ? earlier(owner, all, { task, name }) : []))];
}

/** `stage.action` of an earlier stage: on the same target, or once, or on all. */
function earlier(owner: RolloutOwner, all: ModelTasks, at: { readonly task: ModelTask; readonly name: string }): readonly ModelTask[] {
  const over = (stage: number): string | undefined => owner.stages[stage]?.over?.kind.case;
  const [stageName, actionName] = at.name.split(".");
  const stage = owner.stages.findIndex((candidate) => candidate.name === stageName);
  const columns = owner.columns[stage] ?? [];
  const action = columns.findIndex((column) => column.part === "main" && column.action.name === actionName);
  if (over(stage) === undefined || (over(stage) === "targets" && over(at.task.stage) === "targets"))
    return [all.all[all.at(stage, over(stage) === undefined ? 0 : at.task.target, action)] ?? []].flat();
  // Of all targets, or all items that there are.
  return all.all.filter((task) => task.stage === stage && task.action === action && task.standing !== "absent");
}
