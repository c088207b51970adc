// The locks of a stage made ready: what a target takes beside its own before it is first changed.
// 1. They name target, parameters and workflow alone, so each action of a target finds the same keys.

import type { Stage } from "../gen/holdfast/v1/workflow_pb.ts";
import type { Template } from "../expr/template.ts";
import { isOverTargets } from "../expr/workflow-parts.ts";
import type { FaultList } from "./fault-list.ts";
import { compileArguments } from "./names.ts";
import type { NameScope, NameScopes } from "./names.ts";

const NAMES: ReadonlySet<string> = new Set(["params", "workflow", "target"]);

/** Compiles a stage's locks; faults go to the list. */
export function planLocks(
  stage: Stage,
  context: { readonly place: string; readonly scopes: NameScopes; readonly faults: FaultList },
): readonly Template[] {
  const { place, faults } = context;
  const { locks } = stage;
  if (locks.length > 0 && !isOverTargets(stage)) faults.add(`${place}.lock`, "only a stage with `over: targets` takes locks of targets");
  const scope = lockScope(context.scopes.task({ hasTarget: true, hasItem: false, before: [] }));
  return locks.flatMap((lock, index) => {
    const template = compileArguments({ key: lock }, { place: `${place}.lock[${index}]`, scope, stages: [], faults });
    return template === undefined ? [] : [template];
  });
}

function lockScope(scope: NameScope): NameScope {
  const { names, declarations, types } = scope;
  return {
    ...(types === undefined ? {} : { types }),
    ...(names === undefined ? {} : { names: names.filter((name) => NAMES.has(name)) }),
    ...(declarations === undefined
      ? {}
      : { declarations: Object.fromEntries(Object.entries(declarations).filter(([name]) => NAMES.has(name))) }),
  };
}
