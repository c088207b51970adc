// What the last workflow of each definition was planned as. Workflows that share their definition (engine/checked-definitions.ts) share its plan too.
// 1. A plan follows from the definition, the number of targets, the mode and the annotations, and nobody changes it.
// 2. It is held as long as its definition is. One with faults is not.

import { canonicalJson } from "../base/json.ts";
import type { Mode } from "../gen/holdfast/v1/event_pb.ts";
import type { WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FaultList } from "./fault-list.ts";

/** What a plan follows from beside the definition, and where its faults go. */
interface PlanContext {
  readonly targets: number;
  readonly mode: Mode;
  readonly annotations: Readonly<Record<string, string>>;
  readonly faults: FaultList;
}

/** The last plan of each definition. */
export class LastPlans<Plan> {
  readonly #plans = new WeakMap<WorkflowDefinition, { readonly of: string; readonly plan: Plan }>();

  /** The last plan, where it is of the same; else what `make` returns. */
  take(definition: WorkflowDefinition, { targets, mode, annotations, faults }: PlanContext, make: () => Plan): Plan {
    const of = canonicalJson([targets, mode, annotations]);
    const last = this.#plans.get(definition);
    if (last?.of === of) return last.plan;
    const plan = make();
    if (faults.isEmpty) this.#plans.set(definition, { of, plan });
    return plan;
  }
}
