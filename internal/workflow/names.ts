// The names that expressions may use, and their compilation with faults collected.
// 1. A name that is not declared here is refused at Submit, so no expression meets an unknown name at run.

import type { ExprFunction } from "../expr/scope-functions.ts";
import { compile } from "../expr/program.ts";
import type { Program } from "../expr/program.ts";
import { compileTemplate } from "../expr/template.ts";
import type { Template } from "../expr/template.ts";
import type { JsonObject } from "../base/json.ts";
import { didYouMean } from "../base/nearest.ts";
import type { FaultList } from "./fault-list.ts";

/** `stage('fix')`: counts, failed targets and, in a stage that ran once, the actions of an earlier stage. */
export const STAGE_FUNCTION: ExprFunction = { name: "stage", parameters: ["string"] };

/** Names under which actions cannot be known, because expressions use them already. */
export const RESERVED_NAMES: readonly string[] = ["params", "target", "workflow", "task", "attempt", "stage", "secret"];

/** An action's name as expressions write it: `change-open` is `change_open`. */
export function identifierOf(actionName: string): string {
  return actionName.replaceAll("-", "_");
}

/** The root names that an expression may use. */
export function rootNames(options: { readonly hasTarget: boolean; readonly actions: readonly string[] }): readonly string[] {
  return ["params", "workflow", "task", "attempt", ...(options.hasTarget ? ["target"] : []), ...options.actions];
}

interface CompileContext {
  readonly place: string;
  readonly names: readonly string[];
  /** The names of all stages, for `stage('x')`. */
  readonly stages: readonly string[];
  readonly faults: FaultList;
}

/** Compiles an expression, a condition where `isCondition`; a fault is added to the list and gives undefined. */
export function compileIn(source: string, context: CompileContext & { readonly isCondition: boolean }): Program | undefined {
  const { place, names, faults, isCondition } = context;
  const result = isCondition ? { result: "bool" } : {};
  const program = faults.collect(place, () => compile(source, { place, names, functions: [STAGE_FUNCTION], ...result }));
  if (program !== undefined) checkStages(program.calls, context);
  return program;
}

/** Compiles an action's arguments; a fault is added to the list and gives undefined. */
export function compileArguments(value: JsonObject, context: CompileContext): Template | undefined {
  const { place, names, faults } = context;
  const template = faults.collect(place, () => compileTemplate(value, { place, names, functions: [STAGE_FUNCTION] }));
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
