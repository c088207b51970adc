// What can be said of a workflow without the service: names, order, and the syntax, names and types of every expression.
// 1. It refuses only what the service would refuse too; the service's own check is the one that counts.

import { isJsonObject } from "../base/json.ts";
import type { JsonValue } from "../base/json.ts";
import { STAGES_MAX } from "../base/limits.ts";
import { didYouMean } from "../base/nearest.ts";
import type { ExprCall } from "../expr/pass.ts";
import { finishFaults } from "../expr/finish-rule.ts";
import { compile } from "../expr/program.ts";
import { compileTemplate } from "../expr/template.ts";
import { identifierOf, paramsScope, selectorScope, WORKFLOW_TYPE, workflowScopes } from "../expr/workflow-types.ts";
import { columnsOf, isOverTargets, knownBefore, needsWithin, overOf, stagesOf } from "../expr/workflow-parts.ts";
import type { ExprScope, WorkflowScopes } from "../expr/workflow-types.ts";
import type { Action, Stage, WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FileFaults } from "./file-cursor.ts";
import { positionWithin } from "./file-places.ts";

const RESERVED: readonly string[] = ["params", "target", "workflow", "task", "attempt", "stage", "secret"];
/** In a workflow that has variables. */
const RESERVED_WITH_VARS: readonly string[] = [...RESERVED, "vars"];
const STAGE_FUNCTION = "stage";

/** Adds all that is wrong to the faults. */
export function checkWorkflow(definition: WorkflowDefinition, faults: FileFaults): void {
  const { targets } = definition;
  const all = stagesOf(definition);
  const stages = all.map(({ stage }) => stage);
  checkNames(
    all.map(({ stage, place }) => ({ name: stage.name, place })),
    faults,
  );
  if (stages.length > STAGES_MAX)
    faults.add("stages", `at most ${STAGES_MAX} stages, with those of on_success, on_failure and always; found ${stages.length}`);
  const hasTargets = stages.some((stage) => isOverTargets(stage));
  if (hasTargets && targets === undefined) faults.add("stages", "a stage runs over targets, and the workflow has no targets: say which");
  const scopes = workflowScopes(definition);
  const known = { stages: stages.map(({ name }) => name), faults };
  if (targets !== undefined && targets.where !== "")
    checkExpression(targets.where, { ...known, path: "targets.where", scope: scopes.selector, result: "bool" });
  // What a lock's key may name: it is rendered before anything of its target has run.
  const lockScope = { declarations: { ...selectorScope(definition.params).declarations, workflow: WORKFLOW_TYPE }, functions: [] };
  const reserved = Object.keys(definition.vars).length === 0 ? RESERVED : RESERVED_WITH_VARS;
  for (const [index, { stage, place, part }] of all.entries())
    checkStage(stage, { ...known, path: place, scopes, lockScope, reserved, earlier: stages.slice(0, index), isMain: part === "main" });
  for (const [name, { fields, set }] of Object.entries(definition.signals))
    for (const [variable, source] of Object.entries(set))
      checkExpression(source, { ...known, path: `signals.${name}.set.${variable}`, scope: scopes.signal(fields) });
  for (const [name, source] of Object.entries(definition.queries))
    checkExpression(source, { ...known, path: `queries.${name}`, scope: scopes.output });
  const goesOn = definition.continueAsNew?.while ?? "";
  if (goesOn !== "") checkExpression(goesOn, { ...known, path: "continue_as_new.while", scope: scopes.output, result: "bool" });
  const numberScope = paramsScope(definition.params);
  for (const [path, source] of Object.entries(definition.computed))
    checkTemplate(`\${{ ${source} }}`, { ...known, path, scope: numberScope });
  if (definition.output !== "") checkExpression(definition.output, { ...known, path: "output", scope: scopes.output });
}

interface StagePlace extends Pick<ExpressionPlace, "path" | "stages" | "faults"> {
  readonly scopes: WorkflowScopes;
  readonly lockScope: ExprScope;
  readonly reserved: readonly string[];
  readonly earlier: readonly Stage[];
  /** False for stages that handle how the others ended. */
  readonly isMain: boolean;
}

