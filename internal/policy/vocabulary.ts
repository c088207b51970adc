// What the expressions of policies may name, with types, gate by gate: a misspelled field is refused when the file is loaded.
// 1. A rule may name what every one of its gates knows. 2. `match` names only what a workflow keeps for life, so that it is asked once.
// 3. Keys of limits name neither time nor ledger: a task's limits do not change while it waits for them.

import type { ExprFunction } from "../expr/scope-functions.ts";
import type { ExprObjectDecl, ExprTypeDecl } from "../expr/type.ts";
import { TARGET_TYPE } from "../expr/workflow-types.ts";
import { Gate } from "../gen/holdfast/v1/policy_pb.ts";

/** What expressions at one place may name. */
export interface Vocabulary {
  readonly declarations: Readonly<Record<string, ExprTypeDecl>>;
  readonly functions: readonly ExprFunction[];
}

/** The gates by the names that policy files use. */
export const GATE_NAMES: ReadonlyMap<string, Gate> = new Map<string, Gate>([
  ["submit", Gate.SUBMIT],
  ["exec", Gate.EXEC],
  ["expand", Gate.EXPAND],
  ["wave", Gate.WAVE],
  ["task", Gate.TASK],
]);

const TEXTS = "map(string, string)";
const PERSON: ExprObjectDecl = { object: "principal", fields: { name: "string", roles: "list(string)" } };

const ROLLOUT: ExprObjectDecl = {
  object: "rollout",
  fields: {
    waves: "list(string)",
    pause_s: "double",
    parallel: "int",
    max_failures: "string",
    max_at_risk: "string",
    rate_per_hour: "double",
  },
};

const ACTION: ExprObjectDecl = {
  object: "action",
  fields: {
    name: "string",
    uses: "string",
    effects: "string",
    with: "dyn",
    when: "string",
    needs: "list(string)",
    annotations: TEXTS,
    attempts: "int",
    timeout_s: "double",
  },
};

const STAGE: ExprObjectDecl = {
  object: "stage",
  fields: {
    name: "string",
    over: "string",
    annotations: TEXTS,
    locks: "list(string)",
    rollout: ROLLOUT,
    actions: { list: ACTION },
  },
};

const WORKFLOW: ExprObjectDecl = {
  object: "workflow",
  fields: {
    id: "string",
    name: "string",
    namespace: "string",
    key: "string",
    mode: "string",
    priority: "int",
    description: "string",
    annotations: TEXTS,
    digest: "string",
    params: "dyn",
    targets: "int",
    stages: { list: STAGE },
  },
};

const SCOPE: ExprObjectDecl = {
  object: "scope",
  fields: {
    targets: "int",
    tasks: "int",
    tasks_by_action: "map(string, int)",
    targets_by_label: "map(string, map(string, int))",
  },
};

const TASK: ExprObjectDecl = {
  object: "task",
  fields: { stage: "string", action: "string", uses: "string", effects: "string", with: "dyn", annotations: TEXTS },
};

/** What the fleet is: how many targets exist, whatever the workflow chose. */
const FLEET_FUNCTIONS: readonly ExprFunction[] = [
  { name: "fleet.total", parameters: [], result: "int" },
  { name: "fleet.count", parameters: ["string", "string"], result: "int" },
  { name: "fleet.values", parameters: ["string"], result: "list(string)" },
];

/** What all workflows touched lately. The first argument is a window, written out. */
const LEDGER_FUNCTIONS: readonly ExprFunction[] = [
  { name: "ledger.touched", parameters: ["string", "string", "string"], result: "int" },
  { name: "ledger.touchedByAction", parameters: ["string", "string"], result: "int" },
  { name: "ledger.touchedByPrincipal", parameters: ["string", "string"], result: "int" },
  { name: "ledger.touchedTotal", parameters: ["string"], result: "int" },
];

const RULE_FUNCTIONS = [...FLEET_FUNCTIONS, ...LEDGER_FUNCTIONS];
const NO_FUNCTIONS: readonly ExprFunction[] = [];

