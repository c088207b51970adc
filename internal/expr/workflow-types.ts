// The types of what a workflow's own expressions see, place by place: at Submit a misspelled field is refused, not found at the third host.
// 1. The fields here are those that workflow/expression-scope.ts gives; a test holds the two together.
// 2. Outputs are from outside: dyn. A parameter of type NUMBER is a double whatever its value, so that arithmetic does not depend on it.

import type { Param, Stage, WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import { ParamType } from "../gen/holdfast/v1/workflow_pb.ts";
import { columnsOf, stagesOf } from "./workflow-parts.ts";
import type { StagesIn } from "./workflow-parts.ts";
import type { ExprFunction } from "./scope-functions.ts";
import type { ExprObjectDecl, ExprTypeDecl } from "./type.ts";

/** What expressions at one place may name, with types: options of `compile`. */
export interface ExprScope {
  readonly declarations: Readonly<Record<string, ExprTypeDecl>>;
  readonly functions: readonly ExprFunction[];
}

/** What the expressions of one workflow may name. */
export interface WorkflowScopes {
  /** `targets.where`. */
  readonly selector: ExprScope;
  /** `output`. */
  readonly output: ExprScope;
  /** `set` of a signal with these fields. */
  signal(fields: Readonly<Record<string, Param>>): ExprScope;
  /** `when`, arguments (which alone may have the token) and `set` of an action; `before` are the identifiers of the actions that are certain to have ended before it. */
  task(at: {
    readonly hasTarget: boolean;
    readonly hasItem: boolean;
    readonly before: readonly string[];
    readonly hasToken?: boolean;
  }): ExprScope;
}

const TEXTS = "map(string, string)";

/** A target: its name and its labels. A label that is not there is an error when it is read; `target.labels[?"site"]` asks. */
export const TARGET_TYPE: ExprObjectDecl = { object: "target", fields: { name: "string", labels: TEXTS } };

/** The workflow that an expression stands in. */
export const WORKFLOW_TYPE: ExprObjectDecl = {
  object: "workflow",
  fields: { id: "string", name: "string", namespace: "string", key: "string", annotations: TEXTS, targets: "int", generation: "int" },
};

/** The task that an expression is evaluated for. */
export const TASK_TYPE: ExprObjectDecl = {
  object: "task",
  fields: { stage: "string", action: "string", uses: "string", key: "string", run: "int", annotations: TEXTS },
};

/** The same in the arguments of an action that awaits a completion: `task.token`. */
const TOKEN_TASK_TYPE: ExprObjectDecl = { object: "task", fields: { ...TASK_TYPE.fields, token: "string" } };

/** How many tasks are in which state. */
const COUNTS: Readonly<Record<string, ExprTypeDecl>> = {
  tasks: "int",
  succeeded: "int",
  changed: "int",
  unchanged: "int",
  failed: "int",
  unknown: "int",
  unreachable: "int",
  skipped: "int",
  running: "int",
  waiting: "int",
  cancelled: "int",
};

/** A row of a list of workflows, for its filter. */
export const WORKFLOW_ROW_TYPE: ExprObjectDecl = {
  object: "workflow",
  fields: {
    id: "string",
    name: "string",
    namespace: "string",
    key: "string",
    phase: "string",
    mode: "string",
    counts: { object: "workflow.counts", fields: COUNTS },
    targets: "int",
    annotations: TEXTS,
    priority: "int",
    submitted_by: "string",
    submitted_at: "int",
    request_id: "string",
  },
};

/** A row of a list of tasks, for its filter. */
export const TASK_ROW_TYPE: ExprObjectDecl = {
  object: "task",
  fields: {
    stage: "string",
    action: "string",
    target: "string",
    outcome: "string",
    attempts: "int",
    changed: "bool",
    uses: "string",
    index: "int",
  },
};

/** The scopes of a definition; what is wrong with the definition otherwise is not looked at. */
export function workflowScopes(definition: Pick<WorkflowDefinition, "params" | "vars"> & StagesIn): WorkflowScopes {
  const { params, vars } = definition;
  const known = Object.keys(vars).length === 0 ? {} : { vars: paramsType(vars, "vars") };
  const given = { params: paramsType(params), workflow: WORKFLOW_TYPE, ...known };
  const functions = [stageFunction(stagesOf(definition).map(({ stage }) => stage))];
  return {
    selector: selectorScope(params),
    output: { declarations: given, functions },
    signal: (fields) => ({ declarations: { ...given, signal: paramsType(fields, "signal") }, functions }),
    task: ({ hasTarget, hasItem, before, hasToken = false }) => ({
      declarations: {
        ...Object.fromEntries(before.map((name) => [name, resultType(name)])),
        ...given,
        task: hasToken ? TOKEN_TASK_TYPE : TASK_TYPE,
        attempt: "int",
        ...(hasTarget ? { target: TARGET_TYPE } : {}),
        ...(hasItem ? { item: "dyn" } : {}),
      },
      functions,
    }),
  };
}

/** What a number of the definition may name: it is evaluated before anything else is known. */
export function paramsScope(params: Readonly<Record<string, Param>>): ExprScope {
  return { declarations: { params: paramsType(params) }, functions: [] };
}

/** What `targets.where` may name. */
export function selectorScope(params: Readonly<Record<string, Param>>): ExprScope {
  return { declarations: { target: TARGET_TYPE, params: paramsType(params) }, functions: [] };
}

/** An action's name as expressions write it: `change-open` is `change_open`. */
export function identifierOf(actionName: string): string {
  return actionName.replaceAll("-", "_");
}

function paramsType(params: Readonly<Record<string, Param>>, object = "params"): ExprObjectDecl {
  const fields = Object.entries(params).map(([name, { type }]) => [name, PARAM_TYPES[type] ?? "dyn"] as const);
  return { object, fields: Object.fromEntries(fields) };
}

const PARAM_TYPES: Readonly<Record<ParamType, ExprTypeDecl>> = {
  [ParamType.UNSPECIFIED]: "string",
  [ParamType.STRING]: "string",
  [ParamType.INT]: "int",
  [ParamType.NUMBER]: "double",
  [ParamType.BOOL]: "bool",
  [ParamType.LIST]: "list(dyn)",
  [ParamType.OBJECT]: "map(string, dyn)",
};

/** What an action that has ended left: `scan.output` is absent where it put nothing out, or was skipped. */
function resultType(name: string): ExprObjectDecl {
  return { object: name, fields: { outcome: "string", changed: "bool", attempts: "int", alternative: "int", output: "dyn" } };
}

/** `stage('fix')`: of a stage that is named by a literal, its own actions are known too. */
function stageFunction(stages: readonly Stage[]): ExprFunction {
  const result = stageType("stage", { map: ["string", resultType("an action")] });
  const known = new Map(stages.map((stage) => [stage.name, ownStageType(stage)] as const));
  return { name: "stage", parameters: ["string"], result, resultOf: ([name]) => (typeof name === "string" ? known.get(name) : undefined) };
}

function ownStageType(stage: Stage): ExprObjectDecl {
  const { name, over } = stage;
  const shown = `stage("${name}")`;
  if (over !== undefined) return stageType(shown, undefined);
  const fields = columnsOf(stage).map(({ action }) => [identifierOf(action.name), resultType(action.name)] as const);
  return stageType(shown, { object: `${shown}.actions`, fields: Object.fromEntries(fields) });
}

/** A stage over targets has no `actions`: each of them ran many times. */
function stageType(name: string, actions: ExprTypeDecl | undefined): ExprObjectDecl {
  const fields = { name: "string", targets: "int", ...COUNTS, failed_targets: "list(string)" };
  return { object: name, fields: actions === undefined ? fields : { ...fields, actions } };
}
