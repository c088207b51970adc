// The keys of a stage's locks for one target.
// 1. A list with the same key twice takes it once.

import { HoldfastError } from "../base/errors.ts";
import { LOCK_KEY_LENGTH_MAX } from "../base/limits.ts";
import { placeOf } from "./blueprint.ts";
import { workflowScope } from "./expression-scope.ts";
import type { WorkflowState } from "./state.ts";

/** The keys of the stage's locks for a task's target. Throws INVALID_ARGUMENT when one cannot be evaluated. */
export function stageLockKeys(state: WorkflowState, task: number): readonly string[] {
  const { stage, ordinal } = placeOf(state.blueprint, task);
  const target = state.blueprint.targets[ordinal];
  if (stage.locks.length === 0 || target === undefined) return [];
  const workflow = workflowScope(state, { detail: () => undefined });
  const scope = (name: string): unknown => (name === "target" ? { name: target.name, labels: target.labels } : workflow(name));
  const keys = stage.locks.map((template) => lockText(template.render(scope)));
  return [...new Set(keys)];
}

function lockText(rendered: unknown): string {
  const key = typeof rendered === "object" && rendered !== null && "key" in rendered ? rendered.key : undefined;
  if (typeof key !== "string" || key === "")
    throw new HoldfastError("INVALID_ARGUMENT", "lock: the key must be a text that is not empty; see what its expression puts out");
  if (key.length > LOCK_KEY_LENGTH_MAX)
    throw new HoldfastError("INVALID_ARGUMENT", `lock: the key has ${key.length} characters, at most ${LOCK_KEY_LENGTH_MAX} are allowed`);
  return key;
}