/** The names that a workflow keeps for life. */
const LASTING = { workflow: WORKFLOW, scope: SCOPE, principal: PERSON } as const;
const AT_EVERY_GATE = { ...LASTING, targets: { list: TARGET_TYPE }, approvals: { list: PERSON }, now: "timestamp" } as const;
const IN_A_STAGE = [Gate.EXPAND, Gate.WAVE, Gate.TASK];

/** Names that not every gate knows, and the gates that do. */
const AT_SOME_GATES: ReadonlyMap<string, { readonly gates: readonly Gate[]; readonly type: ExprTypeDecl }> = new Map([
  ["stage", { gates: IN_A_STAGE, type: STAGE }],
  ["wave", { gates: [Gate.WAVE], type: "int" }],
  ["task", { gates: [Gate.TASK], type: TASK }],
  ["target", { gates: [Gate.TASK], type: TARGET_TYPE }],
]);

/** What `match` may name. */
export function matchVocabulary(params: ExprTypeDecl): Vocabulary {
  return { declarations: { ...LASTING, params }, functions: NO_FUNCTIONS };
}

/** What a rule of these gates may name. */
export function ruleVocabulary(params: ExprTypeDecl, gates: readonly Gate[]): Vocabulary {
  const some = [...AT_SOME_GATES].filter(([, known]) => gates.every((gate) => known.gates.includes(gate)));
  const declarations = { ...AT_EVERY_GATE, params, ...Object.fromEntries(some.map(([name, { type }]) => [name, type] as const)) };
  return { declarations, functions: RULE_FUNCTIONS };
}

/** What the expressions of a limit may name. */
export function limitVocabulary(params: ExprTypeDecl): Vocabulary {
  return { declarations: { ...LASTING, params, stage: STAGE, task: TASK, target: TARGET_TYPE }, functions: NO_FUNCTIONS };
}

/** Why a name that exists elsewhere is not known here, or undefined for one that does not exist at all. */
export function absenceReason(name: string, where: "match" | "limit" | readonly Gate[]): string | undefined {
  const known = AT_SOME_GATES.get(name);
  if (where === "match" && (known !== undefined || Object.hasOwn(AT_EVERY_GATE, name)))
    return `"${name}" may change while a workflow runs; match is asked once and names workflow, scope, principal and params`;
  if (where === "limit" && (known !== undefined || Object.hasOwn(AT_EVERY_GATE, name)))
    return `"${name}" is not for limits: they name task, target, stage, workflow, scope, principal and params`;
  if (known === undefined || typeof where === "string") return undefined;
  const others = where.filter((gate) => !known.gates.includes(gate)).map(gateName);
  const there = known.gates.map(gateName);
  return `"${name}" is known at the gate${there.length > 1 ? "s" : ""} ${there.join(", ")} only, and this rule is asked at ${others.join(", ")} too; make it two rules`;
}

/** The gate as policy files write it. */
export function gateName(gate: Gate): string {
  for (const [name, known] of GATE_NAMES) if (known === gate) return name;
  return "unspecified";
}

/** The type of constants, by their values: an int stays an int, a list of texts a list of texts. */
export function typeOfValue(value: unknown, name: string): ExprTypeDecl {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isSafeInteger(value) ? "int" : "double";
  if (Array.isArray(value)) return { list: elementType(value, name) };
  if (typeof value !== "object" || value === null) return "dyn";
  const fields = Object.entries(value).map(([key, field]) => [key, typeOfValue(field, `${name}.${key}`)] as const);
  return { object: name, fields: Object.fromEntries(fields) };
}

function elementType(values: readonly unknown[], name: string): ExprTypeDecl {
  const types = values.map((value) => typeOfValue(value, `${name}[]`));
  const [first = "dyn"] = types;
  return types.every((type) => JSON.stringify(type) === JSON.stringify(first)) ? first : "dyn";
}
