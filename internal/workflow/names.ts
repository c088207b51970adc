// The names that expressions may use, and their compilation with faults collected.
// 1. A name or field that is not declared is refused at Submit, so no expression meets an unknown name at run.
// 2. What was accepted once is compiled again for ever: a replay refuses nothing for its types (H4).

import { compile } from "../expr/program.ts";
import type { CompileOptions, Program } from "../expr/program.ts";
import type { ExprFunction } from "../expr/scope-functions.ts";
import { compileTemplate } from "../expr/template.ts";
import type { Template } from "../expr/template.ts";
import type { JsonObject } from "../base/json.ts";
import { didYouMean } from "../base/nearest.ts";
import type { Param, WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FaultList } from "./fault-list.ts";

/** `stage('fix')`: counts, failed targets and, in a stage that ran once, the actions of an earlier stage. */
export const STAGE_FUNCTION: ExprFunction = { name: "stage", parameters: ["string"] };

/** Names under which actions cannot be known, because expressions use them already. */
const RESERVED_NAMES: readonly string[] = ["params", "target", "workflow", "task", "attempt", "stage", "secret"];

/** The same in one workflow: `vars` is an action's name like any other where there are no variables. */
export function reservedNames({ vars }: Pick<WorkflowDefinition, "vars">): readonly string[] {
  return Object.keys(vars).length === 0 ? RESERVED_NAMES : [...RESERVED_NAMES, "vars"];
}

/** What one expression may name. */
export type NameScope = Pick<CompileOptions, "names" | "declarations" | "functions" | "types">;

/** What the expressions of a workflow may name: `workflowScopes` of expr/workflow-types.ts at Submit, `acceptedScopes` on replay. */
export interface NameScopes {
  readonly output: NameScope;
  /** `set` of a signal with these fields. */
  signal(fields: Readonly<Record<string, Param>>): NameScope;
  task(at: {
    readonly hasTarget: boolean;
    readonly hasItem: boolean;
    readonly before: readonly string[];
    readonly hasToken?: boolean;
  }): NameScope;
}

/** The names without their types, for a definition that was checked when it was submitted. */
export function acceptedScopes({ vars }: Pick<WorkflowDefinition, "vars">): NameScopes {
  const always = ["params", "workflow", "task", "attempt", ...(Object.keys(vars).length === 0 ? [] : ["vars"])];
  const rest = { functions: [STAGE_FUNCTION], types: "ignored" } as const;
  return {
    output: { names: always, ...rest },
    signal: () => ({ names: [...always, "signal"], ...rest }),
    task: ({ hasTarget, hasItem, before }) => ({
      names: [...always, ...(hasTarget ? ["target"] : []), ...(hasItem ? ["item"] : []), ...before],
      ...rest,
    }),
  };
}

/** Where an expression is compiled. */
export interface CompileContext {
  readonly place: string;
  readonly scope: NameScope;
  /** The names of all stages, for `stage('x')`. */
  readonly stages: readonly string[];
  readonly faults: FaultList;
}

/** Compiles an expression, a condition where `isCondition`; a fault is added to the list and gives undefined. */
export function compileIn(source: string, context: CompileContext & { readonly isCondition: boolean }): Program | undefined {
  const { place, scope, faults, isCondition } = context;
  const result = isCondition ? { result: "bool" } : {};
  const program = faults.collect(place, () => compile(source, { place, ...scope, ...result }));
  if (program !== undefined) checkStages(program.calls, context);
  return program;
}

/** Compiles an action's arguments; a fault is added to the list and gives undefined. */
export function compileArguments(value: JsonObject, context: CompileContext): Template | undefined {
  const { place, scope, faults } = context;
  const template = faults.collect(place, () => compileTemplate(value, { place, ...scope }));
  if (template !== undefined) checkStages(template.calls, context);
  return template;
}

/** `stage('fix')` of a stage that there is not would only be found when its turn has come. */
function checkStages(calls: Program["calls"], { place, stages, faults }: CompileContext): void {
  for (const { name, literals } of calls) {
    const [asked] = literals;
    if (name !== STAGE_FUNCTION.name || typeof asked !== "string" || stages.includes(asked)) continue;
    faults.add(place, `stage("${asked}") names no stage of this workflow${didYouMean(asked, stages)}; there are ${stages.join(", ")}`);
  }
}
