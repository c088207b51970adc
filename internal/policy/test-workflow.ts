// Makes the workflow of a policy's test as the service would: parameters filled in, targets chosen out of the test's fleet.
// 1. What is wrong is a reason for people, and the test fails. 2. Actions are what the test says they are; unless it says so, unsafe.

import { create, toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { HoldfastError } from "../base/errors.ts";
import { isJsonObject, setKey } from "../base/json.ts";
import { columnsOf, stagesOf } from "../expr/workflow-parts.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { didYouMean } from "../base/nearest.ts";
import { compile, evaluateBoolean } from "../expr/program.ts";
import { selectorScope } from "../expr/workflow-types.ts";
import { Effects, Mode, WorkflowSubmittedSchema } from "../gen/holdfast/v1/event_pb.ts";
import type { WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import type { Param, Target, WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import { ParamType, TargetSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { PolicyTest } from "./policy.ts";

const TEST_ID = "00000000-0000-7000-8000-000000000000";
const EFFECTS = { none: Effects.NONE, idempotent: Effects.IDEMPOTENT, unsafe: Effects.UNSAFE } as const;
const EMPTY: Readonly<Record<ParamType, JsonValue>> = {
  [ParamType.UNSPECIFIED]: "",
  [ParamType.STRING]: "",
  [ParamType.INT]: 0,
  [ParamType.NUMBER]: 0,
  [ParamType.BOOL]: false,
  [ParamType.LIST]: [],
  [ParamType.OBJECT]: {},
};

/** The workflow as it would have been submitted; throws INVALID_ARGUMENT with the reason why it would not. */
export function testSubmission(test: PolicyTest, definition: WorkflowDefinition): WorkflowSubmitted {
  const params = fillParams(definition, test.params);
  const uses = [...new Set(stagesOf(definition).flatMap(({ stage }) => columnsOf(stage).map(({ way }) => way.uses)))].sort();
  return create(WorkflowSubmittedSchema, {
    id: TEST_ID,
    definition,
    params: structOf(params),
    targets: chooseTargets(definition, { fleet: testFleet(test), params }),
    namespace: test.namespace,
    key: test.key,
    digest: `sha256:${"0".repeat(64)}`,
    annotations: test.annotations,
    mode: test.isPlan ? Mode.PLAN : Mode.APPLY,
    actionKinds: uses.map((name) => ({ uses: name, effects: EFFECTS[test.effects[name] ?? "unsafe"] })),
    submitterRoles: [...test.principal.roles],
  });
}

/** The test's fleet as targets. */
export function testFleet({ fleet }: PolicyTest): readonly Target[] {
  return fleet.map(({ name, labels }) => create(TargetSchema, { name, labels: { ...labels } }));
}

function fillParams({ params: declared }: WorkflowDefinition, given: JsonObject): JsonObject {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(declared, name))
      throw invalid(`params.${name}: the workflow declares no such parameter${didYouMean(name, Object.keys(declared))}`);
  }
  const values: { [name: string]: JsonValue } = {};
  for (const [name, param] of Object.entries(declared))
    setKey(values, name, Object.hasOwn(given, name) ? (given[name] ?? null) : defaultOf(name, param));
  return values;
}

function defaultOf(name: string, param: Param): JsonValue {
  if (param.defaultValue !== undefined) return toJson(ValueSchema, param.defaultValue);
  if (param.required) throw invalid(`params.${name}: it is required and the test gives none`);
  return EMPTY[param.type] ?? "";
}

function chooseTargets(
  { targets: selector, params: declared }: WorkflowDefinition,
  { fleet, params }: { readonly fleet: readonly Target[]; readonly params: JsonObject },
): Target[] {
  if (selector === undefined) return [];
  if (selector.where === "") {
    const names = new Set(selector.names);
    const missing = selector.names.find((name) => !fleet.some((target) => target.name === name));
    if (missing !== undefined) throw invalid(`targets.names: the test's fleet has no "${missing}"`);
    return fleet.filter(({ name }) => names.has(name));
  }
  const program = compile(selector.where, { place: "targets.where", ...selectorScope(declared), result: "bool" });
  const chosen = fleet.filter((target) => {
    try {
      return evaluateBoolean(program, { target: { name: target.name, labels: target.labels }, params });
    } catch (error) {
      if (error instanceof HoldfastError && error.message.includes("no such key")) return false;
      throw error;
    }
  });
  if (chosen.length === 0)
    throw invalid("targets: none of the test's fleet is chosen; an empty choice is refused before any policy is asked");
  return chosen;
}

function structOf(params: JsonObject): NonNullable<WorkflowSubmitted["params"]> {
  const struct: NonNullable<WorkflowSubmitted["params"]> = JSON.parse(JSON.stringify(isJsonObject(params) ? params : {}));
  return struct;
}

function invalid(reason: string): HoldfastError {
  return new HoldfastError("INVALID_ARGUMENT", reason);
}
