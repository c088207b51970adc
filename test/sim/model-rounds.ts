// What a Retry or a round opens again, as the model sees it: by task, and by stage where all of one is done anew.

import type { Again } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { alternativesOf, isDoneAgain } from "./model-owner.ts";
import type { RolloutOwner } from "./model-owner.ts";
import type { ModelTask, ModelTasks } from "./model-tasks.ts";
import type { TaskLayout } from "./task-layout.ts";

/** The workflow as it stands when somebody retries it. */
export interface Retried {
  readonly owner: RolloutOwner;
  readonly tasks: ModelTasks;
  readonly layout: TaskLayout;
  /** Tasks that finished it early. */
  readonly finishers: ReadonlySet<number>;
}

/** For each task whether it is open again by itself, or because a main action of its target is. */
export function openedAgain({ owner, tasks, layout, finishers }: Retried, again: Again | undefined): readonly boolean[] {
  const partOf = ({ stage, action }: ModelTask): string => owner.columns[stage]?.[action]?.part ?? "main";
  const isMain = (task: ModelTask): boolean => partOf(task) === "main";
  const isLeft = (task: ModelTask): boolean =>
    partOf(task) !== "undo" &&
    task.standing !== "good" &&
    task.standing !== "skipped" &&
    task.standing !== "absent" &&
    !alternativesOf(owner, tasks, task).some((other) => other.standing === "good" || other.standing === "skipped");
  const isAgain = (task: ModelTask, index: number): boolean =>
    (isMain(task) && isDoneAgain(owner, tasks, task)) || isLeft(task) || finishers.has(index) || layout.isNamed(index, again);
  // Where a main action runs again, so does what handles how it ends.
  const places = new Set(
    tasks.all.filter((task, index) => isMain(task) && isAgain(task, index)).map(({ stage, target }) => `${stage} ${target}`),
  );
  return tasks.all.map((task, index) => isAgain(task, index) || (!isMain(task) && places.has(`${task.stage} ${task.target}`)));
}

/** What undoes an action that is not opened never began, and what the action did stays done. */
export function skipUndos({ columns }: RolloutOwner, tasks: ModelTasks, opened: readonly boolean[]): void {
  for (const [index, { stage, action, standing }] of tasks.all.entries())
    if (columns[stage]?.[action]?.part === "undo" && opened[index] !== true && standing !== "absent") tasks.set(index, "skipped");
}

/** True for a stage that a round names, with all others or alone. */
export function isNamedWhole(stage: number, again: Again | undefined): boolean {
  return again?.kind.case === "all" || (again?.kind.case === "stage" && again.kind.value === stage);
}

/** True when the task begins another run: it had come to a good end, or its number may stand for another item of a list from now on. */
export function isOtherRun({ stages }: RolloutOwner, { standing, stage, attempt }: ModelTask, isAnew: boolean): boolean {
  return standing === "good" || (isAnew && attempt > 0 && stages[stage]?.over?.kind.case === "list");
}
