// What can be said of a workflow without the service: names, order, and the syntax, names and types of every expression.
// 1. It refuses only what the service would refuse too; the service's own check is the one that counts.

import { isJsonObject } from "../base/json.ts";
import type { JsonValue } from "../base/json.ts";
import { didYouMean } from "../base/nearest.ts";
import type { ExprCall } from "../expr/pass.ts";
import { compile } from "../expr/program.ts";
import { compileTemplate } from "../expr/template.ts";
import { identifierOf, selectorScope, WORKFLOW_TYPE, workflowScopes } from "../expr/workflow-types.ts";
import type { ExprScope, WorkflowScopes } from "../expr/workflow-types.ts";
import type { Action, Stage, WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FileFaults } from "./file-cursor.ts";
import { positionWithin } from "./file-places.ts";

const RESERVED: readonly string[] = ["params", "target", "workflow", "task", "attempt", "stage", "secret"];
const STAGE_FUNCTION = "stage";

/** Adds all that is wrong to the faults. */
export function checkWorkflow(definition: WorkflowDefinition, faults: FileFaults): void {
  const { stages, targets } = definition;
  checkNames(stages, "stages", faults);
  const isOverTargets = stages.some((stage) => stage.over !== undefined);
  if (isOverTargets && targets === undefined) faults.add("stages", "a stage runs over targets, and the workflow has no targets: say which");
  const scopes = workflowScopes(definition);
  const known = { stages: stages.map(({ name }) => name), faults };
  if (targets !== undefined && targets.where !== "")
    checkExpression(targets.where, { ...known, path: "targets.where", scope: scopes.selector, result: "bool" });
  // What a lock's key may name: it is rendered before anything of its target has run.
  const lockScope = { declarations: { ...selectorScope(definition.params).declarations, workflow: WORKFLOW_TYPE }, functions: [] };
  for (const [index, stage] of stages.entries())
    checkStage(stage, { ...known, path: `stages[${index}]`, scopes, lockScope, earlier: stages.slice(0, index) });
  if (definition.output !== "") checkExpression(definition.output, { ...known, path: "output", scope: scopes.output });
}

interface StagePlace extends Pick<ExpressionPlace, "path" | "stages" | "faults"> {
  readonly scopes: WorkflowScopes;
  readonly lockScope: ExprScope;
  readonly earlier: readonly Stage[];
}

function checkStage(stage: Stage, { path, scopes, lockScope, earlier, ...known }: StagePlace): void {
  const { actions } = stage;
  const { faults } = known;
  checkNames(actions, `${path}.actions`, faults);
  checkIdentifiers(actions, path, faults);
  checkNeeds(stage, { path, faults, earlier });
  for (const [index, key] of stage.locks.entries()) {
    const inList = `${path}.lock[${index}]`;
    checkTemplate(key, { ...known, scope: lockScope, path: faults.file.at(inList) === undefined ? `${path}.lock` : inList });
  }
  for (const [index, action] of actions.entries()) {
    const before = ancestors(actions, index).map((name) => identifierOf(name));
    const place = { ...known, scope: scopes.task({ hasTarget: stage.over !== undefined, before }) };
    if (action.when !== "") checkExpression(action.when, { ...place, path: `${path}.actions[${index}].when`, result: "bool" });
    if (isJsonObject(action.with)) checkTemplate(action.with, { ...place, path: `${path}.actions[${index}].with` });
  }
}

function checkNames(named: readonly { name: string }[], path: string, faults: FileFaults): void {
  const seen = new Map<string, number>();
  for (const [index, { name }] of named.entries()) {
    const first = seen.get(name);
    if (name !== "" && first !== undefined) faults.add(`${path}[${index}].name`, `"${name}" is the name of ${path}[${first}] already`);
    else seen.set(name, index);
  }
}

/** `a-b` and `a_b` would be one name in expressions. */
function checkIdentifiers(actions: readonly Action[], path: string, faults: FileFaults): void {
  const seen = new Map<string, string>();
  for (const [index, { name }] of actions.entries()) {
    const identifier = identifierOf(name);
    const other = seen.get(identifier);
    const place = `${path}.actions[${index}].name`;
    if (RESERVED.includes(identifier)) faults.add(place, `"${name}" has a meaning of its own in expressions; choose another name`);
    if (other !== undefined && other !== name)
      faults.add(place, `"${name}" and "${other}" are the same name in expressions (${identifier})`);
    seen.set(identifier, name);
  }
}

interface NeedsPlace {
  readonly path: string;
  readonly faults: FileFaults;
  readonly earlier: readonly Stage[];
}

