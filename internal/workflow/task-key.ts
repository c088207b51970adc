// What names a run of a task to the outside: to the shim at the target, and to services behind an idempotency key.
// 1. It follows from the workflow, the task's position, its run and the generation, so it is the same after a restart.

import type { WorkflowId } from "../base/ids.ts";

/** The idempotency key of a task: the same for every attempt of a run, on every retry. Safe as a file name. */
export function taskKey(
  id: WorkflowId,
  { task, run, generation }: { readonly task: number; readonly run: number; readonly generation: number },
): string {
  const first = run === 1 ? `${id}.${task}` : `${id}.${task}-${run}`;
  return generation === 1 ? first : `${first}.g${generation}`;
}
