// The variables of a definition, and the expressions that change them, made ready to run.
// 1. Every variable has a first value of its type, and what changes one names one that is declared.

import type { JsonObject } from "../base/json.ts";
import { didYouMean } from "../base/nearest.ts";
import type { Program } from "../expr/program.ts";
import type { Param, WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FaultList } from "./fault-list.ts";
import { compileIn } from "./names.ts";
import type { NameScope } from "./names.ts";
import { resolveParams } from "./params.ts";

/** What changes variables: the expression of each. */
export type SetPlan = readonly (readonly [name: string, program: Program])[];

/** The values that variables begin with; a declaration that cannot be kept is a fault. */
export function firstVars(declared: Readonly<Record<string, Param>>, faults: FaultList): JsonObject {
  for (const [name, { required }] of Object.entries(declared))
    if (required) faults.add(`vars.${name}.required`, "a variable is given by nobody; give it a `default`");
  return resolveParams(declared, {}, faults, { place: "vars", noun: "variable" });
}

/** Compiles what changes variables; a name that is not declared is a fault. */
export function planSet(
  set: Readonly<Record<string, string>>,
  at: {
    readonly place: string;
    readonly scope: NameScope;
    readonly stages: readonly string[];
    readonly faults: FaultList;
    readonly vars: WorkflowDefinition["vars"];
  },
): SetPlan {
  const { place, vars, ...context } = at;
  return Object.entries(set).flatMap(([name, source]): SetPlan => {
    if (!Object.hasOwn(vars, name))
      at.faults.add(`${place}.${name}`, `no variable "${name}" is declared in \`vars\`${didYouMean(name, Object.keys(vars))}`);
    const program = compileIn(source, { ...context, place: `${place}.${name}`, isCondition: false });
    return program === undefined ? [] : [[name, program]];
  });
}
