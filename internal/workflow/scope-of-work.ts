// What a workflow may touch, counted: tasks by action, targets by label. Answered by Submit, judged by policies.
// 1. It follows from the frozen blueprint alone, so it is the same at every asking.

import { create } from "@bufbuild/protobuf";
import type { Scope } from "../gen/holdfast/v1/workflow_pb.ts";
import { LabelCountSchema, ScopeSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { Blueprint } from "./blueprint.ts";

/** How many label values a scope names, the most frequent first. */
const LABEL_COUNTS_MAX = 256;

/** Counts a workflow's scope of work. */
export function scopeOf(blueprint: Blueprint): Scope {
  const tasksByAction: { [uses: string]: number } = {};
  for (const stage of blueprint.stages) {
    for (const action of stage.actions) tasksByAction[action.uses] = (tasksByAction[action.uses] ?? 0) + stage.width;
  }
  return create(ScopeSchema, {
    targets: blueprint.targets.length,
    tasks: blueprint.tasks,
    tasksByAction,
    targetsByLabel: countLabels(blueprint),
  });
}

function countLabels(blueprint: Blueprint) {
  const counts = new Map<string, { readonly label: string; readonly value: string; targets: number }>();
  for (const target of blueprint.targets) {
    for (const [label, value] of Object.entries(target.labels)) {
      const key = `${label}\n${value}`;
      const found = counts.get(key);
      if (found === undefined) counts.set(key, { label, value, targets: 1 });
      else found.targets += 1;
    }
  }
  const sorted = [...counts.values()].sort((a, b) => b.targets - a.targets || (`${a.label}=${a.value}` < `${b.label}=${b.value}` ? -1 : 1));
  return sorted.slice(0, LABEL_COUNTS_MAX).map((count) => create(LabelCountSchema, count));
}
