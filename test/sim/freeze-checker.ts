// The emergency stop: what is frozen starts nothing, by the journal from the very entry on, and in the fleet from the answer on.
// 1. The stop file is in force from the moment that it is there. 2. A thaw may let things go on from the moment that it is asked for.

import type { GuardEvent } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";
import type { FreezeScope } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Checker, Happened } from "./checker.ts";
import type { Model } from "./model.ts";
import { must } from "./violation.ts";

/** True when the scope holds a workflow, or this target of it. */
export function isInScope({ kind }: FreezeScope, model: Model, target: Target | undefined): boolean {
  const { namespace, definition } = model.submitted;
  switch (kind.case) {
    case "everything":
      return true;
    case "namespace":
      return kind.value === namespace;
    case "workflowName":
      return kind.value === definition?.name;
    case "label":
      return target?.labels[kind.value.label] === kind.value.value;
    default:
      return false;
  }
}

/** The checker named freeze, by the journal. */
export class FreezeChecker implements Checker {
  readonly #freezes = new Map<string, FreezeScope>();

  takeGuard({ kind }: GuardEvent): void {
    if (kind.case === "freezePlaced" && kind.value.scope !== undefined) this.#freezes.set(kind.value.id, kind.value.scope);
    if (kind.case === "freezeLifted") this.#freezes.delete(kind.value.id);
  }

  take({ model, event, stamp }: Happened): void {
    const { kind } = event;
    switch (kind.case) {
      case "workflowSubmitted":
      case "workflowExecuted":
        for (const target of model.submitted.targets) this.#check({ model, target, isFileThere: stamp.isStopFileThere }, kind.case);
        return;
      case "stageStarted":
      case "waveStarted":
        return this.#check({ model, target: undefined, isFileThere: stamp.isStopFileThere }, kind.case);
      case "attemptStarted":
      case "applyStarted": {
        const task = model.tasks[kind.value.task];
        const target = task !== undefined && model.isOverTargets(task.stage) ? model.submitted.targets[task.target] : undefined;
        return this.#check({ model, target, isFileThere: stamp.isStopFileThere }, `${kind.case} ${kind.value.task}`);
      }
      default:
    }
  }

  #check(at: { readonly model: Model; readonly target: Target | undefined; readonly isFileThere: boolean }, what: string): void {
    const { model, target, isFileThere } = at;
    must(!isFileThere, "freeze", () => `${what} of ${model.id} while the file FREEZE is there`);
    for (const [id, scope] of this.#freezes)
      must(!isInScope(scope, model, target), "freeze", () => `${what} of ${model.id} while ${id} is in force`);
  }
}