function checkNeeds({ actions, needs }: Stage, { path, faults, earlier }: NeedsPlace): void {
  checkNamesNeeded(needs?.stages ?? [], {
    path: `${path}.needs`,
    faults,
    fault: (name) => {
      const names = earlier.map((stage) => stage.name);
      return names.includes(name) ? undefined : `there is no stage "${name.slice(0, 64)}" before this one${didYouMean(name, names)}`;
    },
  });
  for (const [index, action] of actions.entries()) {
    const place = `${path}.actions[${index}].needs`;
    checkNamesNeeded(action.needs?.actions ?? [], { path: place, faults, fault: (name) => needFault(name, actions, earlier) });
    if (action.needs !== undefined && ancestors(actions, index).includes(action.name))
      faults.add(place, `"${action.name}" waits for itself: its needs lead back to it`);
  }
}

function checkNamesNeeded(
  names: readonly string[],
  at: { readonly path: string; readonly faults: FileFaults; fault(name: string): string | undefined },
): void {
  for (const [position, name] of names.entries()) {
    const place = `${at.path}[${position}]`;
    const fault = at.fault(name);
    if (fault !== undefined) at.faults.add(place, fault);
    if (names.indexOf(name) !== position) at.faults.add(place, "is named twice");
  }
}

/** `action` of the same stage, or `stage.action` of an earlier one. */
function needFault(name: string, actions: readonly Action[], earlier: readonly Stage[]): string | undefined {
  const [stageName = "", ...rest] = name.split(".");
  const stage = rest.length === 0 ? undefined : earlier.find((candidate) => candidate.name === stageName);
  const known = (rest.length === 0 ? actions : (stage?.actions ?? [])).map((action) => action.name);
  const wanted = rest.length === 0 ? name : rest.join(".");
  if (known.includes(wanted)) return undefined;
  if (rest.length > 0 && stage === undefined) {
    const names = earlier.map((candidate) => candidate.name);
    return `there is no stage "${stageName.slice(0, 64)}" before this one${didYouMean(stageName, names)}`;
  }
  const where = stage === undefined ? "this stage" : `stage "${stageName}"`;
  return `there is no action "${wanted.slice(0, 64)}" in ${where}${didYouMean(wanted, known)}`;
}

/** The actions that have ended whenever this one begins: what it needs, and what those need. */
function ancestors(actions: readonly Action[], index: number): readonly string[] {
  const needsOf = (at: number): readonly string[] => actions[at]?.needs?.actions ?? (at === 0 ? [] : [actions[at - 1]?.name ?? ""]);
  const found = new Set<string>();
  const open = [...needsOf(index)];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const at = actions.findIndex((action) => action.name === name);
    if (found.has(name) || at === -1) continue;
    found.add(name);
    open.push(...needsOf(at));
  }
  return [...found];
}

interface ExpressionPlace {
  readonly path: string;
  readonly scope: ExprScope;
  /** The type that is wanted; any unless given. */
  readonly result?: "bool";
  /** The names of all stages. */
  readonly stages: readonly string[];
  readonly faults: FileFaults;
}

function checkExpression(source: string, at: ExpressionPlace): void {
  const { path, scope, faults } = at;
  const result = at.result === undefined ? {} : { result: at.result };
  const program = faults.collect(
    path,
    () => compile(source, { place: path, ...scope, ...result }),
    (detail) => ({ path, position: positionWithin(faults, path, detail) }),
  );
  checkStageNames(program?.calls ?? [], at);
}

/** `stage('x')` of a stage that the workflow does not have. */
function checkStageNames(calls: readonly ExprCall[], { path, stages, faults }: ExpressionPlace): void {
  for (const { name, literals } of calls) {
    const [stage] = literals;
    if (name !== STAGE_FUNCTION || typeof stage !== "string" || stages.includes(stage)) continue;
    faults.add(path, `stage('…') names no stage of this workflow${didYouMean(stage, stages)}; there are ${stages.join(", ")}`);
  }
}

function checkTemplate(value: JsonValue, at: ExpressionPlace): void {
  const { path, scope, faults } = at;
  const template = faults.collect(
    path,
    () => compileTemplate(value, { place: path, ...scope }),
    (detail) => {
      const place = detail.place.replace(/(?::\d+){1,2}$/, "");
      const isInlined = faults.file.at(place) === undefined; // then the place is inside the file that `source` named
      return isInlined
        ? { path: detail.place, position: faults.file.near(place) }
        : { path: place, position: positionWithin(faults, place, detail) };
    },
  );
  checkStageNames(template?.calls ?? [], at);
}
