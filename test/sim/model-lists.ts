// The lists that stages of a workflow run over, as the model sees them: known once, with names of their own, and no more than announced.

import type { Value } from "@bufbuild/protobuf/wkt";
import type { ListExpanded } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Stage } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { ModelTasks } from "./model-tasks.ts";

/** What a list is expanded in. */
interface Expansion {
  readonly stage: Stage | undefined;
  readonly tasks: ModelTasks;
  readonly model: { rule(name: string, holds: boolean): void };
}

/** The lists of one workflow. */
export class ModelLists {
  /** The names of the items that are known, by stage. */
  readonly #names = new Map<number, readonly string[]>();

  /** The names of a stage's items; undefined: it has no list, or it is not known. */
  of(stage: number): readonly string[] | undefined {
    return this.#names.get(stage);
  }

  /** A list became known; false: it was refused. */
  expand({ stage, items, error }: ListExpanded, of: Expansion): boolean {
    const over = of.stage?.over?.kind;
    const rule = (name: string, holds: boolean): void => of.model.rule(name, holds);
    rule("a list is evaluated once", over?.case === "list" && !this.#names.has(stage));
    if (error !== "") return false;
    const names = items.map(nameOfItem);
    rule("a list has at most so many items as were announced", over?.case === "list" && names.length <= over.value.max);
    rule("items have names of their own", new Set(names).size === names.length && !names.includes(""));
    this.#names.set(stage, names);
    // Tasks that no item needs are none.
    for (const [index, task] of of.tasks.all.entries())
      if (task.stage === stage && task.target >= names.length) of.tasks.set(index, "absent");
    return true;
  }

  /** Lists that are evaluated anew. */
  forget(isForgotten: (stage: number) => boolean): void {
    for (const stage of this.#names.keys()) if (isForgotten(stage)) this.#names.delete(stage);
  }
}

/** A text itself, or the `name` of an object; empty: it has none. */
function nameOfItem({ kind }: Value): string {
  if (kind.case === "stringValue") return kind.value;
  const name = kind.case === "structValue" ? kind.value.fields["name"] : undefined;
  return name?.kind.case === "stringValue" ? name.kind.value : "";
}
