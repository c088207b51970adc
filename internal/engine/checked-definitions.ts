// Definitions that were found without fault lately. A service is mostly given the same few again and again: their expressions are compiled once,
// and the workflows of one definition share it in memory, ready to run (workflow/blueprint.ts).
// 1. What is found follows from the definition, the mode and the catalogue of actions alone, and that one does not change while the service runs.
// 2. A definition with a fault is never held.

import { DEFINITIONS_KEPT_MAX, DEFINITION_KEPT_LENGTH_MAX } from "../base/limits.ts";
import { RecentMap } from "../base/recent-map.ts";
import type { ActionKind, Mode } from "../gen/holdfast/v1/event_pb.ts";
import type { WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";

/** A definition without fault. Nobody changes it: workflows share it. */
export interface CheckedDefinition {
  readonly definition: WorkflowDefinition;
  /** The kinds of action that it uses, sorted. */
  readonly kinds: readonly ActionKind[];
}

/** The definitions of one service that were checked lately. */
export class CheckedDefinitions {
  readonly #kept = new RecentMap<string, CheckedDefinition>(DEFINITIONS_KEPT_MAX);

  /** The definition of this canonical text, as it was checked; `check` returns undefined where there are faults. */
  take(text: string, mode: Mode, check: () => CheckedDefinition | undefined): CheckedDefinition | undefined {
    const key = `${mode} ${text}`;
    const checked = this.#kept.get(key) ?? check();
    if (checked !== undefined && text.length <= DEFINITION_KEPT_LENGTH_MAX) this.#kept.put(key, checked);
    return checked;
  }
}
