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

/** The tasks that a task needs: the first alternative of each. */
export function neededBy(owner: RolloutOwner, all: ModelTasks, task: ModelTask): readonly ModelTask[] {
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
  const isOver = (stage: number): boolean => owner.stages[stage]?.over !== undefined;
  const [stageName, actionName] = at.name.split(".");
  const stage = owner.stages.findIndex((candidate) => candidate.name === stageName);
  const columns = owner.columns[stage] ?? [];
  const action = columns.findIndex((column) => column.part === "main" && column.action.name === actionName);
  const targets = !isOver(stage) ? [0] : isOver(at.task.stage) ? [at.task.target] : owner.targets.map((_, target) => target);
  return targets.flatMap((target) => all.all[all.at(stage, target, action)] ?? []);
}