function checkStage(stage: Stage, { path, scopes, lockScope, reserved, earlier, isMain, ...known }: StagePlace): void {
  const { faults } = known;
  const columns = columnsOf(stage);
  const heads = columns.filter(({ alternative, part }) => alternative === 0 && part !== "undo");
  const names = heads.map(({ action, place }) => ({ name: action.name, place: `${path}.${place}` }));
  checkNames(names, faults);
  for (const { action, place, part } of heads)
    for (const { field, message } of finishFaults(action, { isMain: isMain && part === "main" }))
      faults.add(`${path}.${place}.${field}`, message);
  const { over } = stage;
  checkIdentifiers(names, { faults, reserved: over?.kind.case === "list" ? [...reserved, "item"] : reserved });
  if (over?.kind.case === "list") checkExpression(over.kind.value.items, { ...known, path: `${path}.over.list`, scope: scopes.output });
  checkNeeds(stage, { path, faults, earlier });
  if (stage.repeat !== undefined && stage.repeat.until !== "")
    checkExpression(stage.repeat.until, { ...known, path: `${path}.repeat.until`, scope: scopes.output, result: "bool" });
  for (const [index, key] of stage.locks.entries()) {
    const inList = `${path}.lock[${index}]`;
    checkTemplate(key, { ...known, scope: lockScope, path: faults.file.at(inList) === undefined ? `${path}.lock` : inList });
  }
  const before = knownBefore(columns);
  for (const [index, { action, way, part, place: actionPlace, wayPlace, alternative }] of columns.entries()) {
    const named = (before[index] ?? []).map((position) => identifierOf(columns[position]?.action.name ?? ""));
    const place = { ...known, scope: scopes.task({ ...overOf(stage), before: named }) };
    if (action.when !== "" && alternative === 0 && part !== "undo")
      checkExpression(action.when, { ...place, path: `${path}.${actionPlace}.when`, result: "bool" });
    const own = { ...place, scope: scopes.task({ ...overOf(stage), before: [...named, identifierOf(action.name)] }) };
    if (alternative === 0 && part !== "undo")
      for (const [variable, source] of Object.entries(action.set))
        checkExpression(source, { ...own, path: `${path}.${actionPlace}.set.${variable}` });
    const hasToken = part !== "undo" && action.completion !== undefined;
    const argumentScope = scopes.task({ ...overOf(stage), before: named, hasToken });
    if (isJsonObject(way.with)) checkTemplate(way.with, { ...place, scope: argumentScope, path: `${path}.${wayPlace}.with` });
    const { repeat } = action;
    if (repeat === undefined || repeat.until === "" || alternative > 0) continue;
    checkExpression(repeat.until, { ...own, path: `${path}.${actionPlace}.repeat.until`, result: "bool" });
  }
}

interface Named {
  readonly name: string;
  /** Of what bears the name. */
  readonly place: string;
}

function checkNames(named: readonly Named[], faults: FileFaults): void {
  const seen = new Map<string, string>();
  for (const { name, place } of named) {
    const first = seen.get(name);
    if (name !== "" && first !== undefined) faults.add(`${place}.name`, `"${name}" is the name of ${first} already`);
    else seen.set(name, place);
  }
}

/** `a-b` and `a_b` would be one name in expressions. */
function checkIdentifiers(named: readonly Named[], { faults, reserved }: Pick<StagePlace, "faults" | "reserved">): void {
  const seen = new Map<string, string>();
  for (const { name, place } of named) {
    const identifier = identifierOf(name);
    const other = seen.get(identifier);
    if (reserved.includes(identifier))
      faults.add(`${place}.name`, `"${name}" has a meaning of its own in expressions; choose another name`);
    if (other !== undefined && other !== name)
      faults.add(`${place}.name`, `"${name}" and "${other}" are the same name in expressions (${identifier})`);
    seen.set(identifier, name);
  }
}

interface NeedsPlace {
  readonly path: string;
  readonly faults: FileFaults;
  readonly earlier: readonly Stage[];
}

function checkNeeds(stage: Stage, { path, faults, earlier }: NeedsPlace): void {
  checkNamesNeeded(stage.needs?.stages ?? [], {
    path: `${path}.needs`,
    faults,
    fault: (name) => {
      const names = earlier.map((stage) => stage.name);
      return names.includes(name) ? undefined : `there is no stage "${name.slice(0, 64)}" before this one${didYouMean(name, names)}`;
    },
  });
  const columns = columnsOf(stage);
  const within = needsWithin(columns);
  for (const [index, { action, part, place: actionPlace, alternative }] of columns.entries()) {
    if (alternative > 0 || part === "undo") continue;
    if (action.undo !== undefined && part !== "main")
      faults.add(`${path}.${actionPlace}.undo`, "only main actions are undone; this one handles how they ended");
    const place = `${path}.${actionPlace}.needs`;
    const actions = columns.filter((other) => other.part === part).map((other) => other.action);
    checkNamesNeeded(action.needs?.actions ?? [], { path: place, faults, fault: (name) => needFault(name, actions, earlier) });
    if (action.needs !== undefined && leadsBack(within, index))
      faults.add(place, `"${action.name}" waits for itself: its needs lead back to it`);
  }
}

/** True when the needs of an action lead back to it. */
function leadsBack(needs: readonly (readonly number[])[], index: number): boolean {
  const found = new Set<number>();
  const open = [...(needs[index] ?? [])];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (found.has(at)) continue;
    found.add(at);
    open.push(...(needs[at] ?? []));
  }
  return found.has(index);
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
