// Where the tasks of a workflow stand: stage, target and column by position. Said from the definition alone.

import { columnsOf, stagesOf, widthOf } from "../../internal/expr/workflow-parts.ts";
import type { Column } from "../../internal/expr/workflow-parts.ts";
import type { Again, WorkflowSubmitted } from "../../internal/gen/holdfast/v1/event_pb.ts";

interface StageRange {
  readonly first: number;
  readonly end: number;
  readonly columns: readonly Column[];
}

/** The positions of one workflow's tasks. */
export class TaskLayout {
  readonly #stages: readonly StageRange[];

  constructor({ definition, targets }: WorkflowSubmitted) {
    let end = 0;
    this.#stages = stagesOf(definition ?? { stages: [] }).map(({ stage }) => {
      const first = end;
      const columns = columnsOf(stage);
      end += columns.length * widthOf(stage, targets.length);
      return { first, end, columns };
    });
  }

  isInStage(task: number, stage: number): boolean {
    const { first = 0, end = 0 } = this.#stages[stage] ?? {};
    return task >= first && task < end;
  }

  /** True for what a person lets run again in a round although it may have succeeded; of alternatives all. */
  isNamed(task: number, again: Again | undefined): boolean {
    switch (again?.kind.case) {
      case "task": {
        const [head, end] = this.#alternatives(again.kind.value);
        return task >= head && task < end;
      }
      case "stage":
        return this.isInStage(task, again.kind.value);
      case "all":
        return true;
      default:
        return false;
    }
  }

  #alternatives(task: number): readonly [number, number] {
    const { alternative = 0, alternatives = 1 } = this.#columnOf(task) ?? {};
    return [task - alternative, task - alternative + alternatives];
  }

  #stageOf(task: number): StageRange | undefined {
    return this.#stages.find(({ first, end }) => task >= first && task < end);
  }

  #columnOf(task: number): Column | undefined {
    const stage = this.#stageOf(task);
    return stage?.columns[(task - stage.first) % stage.columns.length];
  }
}
