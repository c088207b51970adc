// Expressions of random workflows: every name that the language declares, in conditions and in arguments.
// 1. The names come from the types that Submit checks (internal/expr/workflow-types.ts): a new field is used as soon as it is declared.

import { TASK_TYPE, WORKFLOW_TYPE, identifierOf, workflowScopes } from "../../internal/expr/workflow-types.ts";
import type { ExprObjectDecl, ExprTypeDecl } from "../../internal/expr/type.ts";
import { paramConditions, paramTexts } from "./random-params.ts";

/** An action that an expression may name. */
interface NamedAction {
  readonly name: string;
  readonly uses: string;
}

/** Where an expression stands. */
export interface ExpressionPlace {
  readonly stage: string;
  readonly isOver: boolean;
  /** True in a stage over a list. */
  readonly isList: boolean;
  readonly targets: number;
  /** Names of the parameters. */
  readonly params: readonly string[];
  /** Earlier actions of the stage that are certain to have ended. */
  readonly before: readonly NamedAction[];
  /** Earlier stages. */
  readonly stages: readonly { readonly name: string; readonly isOver: boolean; readonly actions: readonly NamedAction[] }[];
}

const SCOPES = workflowScopes({ params: {}, stages: [], vars: {} });

/** Fields of `stage('x')`, but `actions`. */
export const STAGE_FIELDS = fieldsOf(SCOPES.output.functions[0]?.result).filter((field) => field !== "actions");
/** Fields of an earlier action. */
export const RESULT_FIELDS = fieldsOf(SCOPES.task({ hasTarget: true, hasItem: false, before: ["a"] }).declarations["a"]);
export const WORKFLOW_FIELDS = fieldsOf(WORKFLOW_TYPE);
export const TASK_FIELDS = fieldsOf(TASK_TYPE);

/** Texts whose values stay the same, however often an attempt is made. */
export function steadyTexts({ params, before, isOver, isList }: ExpressionPlace): readonly string[] {
  return [
    // The generation is asked in `while`.
    ...WORKFLOW_FIELDS.filter((field) => field !== "generation").map((field) => `workflow.${field}`),
    ...TASK_FIELDS.map((field) => `task.${field}`),
    ...paramTexts(params),
    ...(isOver ? ["target.name", "target.labels.site", "target.labels", 'target.labels[?"tier"].orValue("none")'] : []),
    ...(isList ? ["item", "item"] : []),
    ...before.flatMap(({ name, uses }) => {
      const known = RESULT_FIELDS.filter((field) => field !== "output").map((field) => `${identifierOf(name)}.${field}`);
      return uses === "probe" ? [...known, `has(${identifierOf(name)}.output) ? ${identifierOf(name)}.output.n : 0`] : known;
    }),
  ];
}

/** Texts of every kind: also those that another attempt, or a Retry, may find different. */
export function changingTexts(place: ExpressionPlace): readonly string[] {
  return [...steadyTexts(place), "attempt", "secret('token')", ...place.stages.flatMap(stageTexts)];
}

/** Conditions that hold most of the time, and others. */
export function conditions(place: ExpressionPlace): { readonly usual: readonly string[]; readonly rare: readonly string[] } {
  const { params, before, isOver, stages } = place;
  const usual = [
    "workflow.targets >= 0 && task.stage != workflow.id",
    "attempt < 9",
    ...paramConditions(params),
    ...(isOver ? ['target.labels.site in ["ams", "fra"]', 'target.name != "nobody"'] : []),
    ...before.map(({ name }) => `${identifierOf(name)}.attempts < 9`),
    ...stages.map(({ name }) => `stage('${name}').succeeded >= 0`),
    ...(isOver ? stages.map(({ name }) => `!(target.name in stage('${name}').failed_targets)`) : []),
  ];
  const rare = [
    "false || attempt == 1",
    ...(isOver ? ["has(target.labels.tier)", 'target.labels.rack == "r1"'] : []),
    ...before.flatMap(({ name }) => resultConditions(identifierOf(name))),
    ...stages.map(({ name }) => `stage('${name}').failed + stage('${name}').unreachable == 0`),
  ];
  return { usual, rare };
}

function resultConditions(name: string): readonly string[] {
  return [`${name}.changed`, `!${name}.changed`, `${name}.outcome == "SUCCEEDED"`, `has(${name}.output)`, `${name}.output.n == 1`];
}

function stageTexts({ name, isOver, actions }: ExpressionPlace["stages"][number]): readonly string[] {
  const own = isOver ? [] : actions.map((action) => `stage('${name}').actions.${identifierOf(action.name)}.outcome`);
  return [...STAGE_FIELDS.map((field) => `stage('${name}').${field}`), ...own];
}

function fieldsOf(type: ExprTypeDecl | undefined): readonly string[] {
  return isObject(type) ? Object.keys(type.fields) : [];
}

function isObject(type: ExprTypeDecl | undefined): type is ExprObjectDecl {
  return typeof type === "object" && "object" in type;
}
